"""`list_changes`: what was done, in words, newest first, in as much as a host takes."""

import json
from datetime import datetime
from typing import Any

import pytest
from mcp.client import Client
from mcp.types import Implementation, TextResourceContents

from fw_mcp.server.change_rows import when_told
from fw_mcp.store.journal import Change, End, Intent
from fw_mcp.store.locks import Fence
from tests.support.hostile_texts import HOSTILE, hidden, hidden_in
from tests.support.products import first_of
from tests.support.studio import Mode, Studio, said, text_of
from tests.support.truth import new_images, sold, unsold

pytestmark = pytest.mark.anyio

MODES = first_of("auto", "legacy")
KEY = "11111111-2222-4333-8444-555555555555"
MOST = 24_000


async def listed(studio: Studio, **arguments: object) -> dict[str, Any]:
    """The structured content of one call."""
    async with studio.client() as client:
        return said(await client.call_tool("list_changes", arguments))


async def retitled(studio: Studio, client: Client, guid: str, title: str) -> str:
    """The change_id of a new title."""
    images = [{"guid": guid, "title": title}]
    studio.clock.forward(60)
    result = said(await client.call_tool("update_image_metadata", {"images": images}))
    return str(result["change_id"])


async def written(studio: Studio, number: int, texts: list[str], caller: str = "stdio:x") -> None:
    """A retitling on record, of images of these titles."""
    change = Change(f"{number:016x}", "update_image_metadata", caller, "{}", "")
    records = [{"title": one, "file_name": one, "description": one} for one in texts]
    intents = {n: Intent(one["title"], one, one) for n, one in enumerate(records)}
    await studio.journal.begin(change, "update_images", intents, Fence())
    ends = {n: End(None, "updated", after={**one, "title": f"N{one['title'][1:]}"})
            for n, one in enumerate(records)}  # fmt: skip
    await studio.journal.finish(change.change_id, ends)


@pytest.mark.parametrize("mode", MODES)
async def test_changes_alike_are_told_apart_by_what_they_did(studio: Studio, mode: Mode) -> None:
    """Promise: titles before and after, names, counts, and when in words."""
    one, two = await unsold(studio, 2)
    async with studio.client(mode=mode, person=studio.person()) as client:
        first = await retitled(studio, client, one.guid, "Fog at dawn")
        second = await retitled(studio, client, two.guid, "Dew")
        added = said(await client.call_tool("add_images", {"images": new_images(5)}))
        chosen = {"guids": [one.guid, two.guid], "selection_guid": KEY}
        chosen = said(await client.call_tool("set_selection", chosen))
        gone = said(await client.call_tool("delete_images", {"guids": [two.guid]}))
        result = await client.call_tool("list_changes", {})
    rows = said(result)["changes"]
    ids = [gone["change_id"], chosen["change_id"], added["change_id"], second, first]
    assert [row["change_id"] for row in rows] == ids
    titles = [f'"{image["title"]}"' for image in new_images(3)]
    assert [row["did"] for row in rows] == [
        ['"Dew"'],
        [f"selection {KEY}: 0 images → 2 images"],
        titles,
        [f'"{two.title}" → "Dew"'],
        [f'"{one.title}" → "Fog at dawn"'],
    ]
    assert [row.get("more") for row in rows] == [None, None, 2, None, None]
    assert rows[2]["outcomes"] == {"created": 5}
    assert [row["when"][:23] for row in rows] == ["today, 2027-01-15 02:02"] * 4 + [
        "today, 2027-01-15 02:01"
    ]
    assert said(result)["kept_since"] == "today, 2027-01-15 02:01 (-06:00)"
    for row in rows:
        assert f"{row['change_id']} {row['when']} | {row['tool']}: " in text_of(result)
        assert "; ".join(row["did"]) in text_of(result)


async def test_the_resource_says_the_same(studio: Studio) -> None:
    """One page, whichever way a host reads it."""
    image = (await unsold(studio, 1))[0]
    async with studio.client() as client:
        await retitled(studio, client, image.guid, "Fog at dawn")
        tool = said(await client.call_tool("list_changes", {}))
        (content,) = (await client.read_resource("finerworks://changes")).contents
    assert isinstance(content, TextResourceContents)
    resource = json.loads(content.text)
    assert (resource["changes"], resource["count"]) == (tool["changes"], 1)
    assert resource["kept_since"] == tool["kept_since"]


async def test_the_changes_of_one_image_and_their_undos_are_found_by_its_guid(
    studio: Studio,
) -> None:
    """An image that was registered again is found under both guids, a selection under its key."""
    one, two = await unsold(studio, 2)
    async with studio.client(person=studio.person()) as client:
        titled = await retitled(studio, client, one.guid, "Fog at dawn")
        await retitled(studio, client, two.guid, "Dew")
        result = await client.call_tool("delete_images", {"guids": [two.guid, one.guid]})
        gone = said(result)["change_id"]
        back = said(await client.call_tool("undo_change", {"change_id": gone}))
        chosen = {"guids": [back["images"][0]["guid"]], "selection_guid": KEY}
        held = said(await client.call_tool("set_selection", chosen))["change_id"]
    ids = {
        guid: [row["change_id"] for row in (await listed(studio, image=guid))["changes"]]
        for guid in (one.guid, back["images"][1]["guid"], KEY)
    }
    assert list(ids.values()) == [
        [back["change_id"], gone, titled],
        [back["change_id"]],
        [held],
    ]
    page = await listed(studio, image=one.guid)
    assert (page["count"], page["changes"][1]["did"][0]) == (3, '"Fog at dawn"')


