import httpx
import pytest

from tests.sandbox.wire import INVENTORY, SELECTION, Json, added, listed, new_image, problems

pytestmark = pytest.mark.anyio

REQUIRED = ["A value is required."]


async def test_numeric_text_binds_to_numbers(studio: httpx.AsyncClient) -> None:
    """``"3"`` is 3, and so is 3.0."""
    library = INVENTORY | {"site_id": " 2 "}
    page = await listed(studio, library=library, per_page="3", page_number=2.0)
    assert (page["per_page"], page["page_number"]) == (3, 2)


async def test_empty_text_binds_to_a_null_date(studio: httpx.AsyncClient) -> None:
    """A date given as ``""`` filters nothing."""
    page = await listed(studio, upload_date_from="", upload_date_to="")
    assert page["count"] == 248


async def test_the_words_true_and_false_bind_to_flags(studio: httpx.AsyncClient) -> None:
    """``"True"`` is true."""
    assert (await listed(studio, list_products="True"))["images"][0]["products"] is not None


async def test_unknown_members_are_ignored_at_every_level(studio: httpx.AsyncClient) -> None:
    """A member the reference does not name changes nothing."""
    page = await listed(studio, colour="blue", library=INVENTORY | {"shelf": 3})
    assert page["count"] == 248


async def test_member_names_match_in_any_case_at_every_level(studio: httpx.AsyncClient) -> None:
    """``Library.Session_Id`` is ``library.session_id``."""
    library = {name.title(): value for name, value in INVENTORY.items()}
    answer = await studio.post("/v3/list_images", json={"LIBRARY": library, "Per_Page": 7})
    assert answer.json()["per_page"] == 7


async def test_null_means_not_given(studio: httpx.AsyncClient) -> None:
    """Every optional member of ``list_images`` may be null."""
    filters = ("search_filter", "guid_filter", "upload_date_from", "upload_date_to", "active")
    others = ("page_number", "per_page", "sort_field", "sort_direction", "list_products")
    page = await listed(studio, **dict.fromkeys(filters + others))
    assert (page["per_page"], page["page_number"], page["count"]) == (10, 1, 248)


async def test_half_a_surrogate_pair_is_stored_as_a_replacement_character(
    empty: httpx.AsyncClient,
) -> None:
    """Text that is no Unicode cannot make an answer that is no JSON."""
    body = b'{"images":[{"file_name":"a.jpg","private_hires_uri":"x","pix_w":1,"pix_h":1,'
    body += b'"title":"half \\ud83d"}],"library":{"name":"inventory","session_id":"12345678",'
    body += b'"site_id":2}}'
    answer = await empty.post("/v3/add_images", content=body)
    assert answer.json()["images"][0]["title"] == "half \N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1,]", b'{"page_number":NaN}', b"\xff\xfe", b"[" * 100_000, b"9" * 5_000],
    ids=["empty", "cut", "comma", "nan", "not utf-8", "deep", "huge integer"],
)
async def test_a_body_that_is_not_json_is_a_400_with_a_message(
    studio: httpx.AsyncClient, body: bytes
) -> None:
    """Malformed JSON is answered in the Web API's shape, whatever is wrong with it."""
    answer = await studio.post("/v3/list_images", content=body)
    assert answer.status_code == 400
    assert answer.json() == {"Message": "The request body is not valid JSON."}


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b"1"])
async def test_a_body_that_is_no_object_is_refused(studio: httpx.AsyncClient, body: bytes) -> None:
    """JSON of another type is a request that is not valid."""
    answer = await studio.post("/v3/list_images", content=body)
    assert answer.status_code == 400
    assert answer.json()["ModelState"] == {"": ["The value must be an object."]}


async def test_a_missing_library_is_named(studio: httpx.AsyncClient) -> None:
    """``library`` is required wherever the reference has it."""
    assert await problems(studio, "POST", "list_images", {}) == {"library": REQUIRED}
    assert await problems(studio, "POST", "add_images", {}) == {
        "images": REQUIRED,
        "library": REQUIRED,
    }
    assert await problems(studio, "DELETE", "delete_images", {"library": None}) == {
        "guids": REQUIRED,
        "library": REQUIRED,
    }


async def test_the_three_required_members_of_a_library_are_named(
    studio: httpx.AsyncClient,
) -> None:
    """Only ``account_key`` may be left out."""
    assert await problems(studio, "POST", "list_images", {"library": {"account_key": "k"}}) == {
        "library.name": REQUIRED,
        "library.session_id": REQUIRED,
        "library.site_id": REQUIRED,
    }


@pytest.mark.parametrize(
    ("library", "path"),
    [
        ({"name": "attic"}, "library.name"),
        ({"name": 7}, "library.name"),
        ({"session_id": "1234567"}, "library.session_id"),
        ({"session_id": "x" * 51}, "library.session_id"),
        ({"session_id": 12345678}, "library.session_id"),
        ({"site_id": "two"}, "library.site_id"),
        ({"site_id": True}, "library.site_id"),
        ({"site_id": 2.5}, "library.site_id"),
    ],
)
async def test_a_library_that_is_not_valid_is_refused(
    studio: httpx.AsyncClient, library: Json, path: str
) -> None:
    """Names are of two, session ids have 8 to 50 characters, site ids are whole numbers."""
    found = await problems(studio, "POST", "list_images", {"library": INVENTORY | library})
    assert list(found) == [path]


