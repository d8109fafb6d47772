"""The endpoints of the sandbox: a table of them, what each does, and in which shape it is answered.

It never sees an HTTP request: the application binds what an endpoint is asked, and sends what it
gives.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from fw_mcp.sandbox import central_time
from fw_mcp.sandbox.images import Images, Row, StoredImage
from fw_mcp.sandbox.requests import (
    AddImages,
    DeleteImages,
    Flag,
    ImageText,
    LibraryName,
    ListFileSelection,
    ListImages,
    ListVirtualInventory,
    NewImage,
    Nothing,
    UpdateFileSelection,
    UpdateImages,
    holds,
)
from fw_mcp.sandbox.seed import KEPT_FOR

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

UNKNOWN_GUIDS = "One or more images could not be found."
BAD_REQUEST = "The request is invalid."
SERVER_ERROR = "An error has occurred."

_ODD_CHARACTER = re.compile(r"[^A-Za-z0-9._-]")
_URIS = ("public_thumbnail_uri", "public_preview_uri", "private_hires_uri")
_OWN = ("/pictures/", "/uploads/")
_UNPUBLISHED = ("library", "session_id")

USER_ACCOUNT = {
    "account_id": 1,
    "account_key": "00000000-0000-4000-8000-00000000000c",
    "account_username": "sandbox-studio",
    "account_email": "nobody@sandbox.invalid",
    "account_title": "Sandbox Studio (fake)",
    "account_firstname": "Nobody",
    "account_lastname": "Atall",
    "billing_info": {
        "first_name": "Nobody",
        "last_name": "Atall",
        "address_1": "1 Nowhere Street",
        "city": "Nowhere",
        "state_code": "TX",
        "zip_postal_code": "00000",
        "country_code": "us",
        "phone": "000-000-0000",
        "email": "billing@sandbox.invalid",
    },
    "payment_profile_id": "fake-payment-profile",
    "connections": [{"name": "Shopify", "id": "sandbox.invalid", "data": "fake-shop-token"}],
    "app_details": {"app_name": "Sandbox", "app_live_mode": False, "app_webhook": None},
}
"""An account as full of personal and billing members as a real one, all of them fake."""


@dataclass(frozen=True)
class Switches:
    """How the sandbox departs from its ordinary behaviour; all off means none of it.

    Attributes:
        update_keeps_products: ``update_images`` leaves virtual-inventory products in place instead
            of removing those of the inventory images it touches.
        omitted_text_is_blanked: a title or description left out of ``update_images`` (or null) is
            stored as ``""`` instead of being kept.
        unknown_guids_fail: ``update_images`` and ``delete_images`` answer ``success: false`` when a
            guid is unknown. The known ones are still carried out.
        selection_merges: ``update_file_selection`` adds to a known selection instead of replacing
            it.
        dates_without_offset: dates are written without their UTC offset.
        answers_reversed: ``add_images`` answers in the reverse of the order it was asked in.
    """

    update_keeps_products: bool = field(default=False, metadata=holds(Flag()))
    omitted_text_is_blanked: bool = field(default=False, metadata=holds(Flag()))
    unknown_guids_fail: bool = field(default=False, metadata=holds(Flag()))
    selection_merges: bool = field(default=False, metadata=holds(Flag()))
    dates_without_offset: bool = field(default=False, metadata=holds(Flag()))
    answers_reversed: bool = field(default=False, metadata=holds(Flag()))


ALL_OFF = Switches()


@dataclass(frozen=True)
class _Delay:
    lists: int
    until: int


class Unlisted:
    """The images that are stored and not listed yet."""

    def __init__(self) -> None:
        self._delays: dict[str, _Delay] = {}

    def add(self, guids: Iterable[str], *, lists: int, until: int) -> None:
        """Leave these out of the next `lists` lists, and of all before `until`.

        Args:
            guids: of stored images.
            lists: how many lists.
            until: microseconds since 1970.
        """
        self._delays |= dict.fromkeys(guids, _Delay(lists, until))

    def of_list(self, now: int) -> tuple[str, ...]:
        """The guids to leave out of one list, which counts as one.

        Args:
            now: microseconds since 1970.
        """
        late = {g: d for g, d in self._delays.items() if d.lists or now < d.until}
        self._delays = {g: replace(d, lists=max(0, d.lists - 1)) for g, d in late.items()}
        return tuple(late)


@dataclass(frozen=True)
class Context:
    """What an endpoint works with.

    Attributes:
        images: the tables.
        switches: how the sandbox departs from its ordinary behaviour.
        now: the time of the call, in microseconds.
        base_url: the address the request came to, ending in ``/``.
        unlisted: what lists do not show yet.
        names_altered: whether ``add_images`` stores other file names than usual.
    """

    images: Images
    switches: Switches
    now: int
    base_url: str
    unlisted: Unlisted
    names_altered: bool = False


@dataclass(frozen=True)
class Outcome:
    """What an endpoint gives besides ``status``, and whether it succeeded."""

    members: Mapping[str, object] = field(default_factory=dict)
    success: bool = True
    message: str | None = None


class CarriedBy(StrEnum):
    """Where a request's members are."""

    BODY = "body"
    QUERY = "query"


