"""What the image endpoints answer, field for field.

A response ignores unknown fields and is frozen; account data (`username`, `account_key`,
`artistname`, billing) and the service's `debug` have no field and are dropped while reading.
(D), (O) and (I) mark what is documented, observed and inferred.
"""

from functools import lru_cache
from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    model_validator,
)
from typing_extensions import TypedDict

from fw_mcp.api.scalars import (
    AnsweredDate,
    AnsweredGuid,
    AnsweredInt,
    LooseGuid,
    LooseInt,
    LooseMembers,
    LooseNumber,
    LooseText,
)

# Longest first: "square" also begins every key of Squarespace.
_SHOPS = ("BigCommerce", "Squarespace", "WooCommerce", "Shopify", "Square", "Etsy", "Wix")


def _objects(value: object) -> tuple[object, ...]:
    """The members of a list that are objects; none when it is not a list."""
    return tuple(one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()


def _none_as_empty(value: object) -> object:
    return () if value is None else value


def _member(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


class _Response(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Status(_Response):
    """How the service says a call went.

    Attributes:
        success: True on every response that reaches a caller.
        status_code: the service's own number; 100 in its samples is an artefact.
        message: the service's words.
        reference_id: what FinerWorks' support asks for.
        domain: the host that answered.
    """

    success: bool
    status_code: LooseInt = None
    message: LooseText = None
    reference_id: LooseText = None
    domain: LooseText = None


class Label(TypedDict, total=False):
    """One choice a product is made of, such as its medium or size."""

    key: LooseText
    value: LooseText
    priority: LooseNumber


class Product(_Response):
    """One virtual-inventory product of an image; absent on older hosts, so every field may be None.

    A field of an odd type reads as None: a price must not hide that the product exists. An
    `object` is any JSON.

    Attributes:
        quantity_in_stock: pieces.
        per_item_price: in the account's currency, like the other prices; `monetary_format` writes
            it.
        description_long: HTML.
        third_party_integrations: shop ids by name; see `shops`.
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)

    monetary_format: LooseText = None
    quantity: LooseNumber = None
    quantity_in_stock: LooseNumber = None
    sku: LooseText = None
    product_code: LooseText = None
    price_details: object = None
    per_item_price: LooseNumber = None
    total_price: LooseNumber = None
    asking_price: LooseNumber = None
    name: LooseText = None
    description_short: LooseText = None
    description_long: LooseText = None
    labels: Annotated[tuple[Label, ...], BeforeValidator(_objects)] = ()
    image_url_1: LooseText = None
    image_url_2: LooseText = None
    image_url_3: LooseText = None
    image_url_4: LooseText = None
    image_url_5: LooseText = None
    image_guid: LooseGuid = None
    product_size: object = None
    third_party_integrations: LooseMembers = None
    framing_options: object = None
    product_guid: LooseGuid = None

    @property
    def shops(self) -> tuple[str, ...]:
        """The shops it is live in, by name, in alphabetical order."""
        ids = self.third_party_integrations or {}
        names = {_shop_of(key) for key, value in ids.items() if value and _is_id(value)}
        return tuple(sorted(name for name in names if name))


@lru_cache(maxsize=128)
def _shop_of(key: str) -> str | None:
    lowered = key.lower()
    return next((shop for shop in _SHOPS if lowered.startswith(shop.lower())), None)


def _is_id(value: object) -> bool:
    """Whether a shop gave this; 0, "0", "", null and a guid of zeros are how none is written."""
    if isinstance(value, dict):
        return any(map(_is_id, value.values()))
    if isinstance(value, list):
        return any(map(_is_id, value))
    return bool(value) and bool(str(value).strip("0-. "))


class ImageDetails(_Response):
    """One image as the library holds it.

    Attributes:
        id: grows with each image added.
        guid: in lower case.
        file_size: bytes (O).
        hires_file_name: null in practice for some images (O).
        public_thumbnail_uri: 200 x 200 pixels.
        private_hires_uri: the print master; shown to nobody unless asked for.
        pix_w: width of the print master, pixels.
        pix_h: height of the print master, pixels.
        date_added: with its offset.
        date_updated: only on the newer host.
        date_expires: when a temporary image goes.
        rank: only on the newer host.
        products: None when they were not asked for, empty when there are none.
    """

    id: AnsweredInt | None = None
    guid: AnsweredGuid
    title: str | None = None
    description: str | None = None
    file_name: str | None = None
    file_size: AnsweredInt | None = None
    thumbnail_file_name: str | None = None
    preview_file_name: str | None = None
    hires_file_name: str | None = None
    public_thumbnail_uri: str | None = None
    public_preview_uri: str | None = None
    personal_gallery_title: LooseText = None
    members_gallery_category: LooseText = None
    private_hires_uri: str | None = None
    pix_w: AnsweredInt | None = None
    pix_h: AnsweredInt | None = None
    date_added: AnsweredDate = None
    date_updated: AnsweredDate = None
    date_expires: AnsweredDate = None
    active: bool | None = None
    rank: LooseInt = None
    products: tuple[Product, ...] | None = None


_Images = Annotated[tuple[ImageDetails, ...], BeforeValidator(_none_as_empty)]
_AnsweredGuids = Annotated[tuple[AnsweredGuid, ...], BeforeValidator(_none_as_empty)]


class ListImagesResponse(_Response):
    """One page of images.

    Attributes:
        images: empty past the last page.
        page_number: as asked.
        per_page: how many images were returned (D); never the page size.
        count: how many images match on all pages.
    """

    status: Status
    images: _Images
    page_number: AnsweredInt | None = None
    per_page: AnsweredInt | None = None
    count: AnsweredInt = Field(ge=0)


class AddImagesResponse(_Response):
    """The new images, at least `id` and `guid` of each; their order is not promised."""

    status: Status
    images: _Images


class StatusResponse(_Response):
    """All that an update or a delete answers: nothing about any single image."""

    status: Status


class FileSelectionResponse(_Response):
    """What a selection holds."""

    status: Status
    guids: _AnsweredGuids


class CredentialsResponse(_Response):
    """Whether the keys work; the account's personal and billing data is dropped while reading.

    Attributes:
        success: True on every response that reaches a caller.
        masked_user_name: the first character and three asterisks; None when the service gave none.
        app_live_mode: False for a test-mode app, whose orders are simulated; its image writes are
            real all the same (I).
    """

    success: StrictBool
    masked_user_name: str | None = None
    app_live_mode: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _keep_three_facts(cls, answer: object) -> dict[str, object]:
        account = _member(answer, "user_account")
        live_mode = _member(_member(account, "app_details"), "app_live_mode")
        return {
            "success": _member(_member(answer, "status"), "success"),
            "masked_user_name": _masked(
                _member(account, "account_username") or _member(account, "username")
            ),
            "app_live_mode": live_mode if isinstance(live_mode, bool) else None,
        }


def _masked(name: object) -> str | None:
    return name[0] + "***" if isinstance(name, str) and name else None
