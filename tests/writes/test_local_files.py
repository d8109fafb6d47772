"""What the files and folders stand for that a call names, however many there are."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fw_mcp.errors import ArgumentsError
from fw_mcp.store.sqlite import Database
from fw_mcp.store.uploads import Upload
from fw_mcp.writes.local_files import Named, Stood, stand
from tests.support.products import exhaustive
from tests.support.studio import make_studio, said
from tests.support.truth import assert_nothing_listed_twice, holdings
from tests.support.uploading import Shelf, picture
from tests.writes.test_uploads import Desk

pytestmark = pytest.mark.anyio

MANY = 1_200


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A folder with more pictures than go into one call."""
    folder = tmp_path / "New Work"
    folder.mkdir()
    for number in range(MANY):
        (folder / f"{number:04}.png").write_bytes(b"x")
    with closing(Database(None, account="mine")) as database:
        yield Desk(folder, database)


async def stood(desk: Desk, *named: Named, room: int = 500) -> Stood:
    """What they stand for in the inventory."""
    return await stand(desk.uploads, dict(enumerate(named)), "inventory", room)


def names(stands: Stood) -> list[str]:
    """The files, in the order of the call."""
    return [one.file_name for item in sorted(stands.files) for one in stands.files[item]]


async def registered(desk: Desk, library: str, *numbers: int) -> None:
    """Put on record that these files were added."""
    for number in numbers:
        found = desk.uploads.folders.look(f"{number:04}.png")
        upload = Upload(
            place=desk.shelf.place,
            path=found.path,
            master=f"{number}.png",
            file_name=found.name,
            size=found.size,
            mtime_ns=found.mtime_ns,
            pix_w=1,
            pix_h=1,
            mime_type="image/png",
            preview=f"{number}p.jpg",
            preview_size=1,
            thumbnail=f"{number}t.jpg",
            thumbnail_size=1,
        )
        assert await desk.store.begin(upload, 0)
        await desk.store.registered([(upload, f"g{number}")], library)


async def test_of_a_large_folder_those_come_first_that_were_not_added_yet(desk: Desk) -> None:
    """Promise: the same call made again goes on; what is left is said."""
    first = await stood(desk, Named("./"))
    assert names(first) == [f"{number:04}.png" for number in range(500)]
    told = 'more pictures of "New Work" are left: make the same call again afterwards.'
    assert first.told == f"700 {told}"
    await registered(desk, "inventory", *range(500))
    await registered(desk, "temporary", 500)
    second = await stood(desk, Named("./"))
    assert names(second) == [f"{number:04}.png" for number in range(500, 1000)]
    assert second.told == f"200 {told}"
    await registered(desk, "inventory", *range(500, 1200))
    done = await stood(desk, Named("./"))
    assert (len(names(done)), done.told) == (500, "")


async def test_a_file_that_is_named_itself_is_not_there_twice(desk: Desk) -> None:
    """It keeps its own title; the folder's has the others."""
    named = (Named("./", description="A series."), Named("0003.png", "Three"))
    stands = await stood(desk, *named, room=10)
    assert names(stands) == [f"{number:04}.png" for number in (0, 1, 2, 4, 5, 6, 7, 8, 9)] + [
        "0003.png"
    ]
    (three,) = stands.files[1]
    assert (three.title, three.description) == ("Three", None)
    assert {one.description for one in stands.files[0]} == {"A series."}


async def test_two_folders_share_the_room(desk: Desk) -> None:
    """In the order of the call."""
    picture(desk.folder / "below", "sun.png")
    stands = await stood(desk, Named("below/"), Named("./"))
    assert (len(stands.files[0]), len(stands.files[1])) == (1, 499)


async def test_what_cannot_be_read_is_named_by_its_place(desk: Desk) -> None:
    """And by nothing that would tell what is elsewhere."""
    with pytest.raises(ArgumentsError) as refused:
        await stood(desk, Named("0001.png"), Named("/etc/"))
    assert refused.value.what == "add_images was not run: images[1].file: it was not read."


@exhaustive
@pytest.mark.waits
async def test_a_folder_of_2000_files_is_added_by_the_same_call_made_again(tmp_path: Path) -> None:
    """Four calls of five hundred; each is uploaded and registered once."""
    folder = tmp_path / "New Work"
    for number in range(2_000):
        picture(folder, f"{number:04}.png", more=str(number).encode())
    shelf = Shelf()
    studio = make_studio(shelf=shelf, folders=[folder])
    before = len(await holdings(studio))
    for _ in range(30):
        async with studio.client(person=studio.person()) as client:
            call = {"images": [{"file": "./"}]}
            result = said(await client.call_tool("add_images", call))
            while handle := result.get("continue_handle"):
                result = said(await client.call_tool("add_images", {"continue_handle": handle}))
        if "are left" not in result["message"] and "adopted" in result["outcomes"]:
            break
    assert len(shelf.kept) == len(shelf.put_keys) == 6_000
    assert len(await holdings(studio)) - before == 2_000
    await assert_nothing_listed_twice(studio)
