"""Bytes of an answer to a JSON object, strictly; knows no endpoint.

Whatever is odd about the bytes ends as one `ValueError`, so that nothing else of a parser's shows.
"""

import codecs
import re

from pydantic_core import from_json

# Backslashes and their letters, a whole surrogate pair, or (in group 1) half of one.
_ESCAPE = re.compile(
    rb"(?:\\[^u])+|\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2}))"
)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# A page of 50 images, each with 100 products of 60 members, has 300,000.
_MOST_VALUES = 500_000


def decoded(body: bytes) -> dict[str, object]:
    """The JSON object in `body`, UTF-8 with or without a byte order mark.

    Returns:
        the object, with U+FFFD for each half of a character in keys and values.

    Raises:
        ValueError: it is empty, HTML, cut off, not an object, not UTF-8, nested deeper than 200,
            or holds NaN, Infinity, an integer of more than 4,300 digits or more than 500,000
            values. A float beyond its range reads as infinity: the models refuse it.
    """
    if len(body) > _MOST_VALUES and sum(map(body.count, (b",", b"{", b"["))) > _MOST_VALUES:
        raise ValueError("too many values")
    text = _whole(body.removeprefix(codecs.BOM_UTF8))
    document = from_json(text, allow_inf_nan=False, cache_strings="keys")
    if not isinstance(document, dict):
        raise ValueError("not an object")  # noqa: TRY004  one error for everything odd
    return document


def _whole(body: bytes) -> bytes:
    """`body` without escapes of half a character, which no JSON parser but Python's takes."""
    if not _SURROGATE.search(body):
        return body
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], body)
