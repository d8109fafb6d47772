"""How much is read, for how long, and how many at a time."""

from collections.abc import AsyncIterator

import anyio
import anyio.lowlevel
import httpx
import pytest

from fw_mcp.errors import FetchError
from fw_mcp.pictures.fetch.fetcher import REFUSAL, Fetcher
from tests.pictures.fetch.bad_urls import LOOPBACK
from tests.pictures.fetch.web import JPEG, PUBLIC, Body, Page, Web, breaks, page

pytestmark = pytest.mark.anyio

URL = "https://img.example/a.jpg"


async def is_refused(fetcher: Fetcher, url: str = URL, most_bytes: int = 10) -> bool:
    """Whether `url` is refused, in the words for all."""
    try:
        await fetcher.fetch(url, most_bytes=most_bytes)
    except FetchError as error:
        return error.what == REFUSAL
    return False


def streams(body: httpx.AsyncByteStream, headers: dict[str, str] | None = None) -> Page:
    """What answers with a body that is watched."""
    return lambda _: httpx.Response(200, stream=body, headers=headers)


@pytest.mark.parametrize(
    ("pieces", "refused"),
    [
        ([b"0123456789"], False),
        ([b"01234", b"", b"56789"], False),
        ([], False),
        ([b"0123456789x"], True),
        ([b"0"] * 11, True),
    ],
)
@pytest.mark.parametrize("length", [None, "nonsense", "-1", "3", "3, 3", "1e3"])
async def test_a_body_that_goes_on_is_cut_off(
    pieces: list[bytes], refused: bool, length: str | None
) -> None:
    """At the limit and not before, whatever length it claims below that."""
    web = Web({URL: streams(Body(pieces), {"Content-Length": length} if length else None)})

    assert await is_refused(web.fetcher()) is refused


async def test_a_body_that_never_stops_is_left() -> None:
    """As soon as it is too long."""
    body = Body([b"01234"] * 1_000)

    assert await is_refused(Web({URL: streams(body)}).fetcher())
    assert body.given == 3


@pytest.mark.parametrize("length", ["11", "0011", "999999999999999"])
async def test_a_declared_length_that_is_too_large_is_refused_unread(length: str) -> None:
    """Nothing of the body is taken."""
    body = Body([JPEG])

    assert await is_refused(Web({URL: streams(body, {"Content-Length": length})}).fetcher())
    assert body.given == 0


@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip", "zstd", "x"])
async def test_a_compressed_body_is_refused_unread(encoding: str) -> None:
    """It may unpack to any size, and nobody asked for it."""
    body = Body([JPEG])

    assert await is_refused(Web({URL: streams(body, {"Content-Encoding": encoding})}).fetcher())
    assert body.given == 0


@pytest.mark.parametrize("encoding", ["identity", " Identity "])
async def test_a_body_that_says_it_is_not_compressed_is_read(encoding: str) -> None:
    """The word stands for nothing."""
    web = Web({URL: page(b"a", headers={"Content-Encoding": encoding})})

    assert not await is_refused(web.fetcher())


@pytest.mark.parametrize(
    "status_code", [201, 204, 206, 300, 304, 305, 400, 401, 403, 404, 407, 416, 429, 500, 503]
)
async def test_only_a_plain_success_is_a_file(status_code: int) -> None:
    """An error page may be a picture too."""
    web = Web({URL: page(b"a", status_code, {"Location": "https://img.example/b.jpg"})})

    assert await is_refused(web.fetcher())
    assert len(web.dialled) == 1


class Stuck(httpx.AsyncByteStream):
    """A body that stops in the middle.

    Attributes:
        closed: whether its reader hung up.
    """

    def __init__(self) -> None:
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"a"
        await anyio.sleep_forever()

    async def aclose(self) -> None:
        """Note that its reader hung up."""
        self.closed = True


async def test_a_body_that_stops_in_the_middle_is_left() -> None:
    """After the time for the whole, and its connection is closed."""
    body = Stuck()

    assert await is_refused(Web({URL: streams(body)}).fetcher(total_s=0.01))
    assert body.closed


async def never(_: object) -> httpx.Response:
    """Answer nothing."""
    await anyio.sleep_forever()
    raise AssertionError


async def never_resolved(_: str) -> list[str]:
    """Know nothing."""
    await anyio.sleep_forever()
    raise AssertionError


