"""Text from strangers: data in every result, resource, question and error, and never more.

Promise: control, direction, zero-width and tag characters are shown as escapes, emoji stay whole,
every field has its length, and what the service stores stays as it is.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import httpx
import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CallToolResult,
    GetPromptResult,
    ReadResourceResult,
    TextContent,
    TextResourceContents,
)

from fw_mcp.api.models import ImageDetails, ImageToUpdate, UpdateImagesRequest
from fw_mcp.assembly import assemble
from fw_mcp.cli.plans import list_plans
from fw_mcp.config import Settings
from fw_mcp.guard.guard import Confirm, Limits
from fw_mcp.guard.question import (
    FieldChange,
    HungProduct,
    Target,
    deletion_question,
    retitling_question,
)
from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.images import Images, StoredImage, open_images
from fw_mcp.sandbox.requests import LibraryName
from fw_mcp.server import results
from fw_mcp.server.rows import DESCRIPTION_SHOWN
from fw_mcp.store.plans import PlanRecord, PlanStore
from fw_mcp.store.sqlite import Database
from tests.support.hostile_texts import HOSTILE, hidden, hidden_in
from tests.support.products import first_of
from tests.support.recorder import OnTheWay, Sent
from tests.support.studio import Studio, make_studio, said, sandbox_account, text_of
from tests.support.truth import holdings, new_image, outcomes, unsold

pytestmark = pytest.mark.anyio

Json = dict[str, Any]

TOOL = "update_image_metadata"
NO_IMAGE = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
NAMES = list(HOSTILE)
every_text = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
PROMPTS = (
    ("audit_library", "focus"),
    ("check_print_sizes", "search_filter"),
    ("prepare_print_order", "images"),
)


SAYABLE = [text for text in HOSTILE.values() if len(text) <= 1_000]
SEEN = [text for text in SAYABLE if set(text) - {" ", "\n", *hidden(text)}]
"""Of these there is something to see: others are not taken for a text."""


def guid_of(number: int) -> str:
    """The guid of the image that carries a text; each number is another."""
    return str(uuid.UUID(int=number + 1_000, version=4))


def stored(number: int, text: str) -> StoredImage:
    """An image all of whose texts are this one, as far as they go."""
    short = text[:200]
    return StoredImage(
        guid=guid_of(number),
        title=text,
        description=text[:5_000],
        file_name=short,
        file_size=1,
        thumbnail_file_name=short,
        preview_file_name=short,
        hires_file_name=short,
        public_thumbnail_uri=short,
        public_preview_uri=short,
        personal_gallery_title=short,
        members_gallery_category=short,
        private_hires_uri=short,
        pix_w=6000,
        pix_h=4000,
        date_added=1_700_000_000_000_000 + number,
        date_expires=None,
        active=True,
        library=LibraryName.INVENTORY,
        session_id=None,
    )


def product(number: int, text: str) -> Json:
    """A product whose texts are this one."""
    short = text[:200]
    return {
        "sku": short,
        "product_code": short,
        "name": text[:5_000],
        "description_short": short,
        "description_long": text[:5_000],
        "labels": [{"key": short, "value": short, "priority": 1}],
        "price_details": {short: [short, {short: short}]},
        "third_party_integrations": {short: short, "etsy_product_id": 7},
        "image_guid": guid_of(number),
        "product_guid": str(uuid.UUID(int=number + 10_000, version=4)),
    }


def hostile_studio(folder: Path, texts: Sequence[str], *, products: int = 1, **more: Any) -> Studio:  # noqa: ANN401  whatever a studio takes
    """A studio whose inventory is one image a text, each with so many products."""

    def furnish(images: Images) -> None:
        images.stock(
            [stored(number, text) for number, text in enumerate(texts)],
            [product(number, text) for number, text in enumerate(texts)] * products,
        )

    file = folder / "library.sqlite3"
    open_images(file, furnish=furnish)
    limits = Limits(items_per_call=200, **more)
    return make_studio(app=create_app(file, seed=False), limits=limits)


@pytest.fixture(autouse=True)
def _all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every text has its row, however long the result is."""
    monkeypatch.setattr(results, "CHARACTERS", 10**7)
    monkeypatch.setattr(results, "ROWS_IN_FULL", 10**3)


