"""The journal for a person: `fw-mcp changes`, exported too, and `fw-mcp reconcile`."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import anyio

from fw_mcp.cli.main import exit_code
from fw_mcp.cli.output import STDOUT, new_file, tell, typed_yes
from fw_mcp.cli.refusals import for_a_person, row_for_a_person
from fw_mcp.cli.terminal import forgotten
from fw_mcp.errors import ApiError, GuardError, Reason
from fw_mcp.store.accounts import is_named, join
from fw_mcp.store.database import IN_THIS_PROCESS, Store
from fw_mcp.store.history import History
from fw_mcp.store.journal import Journal
from fw_mcp.text import counted, quoted, shown, timed
from fw_mcp.writes.changes import ChangeTold, change_told
from fw_mcp.writes.outcomes import ends_of
from fw_mcp.writes.run import name_of

if TYPE_CHECKING:
    from fw_mcp.assembly import Assembly
    from fw_mcp.store.journal import Change, Item, Unsettled
    from fw_mcp.writes.outcomes import Ends

PER_PAGE = 25
_HIRES = "private_hires_uri"
_UNSETTLED = 7
_DECLINED = 1
_NAMED = 5
# With these the service is out of reach for every entry.
_HOPELESS = frozenset({3, 4})


def show_changes(assembly: "Assembly", own: Mapping[str, object]) -> int:
    """Print a page of changes, or export all of them.

    Raises:
        ConfigError: the file exists, or cannot be written.
    """
    assembly.mean_the_stores_account()
    file = own["export"]
    if file is None:
        code = list_changes(assembly, int(str(own["page"])))
    else:
        code = export_changes(assembly, None if file == STDOUT else Path(str(file)))
    anyio.run(_tell_of_others, assembly)
    return code


def list_changes(assembly: "Assembly", page_number: int) -> int:
    """Print a page of changes, newest first."""
    changes, count = anyio.run(_page, assembly, page_number)
    for change in changes:
        print(told(change))
    print(_where(page_number, len(changes), count) + ("" if count else forgotten(assembly)))
    return 0


def export_changes(assembly: "Assembly", file: Path | None) -> int:
    """Write every change with its entries as a line of JSON, oldest first.

    Args:
        assembly: whose journal.
        file: a new one; None writes to stdout.

    Raises:
        ConfigError: the file exists, or cannot be written.
    """
    if file is None:
        anyio.run(_export, assembly, sys.stdout)
        return 0
    with new_file(file) as out:
        count = anyio.run(_export, assembly, out)
    tell(f"Changes written to {file}: {count}.")
    return 0


def reconcile_changes(
    assembly: "Assembly",
    own: Mapping[str, object],
    said_yes: Callable[[str], bool] = typed_yes,
) -> int:
    """Settle every write without a known outcome by reading the service, and print how it ended.

    Args:
        assembly: whose journal.
        own: the former name of the account to take over first; None for none.
        said_yes: asks the person about that.

    Returns:
        0 when nothing is left open; otherwise the code of the error that kept it open, or 7.

    Raises:
        FwError: the account cannot be taken over; nothing was.
    """
    former = own["adopt"]
    if former is not None and not anyio.run(_adopted, assembly, str(former), said_yes):
        print("Nothing was taken over.")
        return _DECLINED
    code = anyio.run(_reconcile, assembly, print)
    anyio.run(_tell_of_others, assembly)
    return code


async def _adopted(assembly: "Assembly", former: str, said_yes: Callable[[str], bool]) -> bool:
    """Take over what stands under a former name of this account, if a person agrees."""
    database = assembly.database
    try:
        await assembly.parts.writes.identify()
        # A sandbox in memory neither keeps what it takes over, nor leaves anything to take.
        is_kept = not database.account.startswith(IN_THIS_PROCESS)
        others = [
            one
            for one in (database.accounts() if is_kept else ())
            if one != database.account and not one.startswith(IN_THIS_PROCESS)
        ]
        if former not in others:
            raise _cannot_adopt(
                f"No other account {quoted(former, 40)} has changes or plans on this store.",
                f"Others on it: {', '.join(others) or 'none'}.",
            )
        if await database.run(lambda connection: is_named(connection, former)):
            raise _cannot_adopt(
                f"{former} is another account: FinerWorks itself named it.",
                "Set its keys to see and resolve its changes.",
            )
        return await _asked_and_joined(database, database.of(former), said_yes)
    finally:
        await assembly.aclose()


async def _asked_and_joined(database: Store, other: Store, said_yes: Callable[[str], bool]) -> bool:
    former, account = other.account, database.account
    writes = Journal(other, time.time)
    try:
        newest, count = await History(other).page(1, _NAMED)
        open_ = await writes.unsettled()
        # An older fw-mcp may be at one of them still.
        async with other.exclusive(*(name_of(one.change_id) for one in open_)):
            print(f"{count} changes of {former}, {len(open_)} of them unfinished; the newest:")
            for change in newest:
                print(told(change_told(change)))
            agreed = said_yes(
                f"They would become changes of {account}, the account whose keys are set. This "
                "cannot be undone. Do it only if both keys belong to the same library."
            )
            if agreed:
                await database.run(lambda connection: join(connection, former, account))
                print(f"Taken over: {count} changes of {former} are {account}'s now.")
        return agreed
    finally:
        other.close()


def _cannot_adopt(what: str, next_step: str) -> GuardError:
    return GuardError(
        what,
        state="Nothing was taken over.",
        next_step=next_step,
        reason=Reason.INVALID_ARGUMENTS,
    )


async def _tell_of_others(assembly: "Assembly") -> None:
    """Say that there is more in the store than this account is shown."""
    try:
        others = await assembly.parts.writes.journal.others()
    finally:
        assembly.database.close()
    if not others.accounts:
        return
    theirs = counted(others.open, "unfinished change")
    left = (
        f" They have {theirs}: run this with their keys, or, if those are former keys of yours, "
        "run fw-mcp reconcile --adopt ACCOUNT with your new ones."
    )
    tell(f"Other accounts on this store: {others.accounts}.{left if others.open else ''}")


def told(change: ChangeTold) -> str:
    """A change in two or three lines."""
    counts = ", ".join(f"{count} {outcome}" for outcome, count in change.outcomes.items())
    parts = [
        f"by {quoted(change.caller)}",
        change.accepted,
        f"undoes {change.undoes}" if change.undoes else "",
        f"undone by {', '.join(change.undone_by)}" if change.undone_by else "",
    ]
    lines = [
        f"{timed(change.begun_at)}  {change.change_id}  {change.tool}: {counts or 'nothing'}",
        "    " + "; ".join(part for part in parts if part),
    ]
    if not change.finished:
        lines.append(
            "    unfinished: it is still running, or its process ended before it was done; "
            "fw-mcp reconcile resolves it"
        )
    return "\n".join(lines)


async def _page(assembly: "Assembly", page_number: int) -> tuple[list[ChangeTold], int]:
    try:
        return await assembly.parts.writes.changes.page(page_number, PER_PAGE)
    finally:
        await assembly.aclose()


def _where(page_number: int, shown_here: int, count: int) -> str:
    if not count:
        return "No changes recorded yet."
    pages = -(-count // PER_PAGE)
    if not shown_here:
        return f"There is no page {page_number}; total pages: {pages}."
    more = f" fw-mcp changes --page {page_number + 1} shows more." if page_number < pages else ""
    return f"Page {page_number} of {pages}; total changes: {count}.{more}"


async def _export(assembly: "Assembly", out: TextIO) -> int:
    count = 0
    try:
        async with aclosing(assembly.parts.writes.history.everything()) as changes:
            async for change, items in changes:
                line = _line(change, items, show_hires=assembly.settings.show_hires)
                out.write(json.dumps(line) + "\n")
                count += 1
        out.flush()
    finally:
        await assembly.aclose()
    return count


def _line(change: "Change", items: "list[Item]", *, show_hires: bool) -> dict[str, Any]:
    line = {
        "change_id": change.change_id,
        "tool": change.tool,
        "caller": change.caller,
        "client": change.client,
        "plan_id": change.plan_id,
        "accepted": change.accepted,
        "undoes": change.undoes,
        "begun_at": _utc(change.begun_at),
        "ended_at": _utc(change.ended_at),
        "finished": all(one.finished_at is not None for one in items),
        "items": [_item(one) for one in items],
    }
    return line if show_hires else _without_hires(line)


def _item(item: "Item") -> dict[str, Any]:
    return {
        "item": item.item,
        "kind": item.kind or None,
        "guid": item.guid,
        "begun_at": _utc(item.begun_at),
        "finished_at": _utc(item.finished_at),
        "outcome": item.outcome,
        "detail": item.detail,
        "sent": item.sent,
        "before": item.before,
        "after": item.after,
    }


def _without_hires(value: Any) -> Any:  # noqa: ANN401  JSON of any shape
    if isinstance(value, dict):
        return {name: _without_hires(one) for name, one in value.items() if name != _HIRES}
    if isinstance(value, list):
        return [_without_hires(one) for one in value]
    return value


async def _reconcile(assembly: "Assembly", say: Callable[[str], None]) -> int:
    journal = assembly.parts.writes.journal
    try:
        open_before = await journal.unsettled()
        codes = [0]
        for change in open_before:
            codes.append(await _settled(assembly, change, say))
            if codes[-1] in _HOPELESS:
                break
        left = {one.change_id for one in await journal.unsettled()}
    finally:
        await assembly.aclose()
    still_open = [one for one in open_before if one.change_id in left]
    if not still_open:
        say(f"Unfinished writes resolved: {len(open_before)}; none are left.")
        return 0
    settled = len(open_before) - len(still_open)
    say(f"Unfinished writes resolved: {settled}; unresolved: {len(still_open)}.")
    return max(codes, key=lambda code: (code not in {0, _UNSETTLED}, code)) or _UNSETTLED


async def _settled(assembly: "Assembly", unsettled: "Unsettled", say: Callable[[str], None]) -> int:
    """Settle one change if that can be done; the exit code that tells why it could not."""
    writes = assembly.parts.writes
    say(f"{timed(unsettled.begun_at)}  {unsettled.change_id}  {unsettled.tool}")
    change = await writes.history.change(unsettled.change_id)
    if change is None:
        return 0
    known = ends_of(await writes.history.items(change.change_id))
    try:
        ended = await writes.settle(change)
    except GuardError:
        say("    skipped: it is still running; run this again in a minute")
        return _UNSETTLED
    except ApiError as fault:
        say(f"    unresolved: {for_a_person(fault)}")
        return exit_code(fault)
    _tell({item: end for item, end in ended.items() if known.get(item) != end}, say)
    return 0


def _tell(ended: "Ends", say: Callable[[str], None]) -> None:
    for end in ended.values():
        name = shown(end.guid or "", 40).text or quoted(end.file_name)
        detail = f" | {row_for_a_person(end.detail)}" if end.detail else ""
        say(f"    {end.outcome}: {name}{detail}")


def _utc(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
