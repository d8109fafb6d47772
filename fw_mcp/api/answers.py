"""What an answer means: bytes to the JSON of a success, or one typed error.

Knows no HTTP library. Whatever is odd about the bytes ends as one error, so that nothing of a
parser's shows.
"""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic_core import from_json

from fw_mcp.api import failures
from fw_mcp.api.connection import Keys
from fw_mcp.api.failures import Endpoint
from fw_mcp.errors import RejectedError, ShapeError, StatusError
from fw_mcp.text import quoted

_SAID_LIMIT = 200
_REFERENCE = re.compile(r"[A-Za-z0-9_.*-]{1,64}")
_TOO_MANY_REQUESTS = 429
_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One HTTP answer.

    Attributes:
        body: as sent; None when it is larger than the cap.
        content_encoding: `identity` unless the service ignored that nothing else is accepted.
        retry_after_s: seconds the service asked to wait, if it did.
        clock_ahead_s: seconds this machine's clock is ahead of the service's, if it told its own.
    """

    status_code: int
    body: bytes | None = field(repr=False)
    content_encoding: str = "identity"
    retry_after_s: float | None = None
    clock_ahead_s: float | None = None


def read_answer(endpoint: Endpoint, answer: HttpAnswer, keys: Keys) -> dict[str, object]:
    """The JSON of a success: HTTP 2xx whose `status.success` is true and nothing else.

    Args:
        endpoint: that was called.
        answer: what came back.
        keys: masked in what is quoted from the service.

    Raises:
        StatusError: an HTTP status outside 2xx.
        RejectedError: HTTP 2xx with `status.success` not true.
        ShapeError: a body that is not an envelope.
    """
    if not 200 <= answer.status_code < 300:  # noqa: PLR2004  HTTP's own numbers
        raise _status_error(endpoint, answer, keys)
    document = _document(endpoint, answer)
    status = document.get("status")
    if not isinstance(status, dict):
        raise failures.unreadable(endpoint, "has no status")
    if status.get("success") is not True:
        raise _rejected(endpoint, status, keys)
    return document


def _document(endpoint: Endpoint, answer: HttpAnswer) -> dict[str, object]:
    if answer.body is None:
        raise failures.unreadable(endpoint, "is larger than allowed")
    if answer.content_encoding != "identity":
        raise failures.compressed(endpoint)
    if not answer.body.strip():
        raise failures.unreadable(endpoint, "is empty")
    try:
        return json_object(answer.body)
    except ValueError as error:
        raise failures.unreadable(endpoint, "is not the expected JSON") from error


def _rejected(endpoint: Endpoint, status: dict[str, object], keys: Keys) -> RejectedError:
    reference = status.get("reference_id")
    short = keys.masked(str(reference)) if reference else ""
    # It stands in a sentence of ours: what is no id is not told.
    known = short if _REFERENCE.fullmatch(short) else None
    return failures.rejected(endpoint, _said(status.get("message"), keys), known)


def _status_error(endpoint: Endpoint, answer: HttpAnswer, keys: Keys) -> StatusError:
    document = _document_or_nothing(endpoint, answer)
    if answer.status_code == _TOO_MANY_REQUESTS:
        return failures.rate_limited(endpoint, answer.status_code, answer.retry_after_s)
    if answer.status_code == _UNAUTHORIZED or _names_the_keys(document):
        return failures.keys_refused(endpoint, answer.status_code)
    said = _said(_message_of(document), keys)
    return failures.status_outside_2xx(endpoint, answer.status_code, said, answer.retry_after_s)


def _document_or_nothing(endpoint: Endpoint, answer: HttpAnswer) -> dict[str, object]:
    """The body of a failure: often HTML or nothing, and the HTTP status says enough."""
    try:
        return _document(endpoint, answer)
    except ShapeError:
        return {}


def _names_the_keys(document: dict[str, object]) -> bool:
    """Whether this is the HTTP 400 that bad keys get, told by the path in its `ModelState` (O)."""
    return any("authorization_credentials" in path.lower() for path in _model_state(document))


def _message_of(document: dict[str, object]) -> str:
    """The words of either error shape: the envelope, or `Message` and `ModelState`."""
    status = document.get("status")
    envelope = status.get("message") if isinstance(status, dict) else None
    parts = (envelope, document.get("Message"), *_faults(document))
    return " ".join(part for part in parts if isinstance(part, str))


def _faults(document: dict[str, object]) -> Iterator[str]:
    for path, texts in _model_state(document).items():
        yield from (f"{path}: {text}" for text in (texts if isinstance(texts, list) else [texts]))


def _model_state(document: dict[str, object]) -> dict[str, object]:
    state = document.get("ModelState")
    return state if isinstance(state, dict) else {}


def _said(message: object, keys: Keys) -> str:
    text = message if isinstance(message, str) else ""
    return quoted(keys.masked(text), _SAID_LIMIT) if text else "no details given"


# Backslashes and their letters, a whole surrogate pair, or (in group 1) half of one.
_ESCAPE = re.compile(
    rb"(?:\\[^u])+|\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2}))"
)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# A page of 50 images, each with 100 products of 60 members, has 300,000.
_MOST_VALUES = 500_000


def json_object(body: bytes) -> dict[str, object]:
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
    text = _without_halves(body.removeprefix(codecs.BOM_UTF8))
    document = from_json(text, allow_inf_nan=False, cache_strings="keys")
    if not isinstance(document, dict):
        raise ValueError("not an object")  # noqa: TRY004  one error for everything odd
    return document


def _without_halves(body: bytes) -> bytes:
    """`body` without escapes of half a character, which no JSON parser but Python's takes."""
    if not _SURROGATE.search(body):
        return body
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], body)
