"""`add_images` of files: uploaded first, then registered, each once."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from mcp.types import CallToolResult

from fw_mcp.errors import Reason, StoreError
from fw_mcp.guard.guard import Confirm, Limits
from fw_mcp.writes.uploads import UploadLimits
from tests.server.test_replay import over_http
from tests.support.products import first_of
from tests.support.recorder import Sent
from tests.support.studio import NO, YES, Mode, Studio, make_studio, said, text_of
from tests.support.truth import (
    assert_nothing_listed_twice,
    assert_nothing_sent_twice,
    assert_truthful,
    holdings,
    new_image,
    outcomes,
    rows_of,
)
from tests.support.uploading import Painter, Shelf, failed, picture

pytestmark = pytest.mark.anyio

FREELY = UploadLimits(asks=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two pictures."""
    picture(tmp_path / "New Work", "fog.png")
    picture(tmp_path / "New Work", "sun.png", side=50)
    return tmp_path / "New Work"


def studio_of(
    folder: Path,
    upload_limits: UploadLimits = FREELY,
    *,
    limits: Limits | None = None,
    painter: Painter | None = None,
) -> tuple[Studio, Shelf]:
    """A studio that may upload the files of a folder, and where they go."""
    shelf = Shelf()
    studio = make_studio(
        shelf=shelf,
        folders=[folder],
        upload_limits=upload_limits,
        limits=limits,
        painter=painter,
    )
    return studio, shelf


async def called(
    studio: Studio, *files: str | dict[str, Any], **arguments: object
) -> CallToolResult:
    """One call that adds files."""
    images = [{"file": one} if isinstance(one, str) else one for one in files]
    async with studio.client() as client:
        return await client.call_tool("add_images", {"images": images, **arguments})


async def added(
    studio: Studio, *files: str | dict[str, Any], **arguments: object
) -> dict[str, Any]:
    """Its truthful result, after which no image is registered twice."""
    result = said(await called(studio, *files, **arguments))
    await assert_truthful(result, studio)
    assert_nothing_sent_twice(studio)
    await assert_nothing_listed_twice(studio)
    return result


async def test_files_are_uploaded_and_registered(folder: Path) -> None:
    """With sizes and pixels as read; without a title, FinerWorks' default."""
    studio, shelf = studio_of(folder)
    titled = {"file": str(folder / "sun.png"), "title": "Sun", "description": "Rising."}
    result = await added(studio, "fog.png", titled)
    assert (result["status"], outcomes(result)) == ("completed", ["created"] * 2)
    held = await holdings(studio)
    fog, sun = (held[row["guid"]] for row in rows_of(result))
    assert (fog.file_name, fog.title) == ("fog.png", "fog.png")
    assert (sun.file_name, sun.title, sun.description) == ("sun.png", "Sun", "Rising.")
    assert (sun.pix_w, sun.pix_h, sun.file_size) == (50, 30, (folder / "sun.png").stat().st_size)
    assert {str(sun.private_hires_uri), str(fog.public_preview_uri)} <= {
        shelf.url(key) for key in shelf.kept
    }
    assert len(shelf.kept) == 6


async def test_files_and_urls_go_in_one_call(folder: Path) -> None:
    """Each item says which it is."""
    studio, _ = studio_of(folder)
    result = await added(studio, new_image(1), "fog.png", new_image(2))
    assert [row["file_name"] for row in rows_of(result)] == [
        "NEW_001.jpg",
        "fog.png",
        "NEW_002.jpg",
    ]
    assert outcomes(result) == ["created"] * 3


async def test_a_file_is_no_url_at_the_same_time(folder: Path) -> None:
    """What is read from the file is not also given."""
    studio, shelf = studio_of(folder)
    result = await called(studio, {"file": "fog.png", "pix_w": 7, "file_name": "a.png"})
    assert result.is_error
    assert "images[0]: file_name, pix_w cannot be given beside file" in text_of(result)
    assert shelf.put_keys == []


async def test_the_path_of_a_file_leaves_the_process_as_its_name_alone(folder: Path) -> None:
    """Neither FinerWorks nor a result is told where it lies."""
    studio, shelf = studio_of(folder)
    result = await called(studio, str(folder / "fog.png"))
    again = await called(studio, "fog.png", "nothing.png")
    told = f"{studio.wire.sent} {result} {again} {shelf.kept.keys()}"
    assert str(folder) not in told
    assert "New Work" not in told


