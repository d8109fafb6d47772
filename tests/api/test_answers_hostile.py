import pytest

from fw_mcp.api.answers import json_object
from fw_mcp.api.models import ImageDetails, Product

GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
TOO_LARGE = [
    b"9223372036854775808",
    b"-9223372036854775809",
    b"9" * 400,
    b"1e400",
    b"-1E+309",
    b"9" * 400 + b".5",
]


@pytest.mark.parametrize("number", TOO_LARGE)
@pytest.mark.parametrize("member", ["id", "file_size", "pix_w", "pix_h"])
def test_a_member_that_no_number_type_holds_is_none(member: str, number: bytes) -> None:
    """Arithmetic with it would fail later, far from here, and its digits would fill a page."""
    body = b'{"guid": "%b", "%b": %b}' % (GUID.encode(), member.encode(), number)
    image = ImageDetails.model_validate(json_object(body))
    assert image.model_dump()[member] is None


@pytest.mark.parametrize("number", TOO_LARGE[3:])
def test_a_price_beyond_every_float_is_none(number: bytes) -> None:
    """What is only told, and odd, is left out."""
    product = Product.model_validate(json_object(b'{"sku": "A", "per_item_price": %b}' % number))
    assert product.per_item_price is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)),
    ],
)
def test_a_member_that_a_number_type_holds_is_read(text: bytes, value: int) -> None:
    """The largest one and the smallest."""
    body = b'{"guid": "%b", "id": %b}' % (GUID.encode(), text)
    assert ImageDetails.model_validate(json_object(body)).id == value


@pytest.mark.parametrize(
    "body",
    [
        b'{"images":[' + b"0," * 500_000 + b"0]}",
        b'{"images":[' + b"{},[]" * 200_000 + b"]}",
        b'{"images":[' + b'{"a":' * 500_001,
    ],
    ids=["numbers", "objects", "nested"],
)
def test_more_values_than_any_page_has_are_not_built(body: bytes) -> None:
    """Each would cost many times its bytes, and again as a fault to report."""
    with pytest.raises(ValueError, match="too many values"):
        json_object(body)


def test_a_long_text_is_not_many_values() -> None:
    """A page may be large."""
    text = "word " * 400_000
    assert json_object(b'{"a":"%b"}' % text.encode()) == {"a": text}


@pytest.mark.parametrize(
    ("escapes", "expected"),
    [
        (rb"\n\t\\\ud83d", "\n\t\\\ufffd"),
        (rb"\\\\ud83d", r"\\ud83d"),
        (rb"\\\ud83d\\", "\\\ufffd\\"),
        (rb"\\\u0041\ude00", "\\A\ufffd"),
        (rb"\n\ud83d\ude00\n\ude00", "\n\U0001f600\n\ufffd"),
    ],
)
def test_half_characters_among_other_escapes_are_found(escapes: bytes, expected: str) -> None:
    """A backslash that is itself escaped begins none."""
    assert json_object(b'{"a":"%b"}' % escapes) == {"a": expected}
