"""Products in a few words, and questions about all of them, held against counting by hand."""

import random
from collections import Counter, defaultdict
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_mcp.api.inventory import ListedProduct
from fw_mcp.errors import ApiError
from fw_mcp.images.products import (
    ONLY_PRODUCTS,
    ProductQuery,
    ProductQuestion,
    ProductsAsked,
    ProductScans,
    matching_products,
    short,
    summed_up,
)
from fw_mcp.text import counted
from tests.images.progress import Progress
from tests.images.racks import Rack, Record, names_of, odd_product, product, shops_of, told_price
from tests.support.products import first_of
from tests.support.recorder import OnTheWay, Sent
from tests.support.studio import Studio, make_studio

pytestmark = pytest.mark.anyio

COUNTS = (0, 1, 50, 51, 130)
PAGE_SIZES = (50, 50, 7, 20)


def read(**fields: object) -> ListedProduct:
    """A product as the service gives it."""
    return ListedProduct.model_validate(product(1, **fields))


def words_of(one: ListedProduct, title: str = "") -> tuple[str, str, str, str]:
    """Title, rest of the name, kind and size."""
    told = short(one, title)
    return told.title, told.name, told.kind, told.size


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ("Fog 1", "", "Canvas", "12x16 in")),
        ({"name": "Fog - Canvas 12 x 16, limited"},
         ("Fog", "Canvas 12 x 16, limited", "Canvas", "12x16 in")),
        ({"name": "Canvas of Fog - Canvas 12x16"}, ("Canvas of Fog", "", "Canvas", "12x16 in")),
        ({"name": "Canvas"}, ("", "", "Canvas", "12x16 in")),
        ({"name": "Evening at Sea"}, ("", "Evening at Sea", "Canvas", "12x16 in")),
        ({"name": None}, ("", "", "Canvas", "12x16 in")),
        ({"labels": None, "description_short": "Metal Print, 20 x 30 in", "name": "x"},
         ("", "x", "Metal Print", "20x30 in")),
        ({"labels": None, "description_short": "12x16 canvas", "name": "Fog"},
         ("", "Fog", "canvas", "12x16")),
        ({"labels": None, "name": "Framed Giclee"}, ("", "Framed Giclee", "", "12x16")),
        ({"labels": None, "name": "Fog", "product_code": "A", "product_size": "Large"},
         ("", "Fog", "", "Large")),
        ({"labels": None, "name": 'A 8.5" x 11"', "product_code": ""},
         ("", 'A 8.5" x 11"', "", "8.5x11 in")),
        ({"labels": None, "name": "Fog", "product_size": {"w": 1}, "product_code": None},
         ("", "Fog", "", "")),
    ],
)  # fmt: skip
def test_a_product_is_told_by_title_kind_and_size(
    fields: dict[str, object], words: tuple[str, ...]
) -> None:
    """Nothing of its name is lost, and nothing is told twice."""
    assert words_of(read(**fields)) == words


@pytest.mark.parametrize(
    ("name", "title", "words"),
    [
        ("Fog over Bay - 12x16", "Fog over Bay", ("Fog over Bay", "")),
        ("FOG over Bay: limited print", "Fog over Bay", ("FOG over Bay", "limited print")),
        ("Foggy Morning", "Fog", ("", "Foggy Morning")),
        ("Straße - Metal", "Strasse", ("", "Straße - Metal")),
        ("Fog", "Fog", ("Fog", "")),
    ],
)
def test_a_name_that_begins_with_the_title_of_its_image_is_told_without_it(
    name: str, title: str, words: tuple[str, str]
) -> None:
    """Where the title is known; a word that only begins like it is another."""
    one = read(name=name, labels=None)
    assert words_of(one, title)[:2] == words


TEXTS = ("name", "labels", "description_short", "product_size", "sku", "image_guid")
LABELS = st.lists(st.dictionaries(st.sampled_from(["key", "value"]), st.text()))
ODD = st.none() | st.text(max_size=1_000) | LABELS


@given(st.dictionaries(st.sampled_from(TEXTS), ODD), st.text(max_size=30))
def test_any_product_is_told_in_few_words(odd: dict[str, object], title: str) -> None:
    """Whatever it says; no more than a row may need is kept."""
    told = short(read(**odd), title)
    assert max(map(len, (told.title, told.name, told.kind, told.size, told.sku))) <= 200


