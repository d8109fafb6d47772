"""What `fw-mcp doctor --contract` reads of a service, and a service made from its report."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from fw_mcp.api.models import LibraryName, ListImagesRequest
from fw_mcp.cli.contract import Report, compared, told
from tests.contrary.reported import ways_from
from tests.contrary.service import Service, Ways
from tests.contrary.test_kinds import contrary
from tests.support.products import first_of
from tests.support.studio import Studio

pytestmark = pytest.mark.anyio

IMAGES = 24
EXPECTED = "differs from what fw-mcp expects"


def laid(ways: Ways) -> tuple[Service, Studio]:
    """A service that differs, with images, products and two temporary images."""
    service, studio = contrary(ways)
    for number in range(IMAGES):
        products = [f"SKU-{number}"] if number % 3 else []
        service.lay(service.stored_text(f"Sea & Sky {number}"), products=products)
    service.lay("Soon gone", temporary=True)
    service.lay("Soon gone, too", temporary=True)
    return service, studio


def as_in_the_file(report: Report) -> dict[str, Any]:
    """The report, as a program reads it."""
    read: dict[str, Any] = json.loads(json.dumps(asdict(report)))
    return read


ALL_OF_IT = Ways(
    text="entities",
    upper_guids=True,
    most_a_page=5,
    count="high",
    twice=True,
    null_products=True,
    odd=("pix_w", ""),
    ignores_library=True,
)
_VALUES: tuple[object, ...] = (6000.5, "6000px", [], {})
_FIELDS = ("pix_w", "file_size", "id", "active", "date_added")
SHOWN = [
    Ways(),
    ALL_OF_IT,
    Ways(text="entities"),
    Ways(bits=True),
    Ways(upper_guids=True),
    Ways(most_a_page=7),
    Ways(twice=True),
    Ways(null_products=True),
    Ways(ignores_library=True),
    Ways(count="low"),
    Ways(count="high"),
    Ways(count="zero"),
    Ways(count="negative"),
    Ways(count="text"),
    *(Ways(odd=(name, value)) for name in _FIELDS for value in _VALUES),
]


@pytest.mark.parametrize("ways", first_of(*SHOWN, first=14))
async def test_a_report_gives_the_ways_back_that_reading_shows(ways: Ways) -> None:
    """And names each difference in a line, or none."""
    service, studio = laid(ways)
    report = await compared(studio.account)
    assert ways_from(as_in_the_file(report)) == ways
    differing = [line for line in told(report) if line.startswith(EXPECTED)]
    assert (differing == []) == (ways == Ways())
    assert studio.wire.writes == []
    assert service.destroyed == set()


@pytest.mark.parametrize(
    ("ways", "line"),
    first_of(
        (Ways(count="low"), "count: low, not exact"),
        (Ways(most_a_page=7), "rows on a page: 7, not 24"),
        (Ways(upper_guids=True), "guid letters: upper, not lower"),
        (Ways(odd=("pix_w", "6000px")), "field pix_w: text"),
        (Ways(ignores_library=True), "libraries: shared, not apart"),
        (Ways(null_products=True), "no products in inventory: null, not empty list"),
    ),
)
async def test_a_difference_is_named(ways: Ways, line: str) -> None:
    """In words that need no other document."""
    _, studio = laid(ways)
    assert f"{EXPECTED}: {line}" in told(await compared(studio.account))


async def test_a_service_made_from_a_report_gives_the_same_report() -> None:
    """So that what was found at a real account can be tried without it."""
    _, studio = laid(ALL_OF_IT)
    first = await compared(studio.account)
    _, studio = laid(ways_from(as_in_the_file(first)))
    assert await compared(studio.account) == first


async def test_an_empty_library_shows_little_and_nothing_that_differs() -> None:
    """What there was nothing to see it on is named."""
    _, studio = contrary()
    lines = told(await compared(studio.account))
    assert [line for line in lines if line.startswith(EXPECTED)] == []
    assert "nothing to check it on: rows on a page, " in lines[-1]


async def test_nothing_of_a_library_is_in_its_report() -> None:
    """Types, counts and words of ours: no text, address, guid or name of a record."""
    service, studio = laid(Ways(odd=("personal_gallery_title", {"canary key": "canary value"})))
    for record in service.images.values():
        hung = {"sku": "canary-sku", "name": "canary name", "third_party": {"canary shop": 1}}
        record["products"] = [hung, "canary product"]
        record |= {
            "title": "canary title &amp; more",
            "description": "Canary description",
            "file_name": "canary.jpg",
            "private_hires_uri": "https://canary.example/canary.tif",
            "canary member of a name": "canary",
            record["guid"]: "canary",
        }
    report = await compared(studio.account)
    text = "\n".join([json.dumps(asdict(report)), *told(report)]).lower()
    assert "canary" not in text
    assert not any(guid in text for guid in service.images)


async def test_the_sandbox_is_as_expected(studio: Studio) -> None:
    """In every point, each of which it shows; and no value of its records is in the report."""
    report = await compared(studio.account)
    findings = report.findings.values()
    assert [one for one in findings if one.seen != one.expected] == []
    assert ways_from(as_in_the_file(report)) == Ways()
    text = json.dumps(asdict(report))
    client = await studio.account.client()
    names: tuple[LibraryName, ...] = ("inventory", "temporary")
    pages = [
        await client.list_images_as_answered(
            ListImagesRequest(library=client.library(name), per_page=50, list_products=True)
        )
        for name in names
    ]
    held = {one for page in pages for one in values(page["images"])}
    assert len(held) > 500
    assert [one for one in held if len(one) > 3 and one in text] == []


def values(document: object) -> list[str]:
    """Each text in a document that is no name of a member."""
    if isinstance(document, str):
        return [document]
    inside = list(document.values()) if isinstance(document, dict) else document
    return [one for part in inside for one in values(part)] if isinstance(inside, list) else []
