"""How the ends of writes look in results: a row each, of what was done or would be."""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple

from fw_mcp.api.models import Product
from fw_mcp.images.products import short
from fw_mcp.server.rows import GUID_SHOWN, NAME_SHOWN, Row, Views, cut_told, views
from fw_mcp.text import counted, in_quotes, quoted, shown
from fw_mcp.writes.outcomes import GOOD, Ended, Outcome, is_skipped, open_s, text_of

DETAIL_SHOWN = 1_000
_SKU_SHOWN = 60
_CHANGE_SHOWN = 300
_PRODUCTS_SHOWN = 10
_PRODUCTS_OF_A_ROW = 4_000
_CALLED_SHOWN = 60
_GUIDS_SHOWN = 5


class ProductRow(Row):
    """A virtual-inventory product, its name without the title of its picture."""

    sku: str
    name: str
    shops: list[str] | None = None

    def line(self) -> str:
        """`"AP1234" "Canvas 16x20" (live in Etsy)`."""
        live = f" (live in {', '.join(self.shops)})" if self.shops else ""
        return f"{quoted(self.sku, 40)} {quoted(self.name, 40)}{live}"


class FieldRow(Row):
    """One field as it was and as it is, or would be.

    Attributes:
        cut: how long a text is that is not shown whole.
    """

    before: str
    after: str
    cut: dict[str, int] | None = None

    def line(self, name: str) -> str:
        """`title "Fog" → "Morning fog"`."""
        return " ".join(
            filter(None, (name, quoted(self.before), "→", quoted(self.after), cut_told(self.cut)))
        )


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
        title: what it is called, shortened; where it was changed, `title_change` says it.
        title_change: what was changed, like `description_change` and a selection's `images_change`.
        products: how many would be removed, where they are not listed.
        more_products: how many products there are beyond those listed.
        cut: how long a text is that is not shown whole.
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
    images_change: FieldRow | None = None
    products: int | None = None
    products_at_risk: list[ProductRow] | None = None
    products_removed: list[ProductRow] | None = None
    products_not_restored: list[ProductRow] | None = None
    more_products: int | None = None
    cut: dict[str, int] | None = None
    escaped: bool | None = None

    def line(self) -> str:
        """One line for a person."""
        changes = (
            ("title", self.title_change),
            ("description", self.description_change),
            ("images", self.images_change),
        )
        parts = [
            f"{self.outcome}: {self.guid or '(no guid)'}",
            "" if self.index is None else f"index {self.index}",
            in_quotes(self.file_name) if self.file_name else "",
            in_quotes(self.title) if self.title else "",
            *(change.line(name) for name, change in changes if change),
            f"{counted(self.products, 'product')} would be removed" if self.products else "",
            self._listed("products that would be removed", self.products_at_risk),
            self._listed("products removed", self.products_removed),
            self._listed("products not restored", self.products_not_restored),
            self.detail or "",
            cut_told(self.cut),
            "escaped" if self.escaped else "",
        ]
        return " | ".join(part for part in parts if part)

    def _listed(self, head: str, rows: list[ProductRow] | None) -> str:
        if not rows:
            return ""
        more = f" and {counted(self.more_products, 'more product')}" if self.more_products else ""
        return f"{head}: {', '.join(row.line() for row in rows)}{more}"


def end_row(end: Ended) -> EndRow:
    """How an image ended, what of its text changed, and the products that went."""
    is_new = end.outcome in {Outcome.CREATED, Outcome.ADOPTED}
    # They went with the image that this one was made again from.
    named = "products_not_restored" if is_new else "products_removed"
    outcome = RowOutcome.SKIPPED if is_skipped(end) else RowOutcome(end.outcome)
    return _row(end, outcome, end.products_gone, named)


def would_row(end: Ended, planned: RowOutcome | None = None, *, brief: bool = False) -> EndRow:
    """What would become of an image, or why nothing would be sent for it.

    Args:
        end: as it would stand.
        planned: what would be done to it; None where that differs from image to image.
        brief: only how many products it would lose: a question beside it says the rest.
    """
    if end.outcome is not Outcome.NOT_ATTEMPTED or end.detail:
        return end_row(end)
    outcome, lost = planned or _planned(end), end.products_lost
    if not brief or end.before is None:
        return _row(end, outcome, lost, "products_at_risk")
    row = _row(replace(end, after=None), outcome, (), "products_at_risk")
    return row.model_copy(update={"products": len(lost) or None})


