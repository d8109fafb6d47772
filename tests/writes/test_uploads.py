"""Uploads: each file once, whoever asks for it, on record before its first byte."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path

import anyio
import pytest

from fw_mcp.errors import FwError, Reason, StoreError, UploadError
from fw_mcp.pictures.folders import Folders
from fw_mcp.store.sqlite import Database
from fw_mcp.store.uploads import Upload, UploadStore
from fw_mcp.writes.print_master import FileToAdd
from fw_mcp.writes.uploads import UploadLimits, Uploads
from tests.images.progress import Progress
from tests.support.studio import Clock
from tests.support.uploading import Painter, Shelf, failed, picture

pytestmark = pytest.mark.anyio


@dataclass
class Desk:
    """The uploads of a folder, and the parts a test looks into."""

    folder: Path
    database: Database
    limits: UploadLimits = field(default_factory=UploadLimits)
    shelf: Shelf = field(default_factory=Shelf)
    painter: Painter = field(default_factory=Painter)
    clock: Clock = field(default_factory=Clock)
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        self.store = UploadStore(self.database)
        self.restart()

    def restart(self) -> None:
        """Begin anew, as a process that knows nothing but what is on record."""
        self.uploads = Uploads(
            self.store,
            Folders([self.folder]),
            self.shelf,
            self.painter,
            self.shelf.check,
            limits=self.limits,
            now=self.clock,
        )

    def files(self, *names: str) -> Mapping[int, FileToAdd]:
        """Files as they stand now."""
        looks = [self.uploads.folders.look(name) for name in names]
        return {item: FileToAdd(one.path, one.size, one.mtime_ns) for item, one in enumerate(looks)}

    async def bring(
        self, *names: str, change_id: str = "c1", left_s: Callable[[], float] = lambda: inf
    ) -> list[Upload | FwError | None]:
        """Upload them, in one call."""
        files = self.files(*names)
        ended = await self.uploads.bring(files, change_id, left_s, self.progress)
        assert sorted(ended) == sorted(files)
        return [ended[item] for item in sorted(ended)]

    async def up(self, *names: str) -> list[Upload]:
        """The same, of which all is up."""
        ended = [one for one in await self.bring(*names) if isinstance(one, Upload)]
        assert len(ended) == len(names)
        return ended

    async def faults(self, *names: str) -> list[FwError]:
        """The same, of which nothing is."""
        ended = [one for one in await self.bring(*names) if isinstance(one, FwError)]
        assert len(ended) == len(names)
        return ended


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A folder with one picture in it."""
    picture(tmp_path / "New Work", "fog.png")
    with closing(Database(None, account="mine")) as database:
        yield Desk(tmp_path / "New Work", database)


async def test_a_file_is_put_with_what_is_shown_of_it_and_is_what_was_put(desk: Desk) -> None:
    """Byte for byte, the print master last, under keys that tell nothing of each other."""
    (upload,) = await desk.up("fog.png")
    assert desk.shelf.put_keys == [upload.preview, upload.thumbnail, upload.master]
    assert desk.shelf.kept[upload.master] == (desk.folder / "fog.png").read_bytes()
    assert {len(key.partition(".")[0]) for key in desk.shelf.kept} == {64}
    assert (upload.pix_w, upload.pix_h, upload.mime_type) == (40, 30, "image/png")
    assert upload.size == (desk.folder / "fog.png").stat().st_size
    assert await desk.store.every() == [upload]


async def test_the_image_that_is_registered_is_where_it_was_put(desk: Desk) -> None:
    """With sizes and pixels as read from the file."""
    (upload,) = await desk.up("fog.png")
    image = desk.uploads.image(desk.files("fog.png")[0], upload)
    assert image.model_dump() == {
        "title": None,
        "description": None,
        "file_name": "fog.png",
        "file_size": upload.size,
        "thumbnail_file_name": upload.thumbnail,
        "preview_file_name": upload.preview,
        "hires_file_name": upload.master,
        "public_thumbnail_uri": f"https://pictures.example/fw/{upload.thumbnail}",
        "public_preview_uri": f"https://pictures.example/fw/{upload.preview}",
        "private_hires_uri": f"https://pictures.example/fw/{upload.master}",
        "pix_w": 40,
        "pix_h": 30,
    }


