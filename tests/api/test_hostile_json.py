import pytest

from fw_mcp.api.decoding import decoded


@pytest.mark.parametrize(
    "number",
    [
        b"18446744073709551616",
        b"-9223372036854775809",
        b"9" * 400,
        b"1e400",
        b"-1E+309",
        b"9" * 400 + b".5",
    ],
)
@pytest.mark.parametrize("document", [b'{"a": %b}', b'{"a":[{"b"  :\n %b }]}'])
def test_a_member_that_no_number_type_holds_is_refused(document: bytes, number: bytes) -> None:
    """Arithmetic with it would fail later, far from here."""
    with pytest.raises(ValueError, match="too large"):
        decoded(document % number)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"9223372036854775807", 2**63 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b"1e308", 1e308),
        (b"1e-400", 0.0),
        (b"19.990000000000000000000", 19.99),
        (b'"1e400"', "1e400"),
        (b'":1e400, :99999999999999999999"', ":1e400, :99999999999999999999"),
    ],
)
def test_a_member_that_a_number_type_holds_is_read(text: bytes, value: object) -> None:
    """The largest ones, the smallest, and text that looks like a number."""
    assert decoded(b'{"a":%b}' % text) == {"a": value}


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
        decoded(body)


def test_a_long_text_is_not_many_values() -> None:
    """A page may be large."""
    text = "word " * 400_000
    assert decoded(b'{"a":"%b"}' % text.encode()) == {"a": text}


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
    assert decoded(b'{"a":"%b"}' % escapes) == {"a": expected}
