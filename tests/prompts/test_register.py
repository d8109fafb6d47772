"""`register_new_work`, played: measured from the files, looked for, tried, added, looked at."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from fw_mcp.embedded import SandboxTransport
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.sandbox.app import create_app
from tests.prompts.assistant import Assistant, assert_played, assistant
from tests.prompts.files import ORIGIN, host, master, urls
from tests.prompts.judging import copied
from tests.support.products import first_of
from tests.support.recorder import Sent
from tests.support.studio import Mode, Studio, make_studio, text_of
from tests.support.truth import assert_nothing_listed_twice, holdings, rows_of, unsold
from tests.support.uploading import Shelf, picture

if TYPE_CHECKING:
    import httpx

pytestmark = pytest.mark.anyio

MODES = first_of("auto", "legacy")
PROMPT = "register_new_work"
PIX_W, PIX_H = 6000, 4000
NAMES = [f"DUSK_{number:03}.png" for number in range(1, 13)]
THERE = NAMES[2]


async def studio_with_one_of_them() -> Studio:
    """A studio whose server reaches the seller's files; one of them is in the library."""
    app = create_app()
    inside: dict[str, Callable[[], httpx.AsyncBaseTransport]] = {
        "http://sandbox.localhost": lambda: SandboxTransport(app),
        ORIGIN: lambda: host(PIX_W, PIX_H),
    }
    studio = make_studio(app=app, fetcher=Fetcher(inside=inside))
    (image,) = await unsold(studio, 1)
    changes = {"file_name": THERE, "private_hires_uri": urls([THERE])[0]}
    await copied(studio, image, **changes, pix_w=PIX_W, pix_h=PIX_H)
    return studio


def described(row: Mapping[str, Any], number: int) -> dict[str, object]:
    """What is registered for a file: what was measured, where it is, and its text."""
    name = row["file_name"]
    (preview,), (thumbnail,) = urls([name], "previews"), urls([name], "thumbnails")
    measured = ("file_name", "file_size", "pix_w", "pix_h", "private_hires_uri")
    return {
        **{key: row[key] for key in measured},
        "public_preview_uri": preview,
        "public_thumbnail_uri": thumbnail,
        "title": f"Dusk, plate {number}",
        "description": "Violet hills in the last light.",
    }


def slowed(studio: Studio) -> None:
    """Every write takes 20 seconds, so that a call of eleven images does not get done."""

    async def slow(sent: Sent) -> None:
        studio.clock.forward(0 if sent.endpoint.startswith("list_") else 20)

    studio.wire.on_the_way = slow


async def register(studio: Studio, mode: Mode = "auto") -> Assistant:
    """A seller with twelve files, one of which is there already, and a slow service."""
    async with studio.client(mode=mode) as client:
        one = await assistant(client, PROMPT, images=" ".join(urls(NAMES)), series="Dusk")
        measured = await one.call("inspect_files", files=urls(NAMES))
        call = {"library": "inventory"}
        there = await one.call("search_images", **call, file_name_contains="DUSK_")
        await one.look([row["guid"] for row in there["images"]])
        images = new_ones(measured, there)
        trial = await one.call("add_images", **call, images=images, verify=True, dry_run=True)
        assert (trial["status"], studio.wire.writes) == ("dry_run", [])
        slowed(studio)
        added = await one.call("add_images", **call, images=images, verify=True)
        rest = await one.call("add_images", continue_handle=added["continue_handle"])
        told = [*rows_of(added), *rows_of(rest)]
        guids = {row["index"]: row["guid"] for row in told if "guid" in row}
        seen = await one.look([guids[index] for index in sorted(guids)])
        assert [picture.caption.split('"')[1] for picture in seen] == [
            image["title"] for image in images
        ]
    return one