@pytest.mark.parametrize("path", ["../fog.png", "/etc/hostname", "link.png", "nothing.png", ""])
async def test_a_file_that_may_not_be_read_keeps_the_call_back(folder: Path, path: str) -> None:
    """One text for whatever it is; nothing is uploaded of the others."""
    (folder / "link.png").symlink_to("fog.png")
    studio, shelf = studio_of(folder)
    result = await called(studio, "fog.png", path)
    assert result.is_error
    assert path == "" or "images[1].file: it was not read." in text_of(result)
    assert (shelf.put_keys, studio.wire.sent) == ([], [])


async def test_over_http_no_file_of_this_machine_is_added(folder: Path) -> None:
    """Promise: whoever calls over HTTP gets at no file of this machine."""
    studio, shelf = studio_of(folder)
    async with over_http(studio) as client:
        call = {"images": [{"file": str(folder / "fog.png")}]}
        result = await client.call_tool("add_images", call)
    assert "files of this machine can be named over stdio only" in text_of(result)
    assert (shelf.put_keys, studio.wire.sent) == ([], [])


async def test_a_server_that_uploads_nothing_says_what_it_takes(folder: Path) -> None:
    """Promise: URLs work as before without the extra."""
    studio, _ = studio_of(folder, painter=Painter(available=False))
    result = await called(studio, "fog.png")
    assert "pip install 'fw-mcp[upload]'" in text_of(result)
    assert (result.meta or {})["fw_mcp/reason"] == Reason.UPLOAD_OFF
    assert outcomes(await added(studio, new_image(1))) == ["created"]


@pytest.mark.parametrize(
    "limits", [Limits(read_only=True), Limits(writes=("delete_images",))], ids=["read-only", "off"]
)
async def test_uploading_is_a_write(folder: Path, limits: Limits) -> None:
    """Promise: what is off sends not a byte."""
    studio, shelf = studio_of(folder, limits=limits)
    result = await called(studio, "fog.png")
    assert result.is_error
    assert (shelf.put_keys, studio.wire.sent) == ([], [])


async def test_the_same_call_again_gets_its_result_and_sends_nothing(folder: Path) -> None:
    """Within ten minutes; after them the record tells which image each file is."""
    studio, shelf = studio_of(folder)
    first = await added(studio, "fog.png", "sun.png")
    again = await added(studio, "sun.png", "fog.png")
    assert again["replayed"]
    guids = {row["guid"] for row in rows_of(first)}
    studio.clock.forward(3600)
    later = await added(studio, "fog.png", "sun.png")
    assert (outcomes(later), {row["guid"] for row in rows_of(later)}) == (["adopted"] * 2, guids)
    assert later["images"][0]["detail"] == "Added from this file before."
    assert (len(shelf.put_keys), len(studio.wire.to("add_images"))) == (6, 1)


async def test_a_file_whose_image_was_deleted_is_registered_again(folder: Path) -> None:
    """What is up is not uploaded again."""
    studio, shelf = studio_of(folder)
    (row,) = rows_of(await added(studio, "fog.png"))
    async with studio.client(person=studio.person()) as client:
        said(await client.call_tool("delete_images", {"guids": [row["guid"]]}))
    studio.clock.forward(700)
    result = said(await called(studio, "fog.png"))
    assert outcomes(result) == ["created"]
    assert len(shelf.put_keys) == 3


async def test_each_library_gets_its_image_of_one_upload(folder: Path) -> None:
    """And a duplicate on purpose is one."""
    studio, shelf = studio_of(folder)
    for arguments in ({}, {"library": "temporary"}, {"allow_duplicate": True}):
        result = said(await called(studio, "fog.png", **arguments))
        assert outcomes(result) == ["created"]
    assert len(shelf.put_keys) == 3


