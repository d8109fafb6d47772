"""One line of a pipe as the protocol's messages, and what is answered to a line that is none.

Programs add a byte order mark or a NUL, write two messages on one line, several lines for one, or
their own log in between. What has one meaning is read; the rest is never dropped without a word.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from mcp.types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    RequestId,
    jsonrpc_message_adapter,
)

from fw_mcp.text import quoted

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_AROUND = b" \t\r\n\0"
_SHOWN = 60
# Of messages on one line, and of errors for one line.
_MOST = 1_000
_NO_SPACE = re.compile(r"\S")


class NoMessage(Exception):  # noqa: N818  nothing is raised: the SDK's streams carry it
    """A line, or a part of one, that is no message.

    Args:
        why: what is wrong with it, as a sentence for both sides.
        text: the line.
        code: of the errors.
        ids: the requests that get an error; None stands for one that cannot be read.
    """

    def __init__(self, why: str, text: str, code: int, ids: Sequence[RequestId | None]) -> None:
        super().__init__(f"{why} ({len(text)} characters: {quoted(text, _SHOWN)})")
        self._error = ErrorData(code=code, message=why)
        self._ids = ids

    @property
    def is_json(self) -> bool:
        """Whether it can be read, and only means nothing."""
        return self._error.code == INVALID_REQUEST

    @property
    def answers(self) -> Iterator[JSONRPCError]:
        """What the client gets to read."""
        for request_id in self._ids:
            yield JSONRPCError(jsonrpc="2.0", id=request_id, error=self._error)


Read = JSONRPCMessage | NoMessage


def messages_in(line: bytes) -> list[Read]:
    """The messages on a line, mostly one; none on a blank line."""
    bare = line.strip(_AROUND).removeprefix(_BYTE_ORDER_MARK).strip(_AROUND)
    if not bare:
        return []
    text = bare.decode("utf-8", "replace")
    if b"\0" in bare or bare.startswith(_UTF_16_MARKS):
        return [NoMessage("The input is not UTF-8: write UTF-8.", text, PARSE_ERROR, [None])]
    try:
        message = jsonrpc_message_adapter.validate_json(text, by_name=False)
    except ValueError:
        return _rescued(text)
    # A notification has no id; a request whose id is none of the protocol's looks like one.
    if isinstance(message, JSONRPCNotification) and '"id"' in text:
        return _rescued(text, message)
    return [message]


def _rescued(text: str, notification: JSONRPCNotification | None = None) -> list[Read]:
    documents = list(_documents(text))
    if len(documents) > 1:
        return [one for _, part in documents for one in messages_in(part.encode())]
    value = documents[0][0] if documents else None
    if (plain := _plain(value)) is not None:
        return messages_in(json.dumps(plain).encode())
    if notification and "id" not in (value or {}):
        return [notification]
    return [_refused(text, value)]


def _plain(value: Any) -> object | None:  # noqa: ANN401  any JSON
    """A message in the protocol's own spelling, if it has another one.

    JSON knows one kind of number, so 7.0 is 7; some languages write an empty object as `[]`.
    """
    match value:
        case {"id": float() as request_id} if request_id.is_integer():
            return {**value, "id": int(request_id)}
        case {"params": []}:
            return {key: part for key, part in value.items() if key != "params"}
    return None


def _documents(text: str) -> Iterator[tuple[Any, str]]:
    """Each JSON value of `text` with its own text; nothing when it is anything else."""
    decoder = json.JSONDecoder()
    found, place = [], 0
    while place < len(text):
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            return
        found.append((value, text[place:end]))
        if len(found) > _MOST:
            return
        there = _NO_SPACE.search(text, end)
        place = there.start() if there else len(text)
    yield from found


def _refused(text: str, value: object) -> NoMessage:
    match value:
        case list():
            why = "Batches are not served: send each message by itself."
            return NoMessage(why, text, INVALID_REQUEST, [*islice(_ids(value), _MOST)] or [None])
        case {"result": _} | {"error": _}:
            # It was an answer: an error for its id would be taken for the answer to a request.
            return NoMessage("This is no JSON-RPC 2.0 answer.", text, INVALID_REQUEST, [])
        case {"id": _} if _id(value) is None:
            why = "The id of a request is a whole number or a text."
            return NoMessage(why, text, INVALID_REQUEST, [None])
        case {"id": _}:
            why = "This is no JSON-RPC 2.0 request."
            return NoMessage(why, text, INVALID_REQUEST, [_id(value)])
        case {"method": _}:
            # To a notification nothing is answered.
            return NoMessage("This is no JSON-RPC 2.0 notification.", text, INVALID_REQUEST, [])
    why = "This line is no JSON-RPC message: write each on one line, and nothing else."
    return NoMessage(why, text, PARSE_ERROR, [None] if text.startswith(("{", "[")) else [])


def _ids(batch: Sequence[object]) -> Iterator[RequestId]:
    for message in batch:
        match message:
            case {"method": _, "id": _} if (request_id := _id(message)) is not None:
                yield request_id


def _id(message: Any) -> RequestId | None:  # noqa: ANN401  any JSON
    request_id = message["id"]
    whole = isinstance(request_id, int | str) and not isinstance(request_id, bool)
    return request_id if whole else None
