"""The resources of what was changed: pages of changes, and one change with its images."""

import json
import sqlite3
from typing import Any

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, Implementation, ReadResourceResult, TextResourceContents

from fw_mcp.store.journal import Change, End, Intent
from fw_mcp.store.locks import Fence
from fw_mcp.writes.outcomes import Ended, Outcome, still_open
from tests.support.products import first_of
from tests.support.studio import Mode, Studio, make_studio, said
from tests.support.truth import new_images, sold, unsold

pytestmark = pytest.mark.anyio

MODES = first_of("auto", "legacy")
CHANGES = "finerworks://changes"


def document(result: ReadResourceResult) -> dict[str, Any]:
    """The JSON of a resource."""
    (content,) = result.contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "application/json"
    parsed: dict[str, Any] = json.loads(content.text)
    return parsed


async def read(client: Client, uri: str) -> dict[str, Any]:
    """The JSON that is read there."""
    return document(await client.read_resource(uri))


async def begun(studio: Studio, number: int, **facts: Any) -> str:  # noqa: ANN401  of a change
    """A change of one image that is cut off."""
    change = Change(f"{number:016x}", "delete_images", facts.pop("caller", "stdio:x"), "{}", "",
                    **facts)  # fmt: skip
    guid = f"guid {number}"
    intents = {0: Intent(guid, {"guid": guid, "library": "inventory"})}
    await studio.journal.begin(change, "delete_images", intents, Fence())
    return change.change_id


@pytest.mark.parametrize("mode", MODES)
async def test_changes_and_one_change_are_listed(studio: Studio, mode: Mode) -> None:
    """As templates, and the first page for hosts without templates; it reads as it stands."""
    async with studio.client(mode=mode) as client:
        templates = (await client.list_resource_templates()).resource_templates
        entries = (await client.list_resources()).resources
        (entry,) = [one for one in entries if one.name == "changes"]
        page = await read(client, entry.uri)
    assert [one.uri_template for one in templates if one.name in {"changes-page", "change"}] == [
        "finerworks://changes{?page_number,per_page}",
        "finerworks://changes/{change_id}{?page_number,per_page}",
    ]
    assert entry.uri == "finerworks://changes?page_number=1"
    assert page == {"changes": [], "page_number": 1, "per_page": 25, "count": 0}


@pytest.mark.parametrize("mode", MODES)
async def test_what_was_done_when_by_whom_and_accepted_how(studio: Studio, mode: Mode) -> None:
    """Newest first; a change and its undo name each other."""
    (image,) = await sold(studio, 1)
    async with studio.client(mode=mode, person=studio.person()) as client:
        added = said(await client.call_tool("add_images", {"images": new_images(2)}))
        deleted = said(await client.call_tool("delete_images", {"guids": [image.guid]}))
        undone = said(await client.call_tool("undo_change", {"change_id": deleted["change_id"]}))
        page = await read(client, CHANGES)
    names = [one["change_id"] for one in page["changes"]]
    assert names == [undone["change_id"], deleted["change_id"], added["change_id"]]
    newest, middle, oldest = page["changes"]
    assert (newest["tool"], newest["undoes"]) == ("undo_change", deleted["change_id"])
    assert (newest["outcomes"], newest["undone_by"]) == ({"created": 1}, [])
    assert middle["undone_by"] == [undone["change_id"]]
    assert middle["accepted"] == "asked in the client's dialog"
    assert oldest == {
        "change_id": added["change_id"],
        "tool": "add_images",
        "when": "today, 2027-01-15 02:00 (-06:00)",
        "did": [f'"{one["title"]}"' for one in new_images(2)],
        "caller": "stdio:mcp",
        "accepted": "nothing was asked",
        "outcomes": {"created": 2},
        "finished": True,
        "open": False,
        "undone": "no",
        "undone_by": [],
    }
    assert (page["count"], "next" in page, "previous" in page) == (3, False, False)


async def test_every_client_s_changes_are_told(studio: Studio) -> None:
    """It is the history of the library, not of a caller."""
    image = (await unsold(studio, 1))[0]
    async with studio.client() as client:
        await client.call_tool("set_selection", {"guids": [image.guid]})
    other = Client(studio.server, cache=None, client_info=Implementation(name="other", version="1"))
    async with other as client:
        (change,) = (await read(client, CHANGES))["changes"]
    assert change["caller"] == "stdio:mcp"


