from datetime import UTC, datetime, timedelta

import httpx
import pytest

from fw_mcp.sandbox.app import create_app
from tests.sandbox.wire import (
    INVENTORY,
    NOW,
    OTHER_SESSION,
    TEMPORARY,
    UNKNOWN_GUID,
    added,
    calling,
    listed,
    new_image,
    updated,
    walked,
)

pytestmark = pytest.mark.anyio

IMAGE_DETAILS = [
    "id",
    "guid",
    "title",
    "description",
    "file_name",
    "file_size",
    "thumbnail_file_name",
    "preview_file_name",
    "hires_file_name",
    "public_thumbnail_uri",
    "public_preview_uri",
    "personal_gallery_title",
    "members_gallery_category",
    "private_hires_uri",
    "pix_w",
    "pix_h",
    "date_added",
    "date_expires",
    "active",
    "products",
]


async def test_an_answer_has_the_members_of_the_reference(studio: httpx.AsyncClient) -> None:
    """Four members besides ``status``, and each image every member of ``image_details``."""
    page = await listed(studio)
    assert list(page) == ["status", "images", "page_number", "per_page", "count"]
    assert list(page["images"][0]) == IMAGE_DETAILS


async def test_the_defaults_are_ten_images_newest_first(studio: httpx.AsyncClient) -> None:
    """``id`` descending is the service's order."""
    answer = await studio.post("/v3/list_images", json={"library": INVENTORY})
    page = answer.json()
    assert [image["id"] for image in page["images"]] == list(range(248, 238, -1))
    assert (page["page_number"], page["per_page"], page["count"]) == (1, 10, 248)


async def test_per_page_in_the_answer_is_the_number_returned(studio: httpx.AsyncClient) -> None:
    """The last page of 248 images holds 48."""
    page = await listed(studio, page_number=5)
    assert (page["per_page"], len(page["images"]), page["count"]) == (48, 48, 248)


async def test_a_page_past_the_end_is_empty_and_no_error(studio: httpx.AsyncClient) -> None:
    """It still counts them all."""
    page = await listed(studio, page_number=6)
    assert (page["images"], page["per_page"], page["count"]) == ([], 0, 248)


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("sort_field", ["id", "title", "file_name", "file_size", "date_added"])
async def test_paging_visits_each_image_once_in_every_order(
    studio: httpx.AsyncClient, sort_field: str, direction: str
) -> None:
    """Duplicated titles do not make pages overlap, because the id breaks the tie."""
    images = await walked(studio, sort_field=sort_field, sort_direction=direction)
    keys = [(_key(image[sort_field]), image["id"]) for image in images]
    assert len({image["guid"] for image in images}) == len(images) == 248
    assert keys == sorted(keys, reverse=direction == "DESC")


def _key(value: str | int) -> str | int:
    return value.lower() if isinstance(value, str) and "T" not in value[10:11] else value


async def test_search_looks_in_titles_and_descriptions_in_any_case(
    empty: httpx.AsyncClient,
) -> None:
    """Also beyond ASCII, and ``%`` is only a character."""
    await added(
        empty,
        new_image(title="Ärmelkanal", description="100% cotton"),
        new_image(title="Dunes", description="seen from the ÄRMELKANAL"),
        new_image(title="Dunes", description="none", file_name="armelkanal.jpg"),
    )
    assert (await listed(empty, search_filter=" ärmelKANAL "))["count"] == 2
    assert (await listed(empty, search_filter="%"))["count"] == 1


async def test_search_does_not_look_at_the_file_name(empty: httpx.AsyncClient) -> None:
    """A file name is found only where it is the title too."""
    await added(empty, new_image("needle.jpg"))
    assert (await listed(empty, search_filter="needle"))["count"] == 0


async def test_guid_filter_gives_the_images_it_names(studio: httpx.AsyncClient) -> None:
    """In any case of letters; unknown guids are left out and no error."""
    first, second = [image["guid"] for image in (await listed(studio, per_page=2))["images"]]
    page = await listed(studio, guid_filter=[first.upper(), second, UNKNOWN_GUID])
    assert [image["guid"] for image in page["images"]] == [first, second]


async def test_an_empty_guid_filter_filters_nothing(studio: httpx.AsyncClient) -> None:
    """As if it had not been given."""
    assert (await listed(studio, guid_filter=[]))["count"] == 248