@pytest.mark.parametrize("zeros", ["00000000-0000-0000-0000-000000000000", None, "", 7])
def test_no_guid_of_an_image_is_none(zeros: object) -> None:
    """However a service writes it."""
    assert short(read(image_guid=zeros)).image_guid is None


def asked(studio: Studio, question: ProductQuestion, **query: Any) -> ProductsAsked:  # noqa: ANN401  any field
    """A question that is asked now."""
    return ProductsAsked(ProductQuery(**query), question, studio.clock(), Progress())


def asked_of(dice: random.Random) -> ProductQuestion:
    """A question that takes all products."""
    only = tuple(dice.sample(ONLY_PRODUCTS, dice.choice([0, 1, 1, 2])))
    return ProductQuestion(only, dice.choice([None, None, "Etsy", "Shopify"]))


def judged(record: Record, question: ProductQuestion) -> bool | None:
    """Whether a record is what was asked for; None where that cannot be told."""
    answers = [names_of(record)[name] for name in question.only]
    if question.shop:
        is_told = names_of(record)["live_in_shop"] is not None
        answers.append(question.shop in shops_of(record) if is_told else None)
    return False if False in answers else None if None in answers else True


@pytest.mark.parametrize("seed", first_of(*range(60), first=25))
async def test_an_answer_about_products_is_what_the_service_holds_whatever_its_pages_are_like(
    seed: int,
) -> None:
    """Promise: each row, count and sum is right, and what cannot be judged is told."""
    dice = random.Random(seed)  # noqa: S311  dice, not secrets
    records = [odd_product(dice, number) for number in range(dice.choice(COUNTS))]
    claims = dice.choice([None, None, None, 1_000])
    question = asked_of(dice)
    wanted = [one for one in records if judged(one, question)]
    unjudged = sum(judged(one, question) is None for one in records)
    studio = make_studio(per_series=1)
    studio.wire.on_the_way = Rack(records, dice.choice(PAGE_SIZES), claims)
    found = await matching_products(studio.account, ProductScans(), asked(studio, question))
    summary = await summed_up(studio.account, asked(studio, question))
    assert [one.sku for one in found.found] == [one["sku"] for one in wanted]
    for told in (found, summary):
        assert (told.scanned, told.held) == (len(records), claims or len(records))
        assert ("were not scanned" in told.not_reached) is bool(claims)
        skipped = f"{counted(unjudged, 'product')} skipped because the deciding value"
        assert (skipped in told.not_reached) is bool(unjudged)
    goes_by = Counter(name for one in wanted for name, holds in names_of(one).items() if holds)
    counts = {str(name): goes_by[name] for name in ONLY_PRODUCTS}
    assert summary.counts == {"products": len(wanted), **counts}
    assert {
        (one.shop, one.currency): (one.products, one.price, one.asking_price)
        for one in summary.sums
    } == sums_of(wanted)