async def test_a_change_tells_how_each_of_its_images_ended(studio: Studio) -> None:
    """With the name that a person knows it by."""
    one, two = await unsold(studio, 2)
    nobody = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
    async with studio.client(person=studio.person()) as client:
        call = {"guids": [one.guid, two.guid, nobody]}
        result = said(await client.call_tool("delete_images", call))
        uri = f"{CHANGES}/{result['change_id']}"
        change = await read(client, uri)
        (summary,) = (await read(client, CHANGES))["changes"]
    assert change == {
        **summary,
        "items": [
            {"outcome": "deleted", "guid": one.guid, "file_name": one.file_name},
            {"outcome": "deleted", "guid": two.guid, "file_name": two.file_name},
        ],
        "page_number": 1,
        "per_page": 50,
        "count": 2,
    }


async def test_a_long_change_is_read_page_by_page(studio: Studio) -> None:
    """Fifty images a page, forward and back, in the order of the call."""
    images = new_images(120)
    async with studio.client() as client:
        result = said(await client.call_tool("add_images", {"images": images}))
        uri: str | None = f"{CHANGES}/{result['change_id']}"
        pages = []
        while uri:
            pages.append(await read(client, uri))
            uri = pages[-1].get("next")
        before = await read(client, pages[2]["previous"])
    assert [len(page["items"]) for page in pages] == [50, 50, 20]
    names = [item["file_name"] for page in pages for item in page["items"]]
    assert names == [image["file_name"] for image in images]
    assert before == pages[1]
    assert {page["count"] for page in pages} == {120}


async def test_a_cut_off_change_is_called_unfinished(studio: Studio) -> None:
    """Until its outcome is known."""
    change_id = await begun(studio, 1)
    async with studio.client() as client:
        open_ = await read(client, f"{CHANGES}/{1:016x}")
        await studio.journal.finish(change_id, {0: End("guid 1", "deleted", "Later.")})
        settled = await read(client, f"{CHANGES}/{1:016x}")
    assert (open_["finished"], open_["outcomes"]) == (False, {"unfinished": 1})
    assert open_["items"] == [{"outcome": "unfinished", "guid": "guid 1"}]
    assert (settled["finished"], settled["outcomes"]) == (True, {"deleted": 1})
    assert settled["items"] == [{"outcome": "deleted", "guid": "guid 1", "detail": "Later."}]


@pytest.mark.parametrize(
    ("later_s", "told"),
    [
        (0, "The answer was lost, and it may still be carried out for 60 s. Look."),
        (45, "The answer was lost, and it may still be carried out for 15 s. Look."),
        (60, "The answer was lost, and its result has not been read since. Look."),
    ],
)
async def test_what_may_still_be_carried_out_is_told_as_of_now(
    studio: Studio, later_s: float, told: str
) -> None:
    """A minute later nothing is carried out any more."""
    change_id = await begun(studio, 1)
    end = still_open(Ended("guid 1", Outcome.UNKNOWN), 60, 0, "Look.")
    await studio.journal.finish(change_id, {0: End(end.guid, end.outcome, end.detail)})
    studio.clock.forward(later_s)
    async with studio.client() as client:
        change = await read(client, f"{CHANGES}/{change_id}")
    assert [item["detail"] for item in change["items"]] == [told]


async def test_pages_of_changes_lead_to_each_other(studio: Studio) -> None:
    """Twenty-five a page, newest first, none twice and none left out."""
    for number in range(60):
        await begun(studio, number)
    async with studio.client() as client:
        pages = [await read(client, CHANGES)]
        while "next" in pages[-1]:
            pages.append(await read(client, pages[-1]["next"]))
        before = await read(client, pages[1]["previous"])
        beyond = await read(client, f"{CHANGES}?page_number=4")
    told = [one["change_id"] for page in pages for one in page["changes"]]
    assert told == [f"{number:016x}" for number in reversed(range(60))]
    assert [len(page["changes"]) for page in pages] == [25, 25, 10]
    assert before == pages[0]
    assert (beyond["changes"], beyond["count"]) == ([], 60)
    assert beyond["previous"] == pages[-1]["previous"].replace("=2", "=3")


