import pytest

from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.endpoints import Switches
from tests.sandbox.wire import (
    TEMPORARY,
    UNKNOWN_GUID,
    added,
    calling,
    deleted,
    listed,
    new_image,
    now,
    selected,
    updated,
    walked,
)

pytestmark = pytest.mark.anyio


async def test_update_keeps_products() -> None:
    """The products stay where the documented behaviour would remove them."""
    async with calling(create_app(switches=Switches(update_keeps_products=True))) as caller:
        sold = [i for i in await walked(caller, list_products=True) if i["products"]]
        await updated(caller, {"guid": sold[0]["guid"], "title": sold[0]["title"]})
        assert [i for i in await walked(caller, list_products=True) if i["products"]] == sold


async def test_switches_are_set_over_http_when_that_is_enabled() -> None:
    """Those that are named are on, all others off; one that there is not is refused."""
    async with calling(create_app(fault_control=True)) as caller:
        assert await selected(caller, UNKNOWN_GUID) == [UNKNOWN_GUID]
        on = await caller.put("/_sandbox/switches", json={"selection_merges": True})
        assert await selected(caller) == [UNKNOWN_GUID]
        refused = await caller.put("/_sandbox/switches", json={"selection_merge": True})
        assert await selected(caller) == [UNKNOWN_GUID]
        off = await caller.put("/_sandbox/switches", json={})
        assert await selected(caller) == []
    assert (on.status_code, refused.status_code, off.status_code) == (204, 400, 204)
    assert list(refused.json()["ModelState"]) == ["selection_merge"]


async def test_omitted_text_is_blanked() -> None:
    """A client that sends only one of the two texts loses the other."""
    switches = Switches(omitted_text_is_blanked=True)
    async with calling(create_app(seed=False, switches=switches)) as caller:
        guid = (await added(caller, new_image()))[0]["guid"]
        await updated(caller, {"guid": guid, "title": "New"})
        image = (await listed(caller))["images"][0]
        assert (image["title"], image["description"]) == ("New", "")


async def test_unknown_guids_fail() -> None:
    """HTTP 200 with ``success: false``, although the known guids were carried out."""
    switches = Switches(unknown_guids_fail=True)
    async with calling(create_app(seed=False, switches=switches)) as caller:
        guid = (await added(caller, new_image()))[0]["guid"]
        mixed = await updated(caller, {"guid": guid, "title": "New"}, {"guid": UNKNOWN_GUID})
        assert (mixed["success"], mixed["message"]) == (
            False,
            "One or more images could not be found.",
        )
        assert (await listed(caller))["images"][0]["title"] == "New"
        assert (await updated(caller, {"guid": guid, "title": "Newer"}))["success"] is True
        assert (await deleted(caller, guid, UNKNOWN_GUID))["success"] is False
        assert (await listed(caller))["count"] == 0


async def test_selection_merges() -> None:
    """A second set is added to the first."""
    async with calling(create_app(switches=Switches(selection_merges=True))) as caller:
        first, second = [image["guid"] for image in (await listed(caller, per_page=2))["images"]]
        await selected(caller, first)
        assert await selected(caller, second, first) == [first, second]


async def test_dates_without_offset() -> None:
    """Both dates in US Central, seven digits, and nothing that says so."""
    switches = Switches(dates_without_offset=True)
    async with calling(create_app(seed=False, switches=switches, clock=now)) as caller:
        image = (await added(caller, new_image(), library=TEMPORARY))[0]
        assert (image["date_added"], image["date_expires"]) == (
            "2025-10-27T14:14:39.5623220",
            "2025-11-10T13:14:39.5623220",
        )


async def test_answers_reversed() -> None:
    """Whoever matches an answer by position matches the wrong image."""
    switches = Switches(answers_reversed=True)
    async with calling(create_app(seed=False, switches=switches)) as caller:
        images = await added(caller, new_image("a.jpg"), new_image("b.jpg"))
        assert [(i["id"], i["file_name"]) for i in images] == [(2, "b.jpg"), (1, "a.jpg")]
