"""A write as it is told outside: one line for whoever answers for it, and what is counted of it.

No title, URL, guid or path stands in it: the change's id finds those in the journal.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType

from fw_mcp.errors import GuardError, Reason
from fw_mcp.store.journal import Change
from fw_mcp.telemetry import count, mark
from fw_mcp.text import quoted, visible
from fw_mcp.writes.outcomes import Ends

AUDIT = "fw_mcp.audit"
_UNASKED = "unasked"
# Whoever it is, the end of the name tells one from another.
_LONGEST_CALLER = 500
_REFUSED = MappingProxyType({Reason.PLAN_EXPIRED: "expired", Reason.PLAN_USED: "used"})

_log = logging.getLogger(AUDIT)


def audited(account: str, change: Change, ends: Ends) -> None:
    """Log how a write ended, and count it.

    Args:
        account: a digest that names it.
        change: the write, as it is on record.
        ends: of each item; empty where it was broken off.
    """
    outcomes = Counter(end.outcome.value for end in ends.values())
    for outcome, number in outcomes.items():
        count("fw_mcp.images", number, tool=change.tool, outcome=outcome)
    mark({f"fw_mcp.outcomes.{outcome}": number for outcome, number in outcomes.items()})
    lane = change.accepted or _UNASKED
    _log.info(
        "%s by %s on account %s: %s (%s, change %s)",
        change.tool,
        quoted(change.caller, _LONGEST_CALLER),
        account or "unknown",
        ", ".join(f"{number} {one}" for one, number in outcomes.items()) or "broken off",
        lane,
        change.change_id,
        extra={
            "fields": {
                "account": account,
                "caller": visible(change.caller),
                "tool": change.tool,
                "lane": lane,
                "outcomes": dict(outcomes),
                "change_id": change.change_id,
            }
        },
    )


@contextmanager
def refusals_counted(lane: str) -> Iterator[None]:
    """Count the answer to a plan that the guard refuses here; it came on that lane."""
    try:
        yield
    except GuardError as refused:
        if answer := _REFUSED.get(refused.reason):
            count_answer(lane, answer)
        raise


def count_answer(lane: str, answer: str) -> None:
    """Count an answer that came to nothing."""
    count("fw_mcp.plans", lane=lane, answer=answer)
