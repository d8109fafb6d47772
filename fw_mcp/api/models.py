"""The JSON of the image endpoints, field for field, within the documented limits.

Cheap to import; knows no HTTP.
"""

import hashlib
import re
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    GetCoreSchemaHandler,
    ModelWrapValidatorHandler,
    RootModel,
    StrictBool,
    StringConstraints,
    model_validator,
)
from pydantic_core import core_schema
from typing_extensions import TypedDict

from fw_mcp.text import CLOCK

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ANSWERED_GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
# How .NET writes "no date"; most arithmetic on them overflows.
_NO_DATE_YEARS = (1, 9999)
_NO_DATES = ("0001", "9999")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def normal_guid(text: str) -> str:
    """`text` as the API writes a guid: 8-4-4-4-12 hexadecimal digits, lower case.

    Raises:
        ValueError: it is not a guid; the service would answer HTTP 400.
    """
    guid = text.strip().lower()
    if not _GUID.fullmatch(guid):
        raise ValueError("not a guid of 8-4-4-4-12 hexadecimal digits")
    return guid


def without_lone_surrogates(text: str) -> str:
    """`text` with each half of a character replaced by U+FFFD, so that it can be encoded."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def in_central_time(moment: datetime) -> datetime:
    """`moment`, read as US Central time when it has no offset; the service keeps that clock."""
    if moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=ZoneInfo(CLOCK))


def read_date(value: object) -> datetime | None:
    """A date of the service, with its offset; None when it is absent or cannot be read."""
    if not isinstance(value, str):
        return None
    try:
        moment = in_central_time(datetime.fromisoformat(value))
        # Whatever offset a date came with, people read every one on one clock.
        told = moment.astimezone(ZoneInfo(CLOCK))
    except (ValueError, OverflowError):
        return None
    return None if moment.year in _NO_DATE_YEARS else told


def _whole(text: str) -> str:
    if without_lone_surrogates(text) != text:
        raise ValueError("contains half of a character (a lone surrogate)")
    return text


class _NoneWhenOdd:
    """Marks a type whose odd values read as None, without a call into Python for each."""

    def __get_pydantic_core_schema__(
        self, source: type, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Read as `source`, or as None."""
        return core_schema.with_default_schema(handler(source), default=None, on_error="default")


TextToSend = Annotated[str, AfterValidator(_whole)]
"""Text to send: any characters, all of them whole."""

GuidToSend = Annotated[str, AfterValidator(normal_guid)]
"""A guid to send: refused when malformed, kept in lower case."""

AnsweredGuid = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=_ANSWERED_GUID)
]
"""A guid as answered, in lower case, so that equal guids are equal text.

Checked, because it is sent again: whatever else stands there cannot be asked for.
"""

AnsweredInt = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""An integer as answered, of the service's own largest type."""

DateToSend = Annotated[datetime, AfterValidator(in_central_time)]
"""A date to send; without an offset it is US Central time."""

AnsweredDate = Annotated[datetime | None, BeforeValidator(read_date)]
"""A date as answered, always with an offset; None when it cannot be read."""

_NONE_WHEN_ODD = _NoneWhenOdd()

LooseText = Annotated[str | None, _NONE_WHEN_ODD]
LooseGuid = Annotated[AnsweredGuid | None, _NONE_WHEN_ODD]
LooseFlag = Annotated[bool | None, _NONE_WHEN_ODD]
LooseNumber = Annotated[FiniteFloat | None, _NONE_WHEN_ODD]
LooseInt = Annotated[AnsweredInt | None, _NONE_WHEN_ODD]
LooseMembers = Annotated[dict[str, object] | None, _NONE_WHEN_ODD]


# Longest first: "square" also begins every key of Squarespace.
SHOPS = ("BigCommerce", "Squarespace", "WooCommerce", "Shopify", "Square", "Etsy", "Wix")


def _objects(value: object) -> tuple[object, ...]:
    """The members of a list that are objects; none when it is not a list."""
    return tuple(one for one in value if isinstance(one, dict)) if isinstance(value, list) else ()


def _none_as_empty(value: object) -> object:
    return () if value is None else value


def _number_or_none(value: object) -> object:
    """A total, or None of what is told in its place."""
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() else None


