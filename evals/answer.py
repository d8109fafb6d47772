"""The answer's last line: what it says, however it is set."""

import re

_LINE = re.compile(r"^\W*RESULT\W*?:\s*(.*?)\W*$", re.MULTILINE | re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_BETWEEN = re.compile(r"[,;]|\band\b")
_UNIT = re.compile(r"(?<=\d) ?(?:(?:image|picture|photo|product|file|pixel)s?|px)$")


def result_of(answer: str) -> str | None:
    """What stands after the last ``RESULT:``; None without one."""
    said = _LINE.findall(answer)
    return said[-1] if said else None


def plain(result: str) -> list[str]:
    """A result whatever its order, case, spaces, marks and units."""
    # Markdown escapes what is no mark of its own: CITY\_2195.jpg.
    words = _THOUSANDS.sub("", result.lower().replace("\\", ""))
    parts = (re.sub(r"[^\w.-]+", " ", part).strip(" .") for part in _BETWEEN.split(words))
    return sorted(filter(None, (_UNIT.sub("", part) for part in parts)))
