"""How text is shown: other people's escaped, cut and quoted; counts with their nouns; moments."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

CLOCK = "America/Chicago"
"""The zone of FinerWorks' own clock, by which people are told every moment."""
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
# Shown as nothing or as white space by most fonts, though their categories are those of letters,
# marks or nothing at all: fillers, variation selectors, tags, non-characters.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2065\u2800\u3164\ufdd0-\ufdef\ufe00-\ufe0f"
    "\uffa0\ufff0-\ufff8\ufffe\uffff\U00016fe4\U000e0000-\U000e0fff]"
)
# The three flags whose tags Unicode recommends: any other tags would spell hidden words.
_FLAGS = "|".join(
    "".join(chr(0xE0000 + ord(letter)) for letter in region)
    for region in ("gbeng", "gbsct", "gbwls")
)
_PICTURE = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff][\ufe0e\ufe0f]?[\U0001f3fb-\U0001f3ff]?"
)
# Scripts that are misspelt without joiners: Arabic, and Devanagari to Sinhala.
_JOINED = "[\u0620-\u06dc\u06de-\u06ff\u0750-\u077f\u0900-\u0dff]"
_UNIT = re.compile(
    f"\U0001f3f4(?:{_FLAGS})\U000e007f"
    "|[0-9#*]\ufe0f?\u20e3"
    "|[\U0001f1e6-\U0001f1ff]{2}"
    f"|{_PICTURE}(?:\u200d{_PICTURE}){{0,5}}"
    f"|(?<={_JOINED})[\u200c\u200d]{_JOINED}"
    "|.",
    re.DOTALL,
)
_LONGEST_UNIT = 24
_MEGABYTE = 1_000_000
_WHOLE_FROM = 9.95
_GOES_ON = re.compile("[\u20e3\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]")
_DOUBLE_QUOTES = re.compile('["\u02ba\u02ee\u201c-\u201f\u2033\u2036\uff02]')


class Shown(NamedTuple):
    """Another person's text as results show it.

    Attributes:
        text: with what cannot be seen as escapes.
        escaped: whether there is such an escape in it.
        cut: whether it is longer than shown; it then ends in an ellipsis.
    """

    text: str
    escaped: bool
    cut: bool


def is_plain(text: str) -> bool:
    """Whether `text` holds nothing that is shown as an escape, nor anything that might be."""
    return text.isprintable() and (text.isascii() or not _BLANK.search(text))


def is_blank(text: str) -> bool:
    """Whether there is something in `text`, and nothing of it can be seen."""
    return bool(text) and all(one.isspace() or _is_invisible(one) for one in text)


def shown(text: str, limit: int) -> Shown:
    """At most `limit` characters of `text`, escapes included; no emoji is cut in half.

    Args:
        text: from the service or a caller.
        limit: characters of the result, at least 12.
    """
    if len(text) <= limit and ((text.isascii() and text.isprintable()) or is_plain(text)):
        return Shown(text, False, False)
    if is_plain(text[:limit]) and not _GOES_ON.match(text[limit - 1]):
        return Shown(text[: limit - 1] + "…", False, True)
    units = [(unit, _shown(unit)) for unit in _UNIT.findall(text[: limit + _LONGEST_UNIT])]
    length = sum(len(form) for _, form in units)
    cut = length > limit
    while length > limit - cut:
        length -= len(units.pop()[1])
    escaped = any(unit != form for unit, form in units)
    return Shown("".join(form for _, form in units) + "…" * cut, escaped, cut)


def visible(text: str) -> str:
    """`text` with control, invisible and direction-changing characters as escapes one can see.

    Emoji stay whole, with the invisible characters that they are made of.
    """
    return text if is_plain(text) else "".join(map(_shown, _UNIT.findall(text)))


def restored(text: str, stored: str) -> str:
    """`text` with the escapes that `visible` shows for `stored` as the characters they stand for.

    An escape that `stored` spells out itself stays as it is.
    """
    if is_plain(stored):
        return text
    for character in filter(_is_invisible, set(stored)):
        escape = _shown(character)
        if escape not in stored:
            text = text.replace(escape, character)
    return text


def quoted(text: str | None, limit: int = 60) -> str:
    """`text` from the service or a caller, safe to stand inside a sentence of ours.

    Args:
        text: anything; None and "" read as (none).
        limit: characters kept, escapes included; a longer text ends in an ellipsis.
    """
    if not text:
        return "(none)"
    # Most texts are of this kind; it is the common way in every question and every row.
    if len(text) <= limit and text.isascii() and text.isprintable():
        text = text.replace('"', "'")
        return f'"{text}"'
    return in_quotes(text if len(text) <= limit and is_plain(text) else shown(text, limit).text)


def counted(number: int, noun: str) -> str:
    """`1 image`, `2 images`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def on_the_clock(moment: float) -> datetime:
    """A moment on FinerWorks' own clock.

    Args:
        moment: seconds since the epoch.
    """
    return datetime.fromtimestamp(moment, UTC).astimezone(ZoneInfo(CLOCK))


def timed(moment: float) -> str:
    """A moment as a result tells it: `2026-11-28T09:14:05-06:00`."""
    return on_the_clock(moment).isoformat(timespec="seconds")


def megabytes(size: int) -> str:
    """`1,480 MB`, of bytes; `0.3 MB` of little."""
    amount = size / _MEGABYTE
    return (
        f"{amount:,.0f} MB" if amount >= _WHOLE_FROM or not size else f"{max(amount, 0.1):.1f} MB"
    )


def in_quotes(text: str) -> str:
    """`text`, as `shown` gives it, in quotes that nothing inside it closes."""
    inside = text.replace('"', "'") if text.isascii() else _DOUBLE_QUOTES.sub("'", text)
    return f'"{inside}"'


def _shown(unit: str) -> str:
    if len(unit) > 1 or not _is_invisible(unit):
        return unit
    return unit.encode("unicode_escape", "backslashreplace").decode("ascii")


def _is_invisible(character: str) -> bool:
    return bool(_BLANK.match(character)) or unicodedata.category(character) in _INVISIBLE_CATEGORIES
