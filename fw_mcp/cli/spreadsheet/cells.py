"""One cell: a text that no spreadsheet takes for a formula, and back; a digest of two texts.

A spreadsheet program runs what begins with `=`, `+`, `-` or `@`. Such a text gets one apostrophe
in front, and a text that has apostrophes there gets one more, so that taking one away gives back
exactly what was stored. The same holds after a semicolon, a tab or a line end inside a text: a
program that takes those for the end of a cell would find the rest of it in a cell of its own.

It also rewrites what it takes for a number, a date or a truth value: `0012` is saved as `12`, and
`May 1` as a date of this year. Such a text gets the apostrophe too.
"""

import hashlib
import json
import re
from unicodedata import normalize

# The full-width forms too, which some programs read as the same.
_FORMULA = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
# No line end and no tab: those begin a place of their own.
_BLANK = "(?:[^\\S\t\r\n]|[\ufeff\u200b-\u200f\u2060])"
_AT_THE_START = f"(?:[\t\r\n]|{_BLANK}*{_FORMULA})"
_RISKY = re.compile(f"\\A(?='*{_AT_THE_START})|(?<=[;\t\r\n])(?='*{_FORMULA})")
_MARKED = re.compile(f"\\A'(?='*{_AT_THE_START})|(?<=[;\t\r\n])'(?='*{_FORMULA})")
_WORD = re.compile("[^\\W\\d_]+")
_DIGIT = re.compile("\\d")
# A weekday, a month and a part of a day, or a currency.
_MOST_WORDS = 3
_UNIT = re.compile("[ap]m?|chf|e|eur|gbp|h|kr|m|t|uhr|usd|z")
# How the months begin in English, German, French, Spanish, Italian, Portuguese and Dutch.
_MONTH = re.compile(
    "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mrz|mai|okt|dez|fév|avr|jui|aoû|déc"
    "|ene|abr|ago|dic|gen|mag|giu|lug|set|ott|fev|out|mrt|maa|mei"
)
_TRUTH = re.compile("true|false|wahr|falsch|vrai|faux|verdadei?ro|falso|vero|waar|onwaar")
# The last as workbooks spell out what XML would make a line feed of.
_LINE_END = re.compile("\r\n?|_x000D_\n?")
_SPELT_OUT = "_x000D_"
# What XML cannot hold, and so no workbook.
_LOST = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NO_BREAK = re.compile("[\u00a0\u202f]")
# What a program puts in place of what it could not compute: Excel in the languages of the months
# above, LibreOffice, Google Sheets; and tools of databases in place of nothing.
_ERROR = re.compile(
    "#(?:NAME|NOM|NOME|¿NOMBRE|NAAM)\\?|#(?:¡?REF|BEZUG|RIF|VERW)!"
    "|#(?:VALUE|WERT|VALEUR|¡?VALOR|VALORE|WAARDE)!|#¡?(?:DIV|DEEL)/0!|#N/[ABD]|#NV"
    "|#(?:¡?NUM|NÚM|ZAHL|NOMBRE|GETAL)!|#(?:NULL|NUL|¡?NULO|NULLO|LEEG)!"
    "|#(?:SPILL|CALC|FIELD|BLOCKED|CONNECT|UNKNOWN|BUSY|ERROR|PYTHON)!|#GETTING_DATA|##+"
    "|Err:\\d{3}|NULL|\\(NULL\\)|\\[NULL\\]|<NULL>|\\\\N|null|nan|NaN|undefined",
)
# Of no width, whatever stands beside it.
_UNSEEN = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")
_CURLED = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
    }
)
_ENCODINGS = ("cp1252", "mac_roman", "cp437", "cp850", "cp1250", "cp1251", "latin-1")
_DIGEST = re.compile("[0-9a-f]{16}")


def to_cell(text: str) -> str:
    """`text` as a cell holds it; `from_cell` gives it back."""
    marked = _RISKY.sub("'", text)
    return f"'{text}" if marked == text and _looks_like_a_value(text) else marked


def from_cell(cell: str) -> str:
    """The text that a cell holds; one that `to_cell` did not write may be any text."""
    text = _MARKED.sub("", cell)
    marked = text == cell and cell.startswith("'") and _looks_like_a_value(cell)
    return cell[1:] if marked else text


def same_text(one: str, other: str) -> bool:
    """Whether two texts differ at most in what spreadsheets rewrite and nobody can see."""
    return one == other or _as_kept(one) == _as_kept(other)


def with_line_ends(text: str, stored: str) -> str:
    """`text` with the line ends that a workbook spelt out, unless `stored` spells some out."""
    spelt = _SPELT_OUT in text and _SPELT_OUT not in stored
    return _LINE_END.sub("\n", text) if spelt else text


def is_error(text: str) -> bool:
    """Whether a program wrote it in place of a text that it could not give."""
    return bool(_ERROR.fullmatch(text.strip()))


def is_misread(text: str, stored: str) -> bool:
    """Whether `text` is `stored` after its UTF-8 was read in another encoding."""
    if stored.isascii() or len(text) <= len(stored):
        return False
    content = stored.encode("utf-8", "surrogatepass")
    return any(_as_read(text) == _as_read(_read_in(one, content)) for one in _ENCODINGS)


def _read_in(encoding: str, content: bytes) -> str:
    """`content` as a program reads it, which takes a byte of no letter for a control."""
    table = [bytes([byte]).decode(encoding, "ignore") or chr(byte) for byte in range(256)]
    return "".join(table[byte] for byte in content)


def _as_read(text: str) -> str:
    """`text` without controls and spaces, of which programs lose some on the way."""
    return "".join(one for one in text if one.isprintable() and not one.isspace())


def looks_alike(one: str, other: str) -> bool:
    """Whether two texts differ at most in spaces, in what has no width and in curls of marks."""
    return _look(one) == _look(other)


def _look(text: str) -> str:
    plain = _as_kept(_UNSEEN.sub("", text)).translate(_CURLED)
    return " ".join(plain.split())


def text_digest(title: str, description: str) -> str:
    """Sixteen hexadecimal digits that tell these texts from others that look different.

    The first is a letter: a spreadsheet would read sixteen decimal digits as a number, and round.
    """
    texts = [_as_kept(title), _as_kept(description)]
    return "d" + hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:15]


def is_text_digest(text: str) -> bool:
    """Whether it could be what `text_digest` gives."""
    return bool(_DIGEST.fullmatch(text))


def _as_kept(text: str) -> str:
    """`text` with one kind of line end, composed letters and no controls: what workbooks keep.

    Nor do they keep spaces from becoming such as do not break.
    """
    spaced = _NO_BREAK.sub(" ", text) if not text.isascii() else text
    return normalize("NFC", _LINE_END.sub("\n", _LOST.sub("", spaced)))


def _looks_like_a_value(text: str) -> bool:
    """Whether a spreadsheet, in whatever language, might keep a value in place of `text`.

    Apostrophes in front make no difference, so that one more of them can be told.
    """
    bare = _as_kept(text).lstrip("'").strip().lower()
    if not _DIGIT.search(bare):
        return bool(_TRUTH.fullmatch(bare))
    words = _WORD.findall(bare)
    return len(words) <= _MOST_WORDS and (
        all(map(_UNIT.fullmatch, words)) or any(map(_MONTH.match, words))
    )
