"""One line a write for whoever answers for it: who did what to which account, and how it ended.

No title, URL, guid or path stands in it: the change's id finds those in the journal.
"""

import logging
from collections import Counter

from fw_mcp.store.journal import Change
from fw_mcp.text import quoted, visible
from fw_mcp.writes.outcomes import Ends

AUDIT = "fw_mcp.audit"
_UNASKED = "unasked"

_log = logging.getLogger(AUDIT)


def audited(account: str, change: Change, ends: Ends) -> None:
    """Log how a write ended.

    Args:
        account: a digest that names it.
        change: the write, as it is on record.
        ends: of each item; empty where it was broken off.
    """
    outcomes = Counter(end.outcome.value for end in ends.values())
    lane = change.accepted or _UNASKED
    _log.info(
        "%s by %s on account %s: %s (%s, change %s)",
        change.tool,
        quoted(change.caller),
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
