"""The journal for a person: `fw-mcp changes`, `fw-mcp export-changes` and `fw-mcp reconcile`."""

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import anyio

from fw_mcp.cli.main import exit_code
from fw_mcp.cli.output import new_file, until_the_reader_has_enough
from fw_mcp.errors import ApiError
from fw_mcp.text import quoted, shown
from fw_mcp.writes.changes import Summary, accepted_how, being_written
from fw_mcp.writes.reconcile import reconcile as reconciled

if TYPE_CHECKING:
    from fw_mcp.assembly import Assembly
    from fw_mcp.store.history import Entry
    from fw_mcp.store.journal import Change, Unsettled
    from fw_mcp.writes.job import Ends

PER_PAGE = 25
_HIRES = "private_hires_uri"
_UNSETTLED = 7
# With these the service is out of reach for every entry.
_HOPELESS = frozenset({3, 4})


def list_changes(assembly: "Assembly", own: Mapping[str, object]) -> int:
    """Print a page of changes, newest first."""
    page_number = int(str(own["page"]))
    changes, count = anyio.run(_page, assembly, page_number)
    for change in changes:
        print(told(change))
    print(_where(page_number, len(changes), count))
    return 0


def export_changes(assembly: "Assembly", own: Mapping[str, object]) -> int:
    """Write every change with its entries as a line of JSON, oldest first.

    Raises:
        ConfigError: the file exists, or cannot be written.
    """
    file = own["file"]
    if file is not None:
        with new_file(Path(str(file))) as out:
            count = anyio.run(_export, assembly, out)
        print(f"Changes written to {file}: {count}.", file=sys.stderr)
        return 0
    with until_the_reader_has_enough():
        anyio.run(_export, assembly, sys.stdout)
    return 0


def reconcile(assembly: "Assembly", _: Mapping[str, object]) -> int:
    """Settle every write without a known outcome by reading the service, and print how it ended.

    Returns:
        0 when nothing is left open; otherwise the code of the error that kept it open, or 7.
    """
    return anyio.run(_reconcile, assembly, print)


def told(change: Summary) -> str:
    """A change in two or three lines."""
    counts = ", ".join(f"{count} {outcome}" for outcome, count in change.outcomes.items())
    parts = [
        f"by {quoted(change.caller)}",
        accepted_how(change),
        f"undoes {change.undoes}" if change.undoes else "",
        f"undone by {', '.join(change.undone_by)}" if change.undone_by else "",
    ]
    lines = [
        f"{_local(change.begun_at)}  {change.change_id}  {change.tool}: {counts or 'nothing'}",
        "    " + "; ".join(part for part in parts if part),
    ]
    if not change.finished:
        lines.append(
            "    unfinished: it is still under way, or its process ended during it; "
            "fw-mcp reconcile settles it"
        )
    return "\n".join(lines)


async def _page(assembly: "Assembly", page_number: int) -> tuple[list[Summary], int]:
    try:
        return await assembly.changes.history.page(page_number, PER_PAGE)
    finally:
        await assembly.aclose()


def _where(page_number: int, shown_here: int, count: int) -> str:
    if not count:
        return "Nothing was changed yet."
    pages = -(-count // PER_PAGE)
    if not shown_here:
        return f"There is no page {page_number}; pages in all: {pages}."
    more = f" fw-mcp changes --page {page_number + 1} goes on." if page_number < pages else ""
    return f"Page {page_number} of {pages}; changes in all: {count}.{more}"


async def _export(assembly: "Assembly", out: TextIO) -> int:
    count = 0
    try:
        async with aclosing(assembly.changes.history.everything()) as changes:
            async for change, entries in changes:
                line = _line(change, entries, show_hires=assembly.settings.show_hires)
                out.write(json.dumps(line) + "\n")
                count += 1
        out.flush()
    finally:
        await assembly.aclose()
    return count


def _line(change: "Change", entries: "list[Entry]", *, show_hires: bool) -> dict[str, Any]:
    line = {
        "change_id": change.change_id,
        "tool": change.tool,
        "caller": change.caller,
        "plan_id": change.plan_id,
        "accepted": change.accepted,
        "undoes": change.undoes,
        "begun_at": _utc(change.begun_at),
        "ended_at": _utc(change.ended_at),
        "finished": all(entry.finished_at is not None for entry in entries),
        "entries": [_entry(entry) for entry in entries],
    }
    return line if show_hires else _without_hires(line)


def _entry(entry: "Entry") -> dict[str, Any]:
    return {
        "entry_id": entry.entry_id,
        "kind": entry.kind,
        "begun_at": _utc(entry.begun_at),
        "finished_at": _utc(entry.finished_at),
        "intent": entry.intent,
        "former": entry.former,
        "outcome": entry.outcome if entry.finished_at is not None else None,
    }


def _without_hires(value: Any) -> Any:  # noqa: ANN401  JSON of any shape
    if isinstance(value, dict):
        return {name: _without_hires(one) for name, one in value.items() if name != _HIRES}
    if isinstance(value, list):
        return [_without_hires(one) for one in value]
    return value


async def _reconcile(assembly: "Assembly", say: Callable[[str], None]) -> int:
    try:
        open_before = await assembly.journal.unsettled()
        codes = [0]
        for entry in open_before:
            codes.append(await _settled(assembly, entry, say))
            if codes[-1] in _HOPELESS:
                break
        left = {one.entry_id for one in await assembly.journal.unsettled()}
    finally:
        await assembly.aclose()
    still_open = [one for one in open_before if one.entry_id in left]
    if not still_open:
        say(f"Open writes settled: {len(open_before)}; nothing is left open.")
        return 0
    say(f"Open writes settled: {len(open_before) - len(still_open)}; left open: {len(still_open)}.")
    return max(codes, key=lambda code: (code not in {0, _UNSETTLED}, code)) or _UNSETTLED


async def _settled(assembly: "Assembly", unsettled: "Unsettled", say: Callable[[str], None]) -> int:
    """Settle one entry if that can be done; the exit code that tells why it could not."""
    journal, history = assembly.journal, assembly.changes.history
    when = _local(unsettled.begun_at)
    say(f"#{unsettled.entry_id}  {when}  {unsettled.change_id}  {unsettled.tool}")
    if unsettled.of_another(journal.account):
        say("    left open: it was made with another account's keys; run this again with those")
        return _UNSETTLED
    if being_written(unsettled, journal.now()):
        say(
            "    left alone: another process may still be writing it; run this again in two minutes"
        )
        return _UNSETTLED
    entry = await history.entry(unsettled.entry_id)
    if entry is None:
        return 0
    known = {one["item"] for one in entry.outcome if one["outcome"] != "unknown"}
    try:
        ended = await reconciled(assembly.account, history, entry)
    except ApiError as fault:
        say(f"    left open: {fault}")
        return exit_code(fault)
    _tell(entry, {item: end for item, end in ended.items() if item not in known}, say)
    return 0


def _tell(entry: "Entry", ended: "Ends", say: Callable[[str], None]) -> None:
    sent = {one["item"]: one for one in entry.intent}
    for item, end in ended.items():
        one = sent.get(item, {})
        name = shown(end.guid or one.get("guid") or "", 40).text or quoted(one.get("file_name"))
        say(f"    {end.outcome}: {name}{f' | {end.detail}' if end.detail else ''}")


def _local(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).astimezone().isoformat(timespec="seconds")


def _utc(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
