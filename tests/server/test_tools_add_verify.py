"""`verify`: what is claimed of a file is read from the file, before anything is sent."""

from typing import Any

import pytest

from fw_mcp.images.account import Pace
from tests.pictures.fetch.web import Web
from tests.pictures.headers import picture
from tests.pictures.served import Served
from tests.server.inspected import reading
from tests.server.test_continue import slowed
from tests.support.products import first_of
from tests.support.studio import Mode, Studio, make_studio, said, text_of
from tests.support.truth import assert_replayed, holdings, new_image, outcomes
from tests.writes.runs import changes, items

pytestmark = pytest.mark.anyio

MODES = first_of("auto", "legacy")
FILE = picture("JPEG", (600, 400), 6)


def claimed(number: int, **differing: object) -> dict[str, object]:
    """What is true of `FILE`, but for what differs."""
    return new_image(number, **{"file_size": len(FILE), "pix_w": 400, "pix_h": 600, **differing})


def url_of(number: int) -> str:
    """Where the print master of an image is."""
    return str(new_image(number)["private_hires_uri"])


def web_of(count: int) -> Web:
    """`FILE` as the print master of each image."""
    return Web({url_of(number): Served(FILE) for number in range(1, count + 1)})


async def refused(studio: Studio, images: list[dict[str, object]], **arguments: object) -> str:
    """The text that a call with `verify` is refused with; nothing of it was sent or recorded."""
    held = await holdings(studio)
    arguments = {"images": images, "verify": True, **arguments}
    async with studio.client() as client:
        result = await client.call_tool("add_images", arguments)
    assert result.is_error
    assert (studio.wire.sent, await changes(studio), await items(studio)) == ([], [], [])
    assert await holdings(studio) == held
    return text_of(result)


@pytest.mark.parametrize("mode", MODES)
async def test_files_that_are_as_claimed_are_registered(studio: Studio, mode: Mode) -> None:
    """Each is looked at once."""
    web = web_of(6)
    images = [claimed(number) for number in range(1, 7)]
    async with reading(studio, web).client(mode=mode) as client:
        result = await client.call_tool("add_images", {"images": images, "verify": True})
    assert outcomes(said(result)) == ["created"] * 6
    assert len(web.dialled) == 6


@pytest.mark.parametrize(("pix_w", "pix_h"), [(400, 600), (600, 400)])
async def test_pixels_may_be_claimed_as_displayed_or_as_stored(
    studio: Studio, pix_w: int, pix_h: int
) -> None:
    """Programs differ in which they tell of a picture that EXIF turns."""
    image = claimed(1, pix_w=pix_w, pix_h=pix_h)
    async with reading(studio, web_of(1)).client() as client:
        result = await client.call_tool("add_images", {"images": [image], "verify": True})
    assert outcomes(said(result)) == ["created"]


async def test_a_call_without_it_looks_at_no_file(studio: Studio) -> None:
    """The URLs may be reachable for FinerWorks alone."""
    web = web_of(1)
    async with reading(studio, web).client() as client:
        await client.call_tool("add_images", {"images": [claimed(1, file_size=1)]})
    assert web.dialled == []


async def test_one_file_that_differs_keeps_the_whole_call_back(studio: Studio) -> None:
    """Promise: each mismatch is named, with what was claimed and what was found."""
    images = [
        claimed(1),
        claimed(2, file_size=5),
        claimed(3, pix_w=401),
        claimed(4, file_size=5, pix_h=1),
        claimed(5),
    ]
    text = await refused(reading(studio, web_of(4)), images)
    assert text == (
        f'add_images was not run: verify found images[1] "NEW_002.jpg": file_size 5 given, '
        f'{len(FILE)} found; images[2] "NEW_003.jpg": pixels 401x600 given, 400x600 found; '
        f'images[3] "NEW_004.jpg": file_size 5 given, {len(FILE)} found, pixels 400x1 given, '
        '400x600 found; images[4] "NEW_005.jpg": its private_hires_uri could not be read. '
        "Nothing was sent. Correct them; inspect_files shows the actual values. "
        "(reason: invalid_arguments)"
    )


async def test_a_picture_lying_on_its_side_differs_unless_exif_turns_it(studio: Studio) -> None:
    """Width for height is the slip that a print shows."""
    web = Web({url_of(1): Served(picture("PNG", (600, 400)))})
    image = claimed(1, file_size=len(picture("PNG", (600, 400))))
    assert "pixels 400x600 given, 600x400 found" in await refused(reading(studio, web), [image])


async def test_twenty_are_named_and_the_rest_counted(studio: Studio) -> None:
    """A long refusal would fill the context."""
    images = [claimed(number) for number in range(1, 24)]
    text = await refused(reading(studio, Web()), images)
    assert (text.count("could not be read"), "; and 3 more." in text) == (20, True)


async def test_no_url_is_told(studio: Studio) -> None:
    """The print master's address stays out of results, also of refusals."""
    text = await refused(reading(studio, Web()), [claimed(1)])
    assert "files.example" not in text