async def test_what_is_not_up_is_not_registered_and_the_rest_is(folder: Path) -> None:
    """Promise: nothing is registered that is not reachable."""
    studio, shelf = studio_of(folder)

    async def fail(what: str) -> None:
        if what.startswith("put ") and len(shelf.put_keys) > 3:
            raise failed("The store does not answer.")

    shelf.before = fail
    (folder / "not.png").write_bytes(b"no picture")
    result = await added(studio, "fog.png", "not.png", "sun.png")
    assert sorted(outcomes(result)) == ["created", "failed", "failed"]
    details = {row["file_name"]: row.get("detail", "") for row in rows_of(result)}
    assert details["not.png"].startswith("Not uploaded: The file is not a picture that is taken")
    shelf.before = Shelf().before
    (folder / "not.png").unlink()
    result = await added(studio, "fog.png", "sun.png")
    assert sorted(outcomes(result)) == ["adopted", "created"]


async def test_an_upload_that_is_not_reachable_is_told_before_anything_is_registered(
    folder: Path,
) -> None:
    """A private bucket, a wrong public URL."""
    studio, shelf = studio_of(folder)

    async def private(what: str) -> None:
        if what == "check":
            raise failed("Its public address does not give it.")

    shelf.before = private
    result = await added(studio, "fog.png")
    assert outcomes(result) == ["failed"]
    assert "Its public address does not give it." in result["images"][0]["detail"]
    assert studio.wire.to("add_images") == []


async def test_more_than_an_hour_allows_is_refused_as_the_guard_does(folder: Path) -> None:
    """Promise: --upload-mb-per-hour is the operator's."""
    picture(folder, "large.png", more=b"x" * 2_000_000)
    studio, shelf = studio_of(folder, replace(FREELY, mb_per_hour=1))
    result = await called(studio, "large.png")
    assert (result.meta or {})["fw_mcp/reason"] == Reason.UPLOAD_LIMIT
    assert "only the operator can raise --upload-mb-per-hour" in text_of(result)
    assert shelf.put_keys == []
    mixed = await added(studio, "large.png", "fog.png")
    assert outcomes(mixed) == ["not_attempted", "created"]


class Held:
    """A bucket that keeps one file's put waiting while time passes."""

    def __init__(self, studio: Studio, shelf: Shelf) -> None:
        self.go_on = anyio.Event()
        self._studio, self._shelf = studio, shelf

    async def __call__(self, what: str) -> None:
        """Wait with the second file until told."""
        if what.startswith("put ") and len({*self._shelf.put_keys}) > 3:
            self._studio.clock.forward(20)
            await self.go_on.wait()


@pytest.mark.parametrize("same_call", [True, False], ids=["same call", "handle"])
async def test_a_call_that_runs_past_its_time_answers_and_its_handle_joins_what_goes_on(
    folder: Path, same_call: bool
) -> None:
    """Promise: a call answers within its host's time; what goes on is not sent twice."""
    studio, shelf = studio_of(folder)
    held = shelf.before = Held(studio, shelf)
    async with studio.uploads.working():
        first = await added(studio, "fog.png", "sun.png")
        assert (first["status"], sorted(outcomes(first))) == (
            "incomplete",
            ["created", "not_attempted"],
        )
        details = [row.get("detail") for row in rows_of(first)]
        assert "Not sent: the upload is still running." in details
        held.go_on.set()
        if same_call:
            last = await added(studio, "fog.png", "sun.png")
        else:
            async with studio.client() as client:
                handle = {"continue_handle": first["continue_handle"]}
                last = said(await client.call_tool("add_images", handle))
    assert last["status"] == "completed"
    assert len(shelf.put_keys) == 6
    assert len({image.guid for image in (await holdings(studio)).values()}) == 74


async def test_the_progress_of_a_call_rises_each_time(folder: Path) -> None:
    """The protocol wants it so; what was sent may have to be sent again."""
    studio, shelf = studio_of(folder)
    told: list[float] = []

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        assert total is None or progress <= total, message
        told.append(progress)

    async def slow(what: str) -> None:
        if what.startswith("check"):
            await anyio.wait_all_tasks_blocked()

    shelf.before = slow
    (folder / "not.png").write_bytes(b"no picture")
    images = [{"file": one} for one in ("fog.png", "sun.png", "not.png")]
    async with studio.uploads.working(), studio.client() as client:
        await client.call_tool("add_images", {"images": images}, progress_callback=tell)
    assert len(told) > 1
    assert told == sorted(set(told))


