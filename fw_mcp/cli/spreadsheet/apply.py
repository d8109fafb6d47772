"""`fw-mcp apply FILE.csv`: send what changed, and say what became of each row."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from fw_mcp.cli.output import tell, told_to_a_person, typed_yes
from fw_mcp.cli.refusals import for_a_person, row_for_a_person
from fw_mcp.cli.spreadsheet.compare import Compared, Verdict, compared, each_compared
from fw_mcp.cli.spreadsheet.sheet import opened
from fw_mcp.cli.terminal import AtTheTerminal, SaidYes, told, waiting_plan
from fw_mcp.errors import FwError
from fw_mcp.guard.guard import Confirm
from fw_mcp.server.rows import meant
from fw_mcp.signals import stop_signals
from fw_mcp.writes.operation import Caller, Done, Waiting
from fw_mcp.writes.outcomes import ALREADY, Outcome, may_go_on
from fw_mcp.writes.trial import HELD_BACK
from fw_mcp.writes.update import TOOL, NewText, update, update_again

if TYPE_CHECKING:
    from fw_mcp.assembly import Assembly
    from fw_mcp.cli.spreadsheet.sheet import SheetRow, Spreadsheet

# What the journal and the plans call whoever calls from here.
_CALLER = "stdio:fw-mcp apply"


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of one call.

    Attributes:
        ends: guid → outcome and detail, as read back; empty when nothing was sent.
        change_id: its name in the journal.
        refused: it was an error, which was printed.
        replayed: it is the result of an earlier call of the same.
    """

    ends: Mapping[str, tuple[str, str]]
    change_id: str | None = None
    refused: bool = False
    replayed: bool = False


class Updates:
    """Calls that rewrite titles and descriptions.

    Args:
        assembly: what they run on.
        said_yes: asks the person.
    """

    def __init__(self, assembly: "Assembly", said_yes: SaidYes) -> None:
        self._plans = assembly.plans
        self._account = assembly.parts.account
        self._guard = assembly.parts.guard
        self._writes = assembly.parts.writes
        self._said_yes = said_yes
        self._stopping = False

    def stop(self) -> None:
        """Go on with no call; what is being sent is sent."""
        self._stopping = True

    async def send(self, texts: Sequence[NewText]) -> Applied:
        """Send new texts, at most 500, going on for as long as that brings anything."""
        operation = update(self._account, texts, meant, self._writes.history)
        plan_id = await waiting_plan(self._plans, self._guard, _CALLER, operation)
        ask = AtTheTerminal(self._guard, self._said_yes, plan_id, "apply the file again")
        try:
            written = await self._writes.run(_caller(), operation, ask)
        except FwError as refused:
            print(for_a_person(refused))
            return Applied({}, refused=True)
        if isinstance(written, Waiting):
            self._tell(written)
        if not isinstance(written, Done):
            return Applied({})
        done, was_refused = await self._gone_on_with(written)
        return Applied(
            {end.guid or "": (end.outcome, end.detail) for end in done.ends.values()},
            done.change_id,
            was_refused,
            bool(done.replayed),
        )

    def _tell(self, waiting: Waiting) -> None:
        if self._guard.limits.confirm is Confirm.APPROVE:
            print(waiting.plan.question)
            print(waiting.message)
        else:
            print("The images changed while the question was open.")

    async def _gone_on_with(self, done: Done) -> tuple[Done, bool]:
        """What came of it once going on brings nothing more, and whether going on was refused."""
        before = -1
        while (handle := _handle(done)) and _count(done) > before and not self._stopping:
            before = _count(done)
            try:
                further = await self._writes.go_on(
                    _caller(),
                    handle,
                    TOOL,
                    lambda kept: update_again(self._account, kept, meant, self._writes.history),
                )
            except FwError as refused:
                print(for_a_person(refused))
                return done, True
            done = further if isinstance(further, Done) else done
        return done, False


def _caller() -> Caller:
    return Caller(_CALLER, told)


def _handle(done: Done) -> str | None:
    """What names the call, while a further run may do what is left, and nobody must look first."""
    unlooked = any(end.detail == HELD_BACK for end in done.ends.values())
    return done.change_id if any(map(may_go_on, done.ends.values())) and not unlooked else None


def _count(done: Done) -> int:
    return sum(end.outcome is Outcome.UPDATED for end in done.ends.values())


_MOST_A_CALL = 500
_LEFT = 7
_SHORTEST_RUN = 3
_UPDATED = "updated"
_NOT_SENT = "not sent"
_NOT_CONFIRMED = "not confirmed"
_INTERRUPTED = "interrupted, possibly sent"
_BAD = frozenset({"failed", "unknown"})
_FINE = frozenset({_UPDATED, Verdict.UNCHANGED, Verdict.LEFT_ALONE})
_AGAIN = (
    "Fix the rows named above and apply the file again; rows already as wanted count as unchanged."
)
_REPLAYED = "this was sent recently and then changed back; apply again in ten minutes"


def apply(assembly: "Assembly", own: Mapping[str, object], said_yes: SaidYes = typed_yes) -> int:
    """Send the changed rows; where products would go, only after a yes.

    Args:
        assembly: whose library.
        own: the file.
        said_yes: asks the person.

    Returns:
        0 when every edited row is as wished; 7 when some are left, which were named.

    Raises:
        FwError: the spreadsheet cannot be used, or the images could not be read.
    """
    code = _LEFT
    with opened(Path(str(own["file"]))) as sheet, told_to_a_person():
        code = anyio.run(_apply, assembly, sheet, said_yes)
    return code  # noqa: RET504  it is the first value where nobody read on