@pytest.fixture
def hostile(tmp_path: Path) -> Studio:
    """A studio that holds the whole corpus."""
    return hostile_studio(tmp_path, list(HOSTILE.values()))


def assert_legible(result: CallToolResult, lines: int | None = None) -> Json:
    """Nothing hidden in the text, in its lines or in the structure; gives the structure."""
    text = text_of(result)
    assert hidden("".join(text.split("\n"))) == []
    assert len(text.splitlines()) == len(text.split("\n")) == (lines or len(text.split("\n")))
    structured = said(result)
    assert hidden_in(structured) == []
    assert json.loads(json.dumps(structured)) == structured
    return structured


def document(result: ReadResourceResult) -> Json:
    """The JSON of a resource, in which nothing is hidden."""
    (content,) = result.contents
    assert isinstance(content, TextResourceContents)
    assert hidden(content.text) == []
    parsed: Json = json.loads(content.text)
    assert hidden_in(parsed) == []
    return parsed


def flagged(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of the texts whose rows carry the flag."""
    assert [row.get("escaped", True) for row in rows] == [True] * len(rows)
    return sorted(name_of(row["guid"]) for row in rows if "escaped" in row)


def name_of(guid: str) -> str:
    """The name of the text that an image carries."""
    return {guid_of(number): name for number, name in enumerate(NAMES)}[guid]


WITH_ESCAPES = sorted(name for name, text in HOSTILE.items() if hidden(text[:100]))


async def whole_library(client: Client, **arguments: object) -> list[CallToolResult]:
    """Every page of the inventory."""
    pages: list[CallToolResult] = []
    way: Json | None = {"page_number": 1, "per_page": 25}
    while way:
        pages.append(await client.call_tool("search_images", {**way, **arguments}))
        page = said(pages[-1])
        following = page.get("next_page_number")
        size = page.get("next_per_page", way["per_page"])
        way = {"page_number": following, "per_page": size} if following else None
    return pages


async def stored_texts(studio: Studio) -> dict[str, tuple[str | None, str | None]]:
    """Title and description of each image, as the service holds them."""
    held = await holdings(studio)
    return {guid: (image.title, image.description) for guid, image in held.items()}


def test_the_corpus_is_worth_its_name() -> None:
    """At least forty texts, among them some that need no escape at all."""
    assert len(HOSTILE) >= 40
    assert 40 <= len(WITH_ESCAPES) <= len(HOSTILE) - 20


async def test_a_listing_shows_every_text_on_its_own_line(hostile: Studio) -> None:
    """One line an image, whatever is in it; the flag says where something was escaped."""
    async with hostile.client() as client:
        pages = await whole_library(client)
    rows = [row for page in pages for row in assert_legible(page)["images"]]
    assert len(rows) == len(HOSTILE)
    assert flagged(rows) == WITH_ESCAPES
    for page in pages:
        head, *lines = text_of(page).split("\n")
        assert head.startswith("Images ")
        escaped = ["escaped" in row for row in said(page)["images"]]
        assert [line.endswith(" | escaped") for line in lines[: len(escaped)]] == escaped
        assert len(lines) - len(escaped) == ("next_page_number" in said(page))


async def test_a_text_without_anything_hidden_is_shown_as_it_is(hostile: Studio) -> None:
    """No escape, no flag: markup, quotation marks and backslashes are only characters."""
    async with hostile.client() as client:
        rows = [row for page in await whole_library(client) for row in said(page)["images"]]
    plain = [row for row in rows if name_of(row["guid"]) not in WITH_ESCAPES]
    short = [row for row in plain if len(HOSTILE[name_of(row["guid"])]) <= 64]
    assert len(short) > 25
    for row in short:
        text = HOSTILE[name_of(row["guid"])]
        assert (row["title"], row["file_name"]) == (text, text)
        is_cut = len(text) > DESCRIPTION_SHOWN
        assert row["description"] == (f"{text[: DESCRIPTION_SHOWN - 1]}…" if is_cut else text)


async def test_full_records_show_every_text_with_escapes(hostile: Studio) -> None:
    """Products, labels, prices and addresses too; names of members as well."""
    async with hostile.client() as client:
        results = await whole_library(client, details=True)
    for result in results:
        structured = assert_legible(result)
        records = structured["records"]
        lines = text_of(result).split("\n")[1 + ("note" in structured) :]
        assert [json.loads(line) for line in lines[: len(records)]] == records
        for record in records:
            text = HOSTILE[name_of(record["guid"])]
            cut = record.get("cut", {})
            limits = (2_000, 1_000, 300, 100) if cut else (2_000,)
            assert record.get("escaped", False) in {bool(hidden(text[:most])) for most in limits}
            assert ("title" in cut) is (len(record["title"]) < len(text))
            assert cut.get("title", len(text)) == len(text)


async def test_resources_show_what_results_show(hostile: Studio) -> None:
    """The pages and each image."""
    async with hostile.client() as client:
        rows = []
        for number in range(1, -(-len(HOSTILE) // 50) + 1):
            uri = f"finerworks://images?per_page=50&page_number={number}"
            rows += document(await client.read_resource(uri))["images"]
        records = [
            document(await client.read_resource(f"finerworks://images/{guid_of(number)}"))
            for number in range(len(HOSTILE))
        ]
    assert flagged(rows) == WITH_ESCAPES
    assert [name_of(record["guid"]) for record in records] == NAMES
    assert [record.get("escaped", False) for record in records] == [
        bool(hidden(text[:2_000])) for text in HOSTILE.values()
    ]


async def test_products_show_every_text_on_its_own_line(hostile: Studio) -> None:
    """By the tool and by the resource, from the first to the last, the same rows."""
    rows: list[Json] = []
    arguments: Json | None = {"per_page": 50}
    async with hostile.client() as client:
        while arguments:
            page = await client.call_tool("search_products", arguments)
            told = assert_legible(page)
            query = "&".join(f"{name}={value}" for name, value in arguments.items())
            read = document(await client.read_resource(f"finerworks://products?{query}"))
            # It is one copy of the rows: more of them fit.
            assert read["products"][: len(told["products"])] == told["products"]
            assert text_of(page).count("\n") == len(told["products"]) + (
                "next_page_number" in told
            ) + ("note" in told)
            rows += told["products"]
            following = told.get("next_page_number")
            size = told.get("next_per_page", arguments["per_page"])
            arguments = {"per_page": size, "page_number": following} if following else None
    assert sorted(name_of(row["image_guid"]) for row in rows) == sorted(NAMES)


@pytest.mark.parametrize("kind", first_of("overrides", "letters", "tags", "lines"), ids=str)
async def test_no_text_and_no_number_of_products_blows_a_result(studio: Studio, kind: str) -> None:
    """A page of 25, a record and a deletion: a 100 KB title, long texts, 2,000 products."""
    text = HOSTILE[f"a hundred thousand {kind}"]
    studio.wire.on_the_way = overdone(text)
    async with studio.client() as client:
        page = await client.call_tool("search_images", {})
        one = {"guid_filter": [guid_of(0)], "details": True}
        whole = await client.call_tool("search_images", one)
        doomed: Json = {"guids": [guid_of(0)]}
        deletion = await client.call_tool("delete_images", doomed)
        trial = await client.call_tool("delete_images", {**doomed, "dry_run": True})
    assert len(said(page)["images"]) == 25
    assert len(text_of(page)) < 40_000
    assert len(json.dumps(said(page))) < 40_000
    assert len(text_of(whole)) < 60_000
    (record,) = said(whole)["records"]
    assert record["cut"]["title"] == 100_000
    more = 2_000 - len(record["products"])
    assert record["note"].startswith(f"{more:,} more products not shown here: search_products ")
    assert len(text_of(deletion)) + len(json.dumps(said(deletion))) < 20_000
    (row,) = said(deletion)["images"]
    assert row["products"] == 2_000
    assert "2,000 products would be removed" in text_of(deletion)
    (row,) = said(trial)["images"]
    assert row["more_products"] + len(row["products_at_risk"]) == 2_000
    assert " and 1,990 more products" in text_of(trial)


def overdone(text: str) -> OnTheWay:
    """A service with 25 images of long texts, the first with a very long one and 2,000 products."""

    async def answer(sent: Sent) -> httpx.Response:
        guids = sent.body["guid_filter"] or [guid_of(number) for number in range(25)]
        short = text[:1_000]
        product = {"sku": text[:50], "name": text[:50]}
        images: list[Json] = [
            {"guid": guid, "title": short, "description": short, "file_name": short, "products": []}
            for guid in guids
        ]
        images[0] |= {"title": text, "products": [product] * 2_000}
        return listing(images)

    return answer


async def test_a_page_of_full_records_holds_those_that_fit(tmp_path: Path) -> None:
    """Rows and records end together, before the result is too long for a host."""
    studio = hostile_studio(tmp_path, ["x" * 5_000] * 50, products=12)
    async with studio.client() as client:
        result = await client.call_tool("search_images", {"per_page": 50, "details": True})
    page = said(result)
    assert (len(page["images"]), len(page["records"])) == (2, 2)
    assert [one["guid"] for one in page["records"]] == [one["guid"] for one in page["images"]]
    assert (page["next_page_number"], page["next_per_page"]) == (2, 2)
    assert "48 images of this page did not fit" in page["note"]


async def retitle(studio: Studio, titles: Mapping[str, str]) -> None:
    """Give images other titles behind the server's back."""
    images = [
        ImageToUpdate(guid=guid, title=title, description="") for guid, title in titles.items()
    ]
    await studio.api.update_images(UpdateImagesRequest(images=images))


def listing(images: Sequence[Mapping[str, object]]) -> httpx.Response:
    """The service's answer to `list_images`."""
    body = {"status": {"success": True}, "images": images, "count": len(images)}
    return httpx.Response(200, content=json.dumps(body).encode())


async def test_what_a_result_showed_is_no_new_text(hostile: Studio) -> None:
    """Promise: an update never writes an escape back, from a row or from a record."""
    before = await stored_texts(hostile)
    async with hostile.client() as client:
        rows = [row for page in await whole_library(client) for row in said(page)["images"]]
        records = [
            document(await client.read_resource(f"finerworks://images/{guid_of(number)}"))
            for number in range(len(HOSTILE))
        ]
        for shown in (rows, records):
            images = [
                {"guid": one["guid"], "title": one["title"], "description": one["description"]}
                for one in shown
                if len(one["description"]) <= 300
            ]
            result = said(await client.call_tool(TOOL, {"images": images}))
            assert outcomes(result) == ["skipped"] * len(images)
            assert {row["detail"] for row in result["images"]} == {"It already has this text."}
            assert len(images) > 60
    assert hostile.wire.writes == []
    assert await stored_texts(hostile) == before


async def test_an_edit_around_an_escape_keeps_the_character_it_stands_for(studio: Studio) -> None:
    """A model that corrects a word of an escaped title stores no escape."""
    (image,) = await unsold(studio, 1)
    await retitle(studio, {image.guid: "Fgo\u202e over \\n the\u200b bay"})
    images = [{"guid": image.guid, "title": "Fog\\u202e over \\n the\\u200b bay"}]
    async with studio.client() as client:
        result = assert_legible(await client.call_tool(TOOL, {"images": images}))
    assert outcomes(result) == ["updated"]
    assert (await holdings(studio))[image.guid].title == "Fog\u202e over \\n the\u200b bay"


async def test_an_escape_in_a_new_text_is_only_characters(studio: Studio) -> None:
    """A seller may write a backslash: where nothing is hidden, nothing is read into it."""
    (image,) = await unsold(studio, 1)
    images = [{"guid": image.guid, "title": "C:\\new\\u202e"}]
    async with studio.client() as client:
        said(await client.call_tool(TOOL, {"images": images}))
    assert (await holdings(studio))[image.guid].title == "C:\\new\\u202e"


async def test_a_change_that_nobody_could_see_is_a_change(studio: Studio) -> None:
    """It is shown by its escape, and the row is flagged."""
    (image,) = await unsold(studio, 1)
    title = f"{image.title}\u200b"
    async with studio.client() as client:
        result = await client.call_tool(TOOL, {"images": [{"guid": image.guid, "title": title}]})
    (row,) = assert_legible(result)["images"]
    assert row["title_change"] == {"before": image.title, "after": f"{image.title}\\u200b"}
    assert (row["outcome"], row["escaped"]) == ("updated", True)
    assert text_of(result).endswith(f'→ "{image.title}\\u200b" | escaped')
    assert (await holdings(studio))[image.guid].title == title


@pytest.mark.large_library
@pytest.mark.parametrize("dry_run", [True, False])
async def test_new_texts_are_stored_as_given_and_shown_with_escapes(
    studio: Studio, dry_run: bool
) -> None:
    """Dry run, diff and outcome: one line an image; the service holds every character."""
    images = await unsold(studio, len(SEEN))
    given = dict(zip([one.guid for one in images], SEEN, strict=True))
    changes = [
        {"guid": guid, "title": text, "description": text[:300]} for guid, text in given.items()
    ]
    async with studio.client() as client:
        result = await client.call_tool(TOOL, {"images": changes, "dry_run": dry_run})
    rows = assert_legible(result, (1 if dry_run else 2) + len(images))["images"]
    expected_flags = [bool(hidden(text[:300])) for text in SEEN]
    assert [row.get("escaped", False) for row in rows] == expected_flags
    held = await stored_texts(studio)
    expected = {guid: (text, text[:300]) for guid, text in given.items()}
    assert ({guid: held[guid] for guid in given} == expected) is not dry_run


@pytest.mark.parametrize("tool", ["delete_images", TOOL])
async def test_a_question_and_its_outcome_say_every_text_on_one_line(
    hostile: Studio, tool: str
) -> None:
    """Head, sum, five images, how many more, last words, ids; then one line an image."""
    guids = [guid_of(number) for number in range(len(HOSTILE))]
    images = [{"guid": guid, "title": "Written anew"} for guid in guids]
    arguments = {"guids": guids} if tool == "delete_images" else {"images": images}
    person = hostile.person()
    async with hostile.client(person=person) as client:
        dry = await client.call_tool(tool, {**arguments, "dry_run": True})
        done = await client.call_tool(tool, arguments)
    (question,) = person.asked
    assert len(question.splitlines()) == 10
    assert hidden(question.replace("\n", "")) == []
    assert len(question) < 3_000
    for result, head in ((dry, 1), (done, 3)):
        rows = assert_legible(result, head + len(HOSTILE))["images"]
        assert flagged(rows) == WITH_ESCAPES
    assert set(outcomes(said(done))) == {"deleted" if tool == "delete_images" else "updated"}


@every_text
def test_no_text_can_write_a_line_of_a_question(text: str) -> None:
    """Title, file name, both sides of a change, every text of a product."""
    hung = HungProduct(text, text, ("Etsy",), text, text, text, 1.0, text)
    changes = (FieldChange("title", text, text), FieldChange("description", "", text))
    target = Target(NO_IMAGE, text, text, text, (hung,) * 4, changes)
    untitled = Target(NO_IMAGE, "", "", text)
    for question, lines in (
        (deletion_question([target, untitled], "inventory"), 6),
        (retitling_question([target], 1), 5),
    ):
        assert len(question.splitlines()) == lines
        assert hidden(question.replace("\n", "")) == []
        assert len(question) < 2_000
        assert [line for line in question.split("\n")[1:] if line.startswith("plan")] == []
        assert question.count('"') % 2 == 0


async def test_a_plan_that_waits_shows_its_question_as_a_person_is_asked_it(tmp_path: Path) -> None:
    """The lane without a form: the same lines, in text and structure."""
    studio = hostile_studio(tmp_path, list(HOSTILE.values()), confirm=Confirm.PLAN)
    guids = [guid_of(number) for number in range(len(HOSTILE))]
    async with studio.client() as client:
        result = await client.call_tool("delete_images", {"guids": guids})
    text, structured = text_of(result), said(result)
    assert structured["question"] in text
    assert len(text.splitlines()) == 1 + 1 + 10 + 1 + len(HOSTILE)
    assert hidden(text.replace("\n", "")) == []
    assert hidden_in({**structured, "question": structured["question"].replace("\n", "")}) == []


def test_the_terminal_of_a_person_gets_no_codes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`fw-mcp plans` prints a line a plan and its question, whoever asked."""
    store = tmp_path / "store"
    anyio.run(_wait_for_answers, store)
    assert list_plans(assemble(Settings(sandbox=":memory:", store=store), {}), {}) == 0
    printed = capsys.readouterr().out
    assert hidden(printed.replace("\n", "")) == []
    # And one line for all of them, which says how to approve.
    assert len(printed.splitlines()) == len(HOSTILE) * 6 + 1


async def _wait_for_answers(store: Path) -> None:
    database = Database(store, account=sandbox_account())
    plans = PlanStore(database)
    for number, text in enumerate(HOSTILE.values()):
        question = deletion_question([Target(guid_of(number), text, text, text)], "inventory")
        plan = PlanRecord(
            plan_id=f"{number:016x}",
            tool="delete_images",
            caller=text,
            arguments_digest="",
            targets_digest="",
            weight=1,
            question=question,
            created_at=0.0,
            expires_at=9e9,
        )
        await plans.add(plan)
    database.close()


@pytest.mark.parametrize("dry_run", [True, False])
async def test_added_texts_are_stored_as_given_and_shown_with_escapes(
    studio: Studio, dry_run: bool
) -> None:
    """The caller's own file names come back in rows; titles reach the service whole."""
    images = [
        new_image(number, title=text, description=text[:300], file_name=text[:200])
        for number, text in enumerate(SAYABLE)
    ]
    async with studio.client() as client:
        result = await client.call_tool("add_images", {"images": images, "dry_run": dry_run})
    rows = assert_legible(result, (1 if dry_run else 2) + len(images))["images"]
    if dry_run:
        flags = [row.get("escaped", False) for row in rows]
        shown = [text[:100] if text in SEEN else text[:80] for text in SAYABLE]
        assert flags == [bool(hidden(text)) for text in shown]
        assert studio.wire.writes == []
        return
    held = await stored_texts(studio)
    told = [held[row["guid"]] for row in rows]
    for text, (title, description) in zip(SAYABLE, told, strict=True):
        # Without a title the sandbox stores the file's name, as it keeps it.
        meant = (text, text[:300]) if text in SEEN else (title, "")
        assert (title, description) == meant
        assert (title == text) is (text in SEEN)


async def test_an_error_quotes_a_callers_text_on_one_line(studio: Studio) -> None:
    """Names of arguments, guids, dates, plan ids: quoted, cut, escaped; nothing is sent."""
    async with studio.client() as client:
        for text in HOSTILE.values():
            for tool, arguments in misuses(text):
                result = await client.call_tool(tool, arguments)
                assert result.is_error
                assert_one_short_line(text_of(result))
    assert studio.wire.writes == []


def misuses(text: str) -> tuple[tuple[str, Json], ...]:
    """Calls that a text does not belong into."""
    return (
        ("search_images", {text: 1}),
        ("search_images", {"library": text}),
        ("search_images", {"guid_filter": [text]}),
        ("search_images", {"upload_date_from": text}),
        (TOOL, {"images": [{"guid": NO_IMAGE, "title": "Fog", text: 1}]}),
        (TOOL, {"images": text}),
        ("search_products", {text: 1}),
        ("list_changes", {"image": text}),
        ("search_products", {"shop": f"x{text}"}),
        ("delete_images", {"guids": [NO_IMAGE], "plan_id": text}),
        ("set_selection", {"guids": [NO_IMAGE], "selection_guid": text}),
    )


def assert_one_short_line(text: str) -> None:
    """An error: one line, nothing hidden, of a length that one reads."""
    assert len(text.splitlines()) == 1
    assert hidden(text) == []
    assert len(text) < 1_000


async def test_an_error_quotes_the_services_words_on_one_line(studio: Studio) -> None:
    """Message, reference and the paths of a refusal are text like any other."""
    async with studio.client() as client:
        for answer in [one for text in HOSTILE.values() for one in refusals(text)]:
            studio.wire.on_the_way = answer
            result = await client.call_tool("search_images", {})
            assert result.is_error
            assert_one_short_line(text_of(result))
            with pytest.raises(MCPError) as refused:
                await client.read_resource(f"finerworks://images/{NO_IMAGE}")
            assert_one_short_line(refused.value.message)


def refusals(text: str) -> tuple[OnTheWay, OnTheWay]:
    """A service that refuses in these words, in either shape of its errors."""
    status = {"success": False, "message": text, "reference_id": text}
    wrong = {"Message": text, "ModelState": {text: [text]}}

    async def envelope(_: Sent) -> httpx.Response:
        return httpx.Response(200, json={"status": status})

    async def web_api(_: Sent) -> httpx.Response:
        return httpx.Response(400, json=wrong)

    return envelope, web_api


async def test_an_address_is_quoted_in_its_refusal(studio: Studio) -> None:
    """A resource that cannot be read says which, on one line."""
    async with studio.client() as client:
        for text in HOSTILE.values():
            written = quote(text[:50], safe="")
            for uri in (f"finerworks://images?{written}=1", f"finerworks://images/{written}"):
                with pytest.raises(MCPError) as refused:
                    await client.read_resource(uri)
                assert_one_short_line(refused.value.message)


async def test_a_selection_of_texts_in_place_of_guids_is_refused(studio: Studio) -> None:
    """What stands where a guid should is shown to nobody."""
    answer = {"status": {"success": True}, "guids": [text[:200] for text in HOSTILE.values()]}

    async def answered(_: Sent) -> httpx.Response:
        return httpx.Response(200, json=answer)

    studio.wire.on_the_way = answered
    async with studio.client() as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource(f"finerworks://selections/{NO_IMAGE}")
    assert "unreadable_answer" in str(refused.value)
    assert hidden(str(refused.value)) == []


@pytest.mark.parametrize(("prompt", "argument"), PROMPTS)
async def test_a_prompt_takes_any_text_as_a_quotation(
    studio: Studio, prompt: str, argument: str
) -> None:
    """The lines of the prompt stay what they are, whatever was typed."""
    async with studio.client() as client:
        lines = prompt_text(await client.get_prompt(prompt, {argument: "Fog"})).splitlines()
        for text in HOSTILE.values():
            typed = f"Fog {text[:3_900]}"
            filled = prompt_text(await client.get_prompt(prompt, {argument: typed}))
            assert len(filled.splitlines()) == len(lines)
            assert hidden(filled.replace("\n", "")) == []


async def test_a_prompt_refuses_in_words_what_it_cannot_take(studio: Studio) -> None:
    """Unknown names and texts that are too long, quoted on one line."""
    async with studio.client() as client:
        for text in HOSTILE.values():
            for arguments in ({text: "x"}, {"library": f"Fog {text}"}):
                with pytest.raises(MCPError) as refused:
                    await client.get_prompt("audit_library", arguments)
                assert_one_short_line(refused.value.message)


def prompt_text(result: GetPromptResult) -> str:
    """The one message of a prompt."""
    (message,) = result.messages
    assert isinstance(message.content, TextContent)
    return message.content.text


async def test_half_an_emoji_in_every_text_is_told_as_a_replacement(studio: Studio) -> None:
    """What no sandbox can hold: the service's JSON with half of a character in it."""
    image = ImageDetails(guid=NO_IMAGE).model_dump(mode="json")
    image |= {"title": "Fog @", "description": "@", "file_name": "@.jpg", "file_size": 1}
    image |= {"products": [{"sku": "@", "name": "@", "labels": [{"key": "@"}], "price_details": {"@": "@"}}]}  # fmt: skip  # noqa: E501  one record
    body = {"status": {"success": True}, "images": [image], "count": 1}

    async def answered(_: Sent) -> httpx.Response:
        return httpx.Response(200, content=json.dumps(body).replace("@", "\\ud83d").encode())

    studio.wire.on_the_way = answered
    async with studio.client() as client:
        result = await client.call_tool("search_images", {"details": True})
        record = document(await client.read_resource(f"finerworks://images/{NO_IMAGE}"))
    (told,) = assert_legible(result)["records"]
    assert (told["title"], told["file_name"]) == ("Fog \ufffd", "\ufffd.jpg")
    assert told["products"] == [{"sku": "\ufffd"}]
    assert told == {**record, "products": told["products"]}
    assert text_of(result).encode()
