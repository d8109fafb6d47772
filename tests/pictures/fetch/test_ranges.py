"""Pieces of files, from servers that know ranges and from others."""

import httpx
import pytest

from fw_mcp.errors import FetchError
from fw_mcp.pictures.fetch.fetcher import REFUSAL
from fw_mcp.pictures.fetch.hops import Fetched
from tests.pictures.fetch.web import Body, Page, Web, page, sends_to

pytestmark = pytest.mark.anyio

URL = "https://img.example/a.tif"
FILE = b"0123456789"


def piece(content: bytes, content_range: str | None) -> Page:
    """What answers with a piece."""
    headers = {"Content-Range": content_range} if content_range is not None else None
    return page(content, 206, headers)


def serves_ranges(request: httpx.Request) -> httpx.Response:
    """Answer with the piece of the file that was asked for."""
    first, last = map(int, request.headers["range"].removeprefix("bytes=").split("-"))
    content = FILE[first : last + 1]
    named = f"bytes {first}-{first + len(content) - 1}/{len(FILE)}"
    return piece(content, named)(request)


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [(0, 4, b"0123"), (3, 4, b"3456"), (9, 1, b"9"), (8, 100, b"89"), (0, 10, FILE)],
)
async def test_a_piece_comes_with_the_size_of_the_whole(
    offset: int, length: int, expected: bytes
) -> None:
    """It is cut where the file ends."""
    web = Web({URL: serves_ranges})

    fetched = await web.fetcher().fetch_range(URL, offset, length)

    assert fetched == Fetched(expected, offset, size=10, url=URL)
    assert web.dialled[0].headers["range"] == f"bytes={offset}-{offset + length - 1}"


async def test_the_size_may_be_unknown() -> None:
    """A server may say it with an asterisk."""
    web = Web({URL: piece(b"34", "bytes 3-4/*")})

    fetched = await web.fetcher().fetch_range(URL, 3, 2)

    assert fetched == Fetched(b"34", 3, size=None, url=URL)


@pytest.mark.parametrize(
    ("content", "content_range"),
    [
        (b"34", None),
        (b"34", ""),
        (b"34", "bytes 3-4"),
        (b"34", "bytes */10"),
        (b"34", "3-4/10"),
        (b"34", "items 3-4/10"),
        (b"34", "bytes 3-4/10, bytes 3-4/10"),
        (b"34", "bytes 3-4/-1"),
        (b"34", "bytes 2-3/10"),
        (b"34", "bytes 4-5/10"),
        (b"", "bytes 3-2/10"),
        (b"34", "bytes 3-4/4"),
        (b"345", "bytes 3-5/10"),
        (b"3", "bytes 3-4/10"),
        (b"345", "bytes 3-4/10"),
        (b"34", "bytes 3-4/" + "9" * 5_000),
        (b"34", "bytes \u0663-\u0664/10"),
    ],
    ids=str,
)
async def test_a_piece_that_is_not_the_one_asked_for_is_refused(
    content: bytes, content_range: str | None
) -> None:
    """Elsewhere, longer, shorter than it says, or past the end it names."""
    headers = None if content_range is None else [(b"Content-Range", content_range.encode())]

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(206, stream=Body([content]), headers=headers)

    with pytest.raises(FetchError, match=REFUSAL):
        await Web({URL: answer}).fetcher().fetch_range(URL, 3, 2)


@pytest.mark.parametrize(
    ("length", "headers", "expected", "size"),
    [
        (4, {"Content-Length": "10"}, b"0123", 10),
        (4, {}, b"0123", None),
        (4, {"Content-Length": "many"}, b"0123", None),
        (10, {}, FILE, 10),
        (99, {}, FILE, 10),
        (99, {"Content-Length": "99999999"}, FILE, 10),
    ],
)
async def test_a_server_without_ranges_gives_the_beginning(
    length: int, headers: dict[str, str], expected: bytes, size: int | None
) -> None:
    """As much as was asked for; a file of any size, since the rest is not read."""
    body = Body([FILE[:5], FILE[5:], *([b"x"] * (length < 10))])
    web = Web({URL: lambda _: httpx.Response(200, stream=body, headers=headers)})

    fetched = await web.fetcher().fetch_range(URL, 3, length)

    assert fetched == Fetched(expected, 0, size=size, url=URL)
    assert body.given <= 2


@pytest.mark.parametrize("status_code", [204, 304, 400, 404, 416, 500])
async def test_any_other_answer_to_a_range_is_refused(status_code: int) -> None:
    """416 says that the file ends before."""
    with pytest.raises(FetchError, match=REFUSAL):
        await Web({URL: page(b"34", status_code)}).fetcher().fetch_range(URL, 3, 2)


@pytest.mark.parametrize("status_code", [200, 206])
async def test_a_compressed_piece_is_refused(status_code: int) -> None:
    """Its bytes are not those of the file."""
    headers = {"Content-Encoding": "gzip", "Content-Range": "bytes 3-4/10"}
    web = Web({URL: page(b"34", status_code, headers)})

    with pytest.raises(FetchError, match=REFUSAL):
        await web.fetcher().fetch_range(URL, 3, 2)


async def test_a_redirect_is_asked_for_the_same_piece() -> None:
    """The address that answered is told."""
    web = Web({URL: sends_to("/b.tif"), "https://img.example/b.tif": serves_ranges})

    fetched = await web.fetcher().fetch_range(URL, 3, 2)

    assert fetched == Fetched(b"34", 3, size=10, url="https://img.example/b.tif")
    assert [request.headers["range"] for request in web.dialled] == ["bytes=3-4"] * 2
