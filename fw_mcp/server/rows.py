"""How images and outcomes look in results: a row each, or a whole record."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from fw_mcp.api.models import ImageDetails, Product
from fw_mcp.text import counted, in_quotes, is_plain, quoted, restored, shown, visible
from fw_mcp.writes.outcomes import GOOD, Ended, Outcome, is_skipped, open_s, text_of
from fw_mcp.writes.update import NewText, Rewrite

DESCRIPTION_SHOWN = 64
TITLE_SHOWN = 120
_NAME_SHOWN = 80
GUID_SHOWN = 40
_SKU_SHOWN = 60
_CHANGE_SHOWN = 300
_PRODUCTS_SHOWN = 10
_PRODUCTS_OF_A_ROW = 4_000
_CALLED_SHOWN = 60
_DETAIL_SHOWN = 1_000
_LISTED = (GUID_SHOWN, TITLE_SHOWN, DESCRIPTION_SHOWN, _NAME_SHOWN)


class Row(BaseModel):
    """A part of a result, its texts as they are shown; the JSON leaves out what is not known."""

    model_config = ConfigDict(frozen=True)

    def structured(self) -> dict[str, Any]:
        """The row as JSON."""
        return self.model_dump(mode="json", exclude_none=True)


class ProductRow(Row):
    """A virtual-inventory product.

    Attributes:
        has_escapes: whether a text of it holds an escape.
    """

    sku: str
    name: str
    shops: list[str]
    has_escapes: bool = Field(False, exclude=True)

    def line(self) -> str:
        """`"AP1234" "Canvas 16x20" (live in Etsy)`."""
        live = f" (live in {', '.join(self.shops)})" if self.shops else ""
        return f"{quoted(self.sku, 40)} {quoted(self.name, 40)}{live}"


class ImageRow(Row):
    """One image of a listing.

    Attributes:
        date_added: the day.
        active: False, or nothing: most images are.
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
    shops: list[str] | None = None
    prints: dict[str, str] | None = None
    print_ppi: int | None = None
    trimmed_percent: int | None = None
    duplicate_group: int | None = None
    odd_fields: list[str] | None = None
    escaped: bool | None = None
    is_bare: SkipJsonSchema[bool] = Field(False, exclude=True)

    def line(self) -> str:
        """One line for a person."""
        title = in_quotes(self.title) if self.title else quoted(None)
        parts = [
            self.guid if self.is_bare else f"{self.guid} {title}",
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
        return f"{counted(self.products, 'product')}{live}"


class FieldRow(Row):
    """One field as it was and as it is, or would be.

    Attributes:
        has_escapes: whether a text of it holds an escape.
    """

    before: str
    after: str
    has_escapes: bool = Field(False, exclude=True)


class RowOutcome(StrEnum):
    """How a row ended, or would end: an `Outcome`, or what only a result tells."""

    CREATED = "created"
    ADOPTED = "adopted"
    UPDATED = "updated"
    DELETED = "deleted"
    ALREADY_GONE = "already_gone"
    NOT_FOUND = "not_found"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_ATTEMPTED = "not_attempted"
    SKIPPED = "skipped"
    WOULD_ADD = "would_add"
    WOULD_UPDATE = "would_update"
    WOULD_DELETE = "would_delete"
    WOULD_SET = "would_set"


class EndRow(Row):
    """How one image of a write ended, as read back, or what would become of it.

    Attributes:
        index: its place in the call, from 0, where the rows are not those of the whole call.
        title: what it is called, shortened.
        title_change: the whole of what was changed, like `description_change`.
        more_products: how many products there are beyond those listed.
        escaped: True when a text in the row holds escapes.
        retry_after_s: whole seconds for which it may still be carried out, as `detail` says.
    """

    index: int | None = None
    guid: str | None = None
    file_name: str | None = None
    title: str | None = None
    outcome: RowOutcome
    detail: str | None = None
    retry_after_s: int | None = None
    title_change: FieldRow | None = None
    description_change: FieldRow | None = None
    products_at_risk: list[ProductRow] | None = None
    products_removed: list[ProductRow] | None = None
    products_not_restored: list[ProductRow] | None = None
    more_products: int | None = None
    escaped: bool | None = None

    def line(self) -> str:
        """One line for a person."""
        parts = [
            f"{self.outcome}: {self.guid or '(no guid)'}",
            "" if self.index is None else f"index {self.index}",
            in_quotes(self.file_name) if self.file_name else "",
            in_quotes(self.title) if self.title and not self.title_change else "",
            _diff("title", self.title_change),
            _diff("description", self.description_change),
            self._listed("products that would be removed", self.products_at_risk),
            self._listed("products removed", self.products_removed),
            self._listed("products not restored", self.products_not_restored),
            self.detail or "",
            "escaped" if self.escaped else "",
        ]
        return " | ".join(part for part in parts if part)

    def _listed(self, head: str, rows: list[ProductRow] | None) -> str:
        if not rows:
            return ""
        more = f" and {self.more_products} more" if self.more_products else ""
        return f"{head}: {', '.join(row.line() for row in rows)}{more}"


def _diff(name: str, field: FieldRow | None) -> str:
    return f"{name} {quoted(field.before)} → {quoted(field.after)}" if field else ""


def product_row(product: Product) -> ProductRow:
    """A product as results show it."""
    sku, name = shown(product.sku or "", _SKU_SHOWN), shown(product.name or "", _NAME_SHOWN)
    return ProductRow(
        sku=sku.text,
        name=name.text,
        shops=list(product.shops),
        has_escapes=sku.escaped or name.escaped,
    )


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
        date_added=(_iso(image.date_added) or "")[:10] or None,
        date_expires=_iso(image.date_expires),
        active=False if image.active is False else None,
        products=None if image.products is None else len(image.products),
        shops=shops or None,
        odd_fields=list(image.odd_fields) if image.odd_fields else None,
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


def end_row(end: Ended) -> EndRow:
    """How an image ended, what of its text changed, and the products that went."""
    is_new = end.outcome in {Outcome.CREATED, Outcome.ADOPTED}
    # They went with the image that this one was made again from.
    named = "products_not_restored" if is_new else "products_removed"
    outcome = RowOutcome.SKIPPED if is_skipped(end) else RowOutcome(end.outcome)
    return _row(end, outcome, end.products_gone, named)


def would_row(end: Ended, planned: RowOutcome | None = None) -> EndRow:
    """What would become of an image, or why nothing would be sent for it.

    Args:
        end: as it would stand.
        planned: what would be done to it; None where that differs from image to image.
    """
    if end.outcome is not Outcome.NOT_ATTEMPTED or end.detail:
        return end_row(end)
    return _row(end, planned or _planned(end), end.products_lost, "products_at_risk")


def went_plainly(end: Ended) -> bool:
    """Whether an image ended as asked, and there is nothing more to tell of it than its guid."""
    asked = end.outcome in GOOD - {Outcome.ADOPTED} and end.guid is not None
    return asked and not (end.detail or end.doubled or end.products_gone)


def _planned(end: Ended) -> RowOutcome:
    if end.stored is not None:
        return RowOutcome.WOULD_SET
    if end.before is None:
        return RowOutcome.WOULD_ADD if end.name else RowOutcome.NOT_ATTEMPTED
    return RowOutcome.WOULD_UPDATE if end.after else RowOutcome.WOULD_DELETE


def _row(end: Ended, outcome: RowOutcome, lost: Sequence[Product], named: str) -> EndRow:
    guid, file_name = shown(end.guid or "", GUID_SHOWN), shown(end.file_name or "", _NAME_SHOWN)
    called = shown(end.title or "", _CALLED_SHOWN)
    title, description = _fields(end)
    listed = [product_row(product) for product in lost[:_PRODUCTS_SHOWN]]
    products = first_rows_that_fit(listed, _PRODUCTS_OF_A_ROW)
    parts = [part for part in (title, description, *products) if part]
    escaped = any(text.escaped for text in (guid, file_name, called))
    escaped = escaped or any(part.has_escapes for part in parts)
    return EndRow(
        guid=guid.text or None,
        file_name=file_name.text or None,
        title=called.text or None,
        outcome=outcome,
        detail=shown(end.detail, _DETAIL_SHOWN).text or None,
        retry_after_s=open_s(end.detail),
        title_change=title,
        description_change=description,
        **({named: products} if products else {}),
        more_products=max(len(lost) - len(products), 0) or None,
        escaped=escaped or None,
    )


def first_rows_that_fit(rows: Sequence[ProductRow], characters: int) -> list[ProductRow]:
    """The first of `rows`, at least one where there is any, that take no more than `characters`."""
    kept: list[ProductRow] = []
    for row in rows:
        characters -= len(row.model_dump_json())
        if kept and characters < 0:
            break
        kept.append(row)
    return kept


def _fields(end: Ended) -> tuple[FieldRow | None, FieldRow | None]:
    if end.before is None or end.after is None:
        return None, None
    title, description = zip(text_of(end.before), text_of(end.after), strict=True)
    return _field(*title), _field(*description)


def _field(before: str, after: str) -> FieldRow | None:
    if before == after:
        return None
    was, now = shown(before, _CHANGE_SHOWN), shown(after, _CHANGE_SHOWN)
    return FieldRow(before=was.text, after=now.text, has_escapes=was.escaped or now.escaped)


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


# The first with which the texts of a record fit.
RECORD_TEXTS_SHOWN = (2_000, 1_000, 300, 100)
_RECORD_SHOWN = 12_000
_PRODUCTS_IN_A_RECORD = 20_000

Record = dict[str, Any]


def image_record(image: ImageDetails, *, show_hires: bool) -> Record:
    """The whole record of an image; the print master's address only where the operator allows.

    `cut` names each text that is longer than shown, with the characters that it has, and
    `more_products` counts the products beyond those shown.
    """
    record = record_of(image, show_hires=show_hires)
    if image.products is None:
        return record
    whole = (_record(one.model_dump(mode="json", exclude_none=True)) for one in image.products)
    return with_products(record, whole, len(image.products), _PRODUCTS_IN_A_RECORD)


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
    tried = (_record(raw, limit) for limit in RECORD_TEXTS_SHOWN)
    fitting = (record for record in tried if len(compact(record)) <= _RECORD_SHOWN)
    return next(fitting, None) or _record(raw, RECORD_TEXTS_SHOWN[-1])


def with_products(
    record: Record, products: Iterable[Record], count: int, characters: int
) -> Record:
    """A record with those of its products that fit, at least one, and how many there are beyond."""
    listed: list[Record] = []
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
        **({"more_products": more} if more else {}),
        **({"escaped": True} if escaped else {}),
    }


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
