import uuid

import httpx
import pytest

from tests.sandbox.wire import (
    INVENTORY,
    OTHER_SESSION,
    SELECTION,
    TEMPORARY,
    UNKNOWN_GUID,
    added,
    deleted,
    listed,
    new_image,
    selected,
    updated,
    walked,
)

pytestmark = pytest.mark.anyio


async def test_add_images_gives_back_the_images_whole(empty: httpx.AsyncClient) -> None:
    """201, with what was sent, an id, a fresh guid and the time in US Central."""
    body = {"images": [new_image()], "library": INVENTORY}
    answer = await empty.post("/v3/add_images", json=body)
    image = answer.json()["images"][0]
    assert (answer.status_code, answer.json()["status"]["status_code"]) == (201, 201)
    assert uuid.UUID(image.pop("guid")).version == 4
    assert image == new_image() | {
        "id": 1,
        "personal_gallery_title": None,
        "members_gallery_category": None,
        "date_added": "2025-10-27T14:14:39.5623220-05:00",
        "date_expires": None,
        "active": True,
        "products": None,
    }


async def test_temporary_images_expire_after_14_days(empty: httpx.AsyncClient) -> None:
    """Across the end of daylight saving time, at the same instant."""
    image = (await added(empty, new_image(), library=TEMPORARY))[0]
    assert image["date_expires"] == "2025-11-10T13:14:39.5623220-06:00"


async def test_ids_increase_and_are_never_used_again(empty: httpx.AsyncClient) -> None:
    """Deleting the newest image does not free its id."""
    first, second = await added(empty, new_image("a.jpg"), new_image("b.jpg"))
    await deleted(empty, second["guid"])
    third = (await added(empty, new_image("c.jpg")))[0]
    assert [first["id"], second["id"], third["id"]] == [1, 2, 3]


async def test_images_come_back_in_the_order_given(empty: httpx.AsyncClient) -> None:
    """Five in, the same five out."""
    names = [f"{letter}.jpg" for letter in "edcba"]
    assert [i["file_name"] for i in await added(empty, *map(new_image, names))] == names


@pytest.mark.parametrize("title", [None, ""])
async def test_a_title_defaults_to_the_file_name(
    empty: httpx.AsyncClient, title: str | None
) -> None:
    """Left out, null or empty."""
    assert (await added(empty, new_image("a.jpg", title=title)))[0]["title"] == "a.jpg"


async def test_file_names_are_sanitised(empty: httpx.AsyncClient) -> None:
    """Everything but ASCII letters, digits, dot, dash and underscore becomes an underscore."""
    image = (await added(empty, new_image("Très belle (final)#2.jpg")))[0]
    assert image["file_name"] == "Tr_s_belle__final__2.jpg"


async def test_an_image_needs_only_its_name_its_file_and_its_size(
    empty: httpx.AsyncClient,
) -> None:
    """The other members of ``add_images`` may be left out."""
    required = ("file_name", "private_hires_uri", "pix_w", "pix_h")
    image = (await added(empty, {name: new_image()[name] for name in required}))[0]
    assert (image["title"], image["hires_file_name"], image["file_size"]) == ("sunset.jpg", None, 0)


async def test_adding_twice_makes_two_images(empty: httpx.AsyncClient) -> None:
    """``add_images`` is not idempotent."""
    first, second = await added(empty, new_image()), await added(empty, new_image())
    assert first[0]["guid"] != second[0]["guid"]
    assert (await listed(empty))["count"] == 2


async def test_update_images_answers_with_a_status_alone(empty: httpx.AsyncClient) -> None:
    """What changed has to be read back."""
    guid = (await added(empty, new_image()))[0]["guid"]
    body = {"images": [{"guid": guid, "title": "T", "description": "D"}], "account_key": None}
    answer = (await empty.put("/v3/update_images", json=body)).json()
    assert list(answer) == ["status"]


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ({"title": "New", "description": "Newer"}, ("New", "Newer")),
        ({"title": "New"}, ("New", "The sun going down.")),
        ({"title": None, "description": "Newer"}, ("Sunset", "Newer")),
        ({"title": "", "description": ""}, ("", "")),
        ({}, ("Sunset", "The sun going down.")),
    ],
    ids=str,
)
async def test_null_keeps_a_text_and_an_empty_text_clears_it(
    empty: httpx.AsyncClient, text: dict[str, str | None], stored: tuple[str, str]
) -> None:
    """Left out means the same as null."""
    guid = (await added(empty, new_image()))[0]["guid"]
    await updated(empty, {"guid": guid.upper()} | text)
    image = (await listed(empty))["images"][0]
    assert (image["title"], image["description"]) == stored


