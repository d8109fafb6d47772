"""What of an answer is kept: a file, or a piece of it, and never more than was asked for."""

import re
from typing import cast

import httpx

from fw_mcp.media.refused import Refused

_SIZE = re.compile(r"[0-9]{1,15}")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15}|\*)")


async def read_whole(response: httpx.Response, most_bytes: int) -> bytes:
    """The whole body.

    Args:
        response: to a request for a whole file.
        most_bytes: a larger one is refused, before its body is read where it says its size.

    Raises:
        Refused: it is no file, compressed, or too large.
    """
    _check_is_plain(response)
    if response.status_code != httpx.codes.OK:
        raise Refused("bad_status")
    if (_declared_size(response) or 0) > most_bytes:
        raise Refused("too_large")
    content = await _first_bytes(response, most_bytes + 1)
    if len(content) > most_bytes:
        raise Refused("too_large")
    return content


async def read_piece(
    response: httpx.Response, offset: int, length: int
) -> tuple[bytes, int, int | None]:
    """A piece, where it begins, and the size of the whole file where the server says it.

    Args:
        response: to a request for a range.
        offset: where the range begins.
        length: of the range, in bytes; a file may end before.

    Raises:
        Refused: it is neither that piece nor a whole file, or compressed.
    """
    _check_is_plain(response)
    if response.status_code == httpx.codes.OK:
        return await _read_beginning(response, length)
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        raise Refused("bad_status")
    expected, size = _promised(response, offset, length)
    content = await _first_bytes(response, expected + 1)
    if len(content) != expected:
        raise Refused("bad_range")
    return content, offset, size


async def _read_beginning(response: httpx.Response, length: int) -> tuple[bytes, int, int | None]:
    content = await _first_bytes(response, length + 1)
    is_all = len(content) <= length
    return content[:length], 0, len(content) if is_all else _declared_size(response)


def _promised(response: httpx.Response, offset: int, length: int) -> tuple[int, int | None]:
    """How many bytes a piece has, and the size of the whole."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    if match is None:
        raise Refused("bad_range")
    first, last = int(match[1]), int(match[2])
    size = None if match[3] == "*" else int(match[3])
    fits = first == offset <= last < offset + length
    if not fits or (size is not None and last >= size):
        raise Refused("bad_range")
    return last - first + 1, size


def _check_is_plain(response: httpx.Response) -> None:
    """A compressed body may unpack to any size."""
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused("compressed")


def _declared_size(response: httpx.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if _SIZE.fullmatch(text) else None


async def _first_bytes(response: httpx.Response, count: int) -> bytes:
    body = bytearray()
    # Not `aiter_raw`, which gives nothing of an answer that its transport has read already.
    async for piece in cast("httpx.AsyncByteStream", response.stream):
        body += piece
        if len(body) >= count:
            break
    return bytes(body[:count])
