"""Uploads that no image uses: what is in use, or not known, is never removed."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from fw_mcp.errors import GuardError, UploadError
from fw_mcp.guard.guard import Limits
from fw_mcp.store.uploads import Upload
from fw_mcp.writes.unused import Unused
from fw_mcp.writes.uploads import UploadLimits
from tests.images.progress import Progress
from tests.support.recorder import Sent
from tests.support.studio import Studio, make_studio, said
from tests.support.truth import new_image, rows_of
from tests.support.uploading import Shelf, failed, picture

pytestmark = pytest.mark.anyio


@pytest.fixture
def shelf() -> Shelf:
    """Where files go."""
    return Shelf()


@pytest.fixture
def studio(tmp_path: Path, shelf: Shelf) -> Studio:
    """A studio that uploads three pictures without a question."""
    for name in ("fog.png", "sun.png", "dew.png"):
        picture(tmp_path, name)
    limits = UploadLimits(asks=False)
    return make_studio(shelf=shelf, folders=[tmp_path], upload_limits=limits)


async def call(studio: Studio, tool: str, **arguments: object) -> dict[str, Any]:
    """A call whose question is answered with yes."""
    async with studio.client(person=studio.person()) as client:
        return said(await client.call_tool(tool, arguments))


async def add(studio: Studio, *names: str, **arguments: object) -> dict[str, Any]:
    """Add files; when it is over, so much time has passed that no call is at them."""
    result = await call(studio, "add_images", images=[{"file": one} for one in names], **arguments)
    studio.clock.forward(3700)
    return result


async def delete(studio: Studio, *rows: Mapping[str, Any]) -> None:
    """Delete the images of these rows."""
    await call(studio, "delete_images", guids=[row["guid"] for row in rows])


async def states(studio: Studio) -> dict[str, tuple[str, bool]]:
    """State of each upload, and whether it may be removed."""
    looked = await Unused(studio.uploads, studio.writes).look(Progress())
    return {one.upload.file_name: (one.state.value, one.is_unused) for one in looked.uploads}


async def removed(studio: Studio) -> list[str]:
    """Remove every upload that may be."""
    unused = Unused(studio.uploads, studio.writes)
    gone = await unused.remove(await studio.uploads.store.every(), Progress())
    return sorted(one.file_name for one in gone)


async def test_what_no_image_uses_is_removed_and_nothing_else(studio: Studio, shelf: Shelf) -> None:
    """What is in the library stays; what was uploaded and not registered is named so."""

    async def fail(what: str) -> None:
        if what == "check" and len(shelf.kept) > 6:
            raise failed("Its public address does not give it.")

    fog, _ = rows_of(await add(studio, "fog.png", "sun.png"))
    shelf.before = fail
    await add(studio, "dew.png")
    await delete(studio, fog)
    assert await states(studio) == {
        "fog.png": ("image_gone", True),
        "sun.png": ("registered", False),
        "dew.png": ("not_registered", True),
    }
    assert await removed(studio) == ["dew.png", "fog.png"]
    assert len(shelf.kept) == 3
    assert (await states(studio))["fog.png"] == ("removed", False)
    shelf.before = Shelf().before
    assert (await add(studio, "fog.png"))["outcomes"] == {"created": 1}
    assert len(shelf.kept) == 6


async def test_an_image_under_another_guid_uses_its_files_too(studio: Studio, shelf: Shelf) -> None:
    """Deleted and registered again by an undo: the record knows the old guid alone."""
    (fog,) = rows_of(await add(studio, "fog.png"))
    change = await call(studio, "delete_images", guids=[fog["guid"]])
    await call(studio, "undo_change", change_id=change["change_id"])
    assert await states(studio) == {"fog.png": ("registered", False)}
    assert await removed(studio) == []
    assert len(shelf.kept) == 3


async def test_what_another_upload_shares_stays(
    studio: Studio, shelf: Shelf, tmp_path: Path
) -> None:
    """One content under two names: while an image uses one, nothing of it goes."""
    (tmp_path / "twin.png").write_bytes((tmp_path / "fog.png").read_bytes())
    rows = rows_of(await add(studio, "fog.png", "twin.png", allow_duplicate=True))
    await delete(studio, rows[0])
    assert await removed(studio) == []
    assert len(shelf.kept) == 3
    await delete(studio, rows[1])
    assert await removed(studio) == ["fog.png", "twin.png"]
    assert shelf.kept == {}


async def test_an_image_that_uses_the_preview_alone_keeps_it(studio: Studio, shelf: Shelf) -> None:
    """Registered by hand with another print master."""
    (fog,) = rows_of(await add(studio, "fog.png"))
    (row,) = await studio.uploads.store.every()
    by_hand = new_image(1, public_preview_uri=shelf.url(row.preview))
    await call(studio, "add_images", images=[by_hand])
    await delete(studio, fog)
    assert await removed(studio) == []


async def test_where_the_library_is_not_read_whole_nothing_is_removed(
    studio: Studio, shelf: Shelf
) -> None:
    """What is not known is not unused."""
    (fog,) = rows_of(await add(studio, "fog.png"))
    await delete(studio, fog)

    async def torn(sent: Sent) -> httpx.Response | None:
        is_second = sent.endpoint == "list_images" and sent.body.get("page_number") == 2
        return httpx.Response(500, json={}) if is_second else None

    studio.wire.on_the_way = torn
    assert await states(studio) == {"fog.png": ("not_known", False)}
    assert await removed(studio) == []
    assert len(shelf.kept) == 3


async def test_what_a_lost_answer_may_have_registered_stays(studio: Studio) -> None:
    """Until it is known."""

    async def lost(sent: Sent) -> httpx.Response | None:
        if sent.endpoint == "add_images":
            raise httpx.ReadError("lost")
        return None

    studio.wire.on_the_way = lost
    await add(studio, "fog.png")
    studio.wire.on_the_way = None
    assert await states(studio) == {"fog.png": ("not_known", False)}
    assert await removed(studio) == []


async def test_what_was_uploaded_lately_stays_until_its_call_is_over(
    studio: Studio, shelf: Shelf
) -> None:
    """It may be about to be registered."""

    async def private(what: str) -> None:
        if what == "check":
            raise failed("Its public address does not give it.")

    shelf.before = private
    await call(studio, "add_images", images=[{"file": "fog.png"}])
    assert await states(studio) == {"fog.png": ("not_registered", False)}
    assert await removed(studio) == []


async def test_what_lies_in_another_bucket_is_not_touched(studio: Studio, shelf: Shelf) -> None:
    """Its addresses are not known here."""
    (fog,) = rows_of(await add(studio, "fog.png"))
    await delete(studio, fog)
    shelf.place = "s3://another"
    assert await states(studio) == {"fog.png": ("not_known", False)}
    assert await removed(studio) == []


async def test_what_could_not_be_removed_stays_on_record(studio: Studio, shelf: Shelf) -> None:
    """And is removed the next time."""
    (fog,) = rows_of(await add(studio, "fog.png"))
    await delete(studio, fog)

    async def fail(what: str) -> None:
        if what.startswith("remove"):
            raise failed("The store does not answer.")

    shelf.before = fail
    with pytest.raises(UploadError):
        await removed(studio)
    shelf.before = Shelf().before
    assert await removed(studio) == ["fog.png"]


async def test_what_a_call_asks_for_meanwhile_is_not_removed(studio: Studio, shelf: Shelf) -> None:
    """It is about to register it, and nothing in the library shows that yet."""
    (fog,) = rows_of(await add(studio, "fog.png"))
    await delete(studio, fog)
    store = studio.uploads.store
    (former,) = await store.every()
    await store.verified(former, studio.clock())
    assert await store.asked([former], "a call since") == []
    assert not await store.doubted(former.place, former.master, [former])
    (now,) = await store.every()
    assert await store.doubted(now.place, now.master, [now])
    assert await store.asked([now], "a call too late") == [now]
    assert len(shelf.kept) == 3


async def test_what_is_removed_meanwhile_is_not_registered(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its upload and its turn."""
    store = studio.uploads.store
    asked = store.asked

    async def late(uploads: Iterable[Upload], change_id: str) -> list[Upload]:
        for one in await store.every():
            assert await store.doubted(one.place, one.master, [one])
        return await asked(uploads, change_id)

    monkeypatch.setattr(store, "asked", late)
    result = await add(studio, "fog.png")
    assert result["outcomes"] == {"failed": 1}
    assert "removed again in the meantime" in result["images"][0]["detail"]
    monkeypatch.undo()
    assert (await add(studio, "fog.png"))["outcomes"] == {"created": 1}


