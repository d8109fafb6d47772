"""`search_images` for images whose print master no longer answers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from mcp.client import Client

from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.server.app import build_server
from tests.support.studio import Studio, make_studio, said, text_of
from tests.support.truth import new_image

pytestmark = pytest.mark.anyio

_ROOT = "https://studio.example/masters"


@dataclass
class Hosts:
    """Hosts where some files are gone, and of some nothing is known."""

    gone: Collection[str] = ()
    silent: Collection[str] = ()

    def check(self) -> None:
        """They can be asked."""

    async def of(self, urls: Collection[str], *, until: float) -> Mapping[str, bool]:
        """Those of which anything is known."""
        del until
        return {url: url not in self.gone for url in urls if url not in self.silent}


async def found(studio: Studio, hosts: Hosts, **arguments: object) -> dict[str, Any]:
    """What a search finds."""
    parts = replace(studio.parts, masters=hosts)
    async with Client(build_server(parts), cache=None) as client:
        return said(await client.call_tool("search_images", arguments))


async def added(studio: Studio, count: int) -> list[str]:
    """The URLs of the print masters of so many new images."""
    images = [
        new_image(number, private_hires_uri=f"{_ROOT}/{number}.tif") for number in range(count)
    ]
    async with studio.client() as client:
        await client.call_tool("add_images", {"images": images})
    return [str(image["private_hires_uri"]) for image in images]


async def test_the_images_whose_print_master_is_gone_are_listed() -> None:
    """Promise: `only: broken_url`; their URLs stay hidden, and the others are not rows."""
    studio = make_studio()
    urls = await added(studio, 3)
    listed = await found(studio, Hosts(gone=urls[:2]), only=["broken_url"])
    assert sorted(row["file_name"] for row in listed["images"]) == sorted(
        str(new_image(number)["file_name"]) for number in range(2)
    )
    assert listed["count"] == 2
    assert "not_reached" not in listed
    assert _ROOT not in str(listed)


async def test_they_are_counted_by_what_else_they_are() -> None:
    """A summary asks for no print master by itself."""
    studio = make_studio()
    urls = await added(studio, 3)
    hosts = Hosts(gone=urls)
    counts = (await found(studio, hosts, only=["broken_url"], summary=True))["summary"]
    assert (counts["images"], counts["no_products"], counts["live_in_shop"]) == (3, 3, 0)
    assert "broken_url" not in (await found(studio, hosts, summary=True))["summary"]


async def test_they_can_be_narrowed_like_others() -> None:
    """All must hold; of those that another filter leaves out nothing is asked."""
    studio = make_studio()
    urls = await added(studio, 2)
    only = ["broken_url", "live_in_shop"]
    assert (await found(studio, Hosts(gone=urls), only=only))["count"] == 0


async def test_what_could_not_be_checked_is_told() -> None:
    """It is neither called broken nor sound."""
    studio = make_studio()
    urls = await added(studio, 2)
    listed = await found(
        studio, Hosts(silent=urls), only=["broken_url"], upload_date_from="2026-01-01"
    )
    assert listed["count"] == 0
    assert " of " in listed["not_reached"]
    assert "2 of" in listed["not_reached"]
    assert "print masters were not checked" in listed["not_reached"]


async def test_the_sandbox_keeps_its_print_masters() -> None:
    """The whole way, with the fetcher that serves."""
    studio = make_studio()
    await added(studio, 1)
    async with studio.client() as client:
        listed = said(await client.call_tool("search_images", {"only": ["broken_url"]}))
    assert [row["file_name"] for row in listed["images"]] == [new_image(0)["file_name"]]
    assert listed["count"] == 1


async def test_where_fetching_is_off_it_says_so() -> None:
    """Before the library is read."""
    studio = make_studio(fetcher=Fetcher(is_on=False))
    async with studio.client() as client:
        refused = await client.call_tool("search_images", {"only": ["broken_url"]})
    assert refused.is_error
    assert "turned that off" in text_of(refused)
    assert studio.wire.sent == []


async def test_a_call_ends_in_time_and_says_how_many_it_did_not_check() -> None:
    """A host that hangs costs the call no more than its time."""
    studio = make_studio(per_series=16)

    class Slow(Hosts):
        """Takes a minute for whatever it is asked."""

        async def of(self, urls: Collection[str], *, until: float) -> Mapping[str, bool]:
            studio.clock.forward(60)
            return await super().of(urls, until=until)

    listed = await found(studio, Slow(), only=["broken_url"])
    assert (listed["count"], listed["scanned"]) == (0, 128)
    assert (
        "28 of 128 print masters were not checked: the call ran out of time"
        in (listed["not_reached"])
    )