@dataclass(frozen=True)
class Endpoint:
    """One row of the API: ``verb /v3/name``.

    Attributes:
        accepts: the dataclass its request binds to.
        carried_by: where the request's members are.
        gives: the members of its answer, besides ``status``.
    """

    name: str
    verb: str
    accepts: "type[DataclassInstance]"
    carry_out: Callable[[Context, Any], Outcome]
    summary: str
    gives: tuple[str, ...] = ()
    carried_by: CarriedBy = CarriedBy.BODY
    status_code: int = 200


def _list_images(context: Context, wanted: ListImages) -> Outcome:
    unlisted = context.unlisted.of_list(context.now)
    rows, count = context.images.matching(wanted, now=context.now, unlisted=unlisted)
    sold = wanted.list_products and wanted.library.name is LibraryName.INVENTORY
    products = context.images.products_of(row["guid"] for row in rows) if sold else {}
    return Outcome(
        {
            "images": [_details(context, row, products.get(row["guid"])) for row in rows],
            "page_number": wanted.page_number,
            "per_page": len(rows),
            "count": count,
        }
    )


def _add_images(context: Context, wanted: AddImages) -> Outcome:
    stored = context.images.add([_stored(context, wanted, image) for image in wanted.images])
    details = [_details(context, row) for row in stored]
    return Outcome({"images": details[::-1] if context.switches.answers_reversed else details})


def _update_images(context: Context, wanted: UpdateImages) -> Outcome:
    texts = wanted.images
    if context.switches.omitted_text_is_blanked:
        texts = tuple(_blanked(text) for text in texts)
    keep = context.switches.update_keeps_products
    found = context.images.retitle(texts, keep_products=keep, now=context.now)
    return _of_known(context, {text.guid for text in texts} <= found)


def _delete_images(context: Context, wanted: DeleteImages) -> Outcome:
    guids = {guid.lower() for guid in wanted.guids}
    found = context.images.delete(guids, wanted.library, now=context.now)
    return _of_known(context, guids == found)


def _update_file_selection(context: Context, wanted: UpdateFileSelection) -> Outcome:
    before = context.images.selection(wanted.guid) if context.switches.selection_merges else []
    context.images.select(wanted.guid, list(dict.fromkeys([*before, *wanted.guids])))
    return Outcome({"guids": context.images.selection(wanted.guid)})


def _list_file_selection(context: Context, wanted: ListFileSelection) -> Outcome:
    return Outcome({"guids": context.images.selection(wanted.guid)})


def _list_virtual_inventory(context: Context, wanted: ListVirtualInventory) -> Outcome:
    rows, count = context.images.on_sale(wanted)
    return Outcome(
        {
            "products": [_on_sale(context, row) for row in rows],
            "page_number": wanted.page_number,
            "per_page": len(rows),
            "count": count,
        }
    )


def _test_my_credentials(_context: Context, _wanted: Nothing) -> Outcome:
    return Outcome({"user_account": USER_ACCOUNT})


ENDPOINTS = (
    Endpoint(
        "list_images",
        "POST",
        ListImages,
        _list_images,
        "List the images of a library, page by page.",
        gives=("images", "page_number", "per_page", "count"),
    ),
    Endpoint(
        "add_images",
        "POST",
        AddImages,
        _add_images,
        "Register up to five images.",
        gives=("images",),
        status_code=201,
    ),
    Endpoint(
        "update_images",
        "PUT",
        UpdateImages,
        _update_images,
        "Change titles and descriptions; removes the products of inventory images.",
    ),
    Endpoint(
        "delete_images",
        "DELETE",
        DeleteImages,
        _delete_images,
        "Delete images of a library and their products.",
    ),
    Endpoint(
        "update_file_selection",
        "PUT",
        UpdateFileSelection,
        _update_file_selection,
        "Store a selection of images under a master key.",
        gives=("guids",),
    ),
    Endpoint(
        "list_file_selection",
        "GET",
        ListFileSelection,
        _list_file_selection,
        "List the images of a selection; none of an unknown one.",
        gives=("guids",),
        carried_by=CarriedBy.QUERY,
    ),
    Endpoint(
        "list_virtual_inventory",
        "POST",
        ListVirtualInventory,
        _list_virtual_inventory,
        "List the products of inventory images, page by page.",
        gives=("products", "page_number", "per_page", "count"),
    ),
    Endpoint(
        "test_my_credentials",
        "GET",
        Nothing,
        _test_my_credentials,
        "Check the keys.",
        gives=("user_account",),
        carried_by=CarriedBy.QUERY,
    ),
)


