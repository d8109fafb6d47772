"""`search_images` of a selection or a change: its images, page by page, as they stand now."""

import pytest

from tests.support.products import first_of
from tests.support.studio import Mode, Studio, said, text_of
from tests.support.truth import new_images, rows_of, unsold

pytestmark = pytest.mark.anyio

KEY = "11111111-2222-4333-8444-555555555555"
MODES = first_of("auto", "legacy")


@pytest.mark.parametrize("mode", MODES)
async def test_a_selection_is_read_with_titles_and_names(studio: Studio, mode: Mode) -> None:
    """Promise: what it holds, in its order, and what of it is gone."""
    one, two, three = await unsold(studio, 3)
    async with studio.client(mode=mode, person=studio.person()) as client:
        chosen = {"guids": [three.guid, one.guid, two.guid], "selection_guid": KEY}
        await client.call_tool("set_selection", chosen)
        await client.call_tool("delete_images", {"guids": [one.guid]})
        result = await client.call_tool("search_images", {"selection_guid": KEY.upper()})
    rows = [(row["title"], row["file_name"], row["guid"]) for row in said(result)["images"]]
    assert rows == [(image.title, image.file_name, image.guid) for image in (three, two)]
    gone = f"No longer in either library: {one.guid}."
    assert (said(result)["count"], said(result)["not_reached"]) == (3, gone)
    assert "next_page_number" not in said(result)
    assert gone in text_of(result)


async def test_the_images_of_a_change_are_read_page_by_page(studio: Studio) -> None:
    """Each once, as it stands now, in the order of the call; of a selection, what it holds."""
    async with studio.client() as client:
        added = said(await client.call_tool("add_images", {"images": new_images(60)}))
        call = {"change_id": added["change_id"], "per_page": 25}
        pages = [said(await client.call_tool("search_images", call))]
        while number := pages[-1].get("next_page_number"):
            page = await client.call_tool("search_images", {**call, "page_number": number})
            pages.append(said(page))
        guids = [row["guid"] for page in pages for row in page["images"]]
        chosen = said(await client.call_tool("set_selection", {"guids": guids[:2]}))
        of_it = await client.call_tool("search_images", {"change_id": chosen["change_id"]})
    assert guids == [row["guid"] for row in rows_of(added)]
    assert [page["count"] for page in pages] == [60, 60, 60]
    assert [row["guid"] for row in said(of_it)["images"]] == guids[:2]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"change_id": "00ff"}, 'there is no change "00ff"'),
        ({"selection_guid": KEY}, f"there is no selection {KEY}, or it is empty"),
        ({"selection_guid": KEY, "change_id": "00ff"}, "nor each other"),
        ({"change_id": "00ff", "search_filter": "fog"}, "take no filter"),
        ({"selection_guid": KEY, "active": "true"}, "take no filter"),
        ({"selection_guid": KEY, "summary": True}, "takes no question"),
    ],
)
async def test_what_cannot_be_read_of_a_change_or_selection_is_refused(
    studio: Studio, arguments: dict[str, object], told: str
) -> None:
    """Another question than the one that is meant is never answered."""
    async with studio.client() as client:
        result = await client.call_tool("search_images", arguments)
    assert result.is_error
    assert told in text_of(result)
