"""Where the service is, with which keys and how long to wait: plain values, no HTTP library."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, urlsplit

from fw_mcp.errors import ConfigError, Reason

KNOWN_HOSTS = ("api.finerworks.com", "test-api.finerworks.com", "v2.api.finerworks.com")
"""FinerWorks' own; whether any other may be used is for the command line to decide."""

KEYS_PAGE = "https://finerworks.com/MyAccount/MyWebApi.aspx"
"""Where an account finds its own key, and makes that of an app."""

_NOTHING_SENT = "Nothing was sent."
_PLAIN_URL = re.compile(
    r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?(/[\w.~/-]*)?", re.ASCII
)
_HEADER_TEXT = re.compile(r"[!-~]+")
_MASK = "***"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a call may take.

    Attributes:
        connect_s: seconds to reach the host.
        read_s: seconds without a byte of the answer to a read.
        total_s: seconds for a whole read, retries and pauses included.
        write_s: seconds for a whole write; what it did must still be read back in the same call.
    """

    connect_s: float = 5
    read_s: float = 15
    total_s: float = 45
    write_s: float = 30


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """The two keys of an account; stray white space around them is dropped.

    Attributes:
        web_api_key: of the account.
        app_key: of the app.

    Raises:
        ConfigError: a key is empty, or holds what cannot stand in an HTTP header.
    """

    web_api_key: str
    app_key: str

    def __post_init__(self) -> None:
        for name in ("web_api_key", "app_key"):
            object.__setattr__(self, name, _checked_key(name, getattr(self, name)))

    @property
    def headers(self) -> Mapping[str, str]:
        """As they are sent."""
        return {"web_api_key": self.web_api_key, "app_key": self.app_key}

    def __repr__(self) -> str:
        return f"Keys(web_api_key={_MASK!r}, app_key={_MASK!r})"

    def masked(self, text: str) -> str:
        """`text` with three asterisks for each key in it, whatever its case."""
        either = f"{re.escape(self.web_api_key)}|{re.escape(self.app_key)}"
        return re.sub(either, _MASK, text, flags=re.IGNORECASE)


def _checked_key(name: str, text: str) -> str:
    key = text.strip()
    if not key:
        raise ConfigError(
            f"The {name} is empty.",
            state=_NOTHING_SENT,
            next_step=f"Set FINERWORKS_{name.upper()}, or use --sandbox.",
            reason=Reason.KEYS_MISSING,
        )
    if not _HEADER_TEXT.fullmatch(key):
        raise ConfigError(
            f"The {name} holds white space or a character outside ASCII.",
            state=_NOTHING_SENT,
            next_step=f"Copy it again from {KEYS_PAGE}.",
            reason=Reason.INVALID_SETTING,
        )
    return key


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """A checked base URL.

    Attributes:
        text: without a trailing slash.
        host: in lower case, without the port.
        is_loopback: whether it stays on this machine; only then may it be plain http.
    """

    text: str
    host: str
    is_loopback: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check `text`: https, or http on loopback; a host, maybe a port and a path, nothing else.

        Raises:
            ConfigError: it is anything else; `text` is not quoted, since it may hold a password.
        """
        url = text.strip()
        if not _PLAIN_URL.fullmatch(url.lower()):
            raise _refused("is not of the form https://host or https://host:port/path")
        parts = _split(url)
        base = cls(url.rstrip("/"), parts.hostname or "", _is_loopback(parts.hostname or ""))
        if parts.scheme == "http" and not base.is_loopback:
            raise _refused("would send the keys over plain http", Reason.UNSAFE_SETTING)
        return base


def named_place(url: str) -> SplitResult:
    """The parts of a URL whose host and port there can be.

    Raises:
        ValueError: what connects would stumble over either.
    """
    parts = urlsplit(url)
    _ = parts.port, (parts.hostname or "").encode("idna")
    return parts


def _split(url: str) -> SplitResult:
    try:
        parts = named_place(url)
    except ValueError as error:
        raise _refused("has a host or port that does not exist") from error
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(why: str, reason: Reason = Reason.INVALID_SETTING) -> ConfigError:
    return ConfigError(
        f"The base URL {why}.",
        state=_NOTHING_SENT,
        next_step=f"Set FINERWORKS_BASE_URL to https://{KNOWN_HOSTS[0]}, or omit it.",
        reason=reason,
    )