async def _apply(
    assembly: "Assembly", sheet: "Spreadsheet", said_yes: Callable[[str], bool]
) -> int:
    try:
        applying = Applying(assembly, Updates(assembly, said_yes))
        with stop_signals(applying.stop):
            fault = await applying.through(sheet)
    finally:
        await assembly.aclose()
    print(applying.summed_up())
    if fault is not None:
        raise fault
    return _LEFT if applying.left else 0


class Applying:
    """One spreadsheet on its way into the library.

    Rows wait until a call is full, those that would ask apart from the others; right before the
    call they are read and compared once more.

    Args:
        assembly: whose library.
        updates: how they are sent.
    """

    def __init__(self, assembly: "Assembly", updates: Updates) -> None:
        self._account = assembly.parts.account
        self._most_that_ask = assembly.parts.guard.limits.items_per_call
        self._updates = updates
        self._plain: list[SheetRow] = []
        self._selling: list[SheetRow] = []
        self._ends: Counter[str] = Counter()
        self._stopped = False

    @property
    def left(self) -> bool:
        """Whether a row that was edited is not as wished."""
        return self._stopped or not _FINE.issuperset(self._ends)

    async def through(self, sheet: "Spreadsheet") -> FwError | None:
        """Take every row to its end; the error that ended it before, if one did."""
        ended = False
        try:
            with told_to_a_person():
                await self._through(sheet)
                ended = True
        except FwError as fault:
            return fault
        finally:
            self._stopped |= not ended
            self._leave([*self._plain, *self._selling])
        return None

    def stop(self) -> None:
        """Look at no further row; what is being sent is sent, and its end is told."""
        tell("Stopping after the current step; press again to stop at once.")
        self._stopped = True
        self._updates.stop()

    def summed_up(self) -> str:
        """How the rows ended, and what to do next."""
        counts = "; ".join(f"{count} {end}" for end, count in self._ends.items())
        lines = [f"Rows: {self._ends.total()}. {counts or 'Nothing was sent'}."]
        if self._stopped:
            lines.append("Stopped: other rows were not processed.")
        if self.left:
            lines.append(_AGAIN)
        return "\n".join(lines)

    async def _through(self, sheet: "Spreadsheet") -> None:
        async with aclosing(each_compared(self._account, sheet.rows())) as each:
            async for one in each:
                await self._take(one)
                if self._stopped:
                    return
        await self._send(self._plain)
        await self._send(self._selling)

    def _leave(self, rows: "Sequence[SheetRow]", why: str = _NOT_SENT) -> None:
        """Name rows of which nothing was sent."""
        if rows:
            self._ends[why] += len(rows)
            print(f"{why.capitalize()}: rows {_listed([row.number for row in rows])}.")

    async def _take(self, one: Compared) -> None:
        if one.verdict is not Verdict.CHANGES:
            self._tell(one)
            return
        rows = self._selling if one.sells else self._plain
        rows.append(one.row)
        if len(rows) == (self._most_that_ask if one.sells else _MOST_A_CALL):
            await self._send(rows)

    def _tell(self, one: Compared) -> None:
        if one.verdict is not Verdict.CHANGES:
            self._ends[one.verdict] += 1
        for line in one.lines():
            print(line)

    async def _send(self, rows: "list[SheetRow]") -> None:
        """Send what still changes of these rows in one call, and empty the list."""
        if self._stopped or not rows:
            return
        again = await compared(self._account, rows)
        changing = {one.row.guid: one for one in again if one.verdict is Verdict.CHANGES}
        rows[:] = [one.row for one in changing.values()]
        for one in again:
            self._tell(one)
        if changing:
            sent = None
            try:
                sent = await self._updates.send([one.update() for one in changing.values()])
            finally:
                if sent is None:
                    self._leave(rows, _INTERRUPTED)
                rows.clear()
            await self._settle(sent, changing)

    async def _settle(self, sent: Applied, changing: Mapping[str, Compared]) -> None:
        self._stopped |= sent.refused
        if not sent.ends:
            why = _NOT_SENT if sent.refused else _NOT_CONFIRMED
            self._leave([one.row for one in changing.values()], why)
            return
        ends = await self._ends_now(changing) if sent.replayed else sent.ends
        outcomes = Counter(_name(end) for end in ends.values())
        self._ends += outcomes
        counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
        undo = f" fw-mcp undo {sent.change_id} undoes it."
        print(f"As read back: {counts}.{undo if outcomes[_UPDATED] else ''}")
        for guid, end in ends.items():
            if _name(end) not in _FINE:
                why = f": {row_for_a_person(end[1])}" if end[1] else ""
                print(f"    row {changing[guid].row.number}  {guid}  {end[0]}{why}")
        # A service that takes nothing would only leave more behind that nobody knows the end of.
        self._stopped |= not outcomes[_UPDATED] and not _BAD.isdisjoint(outcomes)

    async def _ends_now(self, changing: Mapping[str, Compared]) -> Mapping[str, tuple[str, str]]:
        """How the rows stand that an earlier call was to change."""
        again = await compared(self._account, [one.row for one in changing.values()])
        return {
            one.row.guid: (_UPDATED, "")
            if one.verdict is Verdict.UNCHANGED
            else (_NOT_SENT, _REPLAYED)
            for one in again
        }


def _listed(numbers: Sequence[int]) -> str:
    """SheetRow numbers in order, three and more in a row as the first and the last of them."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    shortened = (run if len(run) < _SHORTEST_RUN else [f"{run[0]}-{run[-1]}"] for run in runs)
    return ", ".join(str(one) for run in shortened for one in run)


def _name(end: tuple[str, str]) -> str:
    return Verdict.UNCHANGED if end[1].startswith(ALREADY) else end[0]
