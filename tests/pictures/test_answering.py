"""Whether files still answer at their URLs, and that nothing more is told of a host."""

import httpx
import pytest

from fw_mcp.errors import FetchError
from fw_mcp.pictures.answering import Answering
from fw_mcp.pictures.fetch.fetcher import Fetcher
from tests.pictures.fetch.web import Page, Web, breaks, page, sends_to
from tests.support.studio import Clock

pytestmark = pytest.mark.anyio

ROOT = "https://files.example"
INSIDE = "http://10.0.0.7/a.tif"


async def asked(web: Web, *urls: str, hosts: tuple[str, ...] = ()) -> dict[str, bool]:
    """What is told of each URL."""
    clock = Clock()
    answering = Answering(web.fetcher(hosts=hosts), clock=clock)
    return dict(await answering.of(urls, until=clock() + 30))


@pytest.mark.parametrize(
    ("served", "answers"),
    [
        (page(), True),
        (page(status_code=206, headers={"Content-Range": "bytes 0-13/14"}), True),
        (page(status_code=404), False),
        (page(status_code=403), False),
        (page(b"<!doctype html><title>Sign in</title>"), False),
        (page(b"gone", headers={"Content-Type": "text/html; charset=utf-8"}), False),
        (sends_to(INSIDE), False),
        (breaks(httpx.ConnectError), False),
        (page(status_code=429), None),
        (page(status_code=503), None),
    ],
    ids=[
        "whole",
        "piece",
        "missing",
        "private",
        "page",
        "said to be a page",
        "sent inside",
        "no connection",
        "too many",
        "out of order",
    ],
)
async def test_a_file_answers_or_does_not(served: Page, answers: bool | None) -> None:
    """A host that is too busy to tell is no reason to call a file gone."""
    url = f"{ROOT}/a.tif"
    web = Web({url: served})
    assert (await asked(web, url)).get(url) is answers


async def test_what_a_private_host_answers_is_never_told() -> None:
    """The same is told of one where a file is and of one where nothing is; neither is asked."""
    there, gone = "https://intranet.example/a.tif", "https://nowhere.example/a.tif"
    web = Web({there: page(), INSIDE: page()})
    web.addresses = {"intranet.example": [["10.0.0.7"]], "nowhere.example": [["10.0.0.8"]]}
    assert await asked(web, there, gone, INSIDE) == dict.fromkeys((there, gone, INSIDE), False)
    assert web.dialled == []


async def test_a_host_that_the_operator_did_not_list_is_not_asked() -> None:
    """It is not called broken for that."""
    listed, other = f"{ROOT}/a.tif", "https://other.example/a.tif"
    web = Web({listed: page(), other: page()})
    assert await asked(web, listed, other, hosts=("files.example",)) == {listed: True}
    assert len(web.dialled) == 1


async def test_what_was_told_is_kept_for_ten_minutes() -> None:
    """So that the same call made again goes on; each URL is asked once."""
    url, clock = f"{ROOT}/a.tif", Clock()
    web = Web({url: page()})
    answering = Answering(web.fetcher(), clock=clock)
    for forward, requests in ((0, 1), (590, 1), (20, 2)):
        clock.forward(forward)
        assert await answering.of([url, url], until=clock() + 30) == {url: True}
        assert len(web.dialled) == requests


async def test_when_the_time_is_over_nothing_more_is_asked() -> None:
    """What had no turn is missing."""
    clock = Clock()
    answering = Answering(Web({f"{ROOT}/a.tif": page()}).fetcher(), clock=clock)
    assert await answering.of([f"{ROOT}/a.tif"], until=clock() - 1) == {}


async def test_nothing_is_asked_where_fetching_is_off() -> None:
    """The operator decides."""
    with pytest.raises(FetchError, match="turned that off"):
        await Answering(Fetcher(is_on=False)).of([f"{ROOT}/a.tif"], until=0)