async def test_an_undo_registers_no_image_whose_files_were_removed(studio: Studio) -> None:
    """It would be an image that cannot be printed."""
    rows = rows_of(await add(studio, "fog.png", "sun.png"))
    change = await call(studio, "delete_images", guids=[row["guid"] for row in rows])
    uploads = await studio.uploads.store.every()
    chosen = [one for one in uploads if one.file_name == "fog.png"]
    await Unused(studio.uploads, studio.writes).remove(chosen, Progress())
    undone = await call(studio, "undo_change", change_id=change["change_id"])
    details = {row["outcome"]: row.get("detail", "") for row in undone["images"]}
    assert sorted(details) == ["created", "failed"]
    assert "Add the file again with add_images" in details["failed"]


async def test_only_what_was_chosen_is_removed_and_nothing_where_writes_are_off(
    studio: Studio, shelf: Shelf
) -> None:
    """A person was asked about some."""
    rows = rows_of(await add(studio, "fog.png", "sun.png"))
    await delete(studio, *rows)
    unused = Unused(studio.uploads, studio.writes)
    uploads = await studio.uploads.store.every()
    chosen = [one for one in uploads if one.file_name == "sun.png"]
    assert [one.file_name for one in await unused.remove(chosen, Progress())] == ["sun.png"]
    studio.guard.limits = Limits(read_only=True)
    with pytest.raises(GuardError):
        await removed(studio)
    assert len(shelf.kept) == 3


async def test_an_undo_of_an_add_names_the_files_that_stay_public(
    studio: Studio, shelf: Shelf
) -> None:
    """And the command that removes them."""
    change = await add(studio, "fog.png", "sun.png")
    told = (
        "2 uploaded files of these images stay public; in a terminal, fw-mcp uploads "
        "--remove-unused removes those that no image uses."
    )
    dry = await call(studio, "undo_change", change_id=change["change_id"], dry_run=True)
    done = await call(studio, "undo_change", change_id=change["change_id"])
    assert told in dry["message"]
    assert done["message"].endswith(told)
    assert await removed(studio) == ["fog.png", "sun.png"]
    assert shelf.kept == {}
