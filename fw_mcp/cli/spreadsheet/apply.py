"""`fw-mcp apply FILE.csv`: send what changed, and say what became of each row."""

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from mcp.client import Client
from mcp.types import ElicitRequestParams, ElicitResult, Implementation, TextContent

from fw_mcp import __version__
from fw_mcp.cli.output import told_to_a_person, typed_yes
from fw_mcp.cli.serve import parts_of
from fw_mcp.cli.spreadsheet.compare import Compared, Verdict, compared, each_compared
from fw_mcp.cli.spreadsheet.sheet import opened
from fw_mcp.errors import FwError
from fw_mcp.guard.guard import Confirm
from fw_mcp.guard.targets import digest
from fw_mcp.server.app import build_server
from fw_mcp.server.stdio import stop_signals
from fw_mcp.writes.job import ALREADY

if TYPE_CHECKING:
    from mcp.client import ClientRequestContext
    from mcp.types import CallToolResult

    from fw_mcp.assembly import Assembly
    from fw_mcp.cli.spreadsheet.sheet import Row, Sheet

Update = Mapping[str, str]
SaidYes = Callable[[str], bool]

_TOOL = "update_image_metadata"
_CLIENT = "fw-mcp apply"
# What the journal and the plans call whoever calls from here.
_CALLER = f"stdio:{_CLIENT}"
_UPDATED_OUTCOMES = "updated"
_UNCONFIRMED = frozenset({"confirmation_required", "declined"})
_YES = ElicitResult(action="accept", content={"confirm": True})
_NO = ElicitResult(action="decline")


@dataclass(frozen=True, slots=True)
class Sent:
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


def connected(assembly: "Assembly", said_yes: SaidYes) -> Client:
    """A client of a server on these parts, in this process.

    Args:
        assembly: the parts.
        said_yes: asks the person what the server asks.
    """

    async def answer(
        context: "ClientRequestContext",  # noqa: ARG001  the SDK's signature
        params: ElicitRequestParams,
    ) -> ElicitResult:
        return _YES if said_yes(params.message) else _NO

    parts = parts_of(assembly)
    return Client(
        build_server(parts),
        elicitation_callback=answer,
        client_info=Implementation(name=_CLIENT, version=__version__),
        cache=None,
    )


