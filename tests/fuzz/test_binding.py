"""The sandbox's binding on any JSON: a request, or every problem by its path."""

from dataclasses import is_dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_mcp.sandbox.endpoints import ENDPOINTS, Endpoint
from fw_mcp.sandbox.requests import BindingError, Members
from tests.fuzz.effort import effort
from tests.fuzz.odd import VALUES, near_object

endpoints = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: str(one.name))


@endpoints
@effort(0.3)
@given(data=st.data())
def test_anything_binds_or_has_its_problems_named(data: st.DataObject, endpoint: Endpoint) -> None:
    """Nothing else of Python's comes out, and no problem is without a word."""
    kind = Members(endpoint.accepts)
    value: Any = data.draw(VALUES | near_object(kind.schema()))
    outcome = _outcome(kind, value)
    if isinstance(outcome, dict):
        assert outcome
        assert all(texts and all(texts) for texts in outcome.values())
    else:
        assert is_dataclass(outcome)


@endpoints
@effort(0.3)
@given(data=st.data())
def test_what_bound_binds_again_to_the_same(data: st.DataObject, endpoint: Endpoint) -> None:
    """Names in another case and unknown members make no difference."""
    kind = Members(endpoint.accepts)
    value: dict[str, Any] = data.draw(near_object(kind.schema()))
    shouted = {name.upper(): member for name, member in value.items() if name.isascii()}
    assert _outcome(kind, shouted | {"unknown": 1}) == _outcome(kind, shouted)


def _outcome(kind: Members[Any], value: object) -> object:
    try:
        return kind.bind(value)
    except BindingError as error:
        return error.problems
