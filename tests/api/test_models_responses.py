import hashlib
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fw_mcp.api.models import (
    AddImagesResponse,
    CredentialsResponse,
    FileSelectionResponse,
    ImageDetails,
    ListImagesResponse,
    Product,
    Status,
    StatusResponse,
)
from tests.api.stand_in import EMPTY_PAGE, GUID, OTHER_GUID, SUCCESS

STATUS = Status(
    success=True,
    status_code=100,
    message="Success",
    reference_id="ab" * 16,
    domain="api.finerworks.com",
)
STATUS_JSON = {
    "success": True,
    "status_code": 100,
    "message": "Success",
    "debug": "d:\\inetpub\\secret",
    "reference_id": "ab" * 16,
    "domain": "api.finerworks.com",
}
PRODUCT_JSON: dict[str, Any] = {
    "monetary_format": "USD",
    "quantity": 1,
    "quantity_in_stock": 7,
    "sku": "AP123",
    "product_code": "5M6M12X16",
    "price_details": None,
    "per_item_price": 12.5,
    "total_price": 12.5,
    "asking_price": 49.0,
    "name": "Canvas",
    "description_short": "12x16 canvas",
    "description_long": "<p>Canvas</p>",
    "labels": [{"key": "medium", "value": "Canvas", "priority": 1}],
    "image_url_1": "https://example.com/1.jpg",
    "image_url_2": None,
    "image_url_3": None,
    "image_url_4": None,
    "image_url_5": None,
    "image_guid": GUID.upper(),
    "product_size": "12x16",
    "third_party_integrations": {"etsy_product_id": None, "shopify_product_id": 99},
    "framing_options": None,
    "product_guid": OTHER_GUID.upper(),
    "debug": "cost 3.10",
}
IMAGE_JSON: dict[str, Any] = {
    "id": 42,
    "guid": GUID.upper(),
    "title": "Dunes",
    "description": None,
    "file_name": "dunes.jpg",
    "file_size": 12_345_678,
    "thumbnail_file_name": "t.jpg",
    "preview_file_name": "p.jpg",
    "hires_file_name": None,
    "public_thumbnail_uri": "https://example.com/t.jpg",
    "public_preview_uri": "https://example.com/p.jpg",
    "personal_gallery_title": "",
    "members_gallery_category": None,
    "private_hires_uri": "https://example.com/h.jpg",
    "pix_w": 6000,
    "pix_h": 4000,
    "date_added": "2025-10-27T14:14:39.5623224-05:00",
    "date_updated": "not a date",
    "date_expires": None,
    "active": True,
    "rank": 3,
    "username": "jane",
    "account_key": "secret",
    "artistname": "Jane",
    "products": [PRODUCT_JSON],
}


def test_a_page_is_read_field_for_field() -> None:
    """The whole documented answer, as one value."""
    document = {
        "status": STATUS_JSON,
        "images": [IMAGE_JSON],
        "page_number": 1,
        "per_page": 1,
        "count": 240,
    }

    actual = ListImagesResponse.model_validate(document)

    product = Product(
        monetary_format="USD",
        quantity=1,
        quantity_in_stock=7,
        sku="AP123",
        product_code="5M6M12X16",
        per_item_price=12.5,
        total_price=12.5,
        asking_price=49,
        name="Canvas",
        description_short="12x16 canvas",
        description_long="<p>Canvas</p>",
        labels=[{"key": "medium", "value": "Canvas", "priority": 1}],
        image_url_1="https://example.com/1.jpg",
        image_guid=GUID,
        product_size="12x16",
        third_party_integrations={"etsy_product_id": None, "shopify_product_id": 99},
        product_guid=OTHER_GUID,
    )
    image = ImageDetails(
        id=42,
        guid=GUID,
        title="Dunes",
        file_name="dunes.jpg",
        file_size=12_345_678,
        thumbnail_file_name="t.jpg",
        preview_file_name="p.jpg",
        public_thumbnail_uri="https://example.com/t.jpg",
        public_preview_uri="https://example.com/p.jpg",
        personal_gallery_title="",
        private_hires_uri="https://example.com/h.jpg",
        pix_w=6000,
        pix_h=4000,
        date_added="2025-10-27T14:14:39.562322-05:00",
        active=True,
        rank=3,
        products=[product],
        odd_fields=["date_updated"],
    )
    expected = ListImagesResponse(
        status=STATUS, images=[image], page_number=1, per_page=1, count=240
    )
    assert actual == expected
    assert product.labels == ({"key": "medium", "value": "Canvas", "priority": 1.0},)
    assert actual.images[0].date_added == datetime(2025, 10, 27, 19, 14, 39, 562322, tzinfo=UTC)


