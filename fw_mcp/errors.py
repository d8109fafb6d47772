"""Everything fw-mcp raises on purpose.

::

    FwError
    ├── ConfigError          settings, keys: nothing was started or sent
    ├── ArgumentsError       a call that cannot be read as meant: nothing was sent
    ├── GuardError           the guard refused: nothing was sent
    ├── StoreError           the store could not be read or written: nothing was sent
    ├── FetchError           a URL or a file that was not read
    └── ApiError             the service, or the way to it
        ├── TransportError   no answer; ``sent`` says whether the request may have arrived
        ├── StatusError      an HTTP status outside 2xx
        ├── RejectedError    HTTP 2xx with ``status.success`` not true
        └── ShapeError       an answer that is not the JSON it should be

Each carries a `Reason` from a closed list and a message of three parts: what happened, what state
the library is in now, what to do next. Raise low, turn into text once, at the one boundary in
``server``. Chain causes, never quote them: an HTTP library's message holds the URL.
"""

import re
import unicodedata
from enum import StrEnum
from typing import NamedTuple

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
_GOES_ON = re.compile("[\u20e3\U0001f1e6-\U0001f1ff\U0001f3fb-\U0001f3ff]")
_DOUBLE_QUOTES = re.compile('["\u02ba\u02ee\u201c-\u201f\u2033\u2036\uff02]')


class Reason(StrEnum):
    """Why a call ended without doing what it was asked; the machine-readable half of an error."""

    INVALID_ARGUMENTS = "invalid_arguments"
    INVALID_SETTING = "invalid_setting"
    UNSAFE_SETTING = "unsafe_setting"
    KEYS_MISSING = "keys_missing"
    KEYS_REFUSED = "keys_refused"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    RATE_LIMITED = "rate_limited"
    CIRCUIT_OPEN = "circuit_open"
    UPSTREAM_ERROR = "upstream_error"
    REJECTED = "rejected"
    UNREADABLE_ANSWER = "unreadable_answer"
    READ_ONLY = "read_only"
    WRITE_DISABLED = "write_disabled"
    TOO_MANY_ITEMS = "too_many_items"
    HOURLY_LIMIT = "hourly_limit"
    PLAN_UNKNOWN = "plan_unknown"
    PLAN_EXPIRED = "plan_expired"
    PLAN_USED = "plan_used"
    PLAN_MISMATCH = "plan_mismatch"
    NOT_APPROVED = "not_approved"
    TARGETS_CHANGED = "targets_changed"
    HANDLE_UNKNOWN = "handle_unknown"
    STILL_RUNNING = "still_running"
    CANNOT_UNDO = "cannot_undo"
    NOT_FETCHED = "not_fetched"
    FETCH_OFF = "fetch_off"
    STORE_UNAVAILABLE = "store_unavailable"
    UNEXPECTED = "unexpected"


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


def shown(text: str, limit: int) -> Shown:
    """At most `limit` characters of `text`, escapes included; no emoji is cut in half.

    Args:
        text: from the service or a caller.
        limit: characters of the result, at least 12.
    """
    if len(text) <= limit and is_plain(text):
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
        text: anything; None and "" read as untitled.
        limit: characters kept, escapes included; a longer text ends in an ellipsis.
    """
    if not text:
        return "(none)"
    return in_quotes(text if len(text) <= limit and is_plain(text) else shown(text, limit).text)


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


class FwError(Exception):
    """Base of the tree.

    Args:
        what: what happened, one sentence, ours (text from the service only quoted and cut).
        state: what state the library is in now, one sentence.
        next_step: what to do next, one sentence.
        reason: from the closed list.
    """

    def __init__(self, what: str, *, state: str, next_step: str, reason: Reason) -> None:
        """Keep the parts apart, so that a caller that knows the state better can replace it."""
        super().__init__(what, state, next_step, reason)
        self.what = what
        self.state = state
        self.next_step = next_step
        self.reason = reason

    def __str__(self) -> str:
        """The whole message, as a person or a model reads it."""
        return f"{self.what} {self.state} {self.next_step} (reason: {self.reason})"


class ConfigError(FwError):
    """A setting is missing, unreadable or unsafe."""


class ArgumentsError(FwError):
    """The arguments of a call cannot be read as meant."""


class GuardError(FwError):
    """The guard refused a write."""


class StoreError(FwError):
    """The store could not be opened, read or written."""


class FetchError(FwError):
    """A URL or a file was not read; why is told to nobody outside the log."""


class ApiError(FwError):
    """The service failed, or the way to it.

    Attributes:
        sent: False only when the request certainly never reached the service. A write that fails
            with ``sent`` true is *unknown* and is settled by reading back, unless `refused` is
            true.
        refused: True when the service answered that it did not carry the request out.
        retry_after_s: seconds after which the same may go through, where that is known.
    """

    sent = True
    refused = False
    retry_after_s: float | None = None


class TransportError(ApiError):
    """No answer came."""

    def __init__(
        self, what: str, *, state: str, next_step: str, reason: Reason, sent: bool
    ) -> None:
        """Record whether the request may have arrived."""
        super().__init__(what, state=state, next_step=next_step, reason=reason)
        self.sent = sent


class StatusError(ApiError):
    """The service answered with an HTTP status outside 2xx."""

    def __init__(
        self,
        what: str,
        *,
        state: str,
        next_step: str,
        reason: Reason,
        status_code: int,
        retry_after_s: float | None = None,
    ) -> None:
        """Keep the HTTP status and the pause the service asked for, in seconds."""
        super().__init__(what, state=state, next_step=next_step, reason=reason)
        self.status_code = status_code
        self.retry_after_s = retry_after_s
        # 408 and 5xx may come from a proxy after the service did the work.
        self.refused = 400 <= status_code < 500 and status_code != 408  # noqa: PLR2004  HTTP's own numbers


class RejectedError(ApiError):
    """The service answered 2xx with ``status.success`` not true.

    Whether such a write was partly carried out is undocumented, so it is not `refused`: it is read
    back.
    """

    def __init__(
        self,
        what: str,
        *,
        state: str,
        next_step: str,
        reason: Reason,
        reference_id: str | None = None,
    ) -> None:
        """Keep the service's reference id, which its support asks for."""
        super().__init__(what, state=state, next_step=next_step, reason=reason)
        self.reference_id = reference_id


class ShapeError(ApiError):
    """The answer is not the JSON it should be: empty, truncated, HTML, too large, wrong types."""