async def test_update_images_reaches_both_libraries(empty: httpx.AsyncClient) -> None:
    """Its request has no library, so the guid alone decides."""
    kept = (await added(empty, new_image()))[0]
    passing = (await added(empty, new_image(), library=TEMPORARY))[0]
    await updated(empty, *({"guid": image["guid"], "title": "New"} for image in (kept, passing)))
    for library in (INVENTORY, TEMPORARY):
        assert (await listed(empty, library=library))["images"][0]["title"] == "New"


async def test_update_images_removes_the_products_of_the_images_it_updates(
    studio: httpx.AsyncClient,
) -> None:
    """The documented trap: new text, no products; the other images keep theirs."""
    sold = [image for image in await walked(studio, list_products=True) if image["products"]]
    await updated(studio, {"guid": sold[0]["guid"], "title": "New"})
    left = [image for image in await walked(studio, list_products=True) if image["products"]]
    assert left == sold[1:]


async def test_unknown_guids_are_ignored_by_updates_and_deletes(
    studio: httpx.AsyncClient,
) -> None:
    """Success is true although nothing was there; a malformed guid is only another unknown one."""
    assert (await updated(studio, {"guid": UNKNOWN_GUID, "title": "New"}))["success"] is True
    assert (await deleted(studio, UNKNOWN_GUID, "not a guid"))["success"] is True
    assert (await listed(studio))["count"] == 248


async def test_delete_images_removes_images_and_their_products(
    studio: httpx.AsyncClient,
) -> None:
    """Only the images named, in any case of letters."""
    first, second, *_ = (await listed(studio))["images"]
    status = await deleted(studio, first["guid"].upper(), second["guid"])
    page = await listed(studio, guid_filter=[first["guid"], second["guid"]], list_products=True)
    assert (status["success"], page["count"]) == (True, 0)
    assert (await listed(studio))["count"] == 246


async def test_delete_images_reaches_only_the_library_it_names(empty: httpx.AsyncClient) -> None:
    """Not the other library, and not another session's."""
    kept = (await added(empty, new_image()))[0]["guid"]
    passing = (await added(empty, new_image(), library=TEMPORARY))[0]["guid"]
    await deleted(empty, kept, library=TEMPORARY)
    await deleted(empty, passing, library=INVENTORY)
    await deleted(empty, passing, library=OTHER_SESSION)
    assert [(await listed(empty, library=at))["count"] for at in (INVENTORY, TEMPORARY)] == [1, 1]
    await deleted(empty, passing, library=TEMPORARY)
    assert (await listed(empty, library=TEMPORARY))["count"] == 0


async def test_a_selection_is_created_replaced_and_read_back(empty: httpx.AsyncClient) -> None:
    """The second set takes the place of the first; order stays, repeats go."""
    guids = [str(uuid.UUID(int=number)) for number in (3, 1, 2)]
    assert await selected(empty, guids[0]) == guids[:1]
    assert await selected(empty, *guids[1:], guids[1].upper()) == guids[1:]
    answer = await empty.get("/v3/list_file_selection", params={"GUID": SELECTION.upper()})
    assert (answer.status_code, answer.json()["guids"]) == (200, guids[1:])


async def test_a_selection_may_be_emptied(empty: httpx.AsyncClient) -> None:
    """An empty set is a set."""
    await selected(empty, UNKNOWN_GUID)
    assert await selected(empty) == []


async def test_an_unknown_selection_is_an_empty_one(empty: httpx.AsyncClient) -> None:
    """The reference names no error for it."""
    answer = await empty.get("/v3/list_file_selection", params={"guid": UNKNOWN_GUID})
    assert (answer.status_code, answer.json()["guids"]) == (200, [])


@pytest.mark.parametrize("query", [{}, {"guid": "x"}])
async def test_a_selection_is_read_by_a_valid_guid(
    empty: httpx.AsyncClient, query: dict[str, str]
) -> None:
    """A missing or malformed one is a 400."""
    answer = await empty.get("/v3/list_file_selection", params=query)
    assert (answer.status_code, list(answer.json()["ModelState"])) == (400, ["guid"])
