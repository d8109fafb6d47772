"""Questions about libraries made of odd records and odd pages, held against counting by hand."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from fw_mcp.images.filters import COUNTED, Question
from fw_mcp.images.print_sizes import PrintSize
from fw_mcp.images.questions import Asked, Scans, match_page, matching
from fw_mcp.images.read import Query
from tests.images.progress import Progress
from tests.images.shelf import Shelf, guid_of
from tests.images.untidy import is_untidy
from tests.support.recorder import Sent
from tests.support.studio import make_studio

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SOON = ("2026-11-27T06:00:00", "2026-11-27T12:00:00+00:00", "2026-01-01T00:00:00Z")
DATES = (None, "some day", "2026-11-27T06:00:01", "0001-01-01T00:00:00", *SOON)
TITLES = ("Morning", "FOG final v2", "Low  tide", "fog")
LIVE = {"sku": "A", "third_party_integrations": {"etsy_id": 5}}
DRAFT = {"sku": "A", "third_party_integrations": {"etsy_id": 0}}
COUNTS = (0, 1, 49, 50, 51, 120, 151)
# What a service may do that the reference does not say; None: as it says.
PAGE_SIZES = (None, None, 7, 20, 100)
# A count that a page ends on exactly is believed; none of these sizes ends on 33.
CLAIMS = (None, None, 0, 33, 1_000)

Record = dict[str, Any]


def record(dice: random.Random, number: int) -> Record:
    """An image as some client once left it."""
    name = dice.choice([None, "", "fog.jpg", "Fog_1.JPG", ".jpg", "a.b.tif", "plain"])
    own = (name or "").upper()
    return {
        "guid": guid_of(number),
        "file_name": name,
        "title": dice.choice(
            [None, "", " \t", "Morning", "FOG final v2", "Low  tide", "fog", own, f" {own} "]
        ),
        "description": dice.choice([None, "", "\n", "x" * 300, "x" * 301]),
        "file_size": dice.choice([None, 0, -3, 5, 6]),
        "pix_w": dice.choice([None, 0, 100, 2400, 3000, 2**40]),
        "pix_h": dice.choice([None, 0, 99, 100, 2400, 3000]),
        "active": dice.choice([None, True, False]),
        "date_expires": dice.choice(DATES),
        "products": dice.choice([[], [DRAFT], [DRAFT, LIVE]]),
    }


def named(one: Mapping[str, Any]) -> set[str]:
    """Every name that a record goes by, at 16x20 inches and 150 pixels an inch."""
    w, h = one["pix_w"] or 0, one["pix_h"] or 0
    file, title = (one["file_name"] or "").lower(), (one["title"] or "").strip().lower()
    is_known = w > 0 and h > 0
    is_square = is_known and max(w, h) - min(w, h) <= max(w, h) / 100
    ppi = max(min(w / 16, h / 20), min(w / 20, h / 16))
    facts = {
        "missing_title": title in {"", file, file[: file.rfind(".")] if "." in file else file},
        "untidy_title": is_untidy(one["title"] or ""),
        "missing_description": not (one["description"] or "").strip(),
        "long_description": len(one["description"] or "") == 301,
        "has_products": one["products"] != [],
        "no_products": one["products"] == [],
        "live_in_shop": LIVE in one["products"],
        "inactive": one["active"] is False,
        "expiring": one["date_expires"] in SOON,
        "landscape": is_known and not is_square and w > h,
        "portrait": is_known and not is_square and h > w,
        "square": is_square,
        "too_small": is_known and ppi < 150,
        "large_enough": is_known and ppi >= 150,
    }
    return {name for name, holds in facts.items() if holds}


def doubled(records: Sequence[Record]) -> set[str]:
    """The guids of those that share their size and pixels with another one."""
    files: dict[object, list[str]] = defaultdict(list)
    for one in records:
        facts = (one["file_size"], one["pix_w"], one["pix_h"])
        if all(fact is not None and fact > 0 for fact in facts):
            files[facts].append(one["guid"])
    return {guid for guids in files.values() if len(guids) > 1 for guid in guids}


def asked_of(dice: random.Random) -> Question:
    """A question that takes the whole library."""
    question = Question(
        file_name_contains=dice.choice([(), (), ("FOG",), ("jpg", "plain")]),
        only=tuple(dice.sample(COUNTED, dice.choice([0, 1, 1, 2]))),
        print_size=PrintSize(16, 20),
        duplicates=dice.choice([None, "content"]),
        summary=dice.random() < 0.4,
        with_products=True,
    )
    return question if question.whole else replace(question, summary=True)


def answer(records: Sequence[Record], question: Question) -> list[Record]:
    """The records that are what was asked for."""
    twice = doubled(records)
    parts = [part.lower() for part in question.file_name_contains] or [""]
    return [
        one
        for one in records
        if any(part in (one["file_name"] or "").lower() for part in parts)
        and named(one).issuperset(question.only)
        and (question.duplicates is None or one["guid"] in twice)
    ]


@pytest.mark.parametrize("seed", range(60))
async def test_an_answer_is_what_the_library_holds_whatever_its_pages_are_like(seed: int) -> None:
    """Promise: each number and each list is right; a count that no page fills is told."""
    dice = random.Random(seed)  # noqa: S311  dice, not secrets
    records = [record(dice, number) for number in range(dice.choice(COUNTS))]
    question, size, claims = asked_of(dice), dice.choice(PAGE_SIZES), dice.choice(CLAIMS)
    studio = make_studio()

    async def own_size(sent: Sent) -> None:
        sent.body["per_page"] = size or sent.body["per_page"]

    studio.wire.on_the_way = Shelf(records, claims=claims, before=own_size)
    progress = Progress()
    asked = Asked(Query(), question, NOW, studio.clock(), progress)
    wanted = answer(records, question)
    found = await matching(studio.account, asked)
    assert {match.guid for match in found.found} == {one["guid"] for one in wanted}
    assert (found.scanned, found.held) == (len(records), max(len(records), claims or 0))
    assert ("were not scanned" in found.not_reached) is (found.held > found.scanned)
    assert progress.told == sorted(progress.told)
    if question.summary:
        counts = dict(found.summary or {})
        assert counts["images"] == len(wanted)
        assert counts["duplicates"] == sum(one["guid"] in doubled(records) for one in wanted)
        assert {name: counts[name] for name in COUNTED} == {
            name: sum(name in named(one) for one in wanted) for name in COUNTED
        }


@pytest.mark.parametrize("seed", range(20))
async def test_the_pages_of_an_answer_are_the_whole_answer_once(seed: int) -> None:
    """Whatever is asked, and however many images a page is to hold."""
    dice = random.Random(seed)  # noqa: S311  as above
    records = [record(dice, number) for number in range(dice.choice(COUNTS))]
    question = replace(asked_of(dice), summary=False, duplicates=dice.choice([None, "content"]))
    per_page = dice.choice([1, 7, 50])
    studio, scans = make_studio(), Scans()
    studio.wire.on_the_way = Shelf(records)
    wanted = {one["guid"] for one in answer(records, question)}
    seen: list[str] = []
    for number in range(1, len(wanted) // per_page + 3):
        query = Query(per_page=per_page, page_number=number)
        asked = Asked(query, question, NOW, studio.clock(), Progress())
        page = await match_page(studio.account, scans, asked)
        assert len(page.matches.found) == len(wanted)
        seen += [image.guid for image in page.images]
    assert sorted(seen) == sorted(wanted)