async def test_two_calls_with_the_same_file_at_once_register_it_once(folder: Path) -> None:
    """Calls that differ, so that neither is taken for the other."""
    studio, shelf = studio_of(folder)
    results: list[dict[str, Any]] = []

    async def call(*files: str) -> None:
        results.append(said(await called(studio, *files)))

    async with studio.uploads.working(), anyio.create_task_group() as group:
        group.start_soon(call, "fog.png")
        group.start_soon(call, "fog.png", "sun.png")
    assert len(shelf.put_keys) == 6
    names = [
        image["file_name"] for body in studio.wire.to("add_images") for image in body["images"]
    ]
    assert sorted(names) == ["fog.png", "sun.png"]
    await assert_nothing_listed_twice(studio)


async def test_the_first_upload_from_a_folder_is_asked_about_and_later_ones_are_not(
    folder: Path,
) -> None:
    """Promise: uploading makes files public; a yes holds for the folder and the place."""
    studio, shelf = studio_of(folder, UploadLimits())
    result = said(await called(studio, "fog.png"))
    assert result["status"] == "confirmation_required"
    assert shelf.put_keys == []
    assert result["question"] == (
        'Upload 1 file from the folder "New Work" to https://pictures.example? Anyone who has the '
        "address of a file there can download it; it cannot be guessed.\n"
        "Total: 1 file, 0.1 MB.\n"
        "Later uploads from this folder to this place are not asked about."
    )
    done = await added(studio, "fog.png", plan_id=result["plan_id"])
    assert (done["status"], outcomes(done)) == ("completed", ["created"])
    assert done["asked"] == "asked in the chat: upload 1 file, 0.1 MB; answered yes"
    later = await added(studio, "sun.png")
    assert (later["status"], later.get("asked")) == ("completed", None)


@pytest.mark.parametrize("mode", first_of("auto", "legacy"))
async def test_a_person_is_asked_in_the_client_s_own_way(folder: Path, mode: Mode) -> None:
    """As before a deletion; a no sends nothing."""
    for answer, status in ((NO, "declined"), (YES, "completed")):
        studio, shelf = studio_of(folder, UploadLimits())
        person = studio.person(answer)
        async with studio.client(mode=mode, person=person) as client:
            call = {"images": [{"file": "fog.png"}]}
            result = said(await client.call_tool("add_images", call))
        assert result["status"] == status
        assert len(person.asked) == 1
        assert bool(shelf.put_keys) is (answer is YES)


async def test_a_yes_is_used_once_and_for_the_files_that_it_was_about(folder: Path) -> None:
    """Another file, or one that was written to since, is another question."""
    studio, shelf = studio_of(folder, UploadLimits())
    plan = said(await called(studio, "fog.png"))["plan_id"]
    for files in (("sun.png",), ("fog.png", "sun.png")):
        result = await called(studio, *files, plan_id=plan)
        assert (result.meta or {})["fw_mcp/reason"] == Reason.PLAN_MISMATCH
    picture(folder, "fog.png", side=60)
    result = await called(studio, "fog.png", plan_id=plan)
    assert (result.meta or {})["fw_mcp/reason"] == Reason.PLAN_MISMATCH
    assert "or a file of it has changed since" in text_of(result)
    assert shelf.put_keys == []


async def test_an_upload_counts_for_no_limit_of_deletions(folder: Path) -> None:
    """Not even where none may be deleted."""
    limits = Limits(items_per_call=1, deletions_per_hour=0)
    for name in ("a", "b"):
        picture(folder / name, f"{name}.png")
    shelf = Shelf()
    studio = make_studio(limits=limits, shelf=shelf, folders=[folder])
    files = [{"file": "a/a.png"}, {"file": "b/b.png"}]
    async with studio.client(person=studio.person()) as client:
        result = said(await client.call_tool("add_images", {"images": files}))
    assert outcomes(result) == ["created"] * 2
    assert await studio.plans.spent(studio.clock()) == 0


async def test_under_approve_a_person_in_a_terminal_says_yes(folder: Path) -> None:
    """And no client can."""
    studio = make_studio(limits=Limits(confirm=Confirm.APPROVE), shelf=Shelf(), folders=[folder])
    plan = said(await called(studio, "fog.png"))["plan_id"]
    refused = said(await called(studio, "fog.png", plan_id=plan))
    assert refused["status"] == "confirmation_required"
    assert await studio.plans.approve(plan, studio.clock())
    done = said(await called(studio, "fog.png", plan_id=plan))
    assert (done["status"], done["asked"].partition(":")[0]) == ("completed", "asked in a terminal")


