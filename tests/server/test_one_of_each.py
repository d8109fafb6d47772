"""Whatever there is one of is counted as one: in every tool's words, and in those of commands."""

import re

import pytest
from mcp.types import TextContent

from fw_mcp.guard.guard import Limits
from fw_mcp.text import counted
from tests.support.studio import Studio, make_studio
from tests.support.truth import new_image, sold, unsold

pytestmark = pytest.mark.anyio

NOUNS = ("image", "product", "row", "file", "deletion", "change", "shop", "write", "more image")


def one_as_many(text: str) -> list[str]:
    """Every "1 images" of a text."""
    nouns = "|".join(NOUNS)
    return re.findall(rf"(?<![\d.,])1 (?:{nouns})s\b", text)


async def played(studio: Studio) -> list[str]:
    """Every tool, with one image: what was said and asked."""
    (plain,), (selling,) = await unsold(studio, 1), await sold(studio, 1)
    person = studio.person()
    spoken: list[str] = []
    async with studio.client(person=person) as client:

        async def call(tool: str, **arguments: object) -> dict[str, object]:
            result = await client.call_tool(tool, arguments)
            spoken.extend(one.text for one in result.content if isinstance(one, TextContent))
            return result.structured_content or {}

        spoken.append(client.instructions or "")
        for extra in ({}, {"summary": True}, {"only": ["has_products"]}, {"details": True}):
            await call("search_images", guid_filter=[plain.guid], **extra)
        await call("search_images", guid_filter=[selling.guid])
        await call("view_images", guids=[plain.guid])
        await call("inspect_files", files=["https://files.example/a.tif"])
        changes = []
        for tool, arguments in (
            ("add_images", {"images": [new_image(1)]}),
            ("update_image_metadata", {"images": [{"guid": selling.guid, "title": "Dew"}]}),
            ("update_image_metadata", {"images": [{"guid": plain.guid, "title": "Dew"}]}),
            ("delete_images", {"guids": [plain.guid]}),
        ):
            await call(tool, **arguments, dry_run=True)
            changes.append((await call(tool, **arguments))["change_id"])
        await call("set_selection", guids=[selling.guid])
        for change in changes[:1] + changes[2:]:
            await call("undo_change", change_id=change, dry_run=True)
            await call("undo_change", change_id=change)
        two = [one.guid for one in await unsold(studio, 2)]
        await call("delete_images", guids=two)
    return [*spoken, *person.asked]


async def test_one_of_anything_is_counted_as_one() -> None:
    """The kind: "1 images would be rewritten"."""
    studio = make_studio(limits=Limits(items_per_call=1, deletions_per_hour=3))
    spoken = await played(studio)
    assert [text for text in spoken if one_as_many(text)] == []
    whole = "\n".join(spoken)
    for noun in ("image", "product", "file"):
        assert re.search(rf"\b1 {noun}\b", whole), noun


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 images"), (1, "1 image"), (2, "2 images"), (1200, "1,200 images")]
)
def test_a_count_has_its_noun(number: int, words: str) -> None:
    """One helper for all."""
    assert counted(number, "image") == words
