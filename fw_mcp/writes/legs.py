"""What a call that goes on tells: this part of it, and what became of what was not known."""

from fw_mcp.writes.outcomes import GOOD, Ended, Ends, Items, Outcome, is_settled, is_skipped


def told_so(told: Ends, ends: Ends) -> frozenset[int]:
    """The items whose end was told before as it is now."""
    return frozenset(
        item
        for item, end in ends.items()
        if item in told
        and told[item].outcome is end.outcome
        and (is_settled(end) or is_skipped(end))
    )


def became(told: Ends, settled: Items[Ended], ends: Ends) -> str:
    """What became of the items that were unknown before, in words.

    Args:
        told: how they were told before.
        settled: those that were found to have ended, before anything was sent again.
        ends: how they ended now.
    """
    unsure = [item for item, end in told.items() if end.outcome is Outcome.UNKNOWN]
    absent = [item for item in unsure if item not in settled]
    again = sum(ends[item].outcome is not Outcome.NOT_ATTEMPTED for item in absent)
    waits = len(absent) - again
    there = sum(settled[item].outcome in GOOD for item in unsure if item in settled)
    parts = [
        f"{there} had been carried out" if there else "",
        f"{again} had not been, and were sent again" if again else "",
        f"{waits} had not been, and are still to be sent" if waits else "",
    ]
    told_of = "; ".join(part for part in parts if part)
    return f"Of {len(unsure)} whose outcome was unknown: {told_of}." if told_of else ""
