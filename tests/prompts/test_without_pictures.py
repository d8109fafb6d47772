"""Every prompt without pictures, or without the extra: the way on that it names leads on."""

import pytest

from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.pictures.worker.pool import Workshop
from tests.prompts.assistant import assistant
from tests.prompts.judging import found, texts, undescribed
from tests.support.studio import Studio, make_studio, said, text_of
from tests.support.truth import holdings, new_image, outcomes

pytestmark = pytest.mark.anyio

PROMPTS = {
    "audit_library": {},
    "check_print_sizes": {},
    "prepare_print_order": {"images": "Moonrise"},
    "register_new_work": {"images": "the list"},
    "review_before_delete": {"images": "Moonrise"},
    "tidy_up": {},
    "write_titles_and_descriptions": {},
}


@pytest.fixture
def blind() -> Studio:
    """A studio whose operator has turned fetching off."""
    return make_studio(fetcher=Fetcher(is_on=False))


@pytest.mark.parametrize("prompt", PROMPTS)
async def test_a_refused_look_carries_the_word_that_the_prompt_knows(
    blind: Studio, prompt: str
) -> None:
    """The reason in the refusal is the one that the prompt says what to do about."""
    (guid, *_) = await found(blind, "Moonrise")
    async with blind.client() as client:
        one = await assistant(client, prompt, **PROMPTS[prompt])
        refused = await one.result("view_images", guids=[guid])
    assert refused.is_error
    assert "fetch_off" in text_of(refused)
    assert "fetch_off" in one.prompt.steps.names


async def test_titles_are_written_from_what_the_person_tells(blind: Studio) -> None:
    """The person describes the picture; the diff and the saving are as ever."""
    async with blind.client() as client:
        one = await assistant(client, "write_titles_and_descriptions")
        answer = await one.call("search_images", only=["missing_description"], library="inventory")
        guid = next(row["guid"] for row in answer["images"] if not row["products"])
        image = {"guid": guid, "description": "A red boat on still water."}
        await one.call("update_image_metadata", images=[image], dry_run=True)
        done = await one.call("update_image_metadata", images=[image])
    held = await holdings(blind)
    assert outcomes(done) == ["updated"]
    assert texts(held)[guid][1] == "A red boat on still water."
    assert not undescribed(held[guid])


async def test_files_are_registered_as_the_person_measured_them(blind: Studio) -> None:
    """No header is read, so `verify` is refused and left out; what was told is what is sent."""
    async with blind.client() as client:
        one = await assistant(client, "register_new_work", images="the list")
        call = {"images": [new_image(1)], "library": "inventory"}
        refused = await one.result("add_images", **call, verify=True, dry_run=True)
        done = await one.call("add_images", **call)
    assert "fetch_off" in text_of(refused)
    assert outcomes(done) == ["created"]


async def test_without_pillow_doubles_are_found_by_facts_and_seen_one_by_one() -> None:
    """Sheets and likeness are refused with the way on, and the rest shows more."""
    studio = make_studio(workshop=Workshop(available=False))
    guids = list(await found(studio, "Moonrise"))[:2]
    async with studio.client() as client:
        tidy = await assistant(client, "tidy_up")
        call = {"library": "inventory"}
        alike = await tidy.result("search_images", **call, duplicates="likeness")
        doubles = said(await tidy.result("search_images", **call, duplicates="content"))
        order = await assistant(client, "prepare_print_order", images="Moonrise")
        sheet = await order.result("view_images", guids=guids, contact_sheet=True)
        seen = await order.look(guids)
    assert [result.is_error for result in (alike, sheet)] == [True, True]
    assert "pictures" in text_of(alike)
    assert "pictures" in text_of(sheet)
    assert doubles["count"] == 0
    assert [picture.caption.split()[0] for picture in seen] == guids
