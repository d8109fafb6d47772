"""What files are: few and small pieces of what is behind a URL, and the operator's folders."""

import io
import os
import struct
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import anyio
import httpx
import pytest

from fw_mcp.errors import FetchError
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.pictures.formats import UNREADABLE, Facts, UnreadablePicture, facts_of
from fw_mcp.pictures.inspect import (
    NOT_REACHED,
    Inspected,
    Inspector,
    Missing,
    Sparse,
    remote_facts,
)
from tests.pictures.fetch.web import Page, Web, page
from tests.pictures.headers import ORIENTATION, box, heic, picture, sides, tiff
from tests.pictures.served import LARGE, Served, ServedTiff

pytestmark = pytest.mark.anyio

URL = "https://files.example/masters/fog%20bank.tif?token=s3cret"
OFF = "Nothing is fetched from URLs: the operator turned that off."
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "AVIF")
FIRST = (0, 65_535)
MOST = 2_097_152
REFUSED = "The URL was not fetched. Use an https URL of a public host"
LOCAL_OFF = (
    "Local files are read only over stdio, and only inside folders allowed with --file-folders; "
    "pass a URL instead."
)

LOCAL_SLOW = "Its disk did not respond in time: try again, or copy the file to this machine."


def scattered(size: int) -> bytes:
    """A JPEG whose frame stands behind `size` bytes of what an editor leaves in a file."""
    segment = b"\xff\xed" + struct.pack(">H", 65_535) + bytes(65_533)
    whole = picture("JPEG", (600, 400))
    return whole[:2] + segment * (size // len(segment) + 1) + whole[2:]


async def facts(served: Page) -> tuple[Facts, int | None]:
    """What is told of the file behind `URL`."""
    return await remote_facts(Web({URL: served}).fetcher(), URL)


async def inspected(
    web: Web, files: Sequence[str], folders: Sequence[Path] = (), *, local: bool = True
) -> list[Inspected]:
    """Each file, by an inspector with all the time it needs."""
    return await Inspector(web.fetcher(), folders).inspect(files, local=local, within_s=45)


def test_a_piece_that_is_not_known_is_asked_for() -> None:
    """Where it begins, and how much of it."""
    file = Sparse(100)
    file.add(0, b"a" * 10)
    file.add(10, b"b" * 10)
    file.seek(5)
    assert file.read(10) == b"a" * 5 + b"b" * 5
    assert file.tell() == 15
    with pytest.raises(Missing) as missing:
        file.read(20)
    assert (missing.value.offset, missing.value.length) == (20, 15)
    assert file.tell() == 15


def test_a_file_in_pieces_ends_where_it_ends() -> None:
    """Nothing is asked for beyond its end."""
    file = Sparse(20)
    file.add(15, b"c" * 5)
    assert (file.seek(-5, io.SEEK_END), file.read(50)) == (15, b"c" * 5)
    assert (file.seek(7, io.SEEK_CUR), file.read(1)) == (27, b"")
    assert (file.readable(), file.seekable()) == (True, True)
    with pytest.raises(ValueError, match="before the beginning"):
        file.seek(-1)


def test_the_directory_at_the_end_of_a_large_tiff_is_asked_for() -> None:
    """A photographer's TIFF of 84 MB has it behind the pixels."""
    directory = tiff(sides(6000, 4000), at=84_000_000)[84_000_000:]
    head = tiff({}, at=84_000_000)[:65_536]
    file = Sparse(84_000_000 + len(directory))
    file.add(0, head)
    with pytest.raises(Missing) as missing:
        facts_of(file)
    assert (missing.value.offset, missing.value.length) == (84_000_000, 2)
    file.add(84_000_000, directory)
    assert facts_of(file) == Facts("TIFF", 6000, 4000, 1)


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("step", [64, 500])
def test_a_picture_in_pieces_is_the_same_picture(format_: str, step: int) -> None:
    """Whatever is known first, the facts are the same in the end."""
    content = picture(format_, (300, 200), 6)
    file, asked = Sparse(len(content)), 0
    while True:
        try:
            facts = facts_of(file)
            break
        except Missing as missing:
            asked += 1
            end = missing.offset + max(step, missing.length)
            file.add(missing.offset, content[missing.offset : end])
    assert facts == facts_of(io.BytesIO(content))
    assert asked < 10


async def test_the_beginning_of_a_file_is_enough_as_a_rule() -> None:
    """One piece of 64 KB tells what it is, and the whole size."""
    served = Served(picture("JPEG", (3000, 2000), 6) + bytes(100_000))
    assert await facts(served) == (Facts("JPEG", 2000, 3000, 6), len(served.content))
    assert served.asked == [FIRST]


async def test_the_exif_of_a_jpeg_leads_nowhere_else() -> None:
    """It may say that it goes on a gigabyte further on; nobody is asked for that."""
    turned = picture("JPEG", (3000, 2000), 6)
    begins = turned.index(b"Exif") + 10
    lost = turned[:begins] + b"\x7f\0\0\0" + turned[begins + 4 :]
    served = Served(lost + bytes(100_000), says_size=False)
    assert await facts(served) == (Facts("JPEG", 3000, 2000, 1), None)
    assert served.asked == [FIRST]


async def test_a_tiff_of_84_mb_is_told_by_two_pieces() -> None:
    """Its directory stands at the end; 64 KB of the beginning and a few bytes there are read."""
    served = ServedTiff()
    assert await facts(served) == (Facts("TIFF", 6000, 4000, 1), served.size)
    assert served.asked == [FIRST, (LARGE, LARGE + 65_535)]


async def test_a_heic_that_is_described_behind_its_pixels_is_told_by_two_pieces() -> None:
    """The URL is asked for that piece; the pixels are passed over."""
    content = heic(900, 600, turns=1, before=box(b"mdat", bytes(9_000_000)))
    served = Served(content)
    assert await facts(served) == (Facts("HEIC", 600, 900, 1), len(content))
    begins = content.index(b"meta") - 4
    assert [first for first, _ in served.asked] == [0, begins]


async def test_a_long_header_is_read_in_pieces_that_double() -> None:
    """An editor's notes of more than a megabyte stand before the pixels."""
    served = Served(scattered(1_200_000))
    assert await facts(served) == (Facts("JPEG", 600, 400, 1), len(served.content))
    lengths = [last - first + 1 for first, last in served.asked]
    assert lengths == [65_536 << max(step - 1, 0) for step in range(len(lengths))]
    assert sum(lengths) <= MOST


async def test_a_header_longer_than_two_megabytes_is_given_up() -> None:
    """Nobody is made to download a file under the name of its header."""
    served = Served(scattered(5_000_000))
    with pytest.raises(UnreadablePicture):
        await facts(served)
    assert sum(last - first + 1 for first, last in served.asked) <= MOST
    assert len(served.asked) <= 8


async def test_pieces_are_counted_also_when_a_server_gives_less_than_was_asked() -> None:
    """A byte at a time would be a file for ever."""
    whole, asked = scattered(300_000), 0

    def drips(request: httpx.Request) -> httpx.Response:
        nonlocal asked
        asked += 1
        first = int(request.headers["range"].removeprefix("bytes=").split("-")[0])
        named = f"bytes {first}-{first}/{len(whole)}"
        return page(whole[first : first + 1], 206, {"Content-Range": named})(request)

    with pytest.raises(UnreadablePicture):
        await facts(drips)
    assert asked <= 8


@pytest.mark.parametrize("says_size", [True, False])
async def test_a_server_that_knows_no_ranges_is_looked_at_once_more(says_size: bool) -> None:
    """The first two megabytes then have to do."""
    content = scattered(300_000)
    served = Served(content, knows_ranges=False, says_size=says_size)
    assert await facts(served) == (Facts("JPEG", 600, 400, 1), len(content))
    assert len(served.asked) == 3


async def test_a_directory_at_the_end_cannot_be_reached_without_ranges() -> None:
    """What is behind two megabytes stays there."""
    served = ServedTiff(knows_ranges=False)
    with pytest.raises(UnreadablePicture):
        await facts(served)
    assert len(served.asked) == 3


@pytest.mark.parametrize("knows_ranges", [True, False])
async def test_a_size_that_no_server_tells_is_not_made_up(knows_ranges: bool) -> None:
    """It is unknown, and the rest is told."""
    content = picture("PNG", (600, 400)) + bytes(100_000)
    served = Served(content, knows_ranges=knows_ranges, says_size=False)
    assert await facts(served) == (Facts("PNG", 600, 400, 1), None)


async def test_a_file_that_is_replaced_meanwhile_is_not_pieced_together() -> None:
    """Half of one and half of another would be neither."""
    sizes = iter([900_000, 900_001])
    whole = scattered(300_000)

    def grows(request: httpx.Request) -> httpx.Response:
        served = Served(whole.ljust(next(sizes), b"\0"))
        return served(request)

    with pytest.raises(UnreadablePicture):
        await facts(grows)


async def test_a_url_that_is_not_fetched_says_so_in_one_text() -> None:
    """The fetcher's own refusal goes on as it is."""
    with pytest.raises(FetchError):
        await facts(page(b"", 404))


async def test_each_url_has_its_row_in_order() -> None:
    """One that cannot be read keeps no other back."""
    web = Web(
        {
            URL: Served(picture("TIFF", (600, 400), 8)),
            "https://files.example/page": Served(b"\xef\xbb\xbf\n<!doctype html>"),
        }
    )
    files = ["https://files.example/gone.jpg", URL, "https://files.example/page", "http://["]
    gone, tif, html, odd = await inspected(web, files)
    assert gone.error.startswith(REFUSED)
    assert tif == Inspected(
        URL,
        is_url=True,
        file_name="fog bank.tif",
        file_size=len(picture("TIFF", (600, 400), 8)),
        facts=Facts("TIFF", 400, 600, 8),
    )
    assert html.is_page
    assert html.error == (
        "It is a share page, not the file: a web page answers there. Use a URL that answers with "
        "the file itself, without a login or a page before the download."
    )
    assert odd.error == gone.error


async def test_files_are_read_four_at_a_time() -> None:
    """A server of files is not overrun."""
    at_once, most = 0, 0

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await anyio.wait_all_tasks_blocked()
            at_once -= 1
            return Served(picture("PNG"))(request)

    web = Web()
    fetcher = web.fetcher()
    inspector = Inspector(type(fetcher)(inside={"http://sandbox.localhost": Slow}))
    files = [f"http://sandbox.localhost/{number}.png" for number in range(10)]
    found = await inspector.inspect(files, local=False, within_s=45)
    assert [one.file_name for one in found] == [f"{number}.png" for number in range(10)]
    assert most == 4


async def test_what_is_not_reached_in_time_says_so() -> None:
    """The others keep their facts."""
    late = "https://slow.example/a.png"

    class Never(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            await anyio.sleep_forever()
            yield b""

    web = Web({URL: Served(picture("PNG")), late: lambda _: httpx.Response(200, stream=Never())})
    found = await Inspector(web.fetcher()).inspect([late, URL], local=False, within_s=1)
    assert [one.error for one in found] == [NOT_REACHED, ""]


async def test_all_pieces_of_a_file_have_their_time_together() -> None:
    """A host that takes its time for each would else use up a whole call for one file."""

    class Late(Served):
        def __call__(self, request: httpx.Request) -> httpx.Response:
            answer = super().__call__(request)
            if len(self.asked) == 1:
                return answer
            named = {"Content-Range": answer.headers["content-range"]}
            return httpx.Response(206, stream=Hangs(), headers=named)

    class Hangs(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            await anyio.sleep_forever()
            yield b""

    late = Late(scattered(100_000))
    inspector = Inspector(Web({URL: late}).fetcher(total_s=20), remote_s=0.2)
    with anyio.fail_after(10):
        (row,) = await inspector.inspect([URL], local=False, within_s=45)
    assert (row.facts, row.is_reached, len(late.asked)) == (None, True, 2)
    assert row.error.startswith(REFUSED)


async def test_a_folder_that_hangs_holds_no_call_up(tmp_path: Path) -> None:
    """A disk elsewhere on the network may never answer."""
    (tmp_path / "fog.png").write_bytes(picture("PNG"))
    inspector = Inspector(Fetcher(is_on=False), [tmp_path], local_s=0)
    (row,) = await inspector.inspect(["fog.png"], local=True, within_s=45)
    assert row == Inspected("fog.png", is_url=False, error=LOCAL_SLOW)


async def test_with_fetching_off_no_url_is_read(tmp_path: Path) -> None:
    """Local files still are."""
    (tmp_path / "fog.png").write_bytes(picture("PNG"))
    inspector = Inspector(Fetcher(is_on=False), [tmp_path])
    url, file = await inspector.inspect([URL, "fog.png"], local=True, within_s=45)
    assert url == Inspected(URL, is_url=True, error=OFF)
    assert file.facts == Facts("PNG", 30, 20, 1)


async def test_a_local_file_is_told_like_one_behind_a_url(tmp_path: Path) -> None:
    """By its whole path or its part below the folder; a directory at its end is no matter."""
    content = tiff({**sides(6000, 4000), ORIENTATION: (3, 1, 6)}, at=3_000_000)
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "fog.tif").write_bytes(content)
    files = ["album/fog.tif", f"{tmp_path}/album/fog.tif"]
    assert await inspected(Web(), files, [tmp_path]) == [
        Inspected(file, False, "fog.tif", len(content), Facts("TIFF", 4000, 6000, 6))
        for file in files
    ]


@pytest.mark.parametrize("path", ["missing.tif", "/etc/passwd", "~/fog.tif", "pipe", "notes.txt"])
async def test_a_local_file_that_cannot_be_read_says_so(tmp_path: Path, path: str) -> None:
    """What is elsewhere is refused in one text; what lies in the folder may be no picture."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    (row,) = await inspected(Web(), [path], [tmp_path])
    refused = (
        "The file was not read. Pass the path of a picture inside a folder allowed with "
        "--file-folders, not through links."
    )
    expected = UNREADABLE if path == "notes.txt" else refused
    assert row == Inspected(path, is_url=False, error=expected)


@pytest.mark.parametrize("local", [True, False])
async def test_local_files_need_both_a_local_caller_and_a_folder(
    tmp_path: Path, local: bool
) -> None:
    """Whoever calls over HTTP is not at this machine."""
    (tmp_path / "fog.png").write_bytes(picture("PNG"))
    folders = [] if local else [tmp_path]
    (row,) = await inspected(Web(), ["fog.png"], folders, local=local)
    assert row == Inspected("fog.png", is_url=False, error=LOCAL_OFF)


SPELT = (
    "file://{}/fog%20bank%20%231.png",
    "file://localhost{}/fog%20bank%20%231.png",
    "FILE://LOCALHOST{}/fog bank #1.png",
    "file:{}/fog%20bank%20%231.png",
    '"{}/fog bank #1.png"',
    "'fog bank #1.png'",
    ' "file://{}/fog%20bank%20%231.png" ',
)


@pytest.mark.parametrize("spelt", SPELT)
async def test_a_path_is_read_as_hosts_and_command_lines_spell_it(
    tmp_path: Path, spelt: str
) -> None:
    """A `file:` URL or quotes mean the same file; it still needs a URL to be registered."""
    content = picture("PNG")
    (tmp_path / "fog bank #1.png").write_bytes(content)
    file = spelt.format(tmp_path)
    web = Web()
    (row,) = await inspected(web, [file], [tmp_path])
    facts = Facts("PNG", 30, 20, 1)
    assert row == Inspected(file, False, "fog bank #1.png", len(content), facts)
    assert (web.resolved, web.dialled) == ([], [])


@pytest.mark.parametrize("spelt", ['"{}"', "'{}'", ' "{}" '])
async def test_a_url_in_quotes_is_the_url(spelt: str) -> None:
    """It is handed on without them, as `add_images` takes it."""
    plain, quoted = [
        await inspected(Web({URL: Served(picture("PNG"))}), [file])
        for file in (URL, spelt.format(URL))
    ]
    assert quoted == plain
    assert plain[0].source == URL


@pytest.mark.parametrize("spelt", SPELT)
async def test_no_spelling_of_a_path_is_read_for_a_caller_elsewhere(
    tmp_path: Path, spelt: str
) -> None:
    """Nor without folders."""
    (tmp_path / "fog bank #1.png").write_bytes(picture("PNG"))
    file = spelt.format(tmp_path)
    for folders, local in (([tmp_path], False), ([], True)):
        (row,) = await inspected(Web(), [file], folders, local=local)
        assert row == Inspected(file, is_url=False, error=LOCAL_OFF)


@pytest.mark.parametrize(
    "spelt",
    [
        "file://server{}/album/fog.png",
        "file://127.0.0.1{}/album/fog.png",
        "file://localhost:80{}/album/fog.png",
        "file://{}/fog.png",
        "file://{}/album/../fog.png",
        "file://{}/album/%2e%2e/fog.png",
        "file://{}/album/%2E%2E%2Ffog.png",
        "file://{}/album/fog.png%00",
        "file://{}/album/%FF.png",
        "file:///etc/passwd",
        "'/etc/passwd'",
        '"../fog.png"',
    ],
)
async def test_no_spelling_of_a_path_leads_out_of_the_folders(tmp_path: Path, spelt: str) -> None:
    """Nor to another machine; all are refused in the one text."""
    (tmp_path / "album").mkdir()
    for place in (tmp_path, tmp_path / "album"):
        (place / "fog.png").write_bytes(picture("PNG"))
    web, file = Web(), spelt.format(tmp_path)
    (row,) = await inspected(web, [file], [tmp_path / "album"])
    assert (row.is_url, row.facts) == (False, None)
    assert row.error.startswith("The file was not read. Pass the path of a picture inside a folder")
    assert (web.resolved, web.dialled) == ([], [])
