"""Uploads to a real S3 server, in `make check`: what a store of our own might get wrong alike."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fw_mcp.errors import UploadError
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.pictures.upload.public import check_public
from fw_mcp.pictures.upload.s3 import PART, Patience
from fw_mcp.pictures.upload.trouble import Trouble
from tests.pictures.upload.files import Progress, file_of
from tests.pictures.upload.moto import S3Server, line_to, s3_server
from tests.support.process import environment
from tests.support.products import exhaustive

pytestmark = [pytest.mark.anyio, exhaustive]

KEY = "ab/1f2e.tif"
LARGE = 6 * PART + 1_000
MEASURE = """
import json, sys
import anyio
from pathlib import Path
from fw_mcp.pictures.upload.s3 import S3Bucket
def peak():
    (line,) = [one for one in open("/proc/self/status") if one.startswith("VmHWM")]
    return int(line.split()[1])
async def main(file, url):
    environ = {"AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "a", "AWS_ENDPOINT_URL": url}
    bucket = S3Bucket("prints", "fw", url, environ)
    await bucket.size_of("none")
    before = peak()
    with open(file, "rb") as content:
        await bucket.put("large.tif", content, Path(file).stat().st_size, "image/tiff", len_of)
    print(json.dumps((peak() - before) * 1024))
def len_of(sent): pass
anyio.run(main, *sys.argv[1:])
"""


def measured(file: Path, server: S3Server) -> subprocess.CompletedProcess[str]:
    """Upload the file in a process of its own, which prints how many bytes it grew by."""
    return subprocess.run(
        [sys.executable, "-c", MEASURE, str(file), server.url],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def running() -> Iterator[S3Server]:
    """One server for all tests here."""
    with s3_server() as server:
        yield server


@pytest.fixture
def server(running: S3Server) -> S3Server:
    """It, with an empty bucket that nobody else may read."""
    running.reset()
    return running


@pytest.mark.parametrize("size", [1_000, PART, LARGE])
async def test_a_file_is_there_as_it_was(server: S3Server, size: int) -> None:
    """With its type and how long it may be kept; then it is removed."""
    bucket, progress = server.bucket(), Progress()
    assert await bucket.size_of(KEY) is None
    content = file_of(size)
    for _ in range(2):
        content.seek(0)
        await bucket.put(KEY, content, size, "image/tiff", progress)
    answer = server.get(KEY)
    content.seek(0)
    assert answer.content == content.read()
    assert answer.headers["content-type"] == "image/tiff"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert await bucket.size_of(KEY) == size
    await bucket.remove([KEY, "none.jpg"])
    assert await bucket.size_of(KEY) is None


async def test_a_private_bucket_is_told_and_a_public_one_is_seen(server: S3Server) -> None:
    """Before anything would be registered."""
    bucket, size = server.bucket(), 5_000
    await bucket.put(KEY, file_of(size), size, "image/tiff", Progress())
    fetcher = Fetcher(loopback=[server.url])

    async def at_once(_: float) -> None:
        pass

    with pytest.raises(UploadError, match="not public"):
        await check_public(fetcher, bucket.url(KEY), size, at_once)
    server.publish()
    await check_public(fetcher, bucket.url(KEY), size, at_once)
    with pytest.raises(UploadError) as refused:
        await check_public(fetcher, bucket.url(KEY), size + 1, at_once)
    assert refused.value.what == Trouble.WRONG_SIZE.value[0]
    await fetcher.aclose()


@pytest.mark.parametrize("size", [1_000, LARGE])
async def test_a_bucket_that_is_not_there_is_told(server: S3Server, size: int) -> None:
    """Whichever request is the first to find it out."""
    bucket = server.bucket("no-such-bucket")
    with pytest.raises(UploadError) as refused:
        await bucket.put(KEY, file_of(size), size, "image/tiff", Progress())
    assert refused.value.what == Trouble.NO_BUCKET.value[0]


@pytest.mark.parametrize("size", [3_000_000, LARGE])
async def test_a_connection_that_drops_in_the_middle_is_made_good(
    server: S3Server, size: int
) -> None:
    """By sending the part again, twice if need be."""
    content = file_of(size)
    with line_to(server) as line:
        line.cuts = 2
        await server.bucket(url=line.url).put(KEY, content, size, "image/tiff", Progress())
    assert line.cuts == 0
    content.seek(0)
    assert server.get(KEY).content == content.read()


@pytest.mark.parametrize("size", [3_000_000, LARGE])
async def test_a_line_that_drops_for_good_is_told_and_shows_nothing(
    server: S3Server, size: int
) -> None:
    """No half object, and the next call puts it."""
    with line_to(server) as line:
        line.cuts = 1_000
        with pytest.raises(UploadError) as refused:
            await server.bucket(url=line.url).put(
                KEY, file_of(size), size, "image/tiff", Progress()
            )
        assert refused.value.what == Trouble.NO_ANSWER.value[0]
        assert server.get(KEY).status_code == 404
        line.cuts = 0
        await server.bucket(url=line.url).put(KEY, file_of(size), size, "image/tiff", Progress())
    assert len(server.get(KEY).content) == size


@pytest.mark.parametrize("size", [1_000, LARGE])
async def test_a_store_that_asks_to_slow_down_is_given_time(server: S3Server, size: int) -> None:
    """Some connections are refused with 503; or all of them, which is told."""
    with line_to(server) as line:
        line.busy = 2
        await server.bucket(url=line.url).put(KEY, file_of(size), size, "image/tiff", Progress())
        assert len(server.get(KEY).content) == size
        line.busy = 1_000
        hasty = Patience(first_s=0.01, most_s=0.01, times=2)
        with pytest.raises(UploadError) as refused:
            await server.bucket(url=line.url, patience=hasty).put(
                "other.tif", file_of(size), size, "image/tiff", Progress()
            )
    assert refused.value.what == Trouble.BUSY.value[0]


def test_a_process_ends_well_right_after_an_upload(server: S3Server, tmp_path: Path) -> None:
    """The store's client has threads of its own, which must not outlive the interpreter."""
    file = tmp_path / "small.tif"
    with file.open("wb") as made:
        made.truncate(LARGE)
    codes = {measured(file, server).returncode for _ in range(12)}
    assert codes == {0}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux says how much it was")
def test_a_large_file_needs_no_more_memory_than_its_parts(server: S3Server, tmp_path: Path) -> None:
    """300 MB: what is under way at a time, and not the file."""
    file = tmp_path / "large.tif"
    with file.open("wb") as made:
        made.truncate(300_000_000)
    run = measured(file, server)
    assert json.loads(run.stdout) < 100_000_000