Count = Annotated[AnsweredInt | None, BeforeValidator(_number_or_none)]
"""How many there are on all pages; None where what is told is no number."""


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
    return next((shop for shop in SHOPS if lowered.startswith(shop.lower())), None)


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
        odd_fields: the fields that the service gave in a form that cannot be read; they are None.
        hung: the products; none when they were not asked for.
    """

    id: LooseInt = None
    guid: AnsweredGuid
    title: LooseText = None
    description: LooseText = None
    file_name: LooseText = None
    file_size: LooseInt = None
    thumbnail_file_name: LooseText = None
    preview_file_name: LooseText = None
    hires_file_name: LooseText = None
    public_thumbnail_uri: LooseText = None
    public_preview_uri: LooseText = None
    personal_gallery_title: LooseText = None
    members_gallery_category: LooseText = None
    private_hires_uri: LooseText = None
    pix_w: LooseInt = None
    pix_h: LooseInt = None
    date_added: AnsweredDate = None
    date_updated: AnsweredDate = None
    date_expires: AnsweredDate = None
    active: LooseFlag = None
    rank: LooseInt = None
    products: Annotated[tuple[Product, ...] | None, _NONE_WHEN_ODD] = None
    odd_fields: Annotated[tuple[str, ...] | None, _NONE_WHEN_ODD] = None

    @model_validator(mode="wrap")
    @classmethod
    def _name_odd_fields(cls, told: object, read: ModelWrapValidatorHandler[Self]) -> Self:
        image = read(told)
        if not isinstance(told, dict):
            return image
        fields = vars(image)
        odd = tuple(
            name
            for name, value in told.items()
            if value is not None
            and fields.get(name, value) is None
            and not _is_no_date(name, value)
        )
        return image.with_odd(*odd) if odd else image

    def with_odd(self, *names: str) -> Self:
        """The image, with these fields named as odd, too."""
        return self.model_copy(update={"odd_fields": (*(self.odd_fields or ()), *names)})

    @property
    def hung(self) -> tuple[Product, ...]:
        """The virtual-inventory products; none when they were not asked for."""
        return self.products or ()


def _is_no_date(name: str, value: object) -> bool:
    return name.startswith("date_") and str(value)[:4] in _NO_DATES


def _has_guid(record: object) -> bool:
    guid = record.guid if isinstance(record, ImageDetails) else _member(record, "guid")
    return isinstance(guid, str) and _GUID.fullmatch(guid.strip().lower()) is not None


def _readable(records: object) -> object:
    """The records that can be named in another call; where none can be, all that there are."""
    if not isinstance(records, list):
        return _none_as_empty(records)
    return [one for one in records if _has_guid(one)] or records


_Images = Annotated[tuple[ImageDetails, ...], BeforeValidator(_readable)]
_AnsweredGuids = Annotated[tuple[AnsweredGuid, ...], BeforeValidator(_none_as_empty)]


class ListImagesResponse(_Response):
    """One page of images.

    Attributes:
        images: empty past the last page.
        page_number: as asked.
        per_page: how many images were returned (D); never the page size.
        count: how many images match on all pages; None where what is told is no number.
        unreadable: the ids of the records that have no guid that can be read, and are left out.
    """

    status: Status
    images: _Images
    page_number: LooseInt = None
    per_page: LooseInt = None
    count: Count
    unreadable: tuple[LooseInt, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _note_unreadable(cls, answer: object) -> object:
        records = _member(answer, "images")
        if not isinstance(answer, dict) or not isinstance(records, list):
            return answer
        return {
            **answer,
            "unreadable": [_member(one, "id") for one in records if not _has_guid(one)],
        }


class AnyAnswer(RootModel[dict[str, object]]):
    """An answer as it came; only its `status` was looked at."""


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
        user_digest: the same for all keys of one user; None when the service named nobody.
    """

    success: StrictBool
    masked_user_name: str | None = None
    app_live_mode: bool | None = None
    user_digest: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _keep_four_facts(cls, answer: object) -> dict[str, object]:
        account = _member(answer, "user_account")
        live_mode = _member(_member(account, "app_details"), "app_live_mode")
        return {
            "success": _member(_member(answer, "status"), "success"),
            "masked_user_name": _masked(
                _member(account, "account_username") or _member(account, "username")
            ),
            "app_live_mode": live_mode if isinstance(live_mode, bool) else None,
            "user_digest": _user_digest(account),
        }


def _user_digest(account: object) -> str | None:
    """A digest of the first member that names the user; an id outlasts a change of name."""
    for name in ("account_id", "account_username", "username"):
        value = _member(account, name)
        # Numbers may come as text (O).
        text = str(value).strip().casefold() if isinstance(value, int | str) else ""
        if text and not isinstance(value, bool) and text != "0":
            return hashlib.sha256(f"{name}\0{text}".encode("utf-8", "replace")).hexdigest()
    return None


def _masked(name: object) -> str | None:
    return name[0] + "***" if isinstance(name, str) and name else None


LibraryName = Literal["inventory", "temporary"]
SortField = Literal["id", "title", "file_name", "file_size", "date_added"]
SortDirection = Literal["DESC", "ASC"]

ADD_LIMIT = 5
"""Images in one `add_images` (D)."""
PAGE_LIMIT = 50
"""Images on one page of `list_images` (D)."""
CHUNK_LIMIT = 50
"""Items in one update, delete or `guid_filter`: ours, since none is documented."""

