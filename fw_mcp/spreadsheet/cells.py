"""One cell: a text that no spreadsheet takes for a formula, and back; a digest of two texts.

A spreadsheet program runs what begins with `=`, `+`, `-` or `@`. Such a text gets one apostrophe
in front, and a text that has apostrophes there gets one more, so that taking one away gives back
exactly what was stored. The same holds after a semicolon, a tab or a line end inside a text: a
program that takes those for the end of a cell would find the rest of it in a cell of its own.
"""

import hashlib
import json
import re

# The full-width forms too, which some programs read as the same.
_FORMULA = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
# No line end and no tab: those begin a place of their own.
_BLANK = "(?:[^\\S\t\r\n]|[\ufeff\u200b-\u200f\u2060])"
_AT_THE_START = f"(?:[\t\r\n]|{_BLANK}*{_FORMULA})"
_RISKY = re.compile(f"\\A(?='*{_AT_THE_START})|(?<=[;\t\r\n])(?='*{_FORMULA})")
_MARKED = re.compile(f"\\A'(?='*{_AT_THE_START})|(?<=[;\t\r\n])'(?='*{_FORMULA})")
_LINE_END = re.compile("\r\n?")
_DIGEST = re.compile("[0-9a-f]{16}")


def to_cell(text: str) -> str:
    """`text` as a cell holds it; `from_cell` gives it back."""
    return _RISKY.sub("'", text)


def from_cell(cell: str) -> str:
    """The text that a cell holds; one that `to_cell` did not write may be any text."""
    return _MARKED.sub("", cell)


def same_text(one: str, other: str) -> bool:
    """Whether two texts differ in their line ends at most, which spreadsheets rewrite."""
    return one == other or _LINE_END.sub("\n", one) == _LINE_END.sub("\n", other)


def digest(title: str, description: str) -> str:
    """Sixteen hexadecimal digits that tell these texts from others, line ends apart.

    The first is a letter: a spreadsheet would read sixteen decimal digits as a number, and round.
    """
    texts = [_LINE_END.sub("\n", title), _LINE_END.sub("\n", description)]
    return "d" + hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:15]


def is_digest(text: str) -> bool:
    """Whether it could be what `digest` gives."""
    return bool(_DIGEST.fullmatch(text))
