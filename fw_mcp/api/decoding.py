"""Bytes of an answer to a JSON object, strictly; knows no endpoint.

Whatever is odd about the bytes ends as one `ValueError`, so that nothing else of Python's shows.
"""

import json
import math
from typing import NoReturn

from fw_mcp.api.scalars import without_lone_surrogates

_MAX_DEPTH = 64
_LONGEST_INTEGER = 20  # 64 bits, with a sign


def decoded(body: bytes) -> dict[str, object]:
    """The JSON object in `body`, UTF-8 with or without a byte order mark.

    Returns:
        the object, with U+FFFD for each half of a character in keys and values.

    Raises:
        ValueError: it is empty, HTML, cut off, not an object, nested deeper than 64, or holds
            NaN, an infinite number or an integer of more than 20 characters.
    """
    try:
        document = _clean(_JSON.decode(body.decode("utf-8-sig")), _MAX_DEPTH)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not isinstance(document, dict):
        raise ValueError("not an object")  # noqa: TRY004  one error for everything odd
    return document


def _clean(value: object, depth: int) -> object:
    if isinstance(value, str):
        return without_lone_surrogates(value)
    if not isinstance(value, (dict, list)):
        return value
    if depth == 0:
        raise ValueError("nested too deep")
    if isinstance(value, list):
        return [_clean(one, depth - 1) for one in value]
    return {without_lone_surrogates(key): _clean(one, depth - 1) for key, one in value.items()}


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_INTEGER:
        raise ValueError("an integer of too many digits")
    return int(digits)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("an infinite number")
    return number


def _no_constant(_: str) -> NoReturn:
    raise ValueError("NaN or Infinity")


_JSON = json.JSONDecoder(parse_constant=_no_constant, parse_int=_integer, parse_float=_number)
