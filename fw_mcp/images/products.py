"""What is made of the images: pages of products, questions about all of them, their short forms."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

from fw_mcp.api.inventory import ListedProduct, ListVirtualInventoryRequest
from fw_mcp.api.models import PAGE_LIMIT, Product, SortDirection, SortField
from fw_mcp.images.account import Account, Progress
from fw_mcp.images.questions import Kept
from fw_mcp.images.read import UNCOUNTED
from fw_mcp.images.scan import Listing, Scan, T, walk
from fw_mcp.text import counted, is_plain

OnlyProducts = Literal[
    "live_in_shop", "not_in_shop", "no_price", "below_cost", "out_of_stock", "not_valid"
]

ONLY_PRODUCTS: tuple[OnlyProducts, ...] = get_args(OnlyProducts)
NO_CURRENCY = "unknown"

_NARROW = "Narrow it with created_date_from and created_date_to, one range at a time."
_NO_GUID = "00000000-0000-0000-0000-000000000000"
_TEXT_KEPT = 200
_MOST_SUMS = 80
_LONGEST_CURRENCY = 12


@dataclass(frozen=True, slots=True)
class ProductQuery:
    """What `list_virtual_inventory` is asked, in its own words."""

    search_filter: str | None = None
    sku_filter: tuple[str, ...] | None = None
    product_code_filter: tuple[str, ...] | None = None
    guid_filter: tuple[str, ...] | None = None
    page_number: int = 1
    per_page: int = 10
    sort_field: SortField = "id"
    sort_direction: SortDirection = "DESC"
    created_date_from: str | None = None
    created_date_to: str | None = None


@dataclass(frozen=True, slots=True)
class ProductPage:
    """One page of a listing.

    Attributes:
        count: products the query matches on all pages, as the service tells; 0 where it does not.
    """

    products: tuple[ListedProduct, ...]
    page_number: int
    per_page: int
    count: int

    @property
    def seen(self) -> int:
        """How many products there are up to the end of this page, at least."""
        before = (self.page_number - 1) * self.per_page if self.products else 0
        return before + len(set(map(_key, self.products)))

    @property
    def next_page_number(self) -> int | None:
        """The page after this one, unless rows and count agree that there is none."""
        return self.page_number + 1 if self.products and self.count != self.seen else None

    @property
    def not_reached(self) -> str:
        """What the count does not tell; "" when that is nothing."""
        return UNCOUNTED if self.products and self.count < self.seen else ""


async def list_products(account: Account, query: ProductQuery) -> ProductPage:
    """One page of what `query` matches.

    Raises:
        ApiError: the service failed, or the way to it.
        ConfigError: the keys are missing.
    """
    async with account.reading() as client:
        answer = await client.list_virtual_inventory(
            ListVirtualInventoryRequest(
                search_filter=query.search_filter,
                sku_filter=query.sku_filter,
                product_code_filter=query.product_code_filter,
                guid_filter=query.guid_filter,
                page_number=query.page_number,
                per_page=query.per_page,
                sort_field=query.sort_field,
                sort_direction=query.sort_direction,
                created_date_from=query.created_date_from,
                created_date_to=query.created_date_to,
            )
        )
    return ProductPage(answer.products, query.page_number, query.per_page, answer.count or 0)


@dataclass(frozen=True, slots=True)
class Short:
    """A product in a few words, as long as a row may need.

    Attributes:
        title: the picture's, where the product's name begins with it.
        name: the rest of the name; "" where it says no more than kind and size.
        kind: such as `Stretched Canvas`.
        size: such as `16x24 in`, in the unit that was told.
        price: what FinerWorks asks for one.
        asking_price: what the seller asks for it.
        currency: of both; "" when it is not told.
        odd_fields: what could not be read.
    """

    title: str
    name: str
    kind: str
    size: str
    sku: str
    price: float | None
    asking_price: float | None
    currency: str
    shops: tuple[str, ...]
    image_guid: str | None
    out_of_stock: bool = False
    not_valid: bool = False
    odd_fields: tuple[str, ...] = ()


_NUMBER = r"(\d{1,4}(?:\.\d{1,3})?)"
_SIZE = re.compile(
    rf"(?<![\d.]){_NUMBER}\s?\"?\s?[x\u00d7]\s?{_NUMBER}(?:\s?(in|cm|mm|\")(?![a-z]))?",
    re.IGNORECASE,
)
_KINDS = frozenset({"product", "product type", "type", "kind", "medium", "media"})
_BETWEEN = " ,;:|/-–—\t\n"  # noqa: RUF001  dashes of any kind
_UNITS = {'"': "in"}
_WORD = re.compile(r"\w+(?:\.\w+)?")


def short(product: Product, title: str = "") -> Short:
    """A product in a few words.

    Args:
        product: of an image, or listed by itself.
        title: of its image, where it is known.
    """
    kind, size = _kind(product), _size(product)
    begins, rest = _split(_kept(product.name), title, kind)
    listed = product if isinstance(product, ListedProduct) else None
    return Short(
        title=begins,
        name="" if _says_no_more(rest, f"{kind} {size}") else rest,
        kind=kind,
        size=size,
        sku=_kept(product.sku),
        price=_price(product),
        asking_price=product.asking_price,
        currency=_currency(product),
        shops=product.shops,
        image_guid=product.image_guid if product.image_guid != _NO_GUID else None,
        out_of_stock=listed is not None and _out_of_stock(listed) is True,
        not_valid=listed is not None and listed.valid is False,
        odd_fields=listed.odd_fields if listed else (),
    )


def _kept(text: object) -> str:
    return text[:_TEXT_KEPT] if isinstance(text, str) else ""


def _labelled(product: Product, keys: frozenset[str]) -> str:
    values = (
        label.get("value")
        for label in product.labels
        if (label.get("key") or "").strip().casefold() in keys
    )
    return next(filter(None, map(_kept, values)), "")


def _kind(product: Product) -> str:
    """As a label names it, or else as its short description does."""
    if named := _labelled(product, _KINDS):
        return named
    said = _SIZE.sub("", _kept(product.description_short), count=1).strip(_BETWEEN)
    return re.sub(r"\s{2,}", " ", said)


def _size(product: Product) -> str:
    """The first that is told with its unit, or else the first; in words when none has numbers."""
    told = [
        _kept(product.product_size),
        _labelled(product, frozenset({"size"})),
        _kept(product.description_short),
        _kept(product.name),
        _kept(product.product_code),
    ]
    found = list(filter(None, map(_SIZE.search, told)))
    if not found:
        return told[0] or told[1]
    width, height, unit = next((one for one in found if one[3]), found[0]).groups()
    return f"{width}x{height} {_UNITS.get(unit, unit or '')}".rstrip().lower()


def _split(name: str, title: str, kind: str) -> tuple[str, str]:
    """The picture's title and the rest of a product's name that begins with it."""
    folded, rest = name.casefold(), name[len(title) :]
    at = 0
    # Folding shortens no text, and may take long for a title far longer than a name.
    is_longer = len(title) > len(folded)
    if title and not is_longer and folded == f"{title}{rest}".casefold() and not rest[:1].isalnum():
        at = len(title)
    elif kind:
        # A picture may be called by the same word: the last one is the product's.
        at = max(
            (one.start() for one in re.finditer(re.escape(kind), name, re.IGNORECASE)), default=0
        )
    return (name[:at].rstrip(_BETWEEN), name[at:].lstrip(_BETWEEN)) if at else ("", name)


def _says_no_more(name: str, kind_and_size: str) -> bool:
    said = _SIZE.sub(r" \1x\2 ", kind_and_size).casefold()
    return set(_WORD.findall(_SIZE.sub(r" \1x\2 ", name).casefold())) <= set(_WORD.findall(said))


def _price(product: Product) -> float | None:
    one = product.per_item_price
    return product.total_price if one is None else one


def _currency(product: Product) -> str:
    text = (product.monetary_format or "").strip().upper()
    return text if len(text) <= _LONGEST_CURRENCY and is_plain(text) else ""


# True, False, or None where what decides it could not be read: not told is not none.
_Judged = bool | None


def _unless_odd(product: ListedProduct, field: str, told: bool) -> _Judged:
    return None if {field, "record"} & set(product.odd_fields) else told


def _live_in_shop(product: ListedProduct) -> _Judged:
    return _unless_odd(product, "third_party_integrations", bool(product.shops))


def _not_in_shop(product: ListedProduct) -> _Judged:
    return _unless_odd(product, "third_party_integrations", not product.shops)


def _no_price(product: ListedProduct) -> _Judged:
    return _unless_odd(product, "asking_price", not product.asking_price)


def _below_cost(product: ListedProduct) -> _Judged:
    """What has no asking price goes by another name."""
    cost = _price(product)
    if not product.asking_price:
        return _unless_odd(product, "asking_price", told=False)
    return None if cost is None else product.asking_price < cost


def _out_of_stock(product: ListedProduct) -> _Judged:
    """What is made for each order has no stock to be out of."""
    stock = product.quantity_in_stock
    is_empty = product.track_inventory is not False and stock is not None and stock <= 0
    told = _unless_odd(product, "quantity_in_stock", is_empty)
    return told if told is not True else _unless_odd(product, "track_inventory", told)


def _not_valid(product: ListedProduct) -> _Judged:
    return _unless_odd(product, "valid", product.valid is False)


_TESTS: Mapping[OnlyProducts, Callable[[ListedProduct], _Judged]] = {
    "live_in_shop": _live_in_shop,
    "not_in_shop": _not_in_shop,
    "no_price": _no_price,
    "below_cost": _below_cost,
    "out_of_stock": _out_of_stock,
    "not_valid": _not_valid,
}


@dataclass(frozen=True, slots=True)
class ProductQuestion:
    """What is asked beyond what the service can answer by itself.

    Attributes:
        only: all must hold.
        shop: only products that are live in it; one of the models' `SHOPS`.
        summary: count and add up.
    """

    only: tuple[OnlyProducts, ...] = ()
    shop: str | None = None
    summary: bool = False

    @property
    def whole(self) -> bool:
        """Whether it takes every page to answer."""
        return bool(self.only or self.shop or self.summary)

    def judged(self, product: ListedProduct) -> _Judged:
        """Whether the product is what was asked for; None when that cannot be told."""
        answers = [_TESTS[name](product) for name in self.only]
        if self.shop:
            live = self.shop in product.shops
            answers.append(_unless_odd(product, "third_party_integrations", live))
        if False in answers:
            return False
        return None if None in answers else True


@dataclass(frozen=True, slots=True)
class ProductsAsked:
    """A question about all products.

    Attributes:
        query: what the service filters and sorts; its page is a page of the matches.
        question: the rest.
        started: when the call began, on the account's clock.
        progress: told after each page.
    """

    query: ProductQuery
    question: ProductQuestion
    started: float
    progress: Progress

    @property
    def name(self) -> object:
        """The question, whichever page of its answer is asked for."""
        return replace(self.query, page_number=1, per_page=1), self.question


@dataclass(frozen=True, slots=True)
class ProductMatches:
    """What a walk through the products found.

    Attributes:
        found: in the order asked for.
        scanned: distinct products that were looked at.
        held: products that the service says there are.
        not_reached: what was left out, why, and what to do; "" when nothing was.
        anew: whether a later page needed a walk of its own.
    """

    found: tuple[Short, ...]
    scanned: int
    held: int
    not_reached: str
    anew: bool = False


class Sum(NamedTuple):
    """What products of one currency cost and are sold for; those of one shop, or all of them."""

    currency: str
    products: int
    price: float
    asking_price: float
    shop: str | None = None


@dataclass(frozen=True, slots=True)
class ProductSummary:
    """What a walk through the products counted.

    Attributes:
        counts: name → products; a name that none goes by is told too.
        sums: all products by currency, then those of each shop; one in two shops counts in both.
        more_sums: how many sums there are beyond those.
    """

    counts: Mapping[str, int]
    sums: tuple[Sum, ...]
    more_sums: int
    scanned: int
    held: int
    not_reached: str


class ProductScans(Kept[ProductMatches]):
    """The last walks through the products."""


async def matching_products(
    account: Account, scans: ProductScans, asked: ProductsAsked
) -> ProductMatches:
    """What matches, from the last walk for the same question unless its first page is asked for.

    Raises:
        ApiError: nothing could be read.
        ConfigError: the keys are missing.
    """
    later = asked.query.page_number > 1
    kept = scans.recall(asked, account.clock()) if later else None
    matches = kept or await _matching(account, asked)
    scans.keep(asked, matches, account.clock())
    return replace(matches, anew=later and kept is None)


async def _matching(account: Account, asked: ProductsAsked) -> ProductMatches:
    through, left_out = await _walked(account, asked, short)
    told = " ".join(filter(None, (through.not_reached, left_out)))
    return ProductMatches(through.kept, through.scanned, through.held, told)


class _Counted(NamedTuple):
    """What a summary keeps of a product."""

    names: tuple[str, ...]
    currency: str
    shops: tuple[str, ...]
    price: float | None
    asking_price: float | None


async def summed_up(account: Account, asked: ProductsAsked) -> ProductSummary:
    """Counts and sums of what matches.

    Raises:
        ApiError: nothing could be read.
        ConfigError: the keys are missing.
    """
    through, left_out = await _walked(account, asked, _counted)
    counts = Counter(name for one in through.kept for name in one.names)
    sums = _sums(through.kept)
    return ProductSummary(
        counts={"products": len(through.kept), **{name: counts[name] for name in ONLY_PRODUCTS}},
        sums=tuple(sums[:_MOST_SUMS]),
        more_sums=max(0, len(sums) - _MOST_SUMS),
        scanned=through.scanned,
        held=through.held,
        not_reached=" ".join(filter(None, (through.not_reached, left_out))),
    )


def _counted(product: ListedProduct) -> _Counted:
    return _Counted(
        tuple(name for name, holds in _TESTS.items() if holds(product)),
        _currency(product) or NO_CURRENCY,
        product.shops,
        _price(product),
        product.asking_price,
    )


def _sums(products: Sequence[_Counted]) -> list[Sum]:
    """All by currency, the most frequent first, then by shop."""
    of_shops: defaultdict[str, list[_Counted]] = defaultdict(list)
    for one in products:
        for shop in one.shops:
            of_shops[shop].append(one)
    by_shop = (_by_currency(of_shops[shop], shop) for shop in sorted(of_shops))
    return [*_by_currency(products), *(one for sums in by_shop for one in sums)]


def _by_currency(products: Sequence[_Counted], shop: str | None = None) -> list[Sum]:
    of_it: defaultdict[str, list[_Counted]] = defaultdict(list)
    for one in products:
        of_it[one.currency].append(one)
    return [
        Sum(
            currency,
            len(some),
            _total(one.price for one in some),
            _total(one.asking_price for one in some),
            shop,
        )
        for currency, some in sorted(of_it.items(), key=lambda item: -len(item[1]))
    ]


def _total(amounts: Iterable[float | None]) -> float:
    """In cents until the end: sums of binary fractions drift."""
    return sum(round(one * 100) for one in amounts if one) / 100


async def _walked(
    account: Account, asked: ProductsAsked, keep: Callable[[ListedProduct], T]
) -> tuple[Scan[T], str]:
    """A walk through what the service lists, and what of it could not be judged."""
    query = replace(asked.query, per_page=PAGE_LIMIT)
    unjudged: set[str] = set()

    async def read(number: int) -> tuple[Sequence[ListedProduct], int]:
        page = await list_products(account, replace(query, page_number=number))
        return page.products, page.count

    def sieve(product: ListedProduct) -> T | None:
        wanted = asked.question.judged(product)
        if wanted is None:
            unjudged.add(_key(product))
        return keep(product) if wanted else None

    listing = Listing(read, _key, "product", _NARROW)
    through = await walk(account, listing, sieve, started=asked.started, progress=asked.progress)
    skipped = counted(len(unjudged), "product")
    why = f"{skipped} skipped because the deciding value cannot be read."
    return through, why if unjudged else ""


def _key(product: ListedProduct) -> str:
    """What tells it from every other: no single fact is there on each host."""
    facts = (product.id, product.sku, product.product_guid, product.image_guid)
    return "\0".join(map(str, (*facts, product.product_code if None in facts else "")))