def test_account_data_and_debug_are_kept_nowhere() -> None:
    """They are dropped while reading, so nothing downstream can show them."""
    document = EMPTY_PAGE | {"status": STATUS_JSON, "images": [IMAGE_JSON]}

    actual = ListImagesResponse.model_validate(document).model_dump_json()

    for word in ("jane", "Jane", "secret", "debug", "cost 3.10", "inetpub", "account_key"):
        assert word not in actual


def test_products_tell_not_asked_from_none() -> None:
    """Null means that products were not asked for, an empty list that there are none."""
    images = [{"guid": GUID}, {"guid": GUID, "products": None}, {"guid": GUID, "products": []}]

    actual = ListImagesResponse.model_validate(EMPTY_PAGE | {"images": images})

    assert [image.products for image in actual.images] == [None, None, ()]


@pytest.mark.parametrize("products", ["many", 5, {"sku": "a"}, ["AP123"], [None]])
def test_products_of_the_wrong_type_are_named_as_odd(products: object) -> None:
    """Products that cannot be read must not look like no products, nor hide the page."""
    image = ImageDetails.model_validate({"guid": GUID, "products": products})
    assert (image.products, image.odd_fields) == (None, ("products",))


@pytest.mark.parametrize("odd", [6000.5, "6000px", [], {}])
def test_an_odd_value_is_named_and_what_is_not_there_is_not(odd: object) -> None:
    """The record is read without it."""
    told = {"guid": GUID, "pix_w": odd, "pix_h": None, "date_expires": "0001-01-01T00:00:00"}
    image = ImageDetails.model_validate(told)
    assert (image.pix_w, image.odd_fields) == (None, ("pix_w",))


def test_a_record_without_a_guid_hides_no_other() -> None:
    """It is left out and counted: it could not be named in any other call."""
    images = [{"guid": 5, "id": 7}, {"guid": GUID}, "none"]
    page = ListImagesResponse.model_validate(EMPTY_PAGE | {"images": images})
    assert ([one.guid for one in page.images], page.unreadable) == ([GUID], (7, None))


@pytest.mark.parametrize(
    ("told", "count"), [("12", 12), (0, 0), ("12 images", None), (-1, None), (None, None)]
)
def test_a_count_that_is_no_number_hides_no_page(told: object, count: int | None) -> None:
    """It is not known."""
    assert ListImagesResponse.model_validate(EMPTY_PAGE | {"count": told}).count == count


@given(
    st.dictionaries(
        st.sampled_from(sorted(PRODUCT_JSON)),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()),
    )
)
def test_a_product_of_odd_fields_is_still_a_product(odd: dict[str, Any]) -> None:
    """A price of the wrong type must not hide that the product exists."""
    actual = Product.model_validate(PRODUCT_JSON | odd)

    assert isinstance(actual.shops, tuple)


@pytest.mark.parametrize(
    ("integrations", "shops"),
    [
        (None, ()),
        ("shopify", ()),
        ({}, ()),
        ({"shopify_product_id": None, "etsy_product_id": 0, "wix_product_id": ""}, ()),
        ({"shopify_product_id": "0", "etsy_product_id": "00000000-0000-0000-0000-0000"}, ()),
        ({"shopify_product_id": 0.0, "etsy_product_id": False, "wix_product_id": [0]}, ()),
        ({"SHOPIFY_product_id": 1, "shopify_variant_id": 2}, ("Shopify",)),
        ({"squarespace_product_id": "5f3"}, ("Squarespace",)),
        ({"square_item_id": "5f3"}, ("Square",)),
        ({"Square_id": 1, "squarespace_id": 0}, ("Square",)),
        ({"wix": {"product_id": "a", "variant_id": None}}, ("Wix",)),
        ({"woocommerce_ids": [0, 7]}, ("WooCommerce",)),
        (
            {"wix_id": 1, "etsy_id": 1, "bigcommerce_id": 1, "woocommerce_id": 1},
            ("BigCommerce", "Etsy", "Wix", "WooCommerce"),
        ),
        ({"other_id": 5}, ()),
    ],
)
def test_a_product_names_the_shops_it_is_live_in(
    integrations: object, shops: tuple[str, ...]
) -> None:
    """A non-zero, non-null, non-empty id under a shop's name means live there."""
    product = Product.model_validate({"third_party_integrations": integrations})

    assert product.shops == shops