async def test_it_is_on_record_before_the_first_byte_is_sent(desk: Desk) -> None:
    """Promise: nothing uploaded is forgotten."""
    seen: list[tuple[str, bool]] = []

    async def look(what: str) -> None:
        if what.startswith("put "):
            (row,) = await desk.store.every()
            seen.append((row.change_id, row.is_up))

    desk.shelf.before = look
    await desk.up("fog.png")
    assert seen == [("c1", False)] * 3


async def test_a_file_that_is_up_is_known_without_being_read(desk: Desk) -> None:
    """By path, size and time; the bucket is asked again only after ten minutes."""
    (first,) = await desk.up("fog.png")
    desk.restart()
    looked: list[str] = []

    async def look(what: str) -> None:
        looked.append(what.partition(" ")[0])

    desk.shelf.before = look
    assert await desk.up("fog.png") == [first]
    assert looked == []
    desk.clock.forward(601)
    assert await desk.up("fog.png") == [replace(first, verified_at=desk.clock())]
    assert looked == [*["size_of"] * 3, "check"]
    assert desk.painter.rendered == 1


async def test_what_the_bucket_lost_is_put_again(desk: Desk) -> None:
    """It acknowledged it, and it is gone."""
    (first,) = await desk.up("fog.png")
    desk.clock.forward(3601)
    del desk.shelf.kept[first.master]
    (again,) = await desk.up("fog.png")
    assert desk.shelf.put_keys[3:] == [first.master]
    assert (again.master, again.is_up) == (first.master, True)


async def test_the_same_bytes_under_two_names_are_one_object(desk: Desk) -> None:
    """Also at the same time: two rows, two images, three puts."""
    twin = desk.folder / "Fog (copy).png"
    twin.write_bytes((desk.folder / "fog.png").read_bytes())
    one, two = await desk.up("fog.png", twin.name)
    assert (one.master, one.path == two.path) == (two.master, False)
    assert len(desk.shelf.put_keys) == len(desk.shelf.kept) == 3
    assert len(await desk.store.every()) == 2


async def test_a_file_that_was_only_touched_is_not_sent_again(desk: Desk) -> None:
    """Its content is what counts."""
    (first,) = await desk.up("fog.png")
    os.utime(desk.folder / "fog.png", ns=(1, 1))
    (again,) = await desk.up("fog.png")
    assert (again.master, len(desk.shelf.put_keys)) == (first.master, 3)


async def test_two_calls_for_one_file_at_once_are_one_piece_of_work(desk: Desk) -> None:
    """Both get it."""
    ended = []

    async def call() -> None:
        ended.append(await desk.up("fog.png"))

    async with desk.uploads.working(), anyio.create_task_group() as group:
        group.start_soon(call)
        group.start_soon(call)
    assert ended[0] == ended[1]
    assert (len(desk.shelf.put_keys), desk.painter.rendered) == (3, 1)


@dataclass
class Held:
    """A bucket that keeps a put waiting."""

    key: str = "put "
    arrived: anyio.Event = field(default_factory=anyio.Event)
    go_on: anyio.Event = field(default_factory=anyio.Event)

    async def __call__(self, what: str) -> None:
        """Wait there."""
        if what.startswith(self.key):
            self.arrived.set()
            await self.go_on.wait()


async def test_what_a_call_has_no_time_for_goes_on_and_the_next_call_joins_it(desk: Desk) -> None:
    """In the background of a process that serves."""
    held = desk.shelf.before = Held()
    async with desk.uploads.working():
        left = iter([0.1, 0.0])
        assert await desk.bring("fog.png", left_s=lambda: next(left)) == [None]
        await held.arrived.wait()
        async with anyio.create_task_group() as group:
            group.start_soon(desk.up, "fog.png")
            await anyio.wait_all_tasks_blocked()
            held.go_on.set()
    assert len(desk.shelf.put_keys) == 3


