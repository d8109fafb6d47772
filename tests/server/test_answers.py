"""Results of tools that write: whole counts, first what went wrong, and short enough for a host."""

import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fw_mcp.api.models import ImageDetails, Product
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from fw_mcp.server.results import CHARACTERS, WriteResult
from fw_mcp.server.tools.add import AddImagesResult
from fw_mcp.server.tools.delete import DeleteImagesResult
from fw_mcp.server.tools.undo import UndoChangeResult
from fw_mcp.server.tools.update import UpdateImageMetadataResult
from fw_mcp.writes.operation import Done
from fw_mcp.writes.outcomes import ALREADY, NOT_UNDONE, Ended, Outcome
from tests.server.test_hostile_texts import guid_of
from tests.support.studio import NO, Studio, said, text_of
from tests.support.truth import new_images, outcomes, rows_of, sold, unsold

pytestmark = pytest.mark.anyio

UPDATE = "update_image_metadata"
MANY = 500
LONG = "Ä long title, 木版画 — with 😀 and \u202e in it. " * 30
RESULTS: list[type[WriteResult]] = [
    AddImagesResult,
    UpdateImageMetadataResult,
    DeleteImagesResult,
    UndoChangeResult,
]
PRODUCTS = tuple(Product(sku=f"AP{n:040}", name=LONG[:400]) for n in range(20))
WENT_WRONG = {"failed", "unknown", "not_attempted"}


def assert_short(text: str, structured: dict[str, Any]) -> None:
    """Under the cap in both copies; the counts are of all images, and what is cut is said."""
    assert len(text) <= CHARACTERS
    assert len(json.dumps(structured, ensure_ascii=False)) <= CHARACTERS
    listed = len(structured["images"]) + len(structured.get("guids", ()))
    assert sum(structured["outcomes"].values()) == listed + structured.get("not_listed", 0)
    assert ("not_listed" in structured) == ("not listed here" in structured["message"])
    assert structured["message"] in text
    told = [row["outcome"] for row in structured["images"]]
    wrong = sum(structured["outcomes"].get(one, 0) for one in WENT_WRONG)
    if "not_listed" in structured and structured["status"] in {"completed", "incomplete"}:
        assert f"search_images with change_id {structured['change_id']}" in structured["message"]
        first = told[: min(wrong, len(told))]
        assert set(first) <= WENT_WRONG
        assert len(first) == wrong or not structured.get("guids")


@cache
def ended(number: int, outcome: Outcome, detail: str) -> Ended:
    """An image of an odd library, as it ended."""
    before = ImageDetails(
        guid=guid_of(number),
        title=LONG[:1_000],
        description=LONG[:300],
        file_name=LONG[:200],
        products=PRODUCTS,
    )
    after = before.model_copy(update={"title": LONG[1:1_001], "products": ()})
    kept = outcome not in {Outcome.DELETED, Outcome.ALREADY_GONE, Outcome.NOT_FOUND}
    return Ended(before.guid, outcome, detail, before=before, after=after if kept else None)


@settings(max_examples=5, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(Outcome),
            st.sampled_from(["", ALREADY, NOT_UNDONE, "It said no. " * 200]),
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(RESULTS),
    st.sampled_from([1, 11, MANY]),
)
def test_no_result_of_a_write_is_longer_than_a_host_keeps(
    kinds: list[tuple[Outcome, str]], result: type[WriteResult], count: int
) -> None:
    """Whatever the ends: 500 images with 20 products each, and titles of 1,000 characters."""
    ends = {n: ended(n, *kinds[n % len(kinds)]) for n in range(count)}
    done = result.of(Done(ends, complete=False, change_id="c1"))
    assert isinstance(done, WriteResult)
    assert_short(done.text(), done.structured())
    would = {n: ended(n, Outcome.NOT_ATTEMPTED, kinds[n % len(kinds)][1]) for n in ends}
    dry = result.previewed(would, "So many would be written.")
    assert_short(dry.text(), dry.structured())