async def test_a_folder_stands_for_the_pictures_in_it(folder: Path) -> None:
    """Sorted by name, not below it; hidden files, links and others are left out."""
    picture(folder / "below", "deep.png")
    picture(folder, ".hidden.png")
    picture(folder, "Ember.PNG")
    (folder / "link.png").symlink_to("fog.png")
    (folder / "notes.txt").write_text("Notes")
    studio, _ = studio_of(folder)
    for path in (f"{folder}/", "./"):
        result = await added(studio, path)
        names = [row["file_name"] for row in rows_of(result)]
        assert names == ["Ember.PNG", "fog.png", "sun.png"]
    assert result["message"].endswith('3 other files in "New Work" were left out.')


async def test_a_folder_without_a_picture_is_told_so(folder: Path) -> None:
    """Nothing is sent."""
    (folder / "empty").mkdir()
    studio, _ = studio_of(folder)
    result = await called(studio, "empty/")
    assert 'no pictures are in the folder "empty"' in text_of(result)


async def test_a_dry_run_reads_headers_and_says_what_would_be_uploaded(folder: Path) -> None:
    """Size, pixels, prints; what is there already, and what was uploaded before."""
    studio, shelf = studio_of(folder, UploadLimits())
    picture(folder, "large.png", side=3000)
    (folder / "not.png").write_bytes(b"no picture")
    (folder / "poster.png").write_bytes(b"8BPS, as Photoshop writes it")
    result = said(await called(studio, "./", dry_run=True))
    assert (shelf.put_keys, result["status"]) == ([], "dry_run")
    rows = {row["file_name"]: row for row in rows_of(result)}
    assert rows["large.png"]["detail"] == ("PNG 3000x30, 0.1 MB; too small to print.")
    assert (rows["not.png"]["outcome"], rows["fog.png"]["outcome"]) == ("failed", "would_add")
    assert "a Photoshop document" in rows["poster.png"]["detail"]
    assert rows["not.png"]["detail"].startswith("The file is not a picture that is taken")
    assert result["message"] == (
        "Nothing was sent. 3 images would be registered. To upload to https://pictures.example: "
        "3 files, 0.1 MB. A person is asked first, because they become public."
    )


async def test_a_dry_run_of_files_names_those_that_are_there(folder: Path) -> None:
    """By file name, size and pixels, or as uploaded before."""
    studio, _ = studio_of(folder)
    (row,) = rows_of(await added(studio, "fog.png"))
    size = (folder / "sun.png").stat().st_size
    by_url = new_image(1, file_name="sun.png", file_size=size, pix_w=50, pix_h=30)
    (other,) = rows_of(await added(studio, by_url))
    result = said(await called(studio, "fog.png", "sun.png", dry_run=True))
    fog, sun = rows_of(result)
    assert "uploaded before" in fog["detail"]
    assert f"Already there as {row['guid']}" in fog["detail"]
    assert f"Already there as {other['guid']}" in sun["detail"]


