"""Files in a folder that is published: whole or not at all."""

import io
import os
import threading
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from fw_mcp.errors import Reason, UploadError
from fw_mcp.pictures.upload.bucket import Bucket
from fw_mcp.pictures.upload.target import bucket_of
from fw_mcp.pictures.upload.trouble import Trouble
from tests.pictures.upload.files import (
    MIB,
    Growing,
    Progress,
    Shrinking,
    Vanishing,
    file_of,
    folders_in,
    names_in,
)

pytestmark = pytest.mark.anyio

PUBLIC = "https://images.example.com/fw"
KEY = "ab/1f2e.tif"
SIZE = 3 * MIB + 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One whose name has to be escaped in a URL."""
    place = tmp_path / "New Work #1"
    place.mkdir()
    return place


def bucket_in(folder: Path) -> Bucket:
    """The bucket that `file:///folder` names."""
    return bucket_of(folder.as_uri(), PUBLIC, {})


async def test_a_file_is_in_the_folder_as_it_was(folder: Path) -> None:
    """Below its key, as readable as the user's other files are, and nothing beside it."""
    bucket = bucket_in(folder)
    assert await bucket.size_of(KEY) is None
    content, progress = file_of(SIZE), Progress()
    await bucket.put(KEY, content, SIZE, "image/tiff", progress)
    assert progress.is_of(SIZE)
    assert await bucket.size_of(KEY) == SIZE
    content.seek(0)
    kept = folder / KEY
    assert kept.read_bytes() == content.read()
    (folder / "other").touch()
    assert kept.stat().st_mode == (folder / "other").stat().st_mode
    assert names_in(folder) == [KEY, "other"]
    assert bucket.url(KEY) == f"{PUBLIC}/{KEY}"


async def test_files_are_removed_and_one_that_is_not_there_is_no_error(folder: Path) -> None:
    """A second time as well."""
    bucket = bucket_in(folder)
    await bucket.put(KEY, file_of(10), 10, "image/tiff", Progress())
    for _ in range(2):
        await bucket.remove([KEY, "none.jpg"])
        assert names_in(folder) == []
    assert await bucket.size_of("ab") is None


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (Shrinking, Trouble.CHANGED),
        (Growing, Trouble.CHANGED),
        (Vanishing, Trouble.UNREADABLE),
    ],
)
async def test_a_file_that_is_not_as_large_as_it_was_is_not_there(
    folder: Path, content: type[io.BytesIO], trouble: Trouble
) -> None:
    """What was there before stays."""
    bucket = bucket_in(folder)
    await bucket.put(KEY, file_of(10), 10, "image/tiff", Progress())
    with pytest.raises(UploadError) as refused:
        await bucket.put(KEY, content(bytes(SIZE)), SIZE, "image/tiff", Progress())
    assert refused.value.what == trouble.value[0]
    assert names_in(folder) == [KEY]
    assert await bucket.size_of(KEY) == 10


async def test_a_full_disk_is_told(folder: Path) -> None:
    """Without the path; nothing is left of the file."""
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, former[1]))
    try:
        with pytest.raises(UploadError) as refused:
            await bucket_in(folder).put(KEY, file_of(SIZE), SIZE, "image/tiff", Progress())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
        signal.signal(signal.SIGXFSZ, ignored)
    assert refused.value.what == Trouble.FULL.value[0]
    assert str(folder) not in str(refused.value)
    assert names_in(folder) == []


async def test_a_folder_that_is_away_is_told_and_not_made(tmp_path: Path) -> None:
    """It may be a disk that is not connected."""
    bucket = bucket_in(tmp_path / "away")
    for ask in (
        bucket.size_of(KEY),
        bucket.put(KEY, file_of(10), 10, "image/tiff", Progress()),
        bucket.remove([KEY]),
    ):
        with pytest.raises(UploadError) as refused:
            await ask
        assert refused.value.what == Trouble.NO_FOLDER.value[0]
        assert refused.value.reason is Reason.NOT_UPLOADED
        assert "away" not in str(refused.value)
    assert folders_in(tmp_path) == []


async def test_what_cannot_be_written_is_told_without_its_path(folder: Path) -> None:
    """Such as a folder in whose place there is a file."""
    (folder / "ab").touch()
    bucket = bucket_in(folder)
    assert await bucket.size_of(KEY) is None
    with pytest.raises(UploadError) as refused:
        await bucket.put(KEY, file_of(10), 10, "image/tiff", Progress())
    assert refused.value.what == Trouble.NOT_WRITABLE.value[0]
    assert str(folder) not in str(refused.value)


class Waiting(io.BytesIO):
    """A file on a slow disk, which goes on when it is told to."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.is_read, self.goes_on, self.is_over = (threading.Event() for _ in range(3))

    def read(self, size: int | None = -1, /) -> bytes:
        """What was asked for, when it goes on."""
        self.is_read.set()
        self.goes_on.wait(5)
        return super().read(size)


async def test_a_slow_disk_holds_up_nobody_and_a_cancelled_put_leaves_nothing(
    folder: Path,
) -> None:
    """The service goes on while the disk is waited for."""
    content = Waiting(bytes(SIZE))
    async with anyio.create_task_group() as group:
        group.start_soon(bucket_in(folder).put, KEY, content, SIZE, "image/tiff", Progress())
        while not content.is_read.is_set():
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    content.goes_on.set()
    for thread in threading.enumerate():
        if thread.name == "unwaited":
            thread.join(5)
    assert names_in(folder) == []


async def test_what_a_killed_process_left_is_cleared_up_after_a_day(folder: Path) -> None:
    """By the next that puts the file; a younger one may be at work."""
    bucket = bucket_in(folder)
    (folder / "ab").mkdir()
    old, young = (folder / "ab" / f".1f2e.tif.{number}.part" for number in range(2))
    for left in (old, young):
        left.touch()
    os.utime(old, (0, 0))
    await bucket.put(KEY, file_of(10), 10, "image/tiff", Progress())
    assert names_in(folder) == [f"ab/{young.name}", KEY]


async def test_a_person_is_told_the_name_of_the_folder_alone(folder: Path) -> None:
    """Where it is, is none of a client's business."""
    assert bucket_in(folder).place == f"the folder New Work #1, public as {PUBLIC}"
