"""How products look in results: a short row each, and as many as a host takes."""

import re
from collections.abc import Sequence

from fw_mcp.images.products import NO_CURRENCY, ProductQuery, Short, Sum
from fw_mcp.server import cutting
from fw_mcp.server.rows import Row, cut_told, views
from fw_mcp.text import counted, in_quotes, quoted

_TEXT_SHOWN = 80
_KIND_SHOWN = 40
_SIZE_SHOWN = 24
_SKU_SHOWN = 60
_CODE = re.compile(r"[A-Z]{3}")


class ShortRow(Row):
    """One product."""

    title: str | None = None
    name: str | None = None
    kind: str | None = None
    size: str | None = None
    sku: str | None = None
    price: float | None = None
    asking_price: float | None = None
    currency: str | None = None
    shops: list[str] | None = None
    out_of_stock: bool | None = None
    not_valid: bool | None = None
    odd_fields: list[str] | None = None
    image_guid: str | None = None
    cut: dict[str, int] | None = None
    escaped: bool | None = None

    def line(self) -> str:
        """One line for a person."""
        called = [in_quotes(one) for one in (self.title, self.name) if one]
        made = " ".join(in_quotes(one) for one in (self.kind, self.size) if one)
        parts = [
            *(called or [quoted(None)]),
            made,
            f"sku {in_quotes(self.sku)}" if self.sku else "",
            self._prices(),
            f"live in {', '.join(self.shops)}" if self.shops else "",
            "out of stock" if self.out_of_stock else "",
            "not valid" if self.not_valid else "",
            f"unreadable: {', '.join(self.odd_fields)}" if self.odd_fields else "",
            f"image {self.image_guid}" if self.image_guid else "",
            cut_told(self.cut),
            "escaped" if self.escaped else "",
        ]
        return " | ".join(part for part in parts if part)

    def _prices(self) -> str:
        prices = (("price", self.price), ("asking", self.asking_price))
        told = [f"{name} {one:,.2f}" for name, one in prices if one is not None]
        return f"{', '.join(told)} {money(self.currency)}".rstrip() if told else ""


class SumRow(Row):
    """What products of one currency cost and are sold for, of one shop or of all."""

    shop: str | None = None
    currency: str
    products: int
    price: float
    asking_price: float

    def line(self) -> str:
        """One line for a person."""
        of = f"{self.shop or 'All'}, {money(self.currency)}"
        return (
            f"{of}: {counted(self.products, 'product')}, "
            f"price {self.price:,.2f}, asking price {self.asking_price:,.2f}"
        )


def money(currency: str | None) -> str:
    """A currency as it stands in a sentence of ours."""
    if not currency or currency == NO_CURRENCY or _CODE.fullmatch(currency):
        return currency or ""
    return in_quotes(currency)


def short_row(product: Short) -> ShortRow:
    """A product as a listing shows it."""
    seen = views(
        title=(product.title, _TEXT_SHOWN),
        name=(product.name, _TEXT_SHOWN),
        kind=(product.kind, _KIND_SHOWN),
        size=(product.size, _SIZE_SHOWN),
        sku=(product.sku, _SKU_SHOWN),
    )
    return ShortRow(
        title=seen.texts["title"],
        name=seen.texts["name"],
        kind=seen.texts["kind"],
        size=seen.texts["size"],
        sku=seen.texts["sku"],
        price=product.price,
        asking_price=product.asking_price,
        currency=product.currency or None,
        shops=list(product.shops) or None,
        out_of_stock=product.out_of_stock or None,
        not_valid=product.not_valid or None,
        odd_fields=list(product.odd_fields) or None,
        image_guid=product.image_guid,
        cut=seen.cut,
        escaped=seen.escaped,
    )


def sum_row(one: Sum) -> SumRow:
    """A sum as a summary shows it."""
    return SumRow(**one._asdict())


def cut(
    products: Sequence[Short], query: ProductQuery, following: int | None
) -> tuple[list[ShortRow], cutting.Cut]:
    """The rows of a page that fit into a result, and how to get the others.

    Args:
        products: of the page.
        query: that the page is of.
        following: the number of the page after it; None on the last.
    """
    rows = [short_row(one) for one in products]
    page = cutting.Paged(query.page_number, query.per_page, following, "product")
    rest = cutting.cut([cutting.size_of(row) for row in rows], page)
    return rows[: rest.kept], rest