def test_a_null_list_of_images_is_an_empty_page() -> None:
    """A page past the end is empty, no error."""
    actual = ListImagesResponse.model_validate(EMPTY_PAGE | {"images": None})

    assert actual.images == ()


@pytest.mark.parametrize("missing", ["status", "images", "count"])
def test_a_page_without_what_makes_it_a_page_is_refused(missing: str) -> None:
    """An answer without `images` must not be read as "there are none"."""
    document = {key: value for key, value in EMPTY_PAGE.items() if key != missing}

    with pytest.raises(ValidationError):
        ListImagesResponse.model_validate(document)


@pytest.mark.parametrize("guid", [None, "", 5])
def test_an_image_without_a_guid_is_refused(guid: object) -> None:
    """It could not be named in any other call."""
    with pytest.raises(ValidationError):
        ImageDetails.model_validate({"guid": guid})


def test_added_images_are_read_with_what_little_is_promised() -> None:
    """`id` and `guid`; the rest is None."""
    document = {"status": STATUS_JSON, "images": [{"id": 43, "guid": GUID}]}

    actual = AddImagesResponse.model_validate(document)

    assert actual == AddImagesResponse(status=STATUS, images=[ImageDetails(id=43, guid=GUID)])


def test_an_update_or_a_delete_is_answered_by_a_status_alone() -> None:
    """Nothing per image."""
    assert StatusResponse.model_validate({"status": STATUS_JSON}) == StatusResponse(status=STATUS)


@pytest.mark.parametrize(("guids", "read"), [([GUID.upper()], (GUID,)), ([], ()), (None, ())])
def test_a_selection_is_read_in_lower_case(guids: list[str] | None, read: tuple[str, ...]) -> None:
    """Null is how an empty one may be written."""
    actual = FileSelectionResponse.model_validate({"status": STATUS_JSON, "guids": guids})

    assert actual == FileSelectionResponse(status=STATUS, guids=read)


def test_credentials_keep_four_facts_of_an_account() -> None:
    """The rest of `user_account` is personal and billing data."""
    document = {
        "status": STATUS_JSON,
        "user_account": {
            "username": "jane@example.com",
            "account_key": "secret",
            "billing_info": {"address_1": "Main Street 1"},
            "app_details": {"app_live_mode": False, "app_name": "Studio"},
        },
    }

    actual = CredentialsResponse.model_validate(document)

    assert actual.model_dump() == {
        "success": True,
        "masked_user_name": "j***",
        "app_live_mode": False,
        "user_digest": hashlib.sha256(b"username\0jane@example.com").hexdigest(),
    }


@pytest.mark.parametrize(
    "account", [None, [], {}, {"username": "", "app_details": None}, {"username": 5}]
)
def test_credentials_of_an_odd_account_still_say_success(account: object) -> None:
    """The keys work, whatever the account looks like."""
    actual = CredentialsResponse.model_validate({"status": SUCCESS, "user_account": account})

    assert actual.model_dump(exclude={"user_digest"}) == {
        "success": True,
        "masked_user_name": None,
        "app_live_mode": None,
    }


def test_a_user_is_the_same_by_an_id_however_it_is_written() -> None:
    """Numbers may come as text, and a name may change; nobody named is nobody's."""

    def digest(**account: object) -> str | None:
        answer = {"status": SUCCESS, "user_account": account}
        return CredentialsResponse.model_validate(answer).user_digest

    assert digest(account_id=7) == digest(account_id="7", username="jane") != digest(account_id=8)
    assert digest(username="Jane") == digest(account_id=0, username="jane ") is not None
    assert [digest(), digest(account_id=True), digest(username=[])] == [None, None, None]


def test_responses_are_frozen() -> None:
    """What was read stays as it was read."""
    image = ImageDetails(guid=GUID)

    with pytest.raises(ValidationError, match="frozen"):
        image.title = "Other"  # type: ignore[misc]


def test_the_models_are_imported_without_an_http_library() -> None:
    """A server lists its tools before it needs one; the client waits for its first call.

    Before 4.15, anyio itself imports `ssl`.
    """
    code = (
        "import sys, anyio; from_anyio = set(sys.modules);"
        "import fw_mcp.api.models, fw_mcp.api.client;"
        "print([name for name in ('httpx', 'ssl') if name in {*sys.modules} - from_anyio])"
    )

    actual = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert actual.stdout.strip() == "[]"
