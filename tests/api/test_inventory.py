"""`list_virtual_inventory`: what is asked, and products of odd records."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fw_mcp.api.inventory import (
    ListedProduct,
    ListVirtualInventoryRequest,
    ListVirtualInventoryResponse,
)
from tests.api.calls import list_virtual_inventory
from tests.api.stand_in import GUID, SUCCESS, Service, client_of

pytestmark = pytest.mark.anyio

RECORD: dict[str, Any] = {
    "id": 42,
    "sku": "AP123",
    "product_code": "5M6M12X16",
    "name": "Canvas",
    "per_item_price": 12.5,
    "total_price": 12.5,
    "asking_price": 49.0,
    "monetary_format": "USD",
    "quantity_in_stock": 7,
    "labels": [{"key": "medium", "value": "Canvas", "priority": 1}],
    "third_party_integrations": {"shopify_product_id": 99},
    "image_guid": GUID.upper(),
    "product_guid": GUID,
    "artist": "Jane",
    "track_inventory": True,
    "geo_price": None,
    "updated": "2025-10-27T14:14:39.5623224-05:00",
    "valid": True,
}
PAGE = {"status": SUCCESS, "products": [], "page_number": 1, "per_page": 0, "count": 0}
ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())


async def test_it_is_asked_as_documented() -> None:
    """A POST without a library; what is not asked is null."""
    service = Service(httpx.Response(200, json=PAGE))
    async with client_of(service) as client:
        answer = await list_virtual_inventory(client)
    (request,) = service.requests
    assert (request.method, request.url.path) == ("POST", "/v3/list_virtual_inventory")
    assert json.loads(request.content) == {
        "search_filter": None,
        "sku_filter": ["AP1"],
        "product_code_filter": None,
        "guid_filter": None,
        "page_number": 1,
        "per_page": 10,
        "sort_field": "id",
        "sort_direction": "DESC",
        "created_date_from": None,
        "created_date_to": None,
        "account_key": None,
    }
    assert answer == ListVirtualInventoryResponse.model_validate(PAGE)


@pytest.mark.parametrize(("given", "sent"), [(None, "other-account"), ("third", "third")])
async def test_it_is_asked_for_the_account_that_the_client_acts_for(
    given: str | None, sent: str
) -> None:
    """Unless the request names one itself."""
    service = Service(httpx.Response(200, json=PAGE))
    async with client_of(service, account_key="other-account") as client:
        await client.list_virtual_inventory(ListVirtualInventoryRequest(account_key=given))
    assert json.loads(service.requests[0].content)["account_key"] == sent


@pytest.mark.parametrize(
    "odd",
    [
        {"sku_filter": ["a"] * 51},
        {"product_code_filter": ["a"] * 51},
        {"guid_filter": [GUID] * 51},
        {"sku_filter": []},
        {"guid_filter": ["x"]},
        {"per_page": 51},
        {"page_number": 0},
    ],
    ids=str,
)
def test_what_the_service_would_ignore_or_refuse_is_not_sent(odd: dict[str, Any]) -> None:
    """A filter of 51 filters nothing, and says nothing of it."""
    with pytest.raises(ValidationError):
        ListVirtualInventoryRequest(**odd)


def test_a_product_is_read_with_all_that_the_reference_has() -> None:
    """Six members more than a product of an image."""
    product = ListedProduct.model_validate(RECORD)
    told = product.model_dump(mode="json", exclude_none=True)
    assert told["updated"] == "2025-10-27T14:14:39.562322-05:00"
    expected = RECORD | {"image_guid": GUID}
    same = expected.keys() - {"updated", "geo_price"}
    assert {name: told[name] for name in same} == {name: expected[name] for name in same}
    assert (product.shops, product.odd_fields) == (("Shopify",), ())


@given(st.dictionaries(st.sampled_from(sorted(RECORD)), ODD))
def test_an_odd_value_is_named_and_hides_nothing(odd: dict[str, Any]) -> None:
    """What was given is read, or it is named; nothing else of the record is lost."""
    page = PAGE | {"products": [RECORD | odd, RECORD], "count": 2}
    one, other = ListVirtualInventoryResponse.model_validate(page).products
    assert other == ListedProduct.model_validate(RECORD)
    assert set(one.odd_fields) <= odd.keys()
    for name, value in odd.items():
        if name in one.odd_fields:
            assert getattr(one, name) in (None, ())
        elif value not in (None, ""):
            assert getattr(one, name) is not None
    for name in RECORD.keys() - odd.keys():
        assert getattr(one, name) == getattr(other, name)


@pytest.mark.parametrize("record", [None, 5, "AP1", [], [1]])
def test_a_record_that_is_none_is_a_product_of_which_nothing_is_known(record: object) -> None:
    """It is on the page, and counted."""
    page = PAGE | {"products": [RECORD, record], "count": 2}
    _, odd = ListVirtualInventoryResponse.model_validate(page).products
    assert (odd.sku, odd.odd_fields) == (None, ("record",))


@pytest.mark.parametrize(
    ("amount", "odd"),
    [(1e12, ()), (1e300, ("asking_price",)), (10**400, ("asking_price",)), ("12.50", ())],
)
def test_an_amount_that_is_no_price_is_odd(amount: object, odd: tuple[str, ...]) -> None:
    """Its sum with others would be no number."""
    assert ListedProduct.model_validate(RECORD | {"asking_price": amount}).odd_fields == odd


@pytest.mark.parametrize("date", ["", None, "0001-01-01T00:00:00", "9999-12-31T23:59:59"])
def test_no_date_is_not_odd(date: object) -> None:
    """Each is how .NET writes it."""
    product = ListedProduct.model_validate(RECORD | {"updated": date})
    assert (product.updated, product.odd_fields) == (None, ())


@pytest.mark.parametrize("missing", ["status", "products", "count"])
def test_a_page_of_products_without_what_makes_it_one_is_refused(missing: str) -> None:
    """An answer without products must not be read as "there are none"."""
    with pytest.raises(ValidationError):
        ListVirtualInventoryResponse.model_validate(
            {name: value for name, value in PAGE.items() if name != missing}
        )


def test_what_the_service_itself_calls_odd_is_not_believed() -> None:
    """The name is ours."""
    product = ListedProduct.model_validate(RECORD | {"odd_fields": ["sku"]})
    assert product.odd_fields == ()
