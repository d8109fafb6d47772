"""Which print masters still answer at their URLs, as far as a call has time to ask."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from fw_mcp.images.account import Account, Progress, chunked
from fw_mcp.images.scan import left_s

UNASKED = (
    "the call ran out of time, or their host was busy or may not be asked. Call again: finished "
    "checks are kept."
)

_ASKED_AT_ONCE = 100


class Answers(Protocol):
    """Tells which URLs still give a file."""

    def check(self) -> None:
        """Refuse, before anything is read, what cannot be done here."""

    async def of(self, urls: Collection[str], *, until: float) -> Mapping[str, bool]:
        """URL → whether it does, for those that could be asked until then.

        `until` is on the account's clock.
        """


async def answered(
    account: Account,
    masters: Answers | None,
    urls: Sequence[str],
    started: float,
    progress: Progress,
) -> dict[str, bool]:
    """URL → whether a file answers there; what is missing was not asked, or could not tell."""
    answers: dict[str, bool] = {}
    distinct = list(dict.fromkeys(urls))
    total, looked = len(distinct), 0
    for chunk in chunked(distinct, _ASKED_AT_ONCE):
        left = left_s(account, started)
        if masters is None or left <= 0:
            break
        answers |= await masters.of(chunk, until=account.clock() + left)
        looked += len(chunk)
        message = f"Checked {looked:,} of {total:,} print masters"
        await progress(total + looked, 2 * total, message)
    return answers


def not_done(done: str, what: str, missed: int, total: int, why: str) -> str:
    """How many were not compared or checked, and why; "" when all were."""
    return f"{missed:,} of {total:,} {what} were not {done}: {why}" if missed else ""