DESCRIPTION_LIMIT = 300
"""Characters of a description (D)."""
FILE_NAME_LIMIT = 200
"""Characters of each file name (D)."""
URI_LIMIT = 500
"""Characters of each URI (D)."""

_Uri = Annotated[TextToSend, Field(min_length=1, max_length=URI_LIMIT)]
_FileName = Annotated[TextToSend, Field(min_length=1, max_length=FILE_NAME_LIMIT)]
_Pixels = Annotated[int, Field(gt=0)]
_Guids = Annotated[tuple[GuidToSend, ...], Field(min_length=1, max_length=CHUNK_LIMIT)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class ImageLibrary(_Request):
    """Which images a call is about; all four members are always sent.

    Attributes:
        name: `inventory`, the account's permanent library, or `temporary`, scoped by `session_id`
            and gone after about 14 days.
        session_id: 8-50 characters; required even for `inventory` (D).
        account_key: act for another account; ignored without a word when the app key lacks the
            permission, and the call then hits the app's own account (D).
        site_id: 2 unless FinerWorks says otherwise.
    """

    name: LibraryName = "inventory"
    session_id: TextToSend = Field(min_length=8, max_length=50)
    account_key: TextToSend | None = None
    site_id: int = Field(default=2, ge=1)


class ListImagesRequest(_Request):
    """What `list_images` is asked.

    Attributes:
        library: whose images.
        search_filter: text in the title or the description, not in the file name.
        guid_filter: only these images; at most 50.
        page_number: from 1.
        per_page: images a page, 1-50.
        sort_field: what to sort by; `id` is the order of adding.
        sort_direction: `DESC` is newest or largest first.
        upload_date_from: from this moment on; without an offset US Central (I).
        upload_date_to: up to this moment; without an offset US Central (I).
        list_products: fill `products`, which only `inventory` has.
        active: only active or only inactive images; None for both.
    """

    library: ImageLibrary
    search_filter: TextToSend | None = None
    guid_filter: _Guids | None = None
    page_number: int = Field(default=1, ge=1)
    per_page: int = Field(default=10, ge=1, le=PAGE_LIMIT)
    sort_field: SortField = "id"
    sort_direction: SortDirection = "DESC"
    upload_date_from: DateToSend | None = None
    upload_date_to: DateToSend | None = None
    list_products: bool = False
    active: bool | None = None


class ImageToAdd(_Request):
    """One image to register: facts and addresses, no bytes.

    Each address must be reachable by FinerWorks and stay up until printing.

    Attributes:
        title: the service takes `file_name` when None.
        description: at most 300 characters.
        file_name: at most 200 characters; may come back altered (D).
        file_size: bytes, as every real client sends, although "bits" are documented (O).
        thumbnail_file_name: at most 200 characters, like the next two.
        preview_file_name: of the preview.
        hires_file_name: of the print master.
        public_thumbnail_uri: 200 x 200 pixels; at most 500 characters, like the next two.
        public_preview_uri: the preview.
        private_hires_uri: the print master.
        pix_w: width of the print master, pixels.
        pix_h: height of the print master, pixels.
    """

    title: TextToSend | None = None
    description: Annotated[TextToSend, Field(max_length=DESCRIPTION_LIMIT)] | None = None
    file_name: _FileName
    file_size: int = Field(gt=0)
    thumbnail_file_name: _FileName
    preview_file_name: _FileName
    hires_file_name: _FileName
    public_thumbnail_uri: _Uri
    public_preview_uri: _Uri
    private_hires_uri: _Uri
    pix_w: _Pixels
    pix_h: _Pixels


class AddImagesRequest(_Request):
    """1-5 images to register in one library."""

    images: tuple[ImageToAdd, ...] = Field(min_length=1, max_length=ADD_LIMIT)
    library: ImageLibrary


class ImageToUpdate(_Request):
    """The new texts of one image; both are always sent, since a left-out one may be blanked (I).

    No length is documented for an update.
    """

    guid: GuidToSend
    title: TextToSend | None
    description: TextToSend | None


class UpdateImagesRequest(_Request):
    """1-50 images to retitle, in whichever library they are.

    Removes every virtual-inventory product of an updated `inventory` image (D).
    """

    images: tuple[ImageToUpdate, ...] = Field(min_length=1, max_length=CHUNK_LIMIT)
    account_key: TextToSend | None = None


class DeleteImagesRequest(_Request):
    """1-50 images to delete for good, with their virtual-inventory products."""

    guids: _Guids
    library: ImageLibrary


class UpdateFileSelectionRequest(_Request):
    """The whole wanted content of a selection, since replacing or merging is undocumented.

    Attributes:
        guids: the images, at least one; no most is documented.
        guid: the selection's master key; a new one creates the selection.
    """

    guids: tuple[GuidToSend, ...] = Field(min_length=1)
    guid: GuidToSend
