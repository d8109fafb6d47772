"""How images and outcomes look in results: a row each, or a whole record."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainSerializer,
    computed_field,
    field_serializer,
)

from fw_mcp.api.models import ImageDetails, Product
from fw_mcp.text import in_quotes, is_plain, quoted, shown, visible
from fw_mcp.writes.outcomes import Ended, Outcome

DESCRIPTION_SHOWN = 80
TITLE_SHOWN = 120
_NAME_SHOWN = 80
GUID_SHOWN = 40
_SKU_SHOWN = 60
_CHANGE_SHOWN = 300
_PRODUCTS_SHOWN = 10
_LISTED = (GUID_SHOWN, TITLE_SHOWN, DESCRIPTION_SHOWN, _NAME_SHOWN)


def _escapes(text: str | None, limit: int) -> bool:
    return shown(text or "", limit).escaped


def _up_to(limit: int) -> PlainSerializer:
    """Serializes at most so many characters of a text, without changing the text that is held."""
    return PlainSerializer(lambda text: text and shown(text, limit).text)


class Row(BaseModel):
    """A part of a result; what is not known is left out of the JSON."""

    model_config = ConfigDict(frozen=True)


class ProductRow(Row):
    """A virtual-inventory product."""

    sku: Annotated[str, _up_to(_SKU_SHOWN)]
    name: Annotated[str, _up_to(_NAME_SHOWN)]
    shops: list[str]

    @property
    def escapes(self) -> bool:
        """Whether its JSON holds an escape."""
        return _escapes(self.sku, _SKU_SHOWN) or _escapes(self.name, _NAME_SHOWN)

    def line(self) -> str:
        """`"AP1234" "Canvas 16x20" (live in Etsy)`."""
        live = f" (live in {', '.join(self.shops)})" if self.shops else ""
        return f"{quoted(self.sku, 40)} {quoted(self.name, 40)}{live}"


class ImageRow(Row):
    """One image of a listing, its texts already as they are shown."""

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
    shops: list[str] | None = None
    prints: dict[str, str] | None = None
    print_ppi: int | None = None
    trimmed_percent: int | None = None
    duplicate_group: int | None = None
    escaped: bool | None = None

    def line(self) -> str:
        """One line for a person."""
        parts = [
            f"{self.guid} {in_quotes(self.title) if self.title else quoted(None)}",
            in_quotes(self.file_name) if self.file_name else "",
            f"{self.pix_w}x{self.pix_h}" if self.pix_w and self.pix_h else "",
            (self.date_added or "")[:10],
            f"expires {self.date_expires[:10]}" if self.date_expires else "",
            "inactive" if self.active is False else "",
            self._hung(),
            in_quotes(self.description) if self.description else "",
            *self._printed(),
            f"duplicate group {self.duplicate_group}" if self.duplicate_group else "",
            "escaped" if self.escaped else "",
        ]
        return " | ".join(part for part in parts if part)

    def _printed(self) -> list[str]:
        sizes = ", ".join(f"{size} at {ppi} ppi" for ppi, size in (self.prints or {}).items())
        at_size = f"{self.print_ppi} ppi, {self.trimmed_percent} % trimmed"
        return [sizes and f"prints {sizes}", "" if self.print_ppi is None else at_size]

    def _hung(self) -> str:
        if not self.products:
            return ""
        live = f" ({', '.join(self.shops)})" if self.shops else ""
        return f"{self.products} product{'s' if self.products > 1 else ''}{live}"


class ChangeRow(Row):
    """One field as it was and as it is, or would be."""

    before: Annotated[str, _up_to(_CHANGE_SHOWN)]
    after: Annotated[str, _up_to(_CHANGE_SHOWN)]

    @property
    def escapes(self) -> bool:
        """Whether its JSON holds an escape."""
        return _escapes(self.before, _CHANGE_SHOWN) or _escapes(self.after, _CHANGE_SHOWN)


class EndRow(Row):
    """How one image of a write ended, as read back."""

    guid: Annotated[str | None, _up_to(GUID_SHOWN)] = None
    file_name: Annotated[str | None, _up_to(_NAME_SHOWN)] = None
    outcome: Outcome
    detail: str | None = None
    title: ChangeRow | None = None
    description: ChangeRow | None = None
    products_at_risk: list[ProductRow] | None = None
    products_removed: list[ProductRow] | None = None

    @computed_field
    def more_products(self) -> int | None:
        """How many products there are beyond those listed."""
        listed = (self.products_at_risk, self.products_removed)
        return sum(max(len(rows or ()) - _PRODUCTS_SHOWN, 0) for rows in listed) or None

    @computed_field
    def escaped(self) -> bool | None:
        """True when a text in the row holds escapes."""
        return self.is_escaped or None

    @property
    def is_escaped(self) -> bool:
        """Whether a text in the row holds escapes."""
        parts = [self.title, self.description, *_first(self.products_at_risk)]
        parts += _first(self.products_removed)
        own = _escapes(self.guid, GUID_SHOWN) or _escapes(self.file_name, _NAME_SHOWN)
        return own or any(part.escapes for part in parts if part)

    @field_serializer("products_at_risk", "products_removed")
    def _the_first(self, rows: list[ProductRow] | None) -> list[ProductRow] | None:
        return rows and _first(rows)

    def line(self) -> str:
        """One line for a person."""
        parts = [
            f"{self.outcome}: {visible((self.guid or '(no guid)')[:GUID_SHOWN])}",
            quoted(self.file_name, _NAME_SHOWN) if self.file_name else "",
            _diff("title", self.title),
            _diff("description", self.description),
            _listed("products that would go", self.products_at_risk),
            _listed("products removed", self.products_removed),
            self.detail or "",
            "escaped" if self.is_escaped else "",
        ]
        return " | ".join(part for part in parts if part)


def _diff(name: str, change: ChangeRow | None) -> str:
    return f"{name} {quoted(change.before)} → {quoted(change.after)}" if change else ""


def _listed(head: str, rows: list[ProductRow] | None) -> str:
    if not rows:
        return ""
    more = len(rows) - _PRODUCTS_SHOWN
    named = ", ".join(row.line() for row in _first(rows))
    return f"{head}: {named}" + (f" and {more} more" if more > 0 else "")


def _first(rows: list[ProductRow] | None) -> list[ProductRow]:
    return (rows or [])[:_PRODUCTS_SHOWN]


def product_row(product: Product) -> ProductRow:
    """A product as results show it."""
    return ProductRow(sku=product.sku or "", name=product.name or "", shops=list(product.shops))


def image_row(image: ImageDetails) -> ImageRow:
    """An image as a listing shows it."""
    shops = shops_of(image)
    (guid, title, description, file_name), escaped = _listed_texts(image)
    return ImageRow(
        guid=guid or "",
        title=title,
        description=description,
        file_name=file_name,
        pix_w=image.pix_w,
        pix_h=image.pix_h,
        date_added=_iso(image.date_added),
        date_expires=_iso(image.date_expires),
        active=image.active,
        products=None if image.products is None else len(image.products),
        shops=shops or None,
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


def shops_of(image: ImageDetails) -> list[str]:
    """The shops that any product of the image is live in."""
    return sorted({shop for product in image.hung for shop in product.shops})


def end_row(end: Ended) -> EndRow:
    """How an image ended, with the products that went."""
    return EndRow(
        guid=end.guid,
        file_name=_file_name(end),
        outcome=end.outcome,
        detail=end.detail or None,
        products_removed=product_rows(end.products_gone),
    )


def untouched(guid: str, file_name: str | None = None) -> EndRow:
    """An image that nothing was sent for."""
    return EndRow(guid=guid, file_name=file_name, outcome=Outcome.NOT_ATTEMPTED)


def not_found(guid: str) -> EndRow:
    """A guid that names no image."""
    return EndRow(guid=guid, outcome=Outcome.NOT_FOUND)


def product_rows(hung: Sequence[Product]) -> list[ProductRow] | None:
    """Products as results show them; None when there are none."""
    return [product_row(product) for product in hung] or None


def _file_name(end: Ended) -> str | None:
    named = end.after or end.before
    return named.file_name if named else None


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


RECORD_TEXT_SHOWN = 2_000
_PRODUCTS_IN_A_RECORD = 20_000

Record = dict[str, Any]


def image_record(image: ImageDetails, *, show_hires: bool) -> Record:
    """The whole record of an image; the print master's address only where the operator allows.

    `cut` names each text that is longer than shown, with the characters that it has, and
    `more_products` counts the products beyond those shown.
    """
    record = image.model_dump(mode="json", exclude_none=True, exclude={"products"})
    if not show_hires:
        record.pop("private_hires_uri", None)
    record = _record(record)
    return record if image.products is None else record | _hung(record, image.products)


def first_that_fit(records: Iterable[Record], characters: int) -> list[Record]:
    """The first of `records`, at least one, whose JSON together takes no more than `characters`."""
    kept: list[Record] = []
    for record in records:
        characters -= len(compact(record))
        if kept and characters < 0:
            break
        kept.append(record)
    return kept


def compact(document: object) -> str:
    """JSON on one line."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _hung(record: Record, hung: Sequence[Product]) -> Record:
    whole = (_record(one.model_dump(mode="json", exclude_none=True)) for one in hung)
    listed = first_that_fit(whole, _PRODUCTS_IN_A_RECORD)
    escaped = record.get("escaped") or any(one.get("escaped") for one in listed)
    more = len(hung) - len(listed)
    return {
        "products": listed,
        **({"more_products": more} if more else {}),
        **({"escaped": True} if escaped else {}),
    }


def _record(raw: Record) -> Record:
    views = {name: _view(value) for name, value in raw.items()}
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


def _view(value: object) -> _View:
    if isinstance(value, str):
        text = shown(value, RECORD_TEXT_SHOWN)
        return _View(text.text, text.escaped, len(value) if text.cut else 0)
    if not isinstance(value, dict | list):
        return _View(value)
    legible = _legible(value)
    json_text = compact(legible)
    if len(json_text) <= RECORD_TEXT_SHOWN:
        return _View(legible, legible != value)
    return _View(shown(json_text, RECORD_TEXT_SHOWN).text, legible != value, len(json_text))


def _legible(value: object) -> object:
    """JSON of any shape, its texts and names with escapes."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [_legible(one) for one in value]
    if isinstance(value, dict):
        return {visible(name): _legible(one) for name, one in value.items()}
    return value
