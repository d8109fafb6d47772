"""Answers of the service, byte by byte and field by field: read, or one error each."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from fw_mcp.api.answers import json_object
from fw_mcp.api.models import DateToSend, ImageDetails, ListImagesResponse, normal_guid, read_date
from fw_mcp.server.end_rows import product_views
from fw_mcp.server.rows import image_record, image_row
from tests.fuzz.effort import effort
from tests.fuzz.odd import GUID, NUMBERS, OBJECTS, TEXTS, VALUES, written

_FIELDS = tuple(ImageDetails.model_fields)
_PRODUCT_FIELDS = ("sku", "name", "quantity", "price_details", "labels", "third_party_integrations")
_SHOPS = st.dictionaries(st.sampled_from(("shopify_id", "etsy", "square", "wix_x")), VALUES)
_PRODUCTS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(_PRODUCT_FIELDS, VALUES) | {"third_party_integrations": _SHOPS}
)
_IMAGES = st.fixed_dictionaries(
    {"guid": st.just(GUID) | TEXTS},
    optional={name: NUMBERS if name in {"id", "pix_w", "pix_h", "file_size"} else TEXTS
              for name in _FIELDS if name not in {"guid", "products"}}
    | {"products": st.none() | st.lists(_PRODUCTS, max_size=2)},
)  # fmt: skip
_ENVELOPE = {"status": {"success": True}, "count": 1}
_PIECES = st.sampled_from(
    (b'{"a":', b"{", b"}", b"[", b"]", b'"', b"\\", b"\\u", b"\\ud83d", b"\\udE00", b"\\\\u", b":",
     b",", b"1e999", b"-0", b"NaN", b"null", b"\xed\xa0\xbd", b"\xf0\x9f\x98\x80", b"\xef\xbb\xbf",
     b"\0", b"\n", b"9" * 400)
)  # fmt: skip


def sendable(value: object) -> None:
    """Strict JSON in whole characters, as hosts take it."""
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


@effort(4)
@given(
    st.binary()
    | st.lists(_PIECES | st.binary(max_size=3), max_size=12).map(b"".join)
    | st.lists(_PIECES, max_size=6).map(lambda parts: b'{"a":"' + b"".join(parts) + b'"}')
    | OBJECTS.map(written)
)
def test_any_bytes_are_an_object_that_can_be_sent_on_or_one_error(body: bytes) -> None:
    """No half of a character gets in, however it is written."""
    try:
        actual = json_object(body)
    except ValueError:
        return
    sendable(actual)


@effort(1.5)
@given(TEXTS | st.from_regex(r"[0-9a-fA-F{}()\s-]{30,40}"))
def test_any_text_is_a_guid_in_its_one_form_or_is_refused(text: str) -> None:
    """What is taken for a guid is the guid that everything compares."""
    try:
        guid = normal_guid(text)
    except ValueError:
        return
    assert guid == text.strip().lower()
    assert len(guid) == 36
    assert guid.isascii()
    assert normal_guid(guid) == guid


@effort(1.5)
@given(VALUES | st.datetimes(timezones=st.none() | st.timezones()).map(lambda one: one.isoformat()))
def test_any_date_of_the_service_is_aware_and_can_be_sent_on_or_is_none(value: object) -> None:
    """What was read as a date can be written in a row, and asked for again."""
    moment = read_date(value)
    if moment is None:
        return
    assert moment.utcoffset() is not None
    adapter = TypeAdapter(DateToSend)
    again = adapter.validate_json(adapter.dump_json(moment))
    assert abs((again - moment).total_seconds()) < 60


@effort(1.5)
@given(st.lists(_IMAGES | OBJECTS, max_size=3), OBJECTS)
def test_any_page_is_read_and_can_be_shown_or_is_one_error(
    images: list[dict[str, Any]], more: dict[str, Any]
) -> None:
    """A record that was taken can be put in a row, a line and a full record."""
    try:
        document = json_object(written({**more, **_ENVELOPE, "images": images}))
        page = ListImagesResponse.model_validate(document)
    except (ValueError, ValidationError):
        return
    for image in page.images:
        row = image_row(image)
        sendable([row.line(), row.model_dump(mode="json"), image_record(image, show_hires=True)])
        sendable([product_views(one, image.title or "").texts for one in image.products or ()])


@effort(1)
@given(VALUES)
def test_any_envelope_is_read_or_is_one_error(document: object) -> None:
    """Whatever stands where a page should be."""
    try:
        ListImagesResponse.model_validate(document)
    except ValidationError:
        return
