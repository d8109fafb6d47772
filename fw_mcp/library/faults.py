"""What a failed write request proves by itself, before anything is read back."""

from fw_mcp.errors import ApiError, Reason
from fw_mcp.library.outcomes import Outcome


def outcome_of_fault(fault: ApiError) -> Outcome:
    """How the items of a failed request ended, as far as the failure itself tells.

    Never sent, or refused for being one call too many: not attempted. Refused otherwise: failed.
    All else is unknown until it is read back.
    """
    if is_passing(fault) or not fault.sent:
        return Outcome.NOT_ATTEMPTED
    return Outcome.FAILED if fault.refused else Outcome.UNKNOWN


def is_passing(fault: ApiError) -> bool:
    """Whether nothing was done, for a reason that may soon be over."""
    if not fault.sent:
        return fault.reason in {Reason.UNREACHABLE, Reason.RATE_LIMITED}
    return fault.refused and fault.reason is Reason.RATE_LIMITED


def again_after_s(fault: ApiError) -> float | None:
    """Seconds after which a write may be sent again; None unless it certainly did nothing."""
    return (fault.retry_after_s or 0.0) if is_passing(fault) else None


def why_failed(fault: ApiError) -> str:
    """What to tell of a failed request, without the state sentence, which the outcome replaces."""
    return f"{fault.what} {fault.next_step}"
