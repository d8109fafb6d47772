"""One cell of the matrix: a call, a fault on one of its requests, and everything that must hold."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mcp.client import Client
from mcp.types import CallToolResult

from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from fw_mcp.store.journal import Item
from tests.faults.calls import Arguments, Asked, Call
from tests.faults.goals import THERE, Goal, Row
from tests.faults.matrix import Spoilt, places
from tests.faults.stage import Held, Stage
from tests.support.studio import said
from tests.support.truth import rows_of

_GOOD = THERE | {"deleted"}
_FINISHED = _GOOD | {"already_gone", "not_found", "skipped"}
_THEIRS = "somebody-else.jpg"
_WAYS_TO_FIND_OUT = ("search_images", "finerworks://selections/")
_MOST_CALLS = 4


async def cells(
    stage: Stage, client: Client, call: Call, endpoint: str, faults: Iterable[Fault]
) -> list[Spoilt]:
    """The cells of a call: each of the faults on the requests it makes of an endpoint."""
    calls = await _calls(stage, client, call, endpoint)
    return [spoilt for fault in faults for spoilt in places(fault, endpoint, calls, call.places)]


async def check_cell(stage: Stage, client: Client, call: Call, spoilt: Spoilt) -> None:
    """Run a cell.

    What the service holds is what was asked or what was before; the result claims no more than
    that; the journal explains each difference; and the next calls bring about what was asked.
    """
    guids = await stage.lay(call.images)
    asked = await call.ready(stage, client, guids)
    before = stage.held()
    earlier = max((one.place for one in await stage.items()), default=0)
    stage.wire.sent.clear()
    stage.faults.add(spoilt.fault)
    result = await client.call_tool(asked.tool, dict(asked.arguments))
    assert stage.faults.taken, "the fault did not fall on any request"
    await _check_end(stage, asked, result, before, earlier)
    stage.later()
    await _check_next(stage, client, asked, result, before)


async def _calls(stage: Stage, client: Client, call: Call, endpoint: str) -> int:
    """How many requests of an endpoint the call makes when nothing goes wrong."""
    if (call.name, endpoint) not in stage.counted:
        guids = await stage.lay(call.images)
        asked = await call.ready(stage, client, guids)
        stage.wire.sent.clear()
        result = said(await client.call_tool(asked.tool, dict(asked.arguments)))
        assert result["status"] == "completed", result
        assert asked.goal.is_met(stage.held())
        sent = Counter(one.endpoint for one in stage.wire.sent)
        stage.counted.update(((call.name, name), count) for name, count in sent.items())
    return stage.counted[call.name, endpoint]


async def _check_end(
    stage: Stage, asked: Asked, result: CallToolResult, before: Held, earlier: int
) -> None:
    now = stage.held()
    items = await stage.items(after=earlier)
    assert all(one.finished_at is not None for one in items)
    _check_holdings(stage, asked.goal, before, now)
    if result.is_error:
        # An error is never told of a call that may have written something.
        assert stage.wire.writes == []
        assert items == []
        return
    _check_truth(stage, asked, said(result), before, now)
    _check_record(items, list(_rows(said(result))))
    named = {(one.sent or {}).get("guid") for one in items}
    masters = {(one.sent or {}).get("private_hires_uri") for one in items}
    for guid in _changed(before, now):
        ours = guid in named or (guid in now.images and now.images[guid].hires_uri in masters)
        assert ours or _is_somebodys(stage, guid, before, now), guid
    assert before.selection == now.selection or stage.selection in named


def _check_record(items: Sequence[Item], rows: Sequence[Row]) -> None:
    """The journal holds the outcomes that the result told."""
    sent = {one.item for one in items}
    ended = {one.item: one.outcome for one in items}
    assert ended == {item: rows[item]["outcome"] for item in ended}
    assert {item for item, row in enumerate(rows) if row["outcome"] == "unknown"} <= sent


def _check_holdings(stage: Stage, goal: Goal, before: Held, now: Held) -> None:
    """Nothing is there twice, nothing is lost, and nothing else was touched."""
    for guid in _changed(before, now):
        image = now.images.get(guid)
        asked = guid in goal.touched or (image is not None and image.hires_uri in goal.added)
        assert asked or _is_somebodys(stage, guid, before, now), guid
    masters = Counter(
        image.hires_uri for image in now.images.values() if image.file_name != _THEIRS
    )
    assert [uri for uri, count in masters.items() if count > 1] == []
    deleted = before.images.keys() - now.images.keys() - goal.touched
    assert len(deleted) <= _fired(stage, FaultKind.SOMEBODY_DELETES), deleted


def _is_somebodys(stage: Stage, guid: str, before: Held, now: Held) -> bool:
    """Whether somebody else, who is one of the faults, added or deleted it."""
    if guid in now.images:
        theirs = guid not in before.images and now.images[guid].file_name == _THEIRS
        return theirs and _fired(stage, FaultKind.SOMEBODY_ADDS) > 0
    return _fired(stage, FaultKind.SOMEBODY_DELETES) > 0


def _check_truth(stage: Stage, asked: Asked, result: Row, before: Held, now: Held) -> None:
    rows = list(_rows(result))
    # What somebody deletes after it was read back makes no liar of the result.
    liars = _fired(stage, FaultKind.SOMEBODY_DELETES)
    for number, row in enumerate(rows):
        item = row.get("index", number)
        try:
            asked.goal.check(row, item, before, now)
        except (AssertionError, KeyError):
            gone = row.get("guid") not in now.images
            if not gone or liars == 0:
                raise
            liars -= 1
        if row["outcome"] == "unknown":
            assert any(way in row["detail"] for way in _WAYS_TO_FIND_OUT), row
        if row["outcome"] == "failed":
            assert row["detail"], row
    good = all(row["outcome"] in _FINISHED for row in rows)
    assert (result["status"] == "completed") == good, result["status"]
    if "outcomes" in result:
        assert Counter(row["outcome"] for row in rows) <= Counter(result["outcomes"])
    if good:
        assert result.get("continue_handle") is None


def _rows(result: Row) -> Iterator[Row]:
    """The rows of a result; a selection is a row of its own."""
    if "outcomes" in result:
        yield from rows_of(result)
    else:
        yield {"detail": result["message"], **result}


async def _check_next(
    stage: Stage, client: Client, asked: Asked, first: CallToolResult, before: Held
) -> None:
    """The same call again is safe, and what is left can be done."""
    robbed = _fired(stage, FaultKind.SOMEBODY_DELETES)
    result = await _called(stage, client, asked, asked.arguments, before)
    for _ in range(_MOST_CALLS):
        _check_holdings(stage, asked.goal, before, stage.held())
        if asked.goal.is_met(stage.held(), robbed):
            break
        result = await _called(stage, client, asked, asked.rest(said(result)), before)
    assert asked.goal.is_met(stage.held(), robbed), (_told(first), _told(result))
    page = said(await client.call_tool("search_images", {"per_page": 1}))
    assert page["count"] == len(stage.held().images)


async def _called(
    stage: Stage, client: Client, asked: Asked, arguments: Arguments, before: Held
) -> CallToolResult:
    """One more call, whose result is as true as the first."""
    held = stage.held()
    result = await client.call_tool(asked.tool, dict(arguments))
    goes_on = "continue_handle" in arguments
    if result.is_error or not (goes_on or arguments == asked.arguments):
        return result
    # A result that goes on with the first call, or is its own, tells what became of that.
    since = before if goes_on or said(result).get("replayed") else held
    _check_truth(stage, asked, said(result), since, stage.held())
    return result


def _told(result: CallToolResult) -> object:
    content: Mapping[str, Any] = result.structured_content or {}
    rows = content.get("images", ())
    details = sorted({f"{row['outcome']}: {row.get('detail')}" for row in rows})
    return content.get("status"), content.get("message", result.content), details


def _changed(before: Held, now: Held) -> list[str]:
    guids = {**before.images, **now.images}
    return [guid for guid in guids if before.images.get(guid) != now.images.get(guid)]


def _fired(stage: Stage, kind: FaultKind) -> int:
    return sum(fault.kind is kind for _, fault in stage.faults.taken)