def new_ones(measured: Mapping[str, Any], there: Mapping[str, Any]) -> list[dict[str, object]]:
    """The files that are not in the library, with what is registered for each."""
    known = {row["file_name"] for row in there["images"]}
    rows = [row for row in measured["files"] if row["file_name"] not in known]
    return [described(row, number) for number, row in enumerate(rows, start=1)]


async def added_files(studio: Studio) -> list[tuple[str | None, int | None, int | None]]:
    """File name, bytes and width of each of the files that the service holds, by name."""
    held = (await holdings(studio)).values()
    found = [
        (image.file_name, image.file_size, image.pix_w)
        for image in held
        if image.file_name in NAMES and image.file_name != THERE
    ]
    return sorted(found, key=str)


def as_measured(names: Sequence[str]) -> list[tuple[str, int, int]]:
    """The same of the files themselves."""
    return [(name, len(master(name, PIX_W, PIX_H)), PIX_W) for name in names]


@pytest.mark.parametrize("mode", MODES)
async def test_new_files_are_registered_with_what_they_measure(mode: Mode) -> None:
    """All but the one that was there, each once, though the call had to be gone on with."""
    studio = await studio_with_one_of_them()
    played = await register(studio, mode)
    assert await added_files(studio) == as_measured([name for name in NAMES if name != THERE])
    await assert_nothing_listed_twice(studio)
    measured, there, _, added, rest = played.said
    assert [row["prints"]["300"] for row in measured["files"]] == ["20x13 in"] * 12
    assert [row["file_name"] for row in there["images"]] == [THERE]
    assert added["outcomes"]["not_attempted"] > 0
    assert rest["outcomes"] == {"created": 11}


async def test_a_size_that_the_file_does_not_have_is_refused() -> None:
    """`verify` asks the file; nothing was sent."""
    studio = await studio_with_one_of_them()
    async with studio.client() as client:
        one = await assistant(client, PROMPT, images=urls(NAMES)[0])
        measured = await one.call("inspect_files", files=urls(NAMES[:1]))
        wrong = {**described(measured["files"][0], 1), "pix_w": 9000}
        refused = await one.result(
            "add_images", images=[wrong], library="inventory", verify=True, dry_run=True
        )
    assert refused.is_error
    assert "9000" in text_of(refused)
    assert "6000" in text_of(refused)
    assert studio.wire.writes == []


async def register_a_folder(folder: Path) -> tuple[Studio, Assistant]:
    """A seller with a folder of new work, and a client that cannot ask."""
    studio = make_studio(shelf=Shelf(), folders=[folder])
    async with studio.client() as client:
        one = await assistant(client, PROMPT, images=f"{folder}/", series="Dusk")
        call = {"library": "inventory", "images": [{"file": f"{folder}/"}]}
        trial = await one.call("add_images", **call, dry_run=True)
        assert (trial["status"], studio.wire.writes) == ("dry_run", [])
        asked = await one.call("add_images", **call)
        await one.call("add_images", **call, plan_id=asked["plan_id"])
    return studio, one


async def test_a_folder_is_uploaded_and_registered_after_the_question(tmp_path: Path) -> None:
    """The trial says what would become public, the question where; then all of it is there."""
    for name in NAMES[:3]:
        picture(tmp_path / "New Work", name)
    studio, played = await register_a_folder(tmp_path / "New Work")
    trial, asked, added = played.said
    assert "3 files" in trial["message"]
    assert asked["status"] == "confirmation_required"
    assert 'from the folder "New Work"' in asked["question"]
    assert added["outcomes"] == {"created": 3}
    held = (await holdings(studio)).values()
    assert sorted(one.file_name or "" for one in held if one.file_name in NAMES) == NAMES[:3]


async def test_all_that_the_prompt_names_is_played(tmp_path: Path) -> None:
    """Each tool, argument and value in its steps."""
    picture(tmp_path / "new", "dusk.png")
    _, by_folder = await register_a_folder(tmp_path / "new")
    assert_played(await register(await studio_with_one_of_them()), by_folder)