async def test_active_is_a_filter_of_three_states(studio: httpx.AsyncClient) -> None:
    """True and false share out the images between them; null gives both."""
    active = (await listed(studio, active=True))["count"]
    inactive = (await listed(studio, active=False))["count"]
    assert inactive > 0
    assert active + inactive == (await listed(studio, active=None))["count"]


async def test_products_are_null_unless_asked_for(studio: httpx.AsyncClient) -> None:
    """A list of images costs nothing extra by default."""
    assert {str(image["products"]) for image in await walked(studio)} == {"None"}


async def test_products_are_filled_for_inventory_only(studio: httpx.AsyncClient) -> None:
    """Lists in inventory, empty or not; null in temporary however it is asked."""
    inventory = await walked(studio, list_products=True)
    temporary = await walked(studio, list_products=True, library=TEMPORARY)
    assert {type(image["products"]) for image in inventory} == {list}
    assert {image["products"] for image in temporary} == {None}


async def test_temporary_images_are_scoped_by_session(empty: httpx.AsyncClient) -> None:
    """Another session, and inventory, see none of them."""
    await added(empty, new_image(), library=TEMPORARY)
    assert (await listed(empty, library=TEMPORARY))["count"] == 1
    assert (await listed(empty, library=OTHER_SESSION))["count"] == 0
    assert (await listed(empty))["count"] == 0


async def test_inventory_is_the_same_for_every_session(studio: httpx.AsyncClient) -> None:
    """Inventory belongs to the account."""
    library = INVENTORY | {"session_id": "another-session"}
    assert (await listed(studio, library=library))["count"] == 248


async def test_an_account_key_is_silently_ignored(studio: httpx.AsyncClient) -> None:
    """As for an app without the permission: the call hits its own account."""
    library = INVENTORY | {"account_key": "somebody-else"}
    assert (await listed(studio, library=library))["count"] == 248


async def test_temporary_images_are_gone_when_they_expire() -> None:
    """After 14 days they are neither listed nor updated."""
    moments = [NOW]
    async with calling(create_app(seed=False, clock=lambda: moments[-1])) as caller:
        image = (await added(caller, new_image(), library=TEMPORARY))[0]
        moments.append(NOW + timedelta(days=14) - timedelta(microseconds=1))
        assert (await listed(caller, library=TEMPORARY))["count"] == 1
        moments.append(NOW + timedelta(days=14))
        assert (await listed(caller, library=TEMPORARY))["count"] == 0
        assert (await updated(caller, {"guid": image["guid"], "title": "x"}))["success"] is True


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"upload_date_from": "2025-10-27"}, 1),
        ({"upload_date_from": "2025-10-28"}, 0),
        ({"upload_date_to": "2025-10-27"}, 1),
        ({"upload_date_to": "2025-10-26"}, 0),
        ({"upload_date_from": "20251027", "upload_date_to": "20251027"}, 1),
        ({"upload_date_from": "2025-10-27T14:14:39.5623220-05:00"}, 1),
        ({"upload_date_to": "2025-10-27T14:14:39.5623220-05:00"}, 1),
        ({"upload_date_from": "2025-10-27T14:14:39.562322"}, 1),
        ({"upload_date_from": "2025-10-27T14:14:39.562323"}, 0),
        ({"upload_date_to": "2025-10-27T14:14:39.562321"}, 0),
        ({"upload_date_to": "2025-10-27T19:14:40Z"}, 1),
        ({"upload_date_to": "2025-10-27T19:14:39Z"}, 0),
    ],
    ids=str,
)
async def test_upload_dates_are_inclusive_and_in_us_central(
    empty: httpx.AsyncClient, filters: dict[str, str], count: int
) -> None:
    """A date alone is the whole day in Chicago; a time without an offset is Chicago's too."""
    await added(empty, new_image())
    assert (await listed(empty, **filters))["count"] == count


async def test_a_date_alone_ends_at_midnight_in_chicago() -> None:
    """Half past eleven in the evening still belongs to the day, although UTC is in the next."""
    late = datetime(2025, 10, 28, 4, 30, tzinfo=UTC)
    async with calling(create_app(seed=False, clock=lambda: late)) as caller:
        await added(caller, new_image())
        assert (await listed(caller, upload_date_to="2025-10-27"))["count"] == 1
        assert (await listed(caller, upload_date_from="2025-10-28"))["count"] == 0