async def test_what_was_taken_back_is_told_and_what_was_brought_again(studio: Studio) -> None:
    """Undone, undone in part, and no longer undone."""
    one, two = await unsold(studio, 2)
    async with studio.client(person=studio.person()) as client:
        images = [{"guid": guid, "title": "Fog"} for guid in (one.guid, two.guid)]
        first = await client.call_tool("update_image_metadata", {"images": images})
        done = said(first)["change_id"]
        await retitled(studio, client, two.guid, "Dew")
        undone = said(await client.call_tool("undo_change", {"change_id": done}))["change_id"]
        partly = (await listed(studio))["changes"][-1]
        await client.call_tool("undo_change", {"change_id": undone})
        again = (await listed(studio))["changes"]
    assert (partly["undone"], partly["undone_by"]) == ("partly", [undone])
    assert [row["undone"] for row in again] == ["no", "yes", "no", "no"]
    assert again[0]["undoes"] == undone


async def test_what_is_not_known_is_open(studio: Studio) -> None:
    """A change that was cut off, and one whose answer was lost."""
    for number, outcome in enumerate((None, "unknown", "updated")):
        change = Change(f"{number:016x}", "update_image_metadata", "stdio:x", "{}", "")
        intents = {0: Intent(KEY, {"title": "Fog"})}
        await studio.journal.begin(change, "update_images", intents, Fence())
        if outcome:
            await studio.journal.finish(change.change_id, {0: End(KEY, outcome)})
    async with studio.client() as client:
        result = await client.call_tool("list_changes", {})
    assert [row["open"] for row in said(result)["changes"]] == [False, True, True]
    assert "open: unfinished" in text_of(result).splitlines()[-1]


async def test_following_next_page_number_visits_each_change_once(studio: Studio) -> None:
    """Newest first, with the count of all; beyond the last page there is none."""
    for number in range(60):
        await written(studio, number, ["Fog"])
    pages = [await listed(studio)]
    while "next_page_number" in pages[-1]:
        pages.append(await listed(studio, page_number=pages[-1]["next_page_number"]))
    told = [row["change_id"] for page in pages for row in page["changes"]]
    assert told == [f"{number:016x}" for number in reversed(range(60))]
    assert {page["count"] for page in pages} == {60}
    assert (await listed(studio, page_number=4))["changes"] == []


@pytest.mark.parametrize("text", first_of("\\", *HOSTILE.values()))
async def test_a_page_fits_a_host_whatever_titles_hold(studio: Studio, text: str) -> None:
    """Promise: at most 24,000 characters, text and JSON alike, and no change is left out of it."""
    long = (text[:1_000] * 1_000)[:1_000]
    for number in range(30):
        await written(studio, number, [f"{number}{n}{long}" for n in range(5)], f"stdio:{long}")
    async with studio.client() as client:
        result = await client.call_tool("list_changes", {})
    rows = said(result)["changes"]
    assert len(rows) == 25
    assert len(text_of(result)) <= MOST
    assert len(json.dumps(said(result), ensure_ascii=False)) <= MOST
    assert all(len(row["did"]) >= 1 and len(row["did"]) + row["more"] == 5 for row in rows)
    assert hidden_in(said(result)) == []
    assert [hidden(line) for line in text_of(result).splitlines() if hidden(line)] == []


async def test_what_every_client_did_is_listed_and_no_request_is_made(studio: Studio) -> None:
    """It is the history of the library, kept here."""
    image = (await sold(studio, 1))[0]
    async with studio.client() as client:
        await client.call_tool("set_selection", {"guids": [image.guid]})
    sent = len(studio.wire.sent)
    other = Client(studio.server, cache=None, client_info=Implementation(name="other", version="1"))
    async with other as client:
        (row,) = said(await client.call_tool("list_changes", {}))["changes"]
    assert row["caller"] == "stdio:mcp"
    assert len(studio.wire.sent) == sent


async def test_an_empty_journal_says_so(studio: Studio) -> None:
    """And nothing else."""
    async with studio.client() as client:
        result = await client.call_tool("list_changes", {})
    assert said(result) == {"changes": [], "page_number": 1, "count": 0}
    assert text_of(result) == "No change."


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-11-28T15:14:00Z", "today, 2026-11-28 09:14 (-06:00)"),
        ("2026-11-28T05:59:59Z", "yesterday, 2026-11-27 23:59 (-06:00)"),
        ("2026-11-22T16:00:00Z", "Sunday, 2026-11-22 10:00 (-06:00)"),
        ("2026-11-21T16:00:00Z", "2026-11-21 10:00 (-06:00)"),
        ("2026-07-01T16:00:00Z", "2026-07-01 11:00 (-05:00)"),
        ("2026-11-29T16:00:00Z", "2026-11-29 10:00 (-06:00)"),
    ],
)
def test_a_moment_is_told_in_words_and_with_its_offset(at: str, told: str) -> None:
    """Of FinerWorks' own time zone, as all dates are."""
    now = datetime.fromisoformat("2026-11-28T18:00:00Z").timestamp()
    assert when_told(datetime.fromisoformat(at).timestamp(), now) == told
