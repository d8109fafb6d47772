"""Which addresses may be dialled."""

import pytest

from fw_mcp.pictures.fetch.guard import is_denied, is_loopback, is_public
from tests.pictures.fetch.bad_urls import BAD_ADDRESSES

GOOD_ADDRESSES = (
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "168.63.129.15",
    "168.63.129.17",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2000::1",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2003::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "3ffd::1",
    "3fff:1000::1",
)


@pytest.mark.parametrize("address", BAD_ADDRESSES.values(), ids=BAD_ADDRESSES)
def test_an_address_that_is_not_public_is_on_our_own_list(address: str) -> None:
    """Whatever the interpreter's version of `ipaddress` thinks of it."""
    assert is_denied(address)
    assert not is_public(address)


@pytest.mark.parametrize("address", GOOD_ADDRESSES)
def test_an_address_beside_a_denied_block_is_public(address: str) -> None:
    """A block ends where its document says."""
    assert not is_denied(address)
    assert is_public(address)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("126.255.255.255", False),
        ("0.0.0.0", False),  # noqa: S104  not to listen on
        ("10.0.0.1", False),
        ("localhost", False),
    ],
)
def test_loopback_is_this_machine_alone(address: str, expected: bool) -> None:
    """Only such an address answers for an origin on this machine."""
    assert is_loopback(address) is expected