async def at_public(_: str) -> list[str]:
    """Know one address for all."""
    return [PUBLIC]


async def test_a_server_or_a_resolver_that_never_answers_is_left() -> None:
    """The time counts from the first question about the name."""
    silent = Fetcher(resolve=at_public, dial=lambda _: httpx.MockTransport(never), total_s=0.01)
    nameless = Fetcher(resolve=never_resolved, total_s=0.01)

    assert await is_refused(silent)
    assert await is_refused(nameless)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout,
        httpx.ConnectTimeout,
        httpx.ReadError,
        httpx.RemoteProtocolError,
        httpx.LocalProtocolError,
        OSError,
    ],
)
async def test_whatever_breaks_on_the_way_is_told_alike(error: type[Exception]) -> None:
    """And no exception that knows the URL hangs on what is raised."""
    with pytest.raises(FetchError) as caught:
        await Web({URL: breaks(error)}).fetcher().fetch(URL)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert "img.example" not in str(caught.value)


class Crowd:
    """How many requests are under way, and how many were at most."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._there = anyio.Event()
        self.now = self.most = 0

    async def __call__(self, _: httpx.Request) -> httpx.Response:
        """Answer when as many as expected are there."""
        self.now += 1
        self.most = max(self.most, self.now)
        if self.now == self._expected:
            self._there.set()
        await self._there.wait()
        await anyio.lowlevel.checkpoint()
        self.now -= 1
        return httpx.Response(200, stream=Body([JPEG]))


async def test_four_files_are_fetched_at_a_time() -> None:
    """No more, and no fewer."""
    crowd = Crowd(expected=4)
    fetcher = Fetcher(resolve=at_public, dial=lambda _: httpx.MockTransport(crowd))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            for _ in range(9):
                group.start_soon(fetcher.fetch, URL)

    assert crowd.most == 4


async def test_the_time_of_a_fetch_begins_with_its_turn() -> None:
    """Whoever waits behind others is not refused for it."""
    crowd = Crowd(expected=4)
    fetcher = Fetcher(resolve=at_public, dial=lambda _: httpx.MockTransport(crowd), total_s=30)
    fetched: list[bytes] = []

    async def fetch() -> None:
        fetched.append((await fetcher.fetch(URL)).content)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            for _ in range(9):
                group.start_soon(fetch)

    assert fetched == [JPEG] * 9


async def test_connections_are_kept_for_one_origin_each() -> None:
    """What was opened for one name, and checked for its certificate, never serves another."""
    other = "https://other.example/a.jpg"
    web = Web({URL: page(), other: page()})
    fetcher = web.fetcher()

    for url in (URL, other, URL, other):
        await fetcher.fetch(url)

    assert web.origins == ["https://img.example", "https://other.example"]
    await fetcher.aclose()
    assert web.closed == 2


async def test_only_a_few_connections_are_kept() -> None:
    """Those that have been idle for longest are closed."""
    urls = [f"https://img{number}.example/" for number in range(9)]
    web = Web({url: page() for url in urls})
    fetcher = web.fetcher()

    for url in (*urls[:8], urls[0]):
        await fetcher.fetch(url)
    assert web.closed == 0
    for url in (urls[8], urls[0], urls[1]):
        await fetcher.fetch(url)

    assert web.origins == [url.rstrip("/") for url in [*urls, urls[1]]]
    assert web.closed == 2


async def test_a_connection_in_use_is_not_closed() -> None:
    """Whoever reads from it shows more."""
    body = Stuck()
    web = Web({URL: streams(body)})
    fetcher = web.fetcher()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(fetcher.fetch, URL)
            while not web.dialled:
                await anyio.lowlevel.checkpoint()
            await fetcher.aclose()
            assert (web.closed, body.closed) == (0, False)
            group.cancel_scope.cancel()

    assert body.closed


async def test_a_fetcher_that_fetched_nothing_closes() -> None:
    """Nothing was opened."""
    web = Web()

    await web.fetcher().aclose()

    assert web.closed == 0


async def test_the_loopback_origin_is_dialled_by_its_own_transport() -> None:
    """One for the origin, port included."""
    web = Web({f"{LOOPBACK}/a.png": page()}, addresses={"127.0.0.1": [["127.0.0.1"]]})

    await web.fetcher().fetch(f"{LOOPBACK}/a.png")

    assert web.origins == [LOOPBACK]