class Updates:
    """Calls of `update_image_metadata`.

    Args:
        assembly: what the server runs on.
        client: from `connected`.
        said_yes: asks the person, where the operator wants a second call.
    """

    def __init__(self, assembly: "Assembly", client: Client, said_yes: SaidYes) -> None:
        self._assembly = assembly
        self._client = client
        self._said_yes = said_yes
        self._confirm = assembly.guard.limits.confirm
        self._stopping = False

    def stop(self) -> None:
        """Go on with no call; what is being sent is sent."""
        self._stopping = True

    async def send(self, images: Sequence[Update]) -> Sent:
        """Send new texts, at most 500, going on for as long as that brings anything."""
        plan_id = await self._plan_for(images)
        result = await self._call(images=images, **({"plan_id": plan_id} if plan_id else {}))
        if result.get("status") == "confirmation_required":
            result = await self._confirmed(result, images)
        if not result:
            return Sent({}, refused=True)
        if result["status"] in _UNCONFIRMED:
            return Sent({})
        result, refused = await self._gone_on_with(result)
        return Sent(
            {row["guid"]: (row["outcome"], row.get("detail", "")) for row in result["images"]},
            result.get("change_id"),
            refused,
            bool(result.get("replayed")),
        )

    async def _call(self, **arguments: object) -> dict[str, Any]:
        """What the tool gave; nothing when it refused, and said why."""
        result = await self._client.call_tool(_TOOL, arguments, progress_callback=_progress)
        if not result.is_error:
            return result.structured_content or {}
        print(_text(result))
        return {}

    async def _plan_for(self, images: Sequence[Update]) -> str | None:
        """The open plan of a former run for this very call; a person may have approved it."""
        if self._confirm is not Confirm.APPROVE:
            return None
        this = _TOOL, _CALLER, digest(sorted(images, key=lambda image: image["guid"]))
        pending = await self._assembly.plans.pending(self._assembly.guard.now())
        return next(
            (
                plan.plan_id
                for plan in pending
                if (plan.tool, plan.caller, plan.arguments_digest) == this
            ),
            None,
        )

    async def _confirmed(self, result: dict[str, Any], images: Sequence[Update]) -> dict[str, Any]:
        """The result after a yes to its plan; as it is where the yes is not given here."""
        if self._confirm is Confirm.PLAN and self._said_yes(result["question"]):
            return await self._call(images=images, plan_id=result["plan_id"])
        if self._confirm is Confirm.APPROVE:
            print(result["question"])
            print(
                f"Until {result['expires_at']}, fw-mcp approve {result['plan_id']} lets it "
                "through; then apply the file again."
            )
        elif self._confirm is Confirm.AUTO:
            print("The images changed while the question was open.")
        return result

    async def _gone_on_with(self, result: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """The result once going on brings nothing more, and whether going on was refused."""
        before = -1
        while (handle := result.get("continue_handle")) and _done(result) > before:
            if self._stopping:
                break
            before = _done(result)
            further = await self._call(continue_handle=handle)
            if not further:
                return result, True
            result = further
        return result, False


async def _progress(progress: float, total: float | None, message: str | None) -> None:
    print(f"... {message or f'{progress:g} of {total or 0:g}'}", file=sys.stderr)


def _done(result: Mapping[str, Any]) -> int:
    return int(result["outcomes"].get(_UPDATED_OUTCOMES, 0))


def _text(result: "CallToolResult") -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


_MOST_A_CALL = 500
_LEFT = 7
_SHORTEST_RUN = 3
_UPDATED = "updated"
_NOT_SENT = "not sent"
_NOT_CONFIRMED = "not confirmed"
_INTERRUPTED = "interrupted, and perhaps sent"
_BAD = frozenset({"failed", "unknown"})
_FINE = frozenset({_UPDATED, Verdict.UNCHANGED, Verdict.LEFT_ALONE})
_AGAIN = (
    "What is left is named above. Put it right and apply the file again: what is as wished by then "
    "counts as unchanged."
)
_REPLAYED = "the same was sent a while ago and changed back since; apply again in ten minutes"


def apply(
    assembly: "Assembly", own: Mapping[str, object], said_yes: Callable[[str], bool] = typed_yes
) -> int:
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


async def _apply(assembly: "Assembly", sheet: "Sheet", said_yes: Callable[[str], bool]) -> int:
    try:
        async with connected(assembly, said_yes) as client:
            applying = Applying(assembly, Updates(assembly, client, said_yes))
            with stop_signals(applying.stop):
                # Raised in here, the client's own tasks would wrap it.
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
        self._account = assembly.account
        self._most_that_ask = assembly.guard.limits.items_per_call
        self._updates = updates
        self._plain: list[Row] = []
        self._selling: list[Row] = []
        self._ends: Counter[str] = Counter()
        self._stopped = False

    @property
    def left(self) -> bool:
        """Whether a row that was edited is not as wished."""
        return self._stopped or not _FINE.issuperset(self._ends)

    async def through(self, sheet: "Sheet") -> FwError | None:
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
        print("Stopping once what is under way has ended; again ends it at once.", file=sys.stderr)
        self._stopped = True
        self._updates.stop()

    def summed_up(self) -> str:
        """How the rows ended, and what to do next."""
        counts = "; ".join(f"{count} {end}" for end, count in self._ends.items())
        lines = [f"Rows: {self._ends.total()}. {counts or 'Nothing was sent'}."]
        if self._stopped:
            lines.append("Stopped: rows that are not counted here were not looked at.")
        if self.left:
            lines.append(_AGAIN)
        return "\n".join(lines)

    async def _through(self, sheet: "Sheet") -> None:
        async with aclosing(each_compared(self._account, sheet.rows())) as each:
            async for one in each:
                await self._take(one)
                if self._stopped:
                    return
        await self._send(self._plain)
        await self._send(self._selling)

    def _leave(self, rows: "Sequence[Row]", why: str = _NOT_SENT) -> None:
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

    async def _send(self, rows: "list[Row]") -> None:
        """Send what still changes of these rows in one call, and empty the list."""
        if self._stopped or not rows:
            return
        again = await compared(self._account, rows)
        changing = {one.row.guid: one for one in again if one.verdict is Verdict.CHANGES}
        rows[:] = [one.row for one in changing.values()]
        for one in again:
            self._tell(one)
        if changing:
            try:
                sent = await self._updates.send([one.update() for one in changing.values()])
            except anyio.get_cancelled_exc_class():
                self._leave(rows, _INTERRUPTED)
                rows.clear()
                raise
            rows.clear()
            await self._settle(sent, changing)

    async def _settle(self, sent: Sent, changing: Mapping[str, Compared]) -> None:
        self._stopped |= sent.refused
        if not sent.ends:
            why = _NOT_SENT if sent.refused else _NOT_CONFIRMED
            self._leave([one.row for one in changing.values()], why)
            return
        ends = await self._ends_now(changing) if sent.replayed else sent.ends
        outcomes = Counter(_name(end) for end in ends.values())
        self._ends += outcomes
        counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
        undo = f" The assistant can take it back: undo_change with change_id {sent.change_id}."
        print(f"As read back: {counts}.{undo if outcomes[_UPDATED] else ''}")
        for guid, end in ends.items():
            if _name(end) not in _FINE:
                why = f": {end[1]}" if end[1] else ""
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
    """Row numbers in order, three and more in a row as the first and the last of them."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    shortened = (run if len(run) < _SHORTEST_RUN else [f"{run[0]}-{run[-1]}"] for run in runs)
    return ", ".join(str(one) for run in shortened for one in run)


def _name(end: tuple[str, str]) -> str:
    return Verdict.UNCHANGED if end[1] == ALREADY else end[0]
