"""Whether what is stored is what was sent, as services are known to alter it."""

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from fw_mcp.api.models import ImageDetails, ImageToAdd

_ALTERED = "FinerWorks altered its text; see after."
OTHER = "FinerWorks stored different text; see after."
_SHORTEST_CUT = 50
_NOT_BASIC = re.compile("[\U00010000-\U0010ffff]")
_BITS = 8

_OURS = 3
_PERHAPS = 2


def same_text(sent: str, stored: str | None) -> bool:
    """Whether a stored text is the one that was sent, altered or not."""
    ours, theirs = _plain(sent), _plain(stored or "")
    return ours == theirs or (len(theirs) >= _SHORTEST_CUT and ours.startswith(theirs))


def as_stored(sent: Sequence[str], stored: Sequence[str]) -> str:
    """What to tell of texts that were stored; "" of those that are as they were sent."""
    if tuple(sent) == tuple(stored):
        return ""
    alike = all(same_text(ours, theirs) for ours, theirs in zip(sent, stored, strict=True))
    return _ALTERED if alike else OTHER


@dataclass(frozen=True, slots=True, order=True)
class Likeness:
    """How many facts of a record agree with what was sent, altered or not.

    Attributes:
        own: those that tell an image from others of its series: address, name, size of the file.
        facts: those, and pixels, title and description.
    """

    own: int
    facts: int

    @property
    def is_ours(self) -> bool:
        """Whether a new record is the image that was sent."""
        return self.own > 0 and self.facts >= _OURS

    @property
    def may_be_ours(self) -> bool:
        """Whether it may be: nothing is sent again for it."""
        return self.facts >= _PERHAPS


def likeness(sent: ImageToAdd, listed: ImageDetails) -> Likeness:
    """How much a record is like what was sent."""
    name = _name(sent.file_name)
    own = (
        bool(listed.private_hires_uri)
        and _address(sent.private_hires_uri) == _address(listed.private_hires_uri or ""),
        bool(name) and name in _name(listed.file_name or ""),
        listed.file_size in {sent.file_size, sent.file_size * _BITS},
    )
    shared = (
        {listed.pix_w, listed.pix_h} == {sent.pix_w, sent.pix_h},
        bool(listed.title) and same_text(sent.title or sent.file_name, listed.title),
        bool(sent.description) and same_text(sent.description or "", listed.description),
    )
    return Likeness(sum(own), sum(own) + sum(shared))


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFC", html.unescape(text)).replace("\r\n", "\n")
    return _NOT_BASIC.sub("?", plain).strip()


def _address(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc.lower(), unquote(parts.path)


def _name(file_name: str) -> str:
    stem = file_name.rpartition(".")[0] or file_name
    return "".join(character for character in stem.lower() if character.isalnum())