async def test_a_failure_that_no_call_waited_for_is_told_to_the_next_one(desk: Desk) -> None:
    """A check that takes longer than any call waits would be begun again and again."""
    held = desk.shelf.before = Held("check")
    async with desk.uploads.working():
        left = iter([0.2, 0.0])
        assert await desk.bring("fog.png", left_s=lambda: next(left)) == [None]
        await held.arrived.wait()
        desk.shelf.kept.clear()
        held.go_on.set()
        await anyio.wait_all_tasks_blocked()
        desk.shelf.before = Shelf().before
        (fault,) = await desk.faults("fog.png")
        assert fault.what == "Its public address does not give it."
        await desk.up("fog.png")


async def test_where_a_place_is_not_public_no_print_master_is_sent(desk: Desk) -> None:
    """They are large, and would be sent in vain; where one was seen, the next are sent at once."""
    picture(desk.folder, "sun.png")
    looks: list[str] = []

    async def hide(what: str) -> None:
        looks.append(what)
        if what == "check" and len(desk.shelf.kept) < 4:
            raise failed("The uploaded file is not public.")

    desk.shelf.before = hide
    await desk.faults("fog.png")
    assert len(desk.shelf.kept) == 2
    (upload,) = await desk.up("sun.png")
    assert upload.master in desk.shelf.kept
    assert looks.count("check") == 3
    await desk.up("fog.png")
    assert looks.count("check") == 4


async def test_what_is_no_longer_public_is_not_up(desk: Desk) -> None:
    """It is kept still, but what was seen long ago is looked at again."""
    await desk.up("fog.png")

    async def hide(what: str) -> None:
        if what == "check":
            raise failed("The uploaded file is not public.")

    desk.shelf.before = hide
    desk.clock.forward(601)
    (fault,) = await desk.faults("fog.png")
    assert fault.what == "The uploaded file is not public."


async def test_a_touched_file_takes_away_nothing_that_was_there_before(desk: Desk) -> None:
    """Its print master is that of an image; only what shows it had to be put again."""
    (former,) = await desk.up("fog.png")
    del desk.shelf.kept[former.preview]
    desk.clock.forward(601)

    async def touch(what: str) -> None:
        if what.startswith("kept "):
            os.utime(desk.folder / "fog.png", ns=(1, 1))

    desk.shelf.before = touch
    await desk.faults("fog.png")
    assert former.master in desk.shelf.kept


async def test_what_a_process_left_when_it_ended_the_next_one_goes_on_with(desk: Desk) -> None:
    """Its intent is on record; what is there is not sent again."""
    held = desk.shelf.before = Held("size_of")
    async with desk.uploads.working():
        held = desk.shelf.before = Held("kept ")
        left = iter([0.2, 0.0])
        assert await desk.bring("fog.png", left_s=lambda: next(left)) == [None]
        await held.arrived.wait()
    (row,) = await desk.store.every()
    assert (row.is_up, len(desk.shelf.kept)) == (False, 1)
    held.go_on.set()
    desk.restart()
    await desk.up("fog.png")
    assert len(desk.shelf.put_keys) == len(set(desk.shelf.put_keys)) == 3


async def test_a_call_that_is_canceled_takes_along_what_nobody_else_waits_for(desk: Desk) -> None:
    """What another call waits for goes on."""
    picture(desk.folder, "sun.png")
    held = desk.shelf.before = Held()
    scope = anyio.CancelScope()
    ended = []

    async def canceled() -> None:
        with scope:
            await desk.bring("fog.png", "sun.png")

    async def other() -> None:
        ended.extend(await desk.up("fog.png"))

    async with desk.uploads.working(), anyio.create_task_group() as group:
        group.start_soon(canceled)
        await held.arrived.wait()
        group.start_soon(other)
        await anyio.wait_all_tasks_blocked()
        scope.cancel()
        await anyio.wait_all_tasks_blocked()
        held.go_on.set()
    assert [one.file_name for one in ended] == ["fog.png"]
    assert {one.file_name for one in await desk.store.every() if one.is_up} == {"fog.png"}


