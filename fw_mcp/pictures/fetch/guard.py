"""What may be fetched, and why something was not: for the log, never for who asked."""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

import httpx

from fw_mcp.text import is_plain

Cause = Literal[
    "bad_url",
    "host_not_listed",
    "not_resolved",
    "denied_address",
    "no_connection",
    "broken_answer",
    "bad_redirect",
    "too_many_redirects",
    "bad_status",
    "compressed",
    "bad_range",
    "too_large",
    "timed_out",
]


class Denied(Exception):  # noqa: N818  a decision, not yet the error that is told
    """Something that is not fetched.

    Attributes:
        cause: one word; it holds nothing of the URL.
    """

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause)
        self.cause: Cause = cause


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


_LONGEST_URL = 2_000
# One reading for every parser: no userinfo, no fragment, no escape in the host.
_URL = re.compile(
    r"(?P<origin>(?P<scheme>https?)://(?:\[[0-9a-f:]+\]|[^/?#@:%\[\]]+)(?::(?P<port>[0-9]{1,5}))?)"
    r"(?:[/?][^#]*)?",
    re.IGNORECASE,
)
# Two labels or more, and the last one no number: a resolver reads 0x7f.1 and 127.1 as addresses.
_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
)
# Names that only ever lead into a machine or its own network (RFC 6761, 6762, 7686, 8375).
_NOT_PUBLIC = (".localhost", ".local", ".internal", ".home.arpa", ".onion")


@dataclass(frozen=True, slots=True)
class Hop:
    """A URL that may be asked, as far as its text can tell.

    Attributes:
        url: as `httpx` reads it.
        origin: scheme, host and maybe port, in lower case.
        host: in ASCII, without a trailing dot.
        is_public: whether the rules for public hosts hold; else it is one of our own origins.
    """

    url: httpx.URL
    origin: str
    host: str
    is_public: bool


def read_url(text: str, *, own: Collection[str] = ()) -> Hop:
    """The hop that `text` names: https, port 443 and a public name, or one of our own origins.

    Args:
        text: from the library or a caller.
        own: origins in lower case that may be reached whatever their scheme, host and port.

    Raises:
        Denied: `text` is anything else.
    """
    match = _URL.fullmatch(text) if _is_fit(text) else None
    if match is None:
        raise Denied("bad_url")
    url = _parsed(text)
    host = _ascii_host(url)
    origin = match["origin"].lower()
    if origin in own:
        return Hop(url, origin, host, is_public=False)
    if match["scheme"].lower() != "https" or match["port"] not in {None, "443"}:
        raise Denied("bad_url")
    if not _NAME.fullmatch(host) or host.endswith(_NOT_PUBLIC):
        raise Denied("bad_url")
    return Hop(url, f"https://{host}", host, is_public=True)


def is_reachable(text: str, *, own: Collection[str] = ()) -> bool:
    """Whether `text` names a host on the internet, or one of our own, as far as its text can tell.

    Unlike what is fetched here, it may be plain http and any port: others fetch it.

    Args:
        text: http or https.
        own: origins in lower case.
    """
    text = text.partition("#")[0]
    match = _URL.fullmatch(text) if _is_fit(text) else None
    if match is None:
        return False
    if match["origin"].lower() in own:
        return True
    try:
        host = _ascii_host(_parsed(text))
    except Denied:
        return False
    if host.startswith("[") or ":" in host or host.replace(".", "").isdecimal():
        return is_public(host.strip("[]"))
    return bool(_NAME.fullmatch(host)) and not host.endswith(_NOT_PUBLIC)


def redirected(hop: Hop, location: str | None) -> Hop:
    """The hop that an answer of `hop` sends its caller to: a public one, whatever it was.

    Raises:
        Denied: `location` is missing, or leads anywhere else.
    """
    if not location or not _is_fit(location):
        raise Denied("bad_redirect")
    try:
        return read_url(str(hop.url.join(location)))
    except (httpx.InvalidURL, ValueError, Denied):
        raise Denied("bad_redirect") from None


def listed(hosts: Collection[str]) -> frozenset[str]:
    """`hosts` in the form in which a hop's host is compared; one that is no host allows none."""
    return frozenset(_listed(host) for host in hosts)


def _is_fit(text: str) -> bool:
    """Whether `text` has the length and the characters of a URL; not yet its form."""
    return len(text) <= _LONGEST_URL and is_plain(text) and " " not in text and "\\" not in text


def _ascii_host(url: httpx.URL) -> str:
    """The host of `url` as it is resolved: IDNA for other alphabets, no dot at its end."""
    return url.raw_host.decode("ascii").removesuffix(".")


def _listed(host: str) -> str:
    try:
        return _ascii_host(httpx.URL(scheme="https", host=host.strip()))
    except (httpx.InvalidURL, ValueError):
        return ""


def _parsed(text: str) -> httpx.URL:
    try:
        return httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise Denied("bad_url") from None
