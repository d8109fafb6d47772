"""The endpoints, and the words of what can go wrong with a call of one; knows no HTTP library."""

import math
from dataclasses import dataclass

from fw_mcp.api.connection import KEYS_PAGE
from fw_mcp.errors import Reason, RejectedError, ShapeError, StatusError, TransportError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint, at `/v3/<name>`.

    Attributes:
        name: as the reference has it.
        method: the HTTP verb.
        writes: whether a call may change something; such a call is never repeated.
        destroys: whether a call may take products or images away.
    """

    name: str
    method: str
    writes: bool
    destroys: bool = False


LIST_IMAGES = Endpoint("list_images", "POST", writes=False)
ADD_IMAGES = Endpoint("add_images", "POST", writes=True)
UPDATE_IMAGES = Endpoint("update_images", "PUT", writes=True, destroys=True)
DELETE_IMAGES = Endpoint("delete_images", "DELETE", writes=True, destroys=True)
UPDATE_FILE_SELECTION = Endpoint("update_file_selection", "PUT", writes=True)
LIST_FILE_SELECTION = Endpoint("list_file_selection", "GET", writes=False)
LIST_VIRTUAL_INVENTORY = Endpoint("list_virtual_inventory", "POST", writes=False)
TEST_MY_CREDENTIALS = Endpoint("test_my_credentials", "GET", writes=False)


_TRY_AGAIN = "Try again in a minute."
_LOOK_FIRST = "Check with search_images before trying again."
_CHECK_THE_WAY = "Check the network and FINERWORKS_BASE_URL with fw-mcp doctor, then try again."
_CHECK_THE_BASE_URL = "Check FINERWORKS_BASE_URL, for example with fw-mcp doctor."
_CHECK_THE_KEYS = (
    f"Check FINERWORKS_WEB_API_KEY and FINERWORKS_APP_KEY against {KEYS_PAGE}; they are two "
    "different keys of one account."
)
_CHECK_THE_ARGUMENTS = "Change what the message names, then try again."
_ASK_WHO_RUNS_THE_PROXY = (
    "Ask the person who runs the proxy (HTTPS_PROXY, or a security program) to leave answers of "
    "this host as they are."
)
_UNCHANGED = "Nothing was changed."
_NOTHING_SENT = "Nothing was sent."


def never_sent(endpoint: Endpoint, why: str = "") -> TransportError:
    """No connection, so the request certainly never arrived; `why` is ours."""
    return TransportError(
        f"FinerWorks could not be reached for {endpoint.name}{why and f': {why}'}.",
        state=_UNCHANGED,
        next_step=_CHECK_THE_WAY,
        reason=Reason.UNREACHABLE,
        sent=False,
    )


def untrusted(endpoint: Endpoint) -> TransportError:
    """The TLS handshake failed, so the request certainly never arrived."""
    return TransportError(
        f"The TLS certificate of the host is not trusted, so {endpoint.name} was not sent.",
        state=_UNCHANGED,
        next_step="Check FINERWORKS_BASE_URL and this machine's clock and trusted certificates, "
        "for example a company proxy's.",
        reason=Reason.UNREACHABLE,
        sent=False,
    )


def connection_lost(endpoint: Endpoint) -> TransportError:
    """The connection broke after the request may have left."""
    return TransportError(
        f"The connection broke before {endpoint.name} was answered.",
        state=_state(endpoint),
        next_step=_next_step(endpoint),
        reason=Reason.UNREACHABLE,
        sent=True,
    )


def timed_out(endpoint: Endpoint) -> TransportError:
    """No answer in time."""
    return TransportError(
        f"FinerWorks did not respond to {endpoint.name} in time.",
        state=_state(endpoint),
        next_step=_next_step(endpoint),
        reason=Reason.TIMED_OUT,
        sent=True,
    )


def paused(endpoint: Endpoint, left_s: float) -> TransportError:
    """The account is paused for longer than this call can wait."""
    seconds = math.ceil(left_s)
    refusal = TransportError(
        f"FinerWorks rate-limited the account, so calls pause for {seconds} s "
        f"and {endpoint.name} was not sent.",
        state=_NOTHING_SENT,
        next_step=f"Wait {seconds} s, then try again.",
        reason=Reason.RATE_LIMITED,
        sent=False,
    )
    refusal.retry_after_s = left_s
    return refusal


def circuit_open(endpoint: Endpoint, left_s: float) -> TransportError:
    """The service was not reached for so long that it is left alone; 0 s while one call tries."""
    wait = f"Try again in {math.ceil(left_s)} s" if left_s > 0 else "Try again in a minute"
    refusal = TransportError(
        f"FinerWorks did not respond five times in a row, so {endpoint.name} was not sent.",
        state=_NOTHING_SENT,
        next_step=f"{wait}; fw-mcp doctor checks the connection to FinerWorks.",
        reason=Reason.CIRCUIT_OPEN,
        sent=False,
    )
    refusal.retry_after_s = left_s if left_s > 0 else None
    return refusal


def unreadable(endpoint: Endpoint, why: str) -> ShapeError:
    """An answer that is not the expected JSON; `why` is ours."""
    return _unreadable(endpoint, why, _next_step(endpoint))


def compressed(endpoint: Endpoint) -> ShapeError:
    """An answer in an encoding that was not asked for; the next one will be no other."""
    why = "is compressed, which was not requested; a proxy may do that"
    first = f"{_LOOK_FIRST} " if endpoint.writes else ""
    return _unreadable(endpoint, why, f"{first}{_ASK_WHO_RUNS_THE_PROXY}")


def _unreadable(endpoint: Endpoint, why: str, next_step: str) -> ShapeError:
    return ShapeError(
        f"The answer to {endpoint.name} {why}.",
        state=_state(endpoint),
        next_step=next_step,
        reason=Reason.UNREADABLE_ANSWER,
    )


def rejected(endpoint: Endpoint, said: str, reference_id: str | None) -> RejectedError:
    """HTTP 2xx, and yet no success; `said` is what the service said, quoted."""
    reference = f" (reference {reference_id})" if reference_id else ""
    return RejectedError(
        f"FinerWorks rejected {endpoint.name}: {said}{reference}.",
        state=_state(endpoint),
        next_step=_LOOK_FIRST if endpoint.writes else _CHECK_THE_ARGUMENTS,
        reason=Reason.REJECTED,
        reference_id=reference_id,
    )


def keys_refused(endpoint: Endpoint, status_code: int) -> StatusError:
    """The service does not accept the keys."""
    return StatusError(
        f"FinerWorks refused the API keys at {endpoint.name}.",
        state=_UNCHANGED,
        next_step=_CHECK_THE_KEYS,
        reason=Reason.KEYS_REFUSED,
        status_code=status_code,
    )


def rate_limited(endpoint: Endpoint, status_code: int, pause_s: float | None) -> StatusError:
    """The service wants fewer calls."""
    wait = f"Wait {pause_s:.0f} s, then try again." if pause_s else _TRY_AGAIN
    return StatusError(
        f"FinerWorks rate-limited {endpoint.name}.",
        state=_UNCHANGED,
        next_step=wait,
        reason=Reason.RATE_LIMITED,
        status_code=status_code,
        retry_after_s=pause_s,
    )


def status_outside_2xx(
    endpoint: Endpoint, status_code: int, said: str, pause_s: float | None
) -> StatusError:
    """Any other HTTP status outside 2xx; `said` is what the service said, quoted."""
    state, next_step, reason = _reading_of(endpoint, status_code)
    return StatusError(
        f"FinerWorks answered {endpoint.name} with HTTP {status_code}: {said}.",
        state=state,
        next_step=next_step,
        reason=reason,
        status_code=status_code,
        retry_after_s=pause_s,
    )


def _reading_of(endpoint: Endpoint, status_code: int) -> tuple[str, str, Reason]:
    match status_code:
        case 404 | 405:
            return _UNCHANGED, _CHECK_THE_BASE_URL, Reason.UPSTREAM_ERROR
        case code if code < 400:  # noqa: PLR2004  a redirect, which keys must not follow
            return _state(endpoint), _CHECK_THE_BASE_URL, Reason.UPSTREAM_ERROR
        case code if code < 500 and code != 408:  # noqa: PLR2004  408 may come from a proxy
            return _UNCHANGED, _CHECK_THE_ARGUMENTS, Reason.REJECTED
        case _:
            return _state(endpoint), _next_step(endpoint), Reason.UPSTREAM_ERROR


def _state(endpoint: Endpoint) -> str:
    if endpoint.writes:
        return f"It is unknown whether {endpoint.name} took effect."
    return _UNCHANGED


def _next_step(endpoint: Endpoint) -> str:
    return _LOOK_FIRST if endpoint.writes else _TRY_AGAIN