async def test_three_files_are_on_their_way_at_a_time(desk: Desk) -> None:
    """And all arrive, the progress growing."""
    names = [picture(desk.folder, f"{number}.png").name for number in range(7)]
    under_way, most = set[str](), 0
    three = anyio.Event()

    async def count(what: str) -> None:
        nonlocal most
        task = str(anyio.get_current_task().id)
        if what.startswith("put "):
            under_way.add(task)
            most = max(most, len(under_way))
            if most == 3:
                three.set()
            await three.wait()
            await anyio.wait_all_tasks_blocked()
        elif what == "check":
            under_way.discard(task)

    desk.shelf.before = count
    await desk.up(*names)
    assert most == 3
    assert desk.progress.told == sorted(desk.progress.told)
    assert desk.progress.told[-1] == 7


async def test_the_progress_is_told_in_files_and_megabytes(desk: Desk) -> None:
    """As a person reads it."""
    said = []

    async def tell(progress: float, total: float | None = None, message: str | None = None) -> None:
        said.append((progress, total, message))

    picture(desk.folder, "sun.png", more=b"x" * 2_000_000)
    await desk.uploads.bring(desk.files("fog.png", "sun.png"), "c1", lambda: inf, tell)
    assert said[-1] == (2, 2, "2 of 2 files, 2.0 of 2.0 MB")


async def test_an_hour_s_megabytes_are_held(tmp_path: Path) -> None:
    """Promise: no client lifts the operator's limit; what fits goes."""
    folder = tmp_path / "New Work"
    picture(folder, "small.png")
    picture(folder, "large.png", more=b"x" * 1_000_000)
    with closing(Database(None, account="mine")) as database:
        desk = Desk(folder, database, UploadLimits(mb_per_hour=1))
        small, large = await desk.bring("small.png", "large.png")
        assert isinstance(small, Upload)
        assert isinstance(large, FwError)
        assert large.reason is Reason.UPLOAD_LIMIT
        assert len(desk.shelf.kept) == 3


async def test_a_file_that_is_written_to_meanwhile_is_refused_and_taken_away(desk: Desk) -> None:
    """What is under its key must be what the key says."""
    file = desk.folder / "fog.png"

    async def write(what: str) -> None:
        if what.startswith("put ") and what.endswith(".png"):
            file.write_bytes(file.read_bytes()[::-1])
            os.utime(file, ns=(7, 7))

    desk.shelf.before = write
    (fault,) = await desk.faults("fog.png")
    assert fault.what == "It was written to in the meantime."
    assert [key for key in desk.shelf.kept if key.endswith(".png")] == []
    (row,) = await desk.store.every()
    assert not row.is_up


async def test_a_file_that_is_gone_is_told_as_one_that_cannot_be_read(desk: Desk) -> None:
    """One text for whatever is not there."""
    files = desk.files("fog.png")
    (desk.folder / "fog.png").unlink()
    ended = await desk.uploads.bring(files, "c1", lambda: inf, desk.progress)
    assert isinstance(ended[0], FwError)
    assert ended[0].reason is Reason.NOT_FETCHED
    assert desk.shelf.put_keys == []