async def test_a_share_page_is_told_as_one(studio: Studio) -> None:
    """What a link shows to a person is not what is printed; the link is not told."""
    web = Web({url_of(1): Served(b"<!DOCTYPE html><html><title>fog.tif</title></html>")})
    text = await refused(reading(studio, web), [claimed(1)])
    assert "its private_hires_uri is a share page, not the file" in text
    assert "files.example" not in text


async def test_a_file_whose_size_nobody_tells_is_not_verified(studio: Studio) -> None:
    """What was not compared is not said to agree."""
    web = Web({url_of(1): Served(FILE + bytes(100_000), says_size=False)})
    text = await refused(reading(studio, web), [claimed(1)])
    assert "its server does not report its file_size" in text


async def test_what_is_not_reached_in_time_is_refused_too() -> None:
    """The next step is a smaller call; the time is that in which writes may begin."""
    studio = reading(make_studio(pace=Pace(start_chunks_s=0)), web_of(1))
    text = await refused(studio, [claimed(1)])
    assert text == (
        'add_images was not run: verify found images[0] "NEW_001.jpg": not checked in time. '
        "Nothing was sent. Verify fewer images per call and correct the differences. "
        "(reason: invalid_arguments)"
    )


async def test_with_fetching_off_it_is_refused(studio: Studio) -> None:
    """Nothing is registered as verified that nobody looked at."""
    text = await refused(reading(studio, None), [claimed(1)])
    assert text == (
        "Nothing is fetched from URLs: the operator turned that off. Nothing was "
        "changed. Continue with titles, descriptions and sizes, or ask the operator to start the "
        "server without --no-fetch. (reason: fetch_off)"
    )


async def test_a_dry_run_verifies_as_well(studio: Studio) -> None:
    """It says what the call would do."""
    studio = reading(studio, web_of(1))
    assert "file_size 5 given" in await refused(studio, [claimed(1, file_size=5)], dry_run=True)
    async with studio.client() as client:
        arguments = {"images": [claimed(1)], "verify": True, "dry_run": True}
        assert said(await client.call_tool("add_images", arguments))["status"] == "dry_run"


@pytest.mark.parametrize(("first", "second"), [(True, True), (True, False), (False, True)])
async def test_a_replay_looks_at_no_file(studio: Studio, first: bool, second: bool) -> None:
    """The links may have died since; with `verify` or without it the call is the same."""
    web = web_of(1)
    studio = reading(studio, web)
    async with studio.client() as client:
        arguments: dict[str, Any] = {"images": [claimed(1)]}
        made = said(await client.call_tool("add_images", {**arguments, "verify": first}))
        web.pages.clear()
        asked = len(web.dialled)
        again = said(await client.call_tool("add_images", {**arguments, "verify": second}))
    assert_replayed(again, made)
    assert len(web.dialled) == asked


async def test_a_call_that_was_refused_can_be_corrected(studio: Studio) -> None:
    """Nothing stays behind from the first."""
    studio = reading(studio, web_of(1))
    await refused(studio, [claimed(1, file_size=5)])
    async with studio.client() as client:
        result = await client.call_tool("add_images", {"images": [claimed(1)], "verify": True})
    assert (said(result).get("replayed"), outcomes(said(result))) == (None, ["created"])


async def test_a_call_that_is_resumed_verifies_what_is_left(studio: Studio) -> None:
    """What was registered before may be gone from its server; the rest is looked at again."""
    web = web_of(12)
    slow = slowed(reading(studio, web), 20)
    arguments = {"images": [claimed(number) for number in range(1, 13)], "verify": True}
    async with slow.client() as client:
        first = said(await client.call_tool("add_images", arguments))
        assert first["outcomes"] == {"created": 10, "not_attempted": 2}
        gone = [web.pages.pop(url_of(number)) for number in range(1, 12)]
        sent = len(slow.wire.writes)
        second = await client.call_tool("add_images", arguments)
        assert 'found images[10] "NEW_011.jpg": its private_hires_uri' in text_of(second)
        assert len(slow.wire.writes) == sent
        web.pages[url_of(11)] = gone[10]
        third = said(await client.call_tool("add_images", arguments))
    assert (third["replayed"], third["outcomes"]) == (True, {"created": 12})


async def test_a_call_that_is_gone_on_with_was_verified_at_its_beginning(studio: Studio) -> None:
    """All of it was looked at before the first image was sent."""
    web = web_of(12)
    images = [claimed(number) for number in range(1, 13)]
    async with slowed(reading(studio, web), 20).client() as client:
        first = said(await client.call_tool("add_images", {"images": images, "verify": True}))
        asked = len(web.dialled)
        handle = {"continue_handle": first["continue_handle"]}
        last = said(await client.call_tool("add_images", handle))
    assert (last["outcomes"], asked, len(web.dialled)) == ({"created": 12}, 12, 12)


@pytest.mark.parametrize("mode", MODES)
async def test_beside_a_continue_handle_it_is_refused(studio: Studio, mode: Mode) -> None:
    """A handle stands alone."""
    async with reading(studio, web_of(1)).client(mode=mode) as client:
        arguments = {"continue_handle": "change_1", "verify": True}
        result = await client.call_tool("add_images", arguments)
    assert result.is_error
    assert "continue_handle must be passed alone, without verify." in text_of(result)
