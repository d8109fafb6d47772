"""Bytes of an answer to a JSON object, strictly; knows no endpoint.

Whatever is odd about the bytes ends as one `ValueError`, so that nothing else of a parser's shows.
"""

import codecs
import re

from pydantic_core import from_json

# A backslash and its letter, a whole surrogate pair, or (in group 1) half of one.
_ESCAPE = re.compile(
    rb"\\(?:[^u]|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2}))"
)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def decoded(body: bytes) -> dict[str, object]:
    """The JSON object in `body`, UTF-8 with or without a byte order mark.

    Returns:
        the object, with U+FFFD for each half of a character in keys and values.

    Raises:
        ValueError: it is empty, HTML, cut off, not an object, not UTF-8, nested deeper than 200,
            or holds NaN, Infinity or an integer of more than 4,300 digits.
    """
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
