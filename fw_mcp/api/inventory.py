"""The JSON of `list_virtual_inventory`, field for field: the products of all images.

Knows no HTTP.
"""

from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    model_validator,
)

from fw_mcp.api.models import (
    PAGE_LIMIT,
    AnsweredDate,
    Count,
    DateToSend,
    GuidToSend,
    LooseFlag,
    LooseInt,
    LooseNumber,
    LooseText,
    Product,
    SortDirection,
    SortField,
    StatusResponse,
    TextToSend,
)

FILTER_LIMIT = 50
"""Texts in a filter; one of more is silently ignored (D)."""

# Beyond it is no price, and sums of it would leave the range of numbers.
_MOST_MONEY = 1e12


def _money(amount: float | None) -> float | None:
    return amount if amount is not None and abs(amount) <= _MOST_MONEY else None


_Money = Annotated[LooseNumber, AfterValidator(_money)]
_NO_DATE = ("0001", "9999")


class ListedProduct(Product):
    """A product as `list_virtual_inventory` gives it.

    Attributes:
        id: grows with each product.
        track_inventory: whether its stock is counted.
        updated: with its offset.
        valid: whether it can be ordered as it is.
        odd_fields: what the service gave in a way that cannot be read; "record" when nothing could.
    """

    model_config = ConfigDict(defer_build=True)

    id: LooseInt = None
    artist: LooseText = None
    per_item_price: _Money = None
    total_price: _Money = None
    asking_price: _Money = None
    track_inventory: LooseFlag = None
    geo_price: object = None
    updated: AnsweredDate = None
    valid: LooseFlag = None
    odd_fields: tuple[str, ...] = ()

    @model_validator(mode="wrap")
    @classmethod
    def _note_what_is_odd(
        cls, record: object, read: ModelWrapValidatorHandler["ListedProduct"]
    ) -> "ListedProduct":
        """One odd value must not hide a page, nor pass for one that was not given."""
        if isinstance(record, ListedProduct):
            return record
        if not isinstance(record, dict):
            return read({"odd_fields": ("record",)})
        given = {name: value for name, value in record.items() if name != "odd_fields"}
        product = read(given)
        odd = (name for name in cls.model_fields if _is_lost(given.get(name), product, name))
        return product.model_copy(update={"odd_fields": tuple(odd)})


def _is_lost(given: object, product: ListedProduct, name: str) -> bool:
    """Whether a value was given, and read as none."""
    if given is None or given == "":
        return False
    if name == "updated" and isinstance(given, str) and given.startswith(_NO_DATE):
        return False
    return getattr(product, name) is None or (name == "labels" and not isinstance(given, list))


def _none_as_empty(value: object) -> object:
    return () if value is None else value


class ListVirtualInventoryResponse(StatusResponse):
    """One page of products.

    Attributes:
        products: empty past the last page.
        page_number: as asked.
        per_page: how many products were returned; never the page size.
        count: how many products match on all pages; None where what is told is no number.
    """

    model_config = ConfigDict(defer_build=True)

    products: Annotated[tuple[ListedProduct, ...], BeforeValidator(_none_as_empty)]
    page_number: LooseInt = None
    per_page: LooseInt = None
    count: Count


_Texts = Annotated[tuple[TextToSend, ...], Field(min_length=1, max_length=FILTER_LIMIT)]
_Guids = Annotated[tuple[GuidToSend, ...], Field(min_length=1, max_length=FILTER_LIMIT)]


class ListVirtualInventoryRequest(BaseModel):
    """What `list_virtual_inventory` is asked.

    Attributes:
        search_filter: text in the name or the description.
        sku_filter: only these; at most 50, like the next two.
        product_code_filter: only products of these kinds.
        guid_filter: only products of these images.
        page_number: from 1.
        per_page: products a page, 1-50.
        sort_field: what to sort by; `id` is the order of making, the others are the image's.
        sort_direction: `DESC` is newest or largest first.
        created_date_from: from this moment on; without an offset US Central (I).
        created_date_to: up to this moment; without an offset US Central (I).
        account_key: of another account; ignored without a word when the app key lacks the
            permission (D).
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True
    )

    search_filter: TextToSend | None = None
    sku_filter: _Texts | None = None
    product_code_filter: _Texts | None = None
    guid_filter: _Guids | None = None
    page_number: int = Field(default=1, ge=1)
    per_page: int = Field(default=10, ge=1, le=PAGE_LIMIT)
    sort_field: SortField = "id"
    sort_direction: SortDirection = "DESC"
    created_date_from: DateToSend | None = None
    created_date_to: DateToSend | None = None
    account_key: TextToSend | None = None