@pytest.mark.parametrize("length", [8, 50])
async def test_session_ids_of_8_and_of_50_characters_are_accepted(
    studio: httpx.AsyncClient, length: int
) -> None:
    """Both limits belong to the range."""
    library = INVENTORY | {"session_id": "x" * length}
    assert (await listed(studio, library=library))["count"] == 248


@pytest.mark.parametrize(
    "member",
    [
        {"per_page": 51},
        {"per_page": 0},
        {"per_page": 10**30},
        {"page_number": 0},
        {"page_number": -1},
        {"sort_field": "size"},
        {"sort_direction": "desc"},
        {"sort_direction": ""},
        {"guid_filter": "not a list"},
        {"search_filter": 1984},
        {"list_products": 1},
        {"active": "perhaps"},
        {"upload_date_from": "yesterday"},
        {"upload_date_to": 20251027},
        {"upload_date_to": "9999-12-31"},
    ],
    ids=str,
)
async def test_a_filter_that_is_not_valid_is_refused(
    studio: httpx.AsyncClient, member: Json
) -> None:
    """Every limit and enumeration of ``list_images`` holds."""
    found = await problems(studio, "POST", "list_images", {"library": INVENTORY} | member)
    assert list(found) == list(member)


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"description": "x" * 301}, "images[0].description"),
        ({"file_name": "x" * 201}, "images[0].file_name"),
        ({"file_name": ""}, "images[0].file_name"),
        ({"file_name": None}, "images[0].file_name"),
        ({"thumbnail_file_name": "x" * 201}, "images[0].thumbnail_file_name"),
        ({"preview_file_name": "x" * 201}, "images[0].preview_file_name"),
        ({"hires_file_name": "x" * 201}, "images[0].hires_file_name"),
        ({"public_thumbnail_uri": "x" * 501}, "images[0].public_thumbnail_uri"),
        ({"public_preview_uri": "x" * 501}, "images[0].public_preview_uri"),
        ({"private_hires_uri": "x" * 501}, "images[0].private_hires_uri"),
        ({"pix_w": 0}, "images[0].pix_w"),
        ({"pix_h": -4000}, "images[0].pix_h"),
        ({"pix_h": "tall"}, "images[0].pix_h"),
        ({"file_size": -1}, "images[0].file_size"),
    ],
    ids=str,
)
async def test_an_image_that_is_not_valid_is_refused(
    empty: httpx.AsyncClient, members: Json, path: str
) -> None:
    """Every limit of ``add_images`` holds, and nothing is stored."""
    body = {"images": [new_image() | members], "library": INVENTORY}
    assert list(await problems(empty, "POST", "add_images", body)) == [path]
    assert (await listed(empty))["count"] == 0


async def test_texts_at_their_limits_are_accepted(empty: httpx.AsyncClient) -> None:
    """300, 200 and 500 characters still fit."""
    uri = "https://images.example.com/".ljust(500, "x")
    image = new_image(description="d" * 300, private_hires_uri=uri) | {"file_name": "f" * 200}
    assert (await added(empty, image))[0]["private_hires_uri"] == uri


async def test_every_problem_of_a_request_is_reported_at_once(empty: httpx.AsyncClient) -> None:
    """Two bad images of three and a bad library are three problems."""
    images = [new_image(pix_w=0), new_image(), new_image(pix_h="x")]
    body = {"images": images, "library": INVENTORY | {"session_id": "short"}}
    assert await problems(empty, "POST", "add_images", body) == {
        "images[0].pix_w": ["The value must be between 1 and 2147483647."],
        "images[2].pix_h": ["The value must be a whole number."],
        "library.session_id": ["The length must be 8 to 50 characters."],
    }


@pytest.mark.parametrize("number", [0, 6])
async def test_an_add_holds_one_to_five_images(empty: httpx.AsyncClient, number: int) -> None:
    """Neither none nor six."""
    body = {"images": [new_image()] * number, "library": INVENTORY}
    found = await problems(empty, "POST", "add_images", body)
    assert found == {"images": ["The array must hold 1 to 5 items."]}


@pytest.mark.parametrize(
    ("verb", "name", "body", "path"),
    [
        ("POST", "list_images", {"library": INVENTORY, "guid_filter": ["x"]}, "guid_filter[0]"),
        ("PUT", "update_images", {"images": [{"guid": "1234"}]}, "images[0].guid"),
        ("PUT", "update_file_selection", {"guid": "x", "guids": []}, "guid"),
        ("PUT", "update_file_selection", {"guid": SELECTION, "guids": [None]}, "guids[0]"),
    ],
)
async def test_a_malformed_guid_is_a_400(
    studio: httpx.AsyncClient, verb: str, name: str, body: Json, path: str
) -> None:
    """Where the reference says guid, text that is none is refused."""
    assert await problems(studio, verb, name, body) == {path: ["The value is not a valid GUID."]}


async def test_a_delete_and_an_update_of_nothing_are_refused(studio: httpx.AsyncClient) -> None:
    """An empty list is more likely a mistake than a wish."""
    nothing = ["The array must hold at least 1 items."]
    body = {"guids": [], "library": INVENTORY}
    assert await problems(studio, "DELETE", "delete_images", body) == {"guids": nothing}
    assert await problems(studio, "PUT", "update_images", {"images": []}) == {"images": nothing}