async def test_many_that_ended_as_asked_are_told_by_their_guids(studio: Studio) -> None:
    """Counts and bare guids in call order; no row says what the count says."""
    images = await unsold(studio, 11)
    texts = [{"guid": one.guid, "title": f"New {n}"} for n, one in enumerate(images)]
    async with studio.client() as client:
        result = await client.call_tool(UPDATE, {"images": texts})
    assert (said(result)["outcomes"], said(result)["images"]) == ({"updated": 11}, [])
    assert said(result)["guids"] == [one.guid for one in images]
    assert f"guids: {images[0].guid}, " in text_of(result)


async def test_what_failed_comes_before_what_ended_as_asked(studio: Studio) -> None:
    """Each row with its place in the call, its file_name and title."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="add_images", after=1))
    async with studio.client() as client:
        result = said(await client.call_tool("add_images", {"images": new_images(15)}))
    assert {row["outcome"] for row in result["images"]} == {"failed"}
    assert [row["index"] for row in result["images"]] == [5, 6, 7, 8, 9]
    assert [row["title"] for row in result["images"]] == [f"New work {n}" for n in range(6, 11)]
    assert len(result["guids"]) == 10
    assert outcomes(result) == ["created"] * 5 + ["failed"] * 5 + ["created"] * 5


async def test_a_status_tells_finished_from_unfinished(studio: Studio) -> None:
    """What was rightly left alone is skipped and completed; a dry run says what it would do."""
    first, second = await unsold(studio, 2)
    texts = [{"guid": first.guid, "title": "One"}, {"guid": second.guid, "title": "Two"}]
    async with studio.client(person=studio.person()) as client:
        dry = said(await client.call_tool(UPDATE, {"images": texts, "dry_run": True}))
        assert (dry["status"], outcomes(dry)) == ("dry_run", ["would_update"] * 2)
        done = said(await client.call_tool(UPDATE, {"images": texts}))
        later = [{"guid": second.guid, "title": "Three"}]
        said(await client.call_tool(UPDATE, {"images": later}))
        change = {"change_id": done["change_id"]}
        dry = said(await client.call_tool("undo_change", {**change, "dry_run": True}))
        assert outcomes(dry) == ["would_update", "skipped"]
        undone = said(await client.call_tool("undo_change", change))
    assert (undone["status"], outcomes(undone)) == ("completed", ["updated", "skipped"])
    assert [row["file_name"] for row in rows_of(undone)] == [first.file_name, second.file_name]
    assert [row["title_change"]["after"] for row in rows_of(undone)[:1]] == [first.title]
    assert rows_of(undone)[1]["title"] == "Three"


async def test_a_result_says_who_was_asked_what_and_the_answer(studio: Studio) -> None:
    """In one line, after a yes, a no and while the question waits."""
    first, second = await sold(studio, 2)
    asked = "asked in the client's dialog: delete 1 image, "
    async with studio.client(person=studio.person()) as client:
        yes = await client.call_tool("delete_images", {"guids": [first.guid]})
    assert said(yes)["asked"].startswith(asked)
    assert said(yes)["asked"].endswith("; answered yes")
    assert said(yes)["asked"] in text_of(yes)
    async with studio.client(person=studio.person(NO)) as client:
        no = said(await client.call_tool("delete_images", {"guids": [second.guid]}))
    assert (no["status"], no["asked"][: len(asked)]) == ("declined", asked)
    assert not no["asked"].endswith("yes")
    async with studio.client() as client:
        waits = said(await client.call_tool("delete_images", {"guids": [second.guid]}))
        assert waits["asked"] == "the question is not answered yet"
        again = {"guids": [second.guid], "plan_id": waits["plan_id"]}
        done = said(await client.call_tool("delete_images", again))
    assert done["asked"].startswith("asked in the chat: delete 1 image, ")


async def test_an_error_carries_its_reason_and_state_for_programs(studio: Studio) -> None:
    """In `_meta`, beside the words."""
    async with studio.client() as client:
        refused = await client.call_tool("search_images", {"titel": "x"})
        assert refused.meta is not None
        assert refused.meta["fw_mcp/reason"] == "invalid_arguments"
        assert refused.meta["fw_mcp/state"] in text_of(refused)
        studio.faults.add(
            Fault(FaultKind.RATE_LIMITED, endpoint="list_images", times=9, retry_after=7)
        )
        busy = await client.call_tool("search_images", {})
    assert busy.meta is not None
    assert busy.meta["fw_mcp/reason"] == "rate_limited"
    assert busy.meta["fw_mcp/retry_after_s"] == 7
