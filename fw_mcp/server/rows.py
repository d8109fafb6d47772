"""How images look in results: a row each, or a whole record."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from fw_mcp.api.models import ImageDetails
from fw_mcp.text import counted, in_quotes, is_plain, quoted, restored, shown, visible
from fw_mcp.writes.update import NewText, Rewrite

DESCRIPTION_SHOWN = 48
TITLE_SHOWN = 120
NAME_SHOWN = 80
GUID_SHOWN = 40
# What stands around a row in a result, and the words of a line that are longer than their names.
_BESIDE = 80
_LISTED = (GUID_SHOWN, TITLE_SHOWN, DESCRIPTION_SHOWN, NAME_SHOWN)


class Row(BaseModel):
    """A part of a result, its texts as they are shown; the JSON leaves out what is not known."""

    model_config = ConfigDict(frozen=True)

    def structured(self) -> dict[str, Any]:
        """The row as JSON."""
        return self.model_dump(mode="json", exclude_none=True)


class ImageRow(Row):
    """One image of a listing.

    Attributes:
        date_added: the day.
        active: False, or nothing: most images are.
        products: how many; nothing, where it is not known.
        live_products: how many of them are live in a shop, where those are some and not all.
        cut: how long a title or a file name is that is not shown whole.
        is_bare: whether a record beside it says the rest.
    """

    guid: str
    title: str | None = None
    description: str | None = None
    file_name: str | None = None
    pix_w: int | None = None
    pix_h: int | None = None
    date_added: str | None = None
    date_expires: str | None = None
    active: bool | None = None
    products: int | None = None
    live_products: SkipJsonSchema[int | None] = None
    shops: list[str] | None = None
    prints: dict[str, str] | None = None
    print_ppi: int | None = None
    trimmed_percent: int | None = None
    duplicate_group: int | None = None
    odd_fields: list[str] | None = None
    cut: dict[str, int] | None = None
    escaped: bool | None = None
    is_bare: SkipJsonSchema[bool] = Field(False, exclude=True)

    def line(self) -> str:
        """One line for a person; "" where the record beside it says it all."""
        title = in_quotes(self.title) if self.title else quoted(None)
        rest = [part for part in self._parts() if part]
        if self.is_bare:
            return " | ".join([self.guid, *rest]) if rest else ""
        return " | ".join([f"{self.guid} {title}", *rest])

    def at_most(self) -> int:
        """No fewer characters than it takes, as text or as JSON; told quicker than counted."""
        told = self.model_dump_json(exclude_none=True)
        # In a result a blank follows; a line has fewer words than this has names.
        return len(told) + told.count(",") + told.count(":") + _BESIDE

    def _parts(self) -> list[str]:
        return [
            in_quotes(self.file_name) if self.file_name else "",
            f"{self.pix_w}x{self.pix_h}" if self.pix_w and self.pix_h else "",
            (self.date_added or "")[:10],
            f"expires {self.date_expires[:10]}" if self.date_expires else "",
            "inactive" if self.active is False else "",
            self._hung(),
            in_quotes(self.description) if self.description else "",
            *self._printed(),
            f"duplicate group {self.duplicate_group}" if self.duplicate_group else "",
            f"cannot be read: {', '.join(self.odd_fields)}" if self.odd_fields else "",
            cut_told(self.cut),
            "escaped" if self.escaped else "",
        ]

    def _printed(self) -> list[str]:
        sizes = ", ".join(f"{size} at {ppi} ppi" for ppi, size in (self.prints or {}).items())
        at_size = f"{self.print_ppi} ppi, {self.trimmed_percent} % trimmed"
        return [sizes and f"prints {sizes}", "" if self.print_ppi is None else at_size]

    def _hung(self) -> str:
        if not self.products:
            return ""
        some = f", {self.live_products} of them live" if self.live_products else ""
        live = f" ({', '.join(self.shops)})" if self.shops else ""
        return f"{counted(self.products, 'product')}{some}{live}"


class NamedRow(Row):
    """An image, as a person knows it."""

    guid: str
    title: str | None = None
    file_name: str | None = None
    cut: dict[str, int] | None = None
    escaped: bool | None = None

    def line(self) -> str:
        """One line for a person."""
        title = in_quotes(self.title) if self.title else quoted(None)
        parts = [
            f"{self.guid} {title}",
            in_quotes(self.file_name) if self.file_name else "",
            cut_told(self.cut),
            "escaped" if self.escaped else "",
        ]
        return " | ".join(part for part in parts if part)


def named_row(guid: str, image: ImageDetails | None) -> NamedRow:
    """An image that is named by its guid; its record is None where it could not be read."""
    title, file_name = (image.title, image.file_name) if image else (None, None)
    seen = views(
        guid=(guid, GUID_SHOWN), title=(title, TITLE_SHOWN), file_name=(file_name, NAME_SHOWN)
    )
    return NamedRow(**{"guid": "", **seen.texts}, cut=seen.cut, escaped=seen.escaped)


def image_row(image: ImageDetails) -> ImageRow:
    """An image as a listing shows it."""
    shops = shops_of(image)
    live = sum(bool(product.shops) for product in image.hung)
    (guid, title, description, file_name), escaped = _listed_texts(image)
    return ImageRow(
        guid=guid or "",
        title=title,
        description=description,
        file_name=file_name,
        pix_w=image.pix_w,
        pix_h=image.pix_h,
        date_added=(_iso(image.date_added) or "")[:10] or None,
        date_expires=_iso(image.date_expires),
        active=False if image.active is False else None,
        products=None if image.products is None else len(image.products),
        live_products=live if 0 < live < len(image.hung) else None,
        shops=shops or None,
        odd_fields=list(image.odd_fields) if image.odd_fields else None,
        cut=_lengths(title=image.title, file_name=image.file_name),
        escaped=escaped or None,
    )


def _listed_texts(image: ImageDetails) -> tuple[list[str | None], bool]:
    """What a listing shows of the texts of an image, and whether there is an escape in it."""
    texts = (image.guid, image.title, image.description, image.file_name)
    # Most images need no more than this one look.
    if is_plain(f"{image.guid}{image.title}{image.description}{image.file_name}"):
        return list(map(_cut, texts, _LISTED)), False
    views = [shown(text or "", limit) for text, limit in zip(texts, _LISTED, strict=True)]
    escaped = any(view.escaped for view in views)
    return [text and view.text for text, view in zip(texts, views, strict=True)], escaped


def _cut(text: str | None, limit: int) -> str | None:
    """A text without any escape, cut."""
    if text is None or len(text) <= limit:
        return text
    return text[: limit - 1] + "…" if text.isascii() else shown(text, limit).text


def _lengths(**texts: str | None) -> dict[str, int] | None:
    limits = {"title": TITLE_SHOWN, "file_name": NAME_SHOWN}
    return {
        name: len(text) for name, text in texts.items() if text and len(text) > limits[name]
    } or None


class Views(NamedTuple):
    """Texts as a row shows them.

    Attributes:
        texts: by name; None for one that is empty.
        cut: how long those are that are not shown whole.
        escaped: True when one of them holds an escape.
    """

    texts: dict[str, str | None]
    cut: dict[str, int] | None
    escaped: bool | None


def views(**texts: tuple[str | None, int]) -> Views:
    """Texts by name, each with the characters that it may have."""
    seen = {name: shown(text or "", limit) for name, (text, limit) in texts.items()}
    cut = {name: len(texts[name][0] or "") for name, one in seen.items() if one.cut}
    return Views(
        {name: one.text or None for name, one in seen.items()},
        cut or None,
        any(one.escaped for one in seen.values()) or None,
    )


def cut_told(cut: Mapping[str, int] | None) -> str:
    """`cut: title of 1,000 characters`."""
    told = ", ".join(f"{name} of {length:,} characters" for name, length in (cut or {}).items())
    return f"cut: {told}" if told else ""


def shops_of(image: ImageDetails) -> list[str]:
    """The shops that any product of the image is live in."""
    return sorted({shop for product in image.hung for shop in product.shops})


def meant(before: ImageDetails, text: NewText) -> Rewrite:
    """The whole text that is to be stored: title and description go together."""
    title = _meant(text.title, before.title or "", TITLE_SHOWN)
    description = _meant(text.description, before.description or "", DESCRIPTION_SHOWN)
    return Rewrite(before, title, description)


def _meant(given: str | None, stored: str, listed: int) -> str:
    """The text to store: what a result showed of the stored one means the stored one itself."""
    if given is None:
        return stored
    shapes = {shown(stored, limit).text for limit in (listed, *RECORD_TEXTS_SHOWN)}
    return stored if given in shapes else restored(given, stored)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


# The first with which the texts of a record fit.
RECORD_TEXTS_SHOWN = (2_000, 1_000, 300, 100)
_RECORD_SHOWN = 12_000
_PRODUCT_SHOWN = 9_000
_WITH_PRODUCTS = 23_000

Record = dict[str, Any]


def image_record(image: ImageDetails, *, show_hires: bool) -> Record:
    """The whole record of an image; the print master's address only where the operator allows.

    `cut` names each text that is longer than shown, with the characters that it has, and
    `note` says how many products there are beyond those shown, and how to get them.
    """
    record = record_of(image, show_hires=show_hires)
    if image.products is None:
        return record
    whole = (
        _fitting(one.model_dump(mode="json", exclude_none=True), _PRODUCT_SHOWN)
        for one in image.products
    )
    return with_products(record, whole, len(image.products), _WITH_PRODUCTS)


def record_of(
    image: ImageDetails, names: Collection[str] | None = None, *, show_hires: bool
) -> Record:
    """The record of an image without its products; no longer than a result takes.

    Args:
        image: whose.
        names: the members that are wanted; None for all.
        show_hires: whether the print master's address is one of them.
    """
    raw = image.model_dump(mode="json", exclude_none=True, exclude={"products"})
    if not show_hires:
        raw.pop("private_hires_uri", None)
    raw = {name: one for name, one in raw.items() if names is None or name in names}
    return _fitting(raw, _RECORD_SHOWN)


def _fitting(raw: Record, characters: int) -> Record:
    """The members, their texts cut until all of it fits."""
    tried = (_record(raw, limit) for limit in RECORD_TEXTS_SHOWN)
    fitting = (record for record in tried if len(compact(record)) <= characters)
    return next(fitting, None) or _record(raw, RECORD_TEXTS_SHOWN[-1])


def with_products(record: Record, products: Iterable[Record], count: int, most: int) -> Record:
    """A record with those of its products that fit, at least one, and how to get the others.

    Args:
        record: of the image.
        products: their records.
        count: how many there are.
        most: characters of all of it.
    """
    listed: list[Record] = []
    characters = most - len(compact(record))
    for one in products:
        characters -= len(compact(one)) + 1
        if listed and characters < 0:
            break
        listed.append(one)
    escaped = record.get("escaped") or any(one.get("escaped") for one in listed)
    more = count - len(listed)
    return {
        **record,
        "products": listed,
        **({"note": _and_more(more)} if more else {}),
        **({"escaped": True} if escaped else {}),
    }


def _and_more(products: int) -> str:
    more = counted(products, "more product")
    return f"{more} not shown here: search_products with guid_filter lists all of them."


def compact(document: object) -> str:
    """JSON on one line."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _record(raw: Record, limit: int = RECORD_TEXTS_SHOWN[0]) -> Record:
    views = {name: _view(value, limit) for name, value in raw.items()}
    cut = {name: view.length for name, view in views.items() if view.length}
    return {
        **{name: view.value for name, view in views.items()},
        **({"cut": cut} if cut else {}),
        **({"escaped": True} if any(view.escaped for view in views.values()) else {}),
    }


class _View(NamedTuple):
    """A member of a record as it is shown; `length` is how long it really is, if it was cut."""

    value: object
    escaped: bool = False
    length: int = 0


def _view(value: object, limit: int) -> _View:
    if isinstance(value, str):
        text = shown(value, limit)
        return _View(text.text, text.escaped, len(value) if text.cut else 0)
    if not isinstance(value, dict | list):
        return _View(value)
    legible = _legible(value)
    json_text = compact(legible)
    if len(json_text) <= limit:
        return _View(legible, legible != value)
    return _View(shown(json_text, limit).text, legible != value, len(json_text))


def _legible(value: object) -> object:
    """JSON of any shape, its texts and names with escapes."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [_legible(one) for one in value]
    if isinstance(value, dict):
        return {visible(name): _legible(one) for name, one in value.items()}
    return value
