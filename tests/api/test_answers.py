import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_mcp.api.answers import json_object

JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON_VALUES))
def test_a_json_object_is_read_as_it_is(document: dict[str, Any]) -> None:
    """Strictness costs nothing that is well formed."""
    assert json_object(json.dumps(document).encode()) == document


@given(st.binary() | st.text().map(str.encode) | JSON_VALUES.map(json.dumps).map(str.encode))
def test_any_bytes_are_an_object_or_one_error(body: bytes) -> None:
    """Nothing else of Python's comes out."""
    try:
        actual = json_object(body)
    except ValueError:
        return
    assert isinstance(actual, dict)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>502</body></html>",
        b'{"status": {"success": tr',
        b"[]",
        b'"text"',
        b"null",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"a": "\xff"}',
        b'{"a": "caf\xe9"}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a":' * 201 + b"1" + b"}" * 201,
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_a_body_that_is_not_strict_json_is_one_error(body: bytes) -> None:
    """HTML, cut off, not an object, NaN, too many digits, not UTF-8, nested too deep."""
    with pytest.raises(ValueError):  # noqa: PT011  any ValueError is the promise
        json_object(body)


def test_a_byte_order_mark_is_tolerated() -> None:
    """Windows software writes one."""
    assert json_object(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_half_characters_become_replacement_characters() -> None:
    """In keys and values at any depth; a whole pair stays the emoji it is."""
    body = rb'{"k\ud83d": ["v\ude00!", {"n\udfff": "\ud83d\ude00"}]}'

    assert json_object(body) == {"k\ufffd": ["v\ufffd!", {"n\ufffd": "\U0001f600"}]}
