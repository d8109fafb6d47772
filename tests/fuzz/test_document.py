"""The sandbox against its own OpenAPI document, with requests that schemathesis draws from it."""

import gc
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import assume, given
from hypothesis import strategies as st
from schemathesis import CheckFunction, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection

from fw_mcp.sandbox.app import create_app
from tests.fuzz.effort import effort
from tests.sandbox.wire import KEYS, now

REFUSED = {
    "Message": "The request is invalid.",
    "ModelState": {
        "ApiC.Models.authorization_credentials": ["Missing or unauthorized api credentials"]
    },
}
# The service answers bad keys with 400, not 401. It binds leniently, so "7" is a number although
# the document says integer.
NOT_SO_HERE: list[CheckFunction] = [ignored_auth, negative_data_rejection]
OPERATIONS = (
    "list_images",
    "add_images",
    "update_images",
    "delete_images",
    "update_file_selection",
    "list_file_selection",
    "list_virtual_inventory",
    "test_my_credentials",
)

operations = pytest.mark.parametrize("name", OPERATIONS)


@pytest.fixture(autouse=True)
def _nothing_is_collected() -> Iterator[None]:
    """Before 3.11.8 Python may lose count of its recursion if it collects while it parses.

    That ends in a SystemError (gh-106905), and what draws requests parses a lot of source.
    """
    gc.disable()
    yield
    gc.enable()


@cache
def described() -> dict[str, Any]:
    """Each operation in the document of a seeded sandbox, which answers what is drawn from it."""
    document = schemathesis.openapi.from_asgi("/openapi.json", create_app(clock=now))
    found = [result.ok() for result in document.get_all_operations() if isinstance(result, Ok)]
    return {operation.label.rpartition("/")[2]: operation for operation in found}


def cases(name: str, *modes: GenerationMode) -> st.SearchStrategy[Any]:
    """Requests of one operation."""
    return st.one_of([described()[name].as_strategy(generation_mode=mode) for mode in modes])


def test_every_operation_is_tried() -> None:
    """A new one has to be named here."""
    assert set(described()) == set(OPERATIONS)


@operations
@effort(0.2)
@given(data=st.data())
def test_a_request_by_the_document_is_accepted_and_answered_by_it(
    data: st.DataObject, name: str
) -> None:
    """Status, content type and every member of the answer are as described."""
    case = data.draw(cases(name, GenerationMode.POSITIVE))
    answer = case.call_and_validate(headers={**KEYS}, excluded_checks=NOT_SO_HERE)
    assert answer.status_code in {200, 201}


@operations
@effort(0.2)
@given(data=st.data())
def test_a_request_against_the_document_is_bound_or_refused(data: st.DataObject, name: str) -> None:
    """Never an error of the server's own, and a refusal is as described too."""
    case = data.draw(cases(name, GenerationMode.NEGATIVE))
    answer = case.call_and_validate(headers={**KEYS}, excluded_checks=NOT_SO_HERE)
    assert answer.status_code in {200, 201, 400}


@operations
@effort(0.1)
@given(data=st.data())
def test_a_request_without_both_keys_is_refused_before_it_is_read(
    data: st.DataObject, name: str
) -> None:
    """Right or wrong, whichever key is missing, doubled or odd, the answer is the same."""
    case = data.draw(cases(name, GenerationMode.POSITIVE, GenerationMode.NEGATIVE))
    spoilt = data.draw(st.sampled_from(sorted(KEYS)))
    instead = data.draw(st.sampled_from([None, "", "0", "\xff", *KEYS.values()]))
    keys = {name: instead if name == spoilt else key for name, key in KEYS.items()}
    assume(keys != KEYS)
    case.headers.clear()
    answer = case.call(headers={name: key for name, key in keys.items() if key is not None})
    assert (answer.status_code, answer.json()) == (400, REFUSED)