def _stored(context: Context, wanted: AddImages, image: NewImage) -> StoredImage:
    expires = wanted.library.name is LibraryName.TEMPORARY
    file_name = sanitised(image.file_name)
    if context.names_altered:
        file_name = renamed(file_name)
    uris = {name: _relative(context, getattr(image, name)) for name in _URIS}
    return StoredImage(
        **asdict(image) | {"title": image.title or file_name, "file_name": file_name, **uris},
        guid=str(uuid.uuid4()),
        personal_gallery_title=None,
        members_gallery_category=None,
        date_added=context.now,
        date_expires=context.now + KEPT_FOR // timedelta(microseconds=1) if expires else None,
        active=True,
        library=wanted.library.name,
        session_id=wanted.library.session_id if expires else None,
    )


def sanitised(file_name: str) -> str:
    """A file name as ``add_images`` stores it: only ASCII letters, digits, ``.``, ``_``, ``-``."""
    return _ODD_CHARACTER.sub("_", file_name)


def renamed(file_name: str) -> str:
    """A file name in lower case, with ``_1`` before its extension."""
    stem, dot, extension = file_name.lower().rpartition(".")
    return f"{stem}_1.{extension}" if dot else f"{extension}_1"


def _blanked(text: ImageText) -> ImageText:
    return replace(text, title=text.title or "", description=text.description or "")


def _of_known(context: Context, known: bool) -> Outcome:
    if known or not context.switches.unknown_guids_fail:
        return Outcome()
    return Outcome(success=False, message=UNKNOWN_GUIDS)


def _details(context: Context, row: Row, products: list[Row] | None = None) -> Row:
    """A row as ``image_details``."""
    details = {name: value for name, value in row.items() if name not in _UNPUBLISHED}
    return details | {
        **{name: _absolute(context, row[name]) for name in _URIS},
        "date_added": _written(context, row["date_added"]),
        "date_expires": _written(context, row["date_expires"]),
        "active": bool(row["active"]),
        "products": products and [_product(context, product) for product in products],
    }


def _product(context: Context, product: Row) -> Row:
    return {
        name: _absolute(context, value) if name.startswith("image_url_") else value
        for name, value in product.items()
    }


def _on_sale(context: Context, row: Row) -> Row:
    """A product as ``list_virtual_inventory`` gives it; some track stock, a few are not valid."""
    number = row["id"]
    return _product(context, row) | {
        "artist": USER_ACCOUNT["account_title"],
        "track_inventory": number % 3 == 0,
        "geo_price": None,
        "updated": _written(context, row["updated"]),
        "valid": number % 17 != 0,
    }


def _absolute(context: Context, uri: str | None) -> str | None:
    """The sandbox's own URIs are stored without a host; all others are given back as they came."""
    if uri and uri.startswith(_OWN):
        return context.base_url + uri[1:]
    return uri


def _relative(context: Context, uri: str | None) -> str | None:
    """A URI of an uploaded file without the host: a sandbox in a file may be served elsewhere."""
    own = f"{context.base_url}uploads/"
    return f"/uploads/{uri.removeprefix(own)}" if uri and uri.startswith(own) else uri


def _written(context: Context, microseconds: int | None) -> str | None:
    if microseconds is None:
        return None
    return central_time.written(microseconds, offset=not context.switches.dates_without_offset)


def envelope(
    members: Mapping[str, object],
    *,
    domain: str | None,
    success: bool = True,
    status_code: int = 200,
    message: str | None = None,
) -> JSONResponse:
    """An answer of the service itself.

    Args:
        members: what the endpoint gives besides ``status``.
        domain: the host the request came to.
        success: what ``status.success`` says.
        status_code: HTTP's number, repeated in ``status``.
        message: the service's sentence, if it has one.
    """
    status = {
        "success": success,
        "status_code": status_code,
        "message": message,
        "debug": "sandbox: internals of FinerWorks, which no client should pass on",
        "reference_id": uuid.uuid4().hex,
        "domain": domain,
    }
    return JSONResponse({"status": status, **members}, status_code)


def web_api_error(
    status_code: int,
    message: str,
    *,
    model_state: Mapping[str, list[str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An answer of the framework in front of the service: no envelope."""
    state = {"ModelState": model_state} if model_state else {}
    return JSONResponse({"Message": message, **state}, status_code, headers)


def keys_refused() -> JSONResponse:
    """The answer to a missing, wrong or doubled key; it is the same for all three."""
    refusal = {"ApiC.Models.authorization_credentials": ["Missing or unauthorized api credentials"]}
    return web_api_error(400, BAD_REQUEST, model_state=refusal)