UNREADABLE = {
    "empty.png": b"",
    "document.jpg": b"%PDF-1.7 a document",
    "cut.png": b"\x89PNG\r\n\x1a\n\0\0",
    "moving.gif": b"GIF89a\x10\0\x10\0\0\0\0",
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_is_no_picture_for_printing_is_not_sent(desk: Desk, name: str) -> None:
    """Whatever it is called; what to convert it to is said."""
    (desk.folder / name).write_bytes(UNREADABLE[name])
    (fault,) = await desk.faults(name)
    assert fault.reason is Reason.NOT_UPLOADED
    assert desk.shelf.put_keys == []


STEPS = ["size_of", "put ", "kept ", "check"]


@pytest.mark.parametrize("step", STEPS)
async def test_where_the_bucket_fails_nothing_is_up_and_the_next_call_ends_it(
    desk: Desk, step: str
) -> None:
    """One file's failure is not another's."""
    picture(desk.folder, "sun.png")
    files = desk.files("fog.png")
    broken = True

    async def fail(what: str) -> None:
        if broken and what.startswith(step):
            raise failed("The store does not answer.")

    desk.shelf.before = fail
    ended = await desk.uploads.bring(files, "c1", lambda: inf, desk.progress)
    assert isinstance(ended[0], UploadError)
    assert [one for one in await desk.store.every() if one.is_up] == []
    broken = False
    assert len(await desk.up("fog.png", "sun.png")) == 2
    assert len(desk.shelf.kept) == 6


async def test_what_cannot_be_put_on_record_is_not_sent(desk: Desk) -> None:
    """The store is away from the moment that it would be."""
    begin = desk.store.begin

    async def away(upload: Upload, most_bytes_per_hour: int) -> bool:
        await begin(upload, most_bytes_per_hour)
        raise StoreError("Away.", state="", next_step="", reason=Reason.STORE_UNAVAILABLE)

    desk.store.begin = away  # type: ignore[method-assign]
    (fault,) = await desk.faults("fog.png")
    assert fault.reason is Reason.STORE_UNAVAILABLE
    assert desk.shelf.put_keys == []


async def test_what_nobody_foresaw_is_raised_in_the_call_and_ends_no_other(desk: Desk) -> None:
    """The process goes on serving."""

    async def crash(what: str) -> None:
        if what.startswith("put "):
            raise RuntimeError(what)

    async with desk.uploads.working():
        desk.shelf.before = crash
        with pytest.raises(RuntimeError):
            await desk.bring("fog.png")
        desk.shelf.before = Shelf().before
        await desk.up("fog.png")


NAMES = [
    "with spaces.png",
    "hash#tag.png",
    "50%25 off?.png",
    "sunset \U0001f305.png",
    "Cafe\u0301.png",
    "n" * 196 + ".png",
    "..png",
    "\udce9.png",
]


@pytest.mark.parametrize("name", NAMES)
async def test_any_name_is_uploaded_under_a_key_of_plain_letters(desk: Desk, name: str) -> None:
    """What FinerWorks gets is composed, whole, and at most 200 characters."""
    picture(desk.folder, name)
    (upload,) = await desk.up(name)
    image = desk.uploads.image(desk.files(name)[0], upload)
    assert upload.master.isascii()
    assert len(image.file_name) <= 200
    assert image.file_name == {"Cafe\u0301.png": "Caf\u00e9.png", "\udce9.png": "?.png"}.get(
        name, name
    )


async def test_a_folder_is_asked_about_until_somebody_says_yes(desk: Desk) -> None:
    """For what is not up yet, in numbers; a yes holds for later files of the folder."""
    picture(desk.folder / "below", "sun.png")
    files = list(desk.files("fog.png", "below/sun.png").values())
    asked = await desk.uploads.to_ask(files)
    assert [(one.name, one.files) for one in asked] == [("New Work", 1), ("below", 1)]
    await desk.uploads.allow(asked[:1])
    assert await desk.uploads.to_ask(files) == asked[1:]
    await desk.up("below/sun.png")
    assert await desk.uploads.to_ask(files) == []
    picture(desk.folder / "below", "new.png")
    assert len(await desk.uploads.to_ask(list(desk.files("below/new.png").values()))) == 1


@pytest.mark.parametrize("missing", ["bucket", "folders", "renderer"])
async def test_without_one_of_its_parts_nothing_is_uploaded_and_what_to_do_is_said(
    desk: Desk, missing: str
) -> None:
    """Promise: everything else works without the extra."""
    uploads = Uploads(
        desk.store,
        Folders([] if missing == "folders" else [desk.folder]),
        None if missing == "bucket" else desk.shelf,
        Painter(available=missing != "renderer"),
        desk.shelf.check,
        limits=UploadLimits(),
        now=desk.clock,
    )
    assert not uploads.is_on
    with pytest.raises(UploadError) as refused:
        _ = uploads.bucket
    named = {"bucket": "--upload-to", "folders": "--file-folders", "renderer": "fw-mcp[upload]"}
    assert named[missing] in refused.value.next_step
    assert refused.value.reason is Reason.UPLOAD_OFF