def sums_of(records: list[Record]) -> dict[tuple[str | None, str], tuple[int, float, float]]:
    """What they come to in cents, by hand."""
    cents: dict[tuple[str | None, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for one in records:
        written = str(one["monetary_format"] or "unknown").strip()
        currency = written if len(written) > 3 else written.upper()
        currency = "unknown" if len(written) > 12 else currency
        asking = 0 if one["asking_price"] == "cheap" else one["asking_price"] or 0
        for shop in (None, *shops_of(one)):
            sums = cents[shop, currency]
            sums[0] += 1
            sums[1] += round((told_price(one) or 0) * 100)
            sums[2] += round(asking * 100)
    return {
        name: (count, price / 100, asking / 100) for name, (count, price, asking) in cents.items()
    }


@pytest.mark.parametrize("per_page", [1, 7, 50])
async def test_the_pages_of_an_answer_about_products_are_the_whole_of_it_once(
    per_page: int,
) -> None:
    """One walk serves them all."""
    dice = random.Random(per_page)  # noqa: S311  as above
    records = [odd_product(dice, number) for number in range(60)]
    question = ProductQuestion(only=("not_in_shop",))
    wanted = [one["sku"] for one in records if judged(one, question)]
    studio, scans = make_studio(per_series=1), ProductScans()
    studio.wire.on_the_way = Rack(records)
    seen: list[str] = []
    for number in range(1, len(wanted) // per_page + 2):
        one = asked(studio, question, page_number=number, per_page=per_page)
        found = await matching_products(studio.account, scans, one)
        first = (number - 1) * per_page
        seen += [told.sku for told in found.found[first : first + per_page]]
        assert not found.anew
    assert (seen, len(studio.wire.sent)) == (wanted, 2)


async def test_a_later_page_of_a_walk_that_is_not_kept_says_so(studio: Studio) -> None:
    """After ten minutes, or when nobody asked for the first; the first is always fresh."""
    studio.wire.on_the_way = Rack([product(number) for number in range(60)])
    scans, question = ProductScans(), ProductQuestion(only=("not_in_shop",))
    later = asked(studio, question, page_number=2)
    assert (await matching_products(studio.account, scans, later)).anew
    assert not (await matching_products(studio.account, scans, later)).anew
    studio.clock.forward(600)
    later = asked(studio, question, page_number=2)
    assert (await matching_products(studio.account, scans, later)).anew
    before = len(studio.wire.sent)
    await matching_products(studio.account, scans, asked(studio, question))
    assert len(studio.wire.sent) == before + 2


def refusing(number: int) -> OnTheWay:
    """A service that does not give this page."""

    async def refuse(sent: Sent) -> httpx.Response | None:
        status = {"success": False, "message": "No."}
        refused = httpx.Response(200, json={"status": status})
        return refused if sent.body["page_number"] == number else None

    return refuse


async def test_a_page_that_cannot_be_read_ends_the_walk_and_is_told(studio: Studio) -> None:
    """What was found stands; the first page is the call's own error."""
    rack = Rack([product(number) for number in range(120)])

    studio.wire.on_the_way = rack
    rack.before = refusing(3)
    question = ProductQuestion(only=("not_in_shop",))
    found = await matching_products(studio.account, ProductScans(), asked(studio, question))
    assert (len(found.found), found.scanned, found.held) == (100, 100, 120)
    assert found.not_reached.startswith("20 of 120 products were not scanned. FinerWorks rejected")
    rack.before = refusing(1)
    with pytest.raises(ApiError):
        await matching_products(studio.account, ProductScans(), asked(studio, question))


async def test_a_walk_that_runs_out_of_time_says_how_to_ask_for_less(studio: Studio) -> None:
    """In the words of products."""
    rack = Rack([product(number) for number in range(400)])

    async def slow(_: Sent) -> None:
        studio.clock.forward(20)

    rack.before = slow
    studio.wire.on_the_way = rack
    question = ProductQuestion(summary=True)
    summary = await summed_up(studio.account, asked(studio, question))
    assert summary.not_reached.endswith(
        "Narrow it with created_date_from and created_date_to, one range at a time."
    )
    assert summary.scanned < summary.held == 400


async def test_sums_of_many_currencies_are_cut_and_counted(studio: Studio) -> None:
    """The most frequent first."""
    records = [product(number, monetary_format=f"C{number}") for number in range(100)]
    studio.wire.on_the_way = Rack([*records, product(100), product(101)])
    summary = await summed_up(studio.account, asked(studio, ProductQuestion(summary=True)))
    assert (len(summary.sums), summary.more_sums) == (80, 21)
    assert (summary.sums[0].currency, summary.sums[0].products) == ("USD", 2)


async def test_products_that_share_some_facts_are_each_counted(studio: Studio) -> None:
    """A sku, or a guid of zeros, may be that of several; a row that is there twice is one."""
    zeros = "00000000-0000-0000-0000-000000000000"
    same = product(1, product_guid=zeros)
    records = [same, {**same, "id": 2}, {**same, "sku": "AP9"}, {**same, "id": None}, dict(same)]
    studio.wire.on_the_way = Rack(records)
    summary = await summed_up(studio.account, asked(studio, ProductQuestion(summary=True)))
    assert (summary.counts["products"], summary.scanned, summary.held) == (4, 4, 5)