@pytest.mark.parametrize("step", ["begin", "uploaded", "verified", "asked", "registered"])
async def test_where_the_record_fails_nothing_is_lost_or_registered_twice(
    folder: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever step of it could not be written, the next call ends it."""
    studio, shelf = studio_of(folder)

    async def away(*_: object) -> None:
        raise StoreError("Away.", state="", next_step="", reason=Reason.STORE_UNAVAILABLE)

    with monkeypatch.context() as broken:
        broken.setattr(studio.uploads.store, step, away)
        await called(studio, "fog.png")
    registered = len(studio.wire.to("add_images"))
    assert registered == (step == "registered")
    assert bool(shelf.put_keys) is (step != "begin")
    # Another call than the first: the journal's own memory of that does not help.
    last = await added(studio, "fog.png", "sun.png")
    assert sorted(outcomes(last)) == (["adopted", "created"] if registered else ["created"] * 2)
    assert len(set(shelf.put_keys)) == len(shelf.kept) == 6


async def test_the_same_content_under_two_names_is_two_images_of_one_object(folder: Path) -> None:
    """Each with its own name."""
    (folder / "twin.png").write_bytes((folder / "fog.png").read_bytes())
    studio, shelf = studio_of(folder)
    result = said(await called(studio, "fog.png", "twin.png"))
    assert outcomes(result) == ["created"] * 2
    held = await holdings(studio)
    fog, twin = (held[row["guid"]] for row in rows_of(result))
    assert (fog.file_name, twin.file_name) == ("fog.png", "twin.png")
    assert fog.private_hires_uri == twin.private_hires_uri
    assert len(shelf.kept) == 3


async def test_what_is_not_known_of_an_earlier_call_is_not_sent_again(folder: Path) -> None:
    """Its answer was lost: another call for the file waits until it is known."""
    studio, _ = studio_of(folder)

    async def lost(sent: Sent) -> httpx.Response | None:
        if sent.endpoint == "add_images":
            raise httpx.ReadError("lost")
        return None

    studio.wire.on_the_way = lost
    assert outcomes(said(await called(studio, "fog.png"))) == ["unknown"]
    studio.wire.on_the_way = None
    sent = len(studio.wire.to("add_images"))
    waits = said(await called(studio, "fog.png", "sun.png"))
    assert sorted(outcomes(waits)) == ["created", "not_attempted"]
    studio.clock.forward(120)
    last = said(await called(studio, "sun.png", "fog.png"))
    assert outcomes(last) == ["created"] * 2
    await assert_nothing_listed_twice(studio)
    assert len(studio.wire.to("add_images")) == sent + 2


async def test_what_the_operator_has_to_be_asked_about_is_not_sent_on_an_old_call(
    folder: Path,
) -> None:
    """A call that was let through freely is gone on with by a server that asks: it fails closed."""
    studio, shelf = studio_of(folder)

    async def fail(what: str) -> None:
        if what.startswith("put "):
            raise failed("The store does not answer.")

    shelf.before = fail
    assert outcomes(await added(studio, "fog.png")) == ["failed"]
    shelf.before = Shelf().before
    studio.uploads.limits = UploadLimits()
    again = said(await called(studio, "fog.png"))
    assert outcomes(again) == ["not_attempted"]
    assert "no one was asked about its folder" in again["images"][0]["detail"]
    studio.clock.forward(700)
    assert said(await called(studio, "fog.png"))["status"] == "confirmation_required"


async def test_a_call_is_not_gone_on_with_where_files_go_to_another_place(folder: Path) -> None:
    """The yes was for the place that was named."""
    studio, shelf = studio_of(folder, UploadLimits())

    async def fail(what: str) -> None:
        if what.startswith("put "):
            raise failed("The store does not answer.")

    shelf.before = fail
    async with studio.client(person=studio.person()) as client:
        first = said(await client.call_tool("add_images", {"images": [{"file": "fog.png"}]}))
        assert outcomes(first) == ["failed"]
        shelf.before, shelf.place = Shelf().before, "s3://another"
        handle = {"continue_handle": first["change_id"]}
        again = await client.call_tool("add_images", handle)
    assert "to another place" in text_of(again)
    assert shelf.kept == {}
    assert said(await called(studio, "fog.png"))["status"] == "confirmation_required"


async def test_a_path_that_can_be_uploaded_is_said_to_be_taken(folder: Path) -> None:
    """What `inspect_files` says of a path is what `add_images` does with it."""
    studio, _ = studio_of(folder)
    async with studio.client() as client:
        seen = said(await client.call_tool("inspect_files", {"files": ["fog.png"]}))
    assert seen["files"][0]["detail"] == "add_images takes it as file, with this path."


async def test_a_title_that_nobody_gave_is_as_finerworks_makes_it(folder: Path) -> None:
    """It writes names with spaces otherwise, which is no other text than what was sent."""
    picture(folder, "Harbor at dawn.png")
    studio, _ = studio_of(folder)
    async with studio.client() as client:
        arguments = {"images": [{"file": "Harbor at dawn.png"}]}
        result = said(await client.call_tool("add_images", arguments))
    (row,) = result["images"]
    assert (row["file_name"], "detail" in row) == ("Harbor_at_dawn.png", False)