async def test_a_page_reads_no_records(studio: Studio) -> None:
    """What is broken in one of them is told where that change is looked at."""
    for number in range(30):
        await begun(studio, number)
    await studio.database.run(_break_the_first)
    async with studio.client() as client:
        assert len((await read(client, CHANGES))["changes"]) == 25
        assert len((await read(client, f"{CHANGES}?page_number=2"))["changes"]) == 5
        with pytest.raises(MCPError, match="Cannot use the store"):
            await client.read_resource(f"{CHANGES}/{0:016x}")


def _break_the_first(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE items SET sent = 'no json' WHERE change_id = ?", (f"{0:016x}",))


async def test_strangers_texts_are_shown_with_escapes(studio: Studio) -> None:
    """The client's name, and what the service calls a file, cut to a length."""
    hostile = "\x1b[2J\u202e\u200b" + "x" * 500
    change_id = await begun(studio, 1, caller=f"stdio:{hostile}")
    end = End(hostile, "failed", hostile, after={"file_name": hostile})
    await studio.journal.finish(change_id, {0: end})
    async with studio.client() as client:
        (content,) = (await client.read_resource(f"{CHANGES}/{1:016x}")).contents
    assert isinstance(content, TextResourceContents)
    assert content.text.isprintable()
    change = json.loads(content.text)
    (item,) = change["items"]
    assert change["escaped"] is item["escaped"] is True
    assert change["caller"].startswith("stdio:\\x1b[2J\\u202e\\u200bxxx")
    lengths = {name: len(text) for name, text in item.items() if isinstance(text, str)}
    assert lengths == {"outcome": 6, "guid": 40, "file_name": 80, "detail": 300}
    assert len(change["caller"]) == 80


@pytest.mark.parametrize("show_hires", [False, True])
async def test_the_print_masters_address_is_never_in_it(show_hires: bool) -> None:
    """Whoever may see it reads the image."""
    studio = make_studio(show_hires=show_hires)
    async with studio.client() as client:
        result = said(await client.call_tool("add_images", {"images": new_images(1)}))
        change = await read(client, f"{CHANGES}/{result['change_id']}")
    assert "masters" not in json.dumps(change)


@pytest.mark.parametrize("mode", MODES)
async def test_an_unknown_change_is_the_protocols_resource_not_found(
    studio: Studio, mode: Mode
) -> None:
    """With the way to those there are."""
    uri = f"{CHANGES}/00ff"
    async with studio.client(mode=mode) as client:
        with pytest.raises(MCPError) as told:
            await client.read_resource(uri)
    assert (told.value.code, told.value.data) == (INVALID_PARAMS, {"uri": uri})
    assert told.value.message == ('There is no change "00ff". finerworks://changes lists them.')


@pytest.mark.parametrize("where", ["", "/0000000000000001"])
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("page=2", '"page" (did you mean page_number?)'),
        ("per_page=51", "per_page: Input should be less than or equal to 50"),
        ("page_number=0", "page_number: Input should be greater than or equal to 1"),
        ("page_number=99999999999999999999", "page_number: Input should be less than or equal"),
        ("page_number=two", "page_number: Input should be a valid integer"),
    ],
)
async def test_an_address_that_cannot_be_read_as_meant_is_refused(
    studio: Studio, where: str, query: str, told: str
) -> None:
    """Invalid parameters, with the address as it was asked for."""
    await begun(studio, 1)
    uri = f"{CHANGES}{where}?{query}"
    async with studio.client() as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource(uri)
    assert (refused.value.code, refused.value.data) == (INVALID_PARAMS, {"uri": uri})
    assert told in refused.value.message


async def test_reading_the_history_asks_the_service_nothing(studio: Studio) -> None:
    """It is this server's own journal."""
    await begun(studio, 1)
    async with studio.client() as client:
        await read(client, CHANGES)
        await read(client, f"{CHANGES}/{1:016x}")
    assert studio.wire.sent == []
