"""Everything fw-mcp raises on purpose.

::

    FwError
    ├── ConfigError          settings, keys: nothing was started or sent
    ├── ArgumentsError       a call that cannot be read as meant: nothing was sent
    ├── GuardError           the guard refused: nothing was sent
    ├── StoreError           the store could not be read or written: nothing was sent
    ├── FetchError           a URL or a file that was not read
    ├── UploadError          a file that was not uploaded, or is not reachable where it was
    └── ApiError             the service, or the way to it
        ├── TransportError   no answer; ``sent`` says whether the request may have arrived
        ├── StatusError      an HTTP status outside 2xx
        ├── RejectedError    HTTP 2xx with ``status.success`` not true
        └── ShapeError       an answer that is not the JSON it should be

Each carries a `Reason` from a closed list and a message of three parts: what happened, what state
the library is in now, what to do next. Raise low, turn into text once, at the one boundary in
``server``. Chain causes, never quote them: an HTTP library's message holds the URL.
"""

from enum import StrEnum


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
    INSUFFICIENT_SCOPE = "insufficient_scope"
    ACCOUNT_UNKNOWN = "account_unknown"
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
    UPLOAD_OFF = "upload_off"
    NOT_UPLOADED = "not_uploaded"
    UPLOAD_LIMIT = "upload_limit"
    STORE_UNAVAILABLE = "store_unavailable"
    STOPPING = "stopping"
    UNEXPECTED = "unexpected"


class FwError(Exception):
    """Base of the tree.

    Args:
        what: what happened, one sentence, ours (text from the service only quoted and cut).
        state: what state the library is in now, one sentence.
        next_step: what to do next, one sentence.
        reason: from the closed list.

    Attributes:
        retry_after_s: seconds after which the same may go through, where that is known.
    """

    retry_after_s: float | None = None

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


class UploadError(FwError):
    """A file was not uploaded, or its public address does not give it."""


class ApiError(FwError):
    """The service failed, or the way to it.

    Attributes:
        sent: False only when the request certainly never reached the service. A write that fails
            with ``sent`` true is *unknown* and is settled by reading back, unless `refused` is
            true.
        refused: True when the service answered that it did not carry the request out.
    """

    sent = True
    refused = False


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
