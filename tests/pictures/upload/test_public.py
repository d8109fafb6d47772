"""Whether an upload can be fetched by everyone: waited for, and told apart where it cannot."""

from collections.abc import Callable

import httpx
import pytest

from fw_mcp.errors import Reason, UploadError
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.pictures.upload.public import check_public
from fw_mcp.pictures.upload.trouble import Trouble
from tests.pictures.fetch.bad_urls import LOOPBACK
from tests.pictures.fetch.web import Web, page
from tests.support.products import first_of

pytestmark = pytest.mark.anyio

URL = "https://images.example.com/fw/1f2e.jpg"
SIZE = 70_000
FILE = b"\xff\xd8\xff" + bytes(SIZE - 3)
HTML = b"\xef\xbb\xbf\n<!-- a comment --><!DOCTYPE html><html><body>Log in</body></html>"

Page = Callable[[httpx.Request], httpx.Response]


class Waits:
    """Pauses that take no time; before one of them something may come about."""

    def __init__(self, web: Web | None = None, late: int = 0, url: str = URL) -> None:
        self.taken: list[float] = []
        self._web, self._late, self._url = web, late, url

    async def __call__(self, seconds: float) -> None:
        """Take one."""
        self.taken.append(seconds)
        if self._web and len(self.taken) == self._late:
            self._web.pages[self._url] = a_file()


def a_file(content: bytes = FILE) -> Page:
    """A server that gives the piece that is asked for."""
    named = f"bytes 0-1023/{len(content)}"
    return page(content[:1024], 206, {"Content-Range": named, "Content-Type": "image/jpeg"})


@pytest.mark.parametrize("url", [URL, f"{LOOPBACK}/a.jpg", "http://sandbox.localhost/a.jpg"])
async def test_a_file_at_its_public_url_is_seen_at_once(url: str) -> None:
    """By its first bytes and its size; also on this machine, where the operator says so."""
    web = Web({url: a_file(), "inside/a.jpg": a_file()}, {"127.0.0.1": [["127.0.0.1"]]})
    waits = Waits()
    await check_public(web.fetcher(), url, SIZE, waits)
    assert waits.taken == []
    asked = [*web.dialled, *web.inside]
    assert [request.headers["range"] for request in asked] == ["bytes=0-1023"]


async def test_a_server_that_knows_no_ranges_will_do() -> None:
    """It says the size of the whole."""
    web = Web(pages={URL: page(FILE, 200, {"Content-Length": str(SIZE)})})
    await check_public(web.fetcher(), URL, SIZE, Waits())


async def test_a_file_that_is_late_is_waited_for_with_growing_pauses() -> None:
    """A store may take its time until everyone sees what was put."""
    web = Web(pages={URL: page(b"", 404)})
    waits = Waits(web, late=3)
    await check_public(web.fetcher(), URL, SIZE, waits)
    assert waits.taken == [0.5, 1.0, 2.0]


@pytest.mark.parametrize(
    ("answer", "trouble"),
    first_of(
        (page(b"", 403), Trouble.PRIVATE),
        (page(b"", 404), Trouble.WRONG_URL),
        (page(HTML, 200), Trouble.WEB_PAGE),
        (a_file(FILE[:-1]), Trouble.WRONG_SIZE),
        (page(b"", 500), Trouble.NOT_REACHED),
        (page(b"", 401), Trouble.PRIVATE),
        (page(b"{}", 200, {"Content-Type": "text/html; charset=utf-8"}), Trouble.WEB_PAGE),
        (page(FILE, 200, {"Content-Encoding": "gzip"}), Trouble.NOT_REACHED),
        (page(b"", 302, {"Location": "http://10.0.0.1/"}), Trouble.NOT_REACHED),
        first=5,
    ),
)
async def test_what_stays_wrong_is_told_after_twenty_seconds(
    answer: Page, trouble: Trouble
) -> None:
    """Each cause in words of its own, without the URL."""
    web, waits = Web(pages={URL: answer}), Waits()
    with pytest.raises(UploadError) as refused:
        await check_public(web.fetcher(), URL, SIZE, waits)
    assert refused.value.what == trouble.value[0]
    assert refused.value.reason is Reason.NOT_UPLOADED
    assert "1f2e" not in str(refused.value)
    assert sum(waits.taken) == 20
    assert waits.taken == [0.5, 1.0, 2.0, 4.0, 8.0, 4.5]


@pytest.mark.parametrize(
    "url",
    [
        "https://192.168.1.5/a.jpg",
        "https://nas.local/a.jpg",
        "https://127.0.0.1/a.jpg",
        "https://images.example.com:8443/a.jpg",
        "https://inner.example.com/a.jpg",
    ],
)
async def test_what_is_not_public_is_told_at_once(url: str) -> None:
    """FinerWorks could not fetch it either; waiting does not help."""
    web, waits = Web(addresses={"inner.example.com": [["10.0.0.7"]]}), Waits()
    with pytest.raises(UploadError) as refused:
        await check_public(web.fetcher(), url, SIZE, waits)
    assert refused.value.what == Trouble.NOT_PUBLIC.value[0]
    assert waits.taken == []
    assert web.dialled == []


async def test_a_host_that_never_answers_ends_in_time() -> None:
    """The fetcher's own limit, and that of all waiting together."""
    web = Web(addresses={"images.example.com": [OSError("no such host")]})
    with pytest.raises(UploadError) as refused:
        await check_public(web.fetcher(), URL, SIZE, Waits())
    assert refused.value.what == Trouble.NOT_REACHED.value[0]


async def test_where_nothing_is_fetched_nothing_can_be_uploaded() -> None:
    """The operator turned it off."""
    with pytest.raises(UploadError) as refused:
        await check_public(Fetcher(is_on=False), URL, SIZE, Waits())
    assert refused.value.reason is Reason.UPLOAD_OFF
    assert "--no-fetch" in refused.value.next_step
