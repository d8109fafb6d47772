"""Which addresses are public. The list holds by itself; `ipaddress` is asked beside it.

What `ipaddress` calls global differs between versions of Python, and includes multicast, NAT64 and
6to4, through which a private IPv4 address can be reached.
"""

import ipaddress
from ipaddress import IPv4Network, IPv6Network

_DENIED_IPV4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; a cloud's metadata service
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's own service for its machines, in a public block
        "169.254.0.0/16",  # link-local; most clouds' metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata service
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT relays
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# Only 2000::/3 is handed out to hosts: the first three blocks are all the rest.
_DENIED_IPV6 = tuple(
    IPv6Network(block)
    for block in (
        "::/3",  # unspecified, loopback, IPv4-mapped and -compatible, NAT64, discard
        "4000::/2",  # segment routing, and what is not handed out
        "8000::/1",  # unique local, link-local, site-local, multicast
        "2001::/23",  # Teredo, benchmarks, AMT, AS112, ORCHID, drone identifiers
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # the former 6bone
        "3fff::/20",  # documentation
    )
)


def is_denied(address: str) -> bool:
    """Whether `address` is in a block of our own list, or cannot be read, or names an interface."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return True
    if isinstance(ip, ipaddress.IPv4Address):
        return any(ip in block for block in _DENIED_IPV4)
    return ip.scope_id is not None or any(ip in block for block in _DENIED_IPV6)


def is_public(address: str) -> bool:
    """Whether `address` may be that of a host on the internet.

    Args:
        address: of either version, as a resolver gives it.
    """
    return not is_denied(address) and ipaddress.ip_address(address).is_global


def is_loopback(address: str) -> bool:
    """Whether `address` stays on this machine."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