def went_plainly(end: Ended) -> bool:
    """Whether an image ended as asked, and there is nothing more to tell of it than its guid."""
    asked = end.outcome in GOOD - {Outcome.ADOPTED} and end.guid is not None
    return asked and not (end.detail or end.doubled or end.products_gone)


def would_go_plainly(end: Ended) -> bool:
    """Whether an image would become what was asked, and would lose nothing that hangs on it."""
    planned = end.outcome is Outcome.NOT_ATTEMPTED and end.guid is not None
    return planned and not (end.detail or end.products_lost)


def _planned(end: Ended) -> RowOutcome:
    if end.stored is not None:
        return RowOutcome.WOULD_SET
    if end.before is None:
        return RowOutcome.WOULD_ADD if end.name else RowOutcome.NOT_ATTEMPTED
    return RowOutcome.WOULD_UPDATE if end.after else RowOutcome.WOULD_DELETE


def _row(end: Ended, outcome: RowOutcome, lost: Sequence[Product], named: str) -> EndRow:
    title, description = _fields(end)
    named_by = views(
        guid=(end.guid, GUID_SHOWN),
        file_name=(end.file_name, NAME_SHOWN),
        title=(None if title else end.title, _CALLED_SHOWN),
        detail=(end.detail, DETAIL_SHOWN),
    )
    products = _products(lost, (end.before.title if end.before else None) or "")
    parts = (named_by, title, description, products)
    escaped = any(part.escaped for part in parts if part)
    return EndRow(
        **named_by.texts,
        outcome=outcome,
        retry_after_s=open_s(end.detail),
        title_change=title and title.row,
        description_change=description and description.row,
        images_change=_images(end),
        **({named: products.rows} if products.rows else {}),
        more_products=max(len(lost) - len(products.rows), 0) or None,
        cut=named_by.cut,
        escaped=escaped or None,
    )


class _Products(NamedTuple):
    rows: list[ProductRow]
    escaped: bool


def _products(lost: Sequence[Product], title: str) -> _Products:
    """The first products, at least one where there is any, as far as a row has room for them."""
    rows: list[ProductRow] = []
    escaped = False
    room = _PRODUCTS_OF_A_ROW
    for product in lost[:_PRODUCTS_SHOWN]:
        seen = product_views(product, title)
        row = ProductRow(**seen.texts, shops=list(product.shops) or None)
        room -= len(row.model_dump_json(exclude_none=True))
        if rows and room < 0:
            break
        rows.append(row)
        escaped = escaped or bool(seen.escaped)
    return _Products(rows, escaped)


def product_views(product: Product, title: str) -> Views:
    """What a product is known by, as results show it."""
    told = short(product, title)
    name = told.name or " ".join(filter(None, (told.kind, told.size))) or told.title
    seen = views(sku=(product.sku, _SKU_SHOWN), name=(name, NAME_SHOWN))
    return seen._replace(texts={part: text or "" for part, text in seen.texts.items()})


class _Field(NamedTuple):
    row: FieldRow
    escaped: bool | None


def _fields(end: Ended) -> tuple[_Field | None, _Field | None]:
    if end.before is None or end.after is None:
        return None, None
    title, description = zip(text_of(end.before), text_of(end.after), strict=True)
    return _field(*title), _field(*description)


def _field(before: str, after: str) -> _Field | None:
    if before == after:
        return None
    seen = views(before=(before, _CHANGE_SHOWN), after=(after, _CHANGE_SHOWN))
    texts = {name: text or "" for name, text in seen.texts.items()}
    return _Field(FieldRow(**texts, cut=seen.cut), seen.escaped)


def _images(end: Ended) -> FieldRow | None:
    """What a selection held, and what it holds or would hold."""
    if end.stored is None or end.held is None:
        return None
    return FieldRow(before=_guids(end.held), after=_guids(end.stored))


def _guids(guids: Sequence[str]) -> str:
    more = len(guids) - _GUIDS_SHOWN
    told = ", ".join(shown(guid, GUID_SHOWN).text for guid in guids[:_GUIDS_SHOWN])
    if more > 0:
        told += f" and {more:,} more"
    return f"{counted(len(guids), 'image')} ({told})" if guids else "no image"
