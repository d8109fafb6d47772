"""What a URL must look like to be fetched, before any name is resolved."""

import re
from collections.abc import Collection
from dataclasses import dataclass

import httpx

from fw_mcp.errors import is_plain
from fw_mcp.media.refused import Refused

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
class Target:
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


def read_url(text: str, *, own: Collection[str] = ()) -> Target:
    """The target that `text` names: https, port 443 and a public name, or one of our own origins.

    Args:
        text: from the library or a caller.
        own: origins in lower case that may be reached whatever their scheme, host and port.

    Raises:
        Refused: `text` is anything else.
    """
    match = _URL.fullmatch(text) if _is_fit(text) else None
    if match is None:
        raise Refused("bad_url")
    url = _parsed(text)
    host = _ascii_host(url)
    origin = match["origin"].lower()
    if origin in own:
        return Target(url, origin, host, is_public=False)
    if match["scheme"].lower() != "https" or match["port"] not in {None, "443"}:
        raise Refused("bad_url")
    if not _NAME.fullmatch(host) or host.endswith(_NOT_PUBLIC):
        raise Refused("bad_url")
    return Target(url, f"https://{host}", host, is_public=True)


def redirected(target: Target, location: str | None) -> Target:
    """The target that an answer of `target` sends its caller to: a public one, whatever it was.

    Raises:
        Refused: `location` is missing, or leads anywhere else.
    """
    if not location or not _is_fit(location):
        raise Refused("bad_redirect")
    try:
        return read_url(str(target.url.join(location)))
    except (httpx.InvalidURL, ValueError, Refused):
        raise Refused("bad_redirect") from None


def listed(hosts: Collection[str]) -> frozenset[str]:
    """`hosts` in the form in which a target's host is compared; one that is no host allows none."""
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
        raise Refused("bad_url") from None
