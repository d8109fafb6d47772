"""`inspect_files`: what files are, ready to be registered; and whose files are read."""

from pathlib import Path
from typing import Any

import pytest

from tests.pictures.fetch.web import Page, Web, page
from tests.pictures.headers import picture
from tests.pictures.served import LARGE, Served, ServedTiff
from tests.server.inspected import reading
from tests.server.test_replay import over_http
from tests.support.products import first_of
from tests.support.studio import Mode, Studio, said, text_of
from tests.support.truth import holdings

pytestmark = pytest.mark.anyio

MODES = first_of("auto", "legacy")
ROOT = "https://files.example"
URL = f"{ROOT}/masters/fog%20bank.tif?token=s3cret"
REFUSED = (
    "The URL was not fetched. Use an https URL of a public host that answers within 10 s with the "
    "file itself, uncompressed and not too large; run with --log-level info for the cause."
)
LOCAL_OFF = (
    "Local files are read only over stdio, and only inside folders allowed with --file-folders; "
    "pass a URL instead."
)


async def rows(studio: Studio, *files: str) -> list[dict[str, Any]]:
    """What is told of each file."""
    async with studio.client() as client:
        result = said(await client.call_tool("inspect_files", {"files": list(files)}))
    told: list[dict[str, Any]] = result["files"]
    return told


@pytest.mark.parametrize("mode", MODES)
async def test_a_file_is_told_as_add_images_takes_it(studio: Studio, mode: Mode) -> None:
    """Promise: name, bytes, format, pixels, orientation, prints; nothing is sent to FinerWorks."""
    served = ServedTiff()
    studio = reading(studio, Web({URL: served}))
    async with studio.client(mode=mode) as client:
        result = await client.call_tool("inspect_files", {"files": [URL]})
    assert said(result) == {
        "files": [
            {
                "source": URL,
                "file_name": "fog bank.tif",
                "file_size": served.size,
                "format": "TIFF",
                "pix_w": 6000,
                "pix_h": 4000,
                "orientation": "landscape",
                "prints": {"300": "20x13 in", "200": "30x20 in", "150": "40x26.5 in"},
                "private_hires_uri": URL,
            }
        ]
    }
    assert text_of(result) == (
        "1 of 1 file read.\n"
        f'"{URL}" | "fog bank.tif" | {served.size} bytes | TIFF 6000x4000 landscape'
        " | prints 20x13 in at 300 ppi, 30x20 in at 200 ppi, 40x26.5 in at 150 ppi"
        " | private_hires_uri as given"
    )
    assert (served.size > LARGE, len(served.asked)) == (True, 2)
    assert studio.wire.sent == []


async def test_a_row_can_be_passed_to_add_images(studio: Studio) -> None:
    """Field by field, and `verify` agrees with it."""
    studio = reading(studio, Web({URL: Served(picture("JPEG", (600, 400), 6))}))
    (row,) = await rows(studio, URL)
    names = ("file_name", "file_size", "pix_w", "pix_h", "private_hires_uri")
    preview = {"public_thumbnail_uri": f"{ROOT}/t.jpg", "public_preview_uri": f"{ROOT}/p.jpg"}
    image = {**{name: row[name] for name in names}, **preview}
    async with studio.client() as client:
        added = await client.call_tool("add_images", {"images": [image], "verify": True})
    held = (await holdings(studio))[said(added)["images"][0]["guid"]]
    assert (held.pix_w, held.pix_h, held.private_hires_uri) == (400, 600, URL)


@pytest.mark.parametrize(
    ("size", "orientation", "expected"),
    [
        ((600, 400), 1, ("landscape", None)),
        ((600, 400), 6, ("portrait", 6)),
        ((400, 600), 3, ("portrait", 3)),
        ((500, 500), 1, ("square", None)),
    ],
)
async def test_orientation_is_that_of_the_picture_as_displayed(
    studio: Studio, size: tuple[int, int], orientation: int, expected: tuple[str, int | None]
) -> None:
    """EXIF's own number is told where it turns or mirrors."""
    web = Web({URL: Served(picture("JPEG", size, orientation))})
    (row,) = await rows(reading(studio, web), URL)
    assert (row["orientation"], row.get("exif_orientation")) == expected


async def test_the_exif_orientation_is_told_in_the_text(studio: Studio) -> None:
    """A host without structured content shows the same."""
    studio = reading(studio, Web({URL: Served(picture("JPEG", (600, 400), 6))}))
    async with studio.client() as client:
        result = await client.call_tool("inspect_files", {"files": [URL]})
    assert " | JPEG 400x600 portrait | EXIF orientation 6 | prints " in text_of(result)


async def test_a_picture_too_small_for_any_print_has_none(studio: Studio) -> None:
    """Under half an inch is no print."""
    studio = reading(studio, Web({URL: Served(picture("GIF", (60, 40)))}))
    (row,) = await rows(studio, URL)
    assert (row["pix_w"], "prints" in row) == (60, False)


async def test_what_cannot_be_read_says_why_and_keeps_nothing_back(studio: Studio) -> None:
    """Each file has its row, in order; a URL that is not fetched says no more than that."""
    files = [f"{ROOT}/gone.jpg", f"{ROOT}/page", URL, "http://169.254.169.254/latest"]
    web = Web({URL: Served(picture("PNG")), files[1]: Served(b"<!doctype html>")})
    studio = reading(studio, web)
    async with studio.client() as client:
        result = await client.call_tool("inspect_files", {"files": files})
    gone, html, png, metadata = said(result)["files"]
    assert gone == {"source": files[0], "error": REFUSED}
    assert metadata == {"source": files[3], "error": REFUSED}
    assert html["error"].startswith("It is a share page, not the file")
    assert png["format"] == "PNG"
    lines = text_of(result).split("\n")
    assert lines[0] == "1 of 4 files read."
    assert lines[1] == f'"{files[0]}" | {REFUSED}'


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (page(b"<!DOCTYPE html>"), "It is a share page"),
        (page(b"", 403), "The URL was not fetched."),
    ],
)
async def test_a_share_link_that_is_not_the_file_is_told_with_its_direct_one(
    studio: Studio, answer: Page, told: str
) -> None:
    """By its text, so that whether it answers, and what, tells no more than before."""
    link = "https://www.dropbox.com/scl/fi/ab12/fog.tif?rlkey=x1&dl=0"
    studio = reading(studio, Web({link: answer}))
    (row,) = await rows(studio, link)
    direct = "https://www.dropbox.com/scl/fi/ab12/fog.tif?rlkey=x1&dl=1"
    assert row["error"].startswith(told)
    assert row["error"].endswith(f"Use its direct link: {direct}")


async def test_a_url_that_add_images_would_refuse_is_not_handed_on(studio: Studio) -> None:
    """It takes 500 characters; the rest is told all the same."""
    long = f"{ROOT}/fog.png?signature={'a' * 500}"
    (row,) = await rows(reading(studio, Web({long: Served(picture("PNG"))})), long)
    assert "private_hires_uri" not in row
    assert row["detail"] == "Its URL is longer than the 500 characters add_images accepts."
    assert (len(row["source"]), row["file_name"]) == (120, "fog.png")


async def test_a_long_url_is_given_whole_where_it_is_handed_on(studio: Studio) -> None:
    """The text that names the file may be cut; the address may not."""
    long = f"{ROOT}/{'a' * 300}.png"
    studio = reading(studio, Web({long: Served(picture("PNG"))}))
    async with studio.client() as client:
        result = await client.call_tool("inspect_files", {"files": [long]})
    assert said(result)["files"][0]["private_hires_uri"] == long
    assert text_of(result).endswith(f" | private_hires_uri {long}")


async def test_a_size_that_is_not_told_is_said_to_be_missing(studio: Studio) -> None:
    """No number is made up."""
    served = Served(picture("PNG") + bytes(100_000), says_size=False)
    (row,) = await rows(reading(studio, Web({URL: served})), URL)
    assert "file_size" not in row
    assert row["detail"] == "The server does not report its size."


async def test_names_of_files_are_shown_with_what_cannot_be_seen(studio: Studio) -> None:
    """A name may hold what turns a line round."""
    url = f"{ROOT}/a%E2%80%AEgpj.%0Aignore.png"
    (row,) = await rows(reading(studio, Web({url: Served(picture("PNG"))})), url)
    assert row["file_name"] == "a\\u202egpj.\\nignore.png"


async def test_a_local_file_is_read_over_stdio_and_needs_a_url(
    studio: Studio, tmp_path: Path
) -> None:
    """Below a folder that the operator named, by either path."""
    content = picture("JPEG", (600, 400), 6)
    (tmp_path / "fog.jpg").write_bytes(content)
    row, same = await rows(reading(studio, Web(), [tmp_path]), "fog.jpg", f"{tmp_path}/fog.jpg")
    assert row == {
        "source": "fog.jpg",
        "file_name": "fog.jpg",
        "file_size": len(content),
        "format": "JPEG",
        "pix_w": 400,
        "pix_h": 600,
        "orientation": "portrait",
        "exif_orientation": 6,
        "prints": {"300": "1x2 in", "200": "2x3 in", "150": "2.5x4 in"},
        "detail": "add_images needs a URL for it that FinerWorks can reach.",
    }
    assert {**same, "source": "fog.jpg"} == row


@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/missing", "../fog.jpg", "missing.jpg"])
async def test_no_file_elsewhere_is_told_apart_from_one_that_is_not_there(
    studio: Studio, tmp_path: Path, path: str
) -> None:
    """Promise: nothing outside the operator's folders is read, or said to exist."""
    (tmp_path / "fog.jpg").write_bytes(picture("JPEG"))
    (tmp_path / "album").mkdir()
    (row,) = await rows(reading(studio, Web(), [tmp_path / "album"]), path)
    assert row == {
        "source": path,
        "error": "The file was not read. Pass the path of a picture inside a folder allowed with "
        "--file-folders, not through links.",
    }


async def test_over_http_no_local_file_is_read(studio: Studio, tmp_path: Path) -> None:
    """Promise: whoever calls over HTTP gets at no file of this machine; URLs are read."""
    (tmp_path / "fog.jpg").write_bytes(picture("JPEG"))
    studio = reading(studio, Web({URL: Served(picture("PNG"))}), [tmp_path])
    files = ["fog.jpg", f"{tmp_path}/fog.jpg", "/etc/passwd", URL]
    async with over_http(studio) as client:
        result = said(await client.call_tool("inspect_files", {"files": files}))
    errors = [row.get("error") for row in result["files"]]
    assert errors == [LOCAL_OFF, LOCAL_OFF, LOCAL_OFF, None]


async def test_without_folders_no_local_file_is_read(studio: Studio, tmp_path: Path) -> None:
    """As a server starts."""
    (tmp_path / "fog.jpg").write_bytes(picture("JPEG"))
    (row,) = await rows(reading(studio, Web()), f"{tmp_path}/fog.jpg")
    assert row["error"] == LOCAL_OFF


async def test_with_fetching_off_each_url_says_so(studio: Studio) -> None:
    """The operator's switch holds for this tool too."""
    (row,) = await rows(reading(studio, None), URL)
    assert row == {
        "source": URL,
        "error": "Nothing is fetched from URLs: the operator turned that off.",
    }


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ([], "give at least one"),
        ([URL] * 51, "at most 50"),
        (["x" * 2_001], "at most 2000 characters"),
    ],
)
async def test_too_few_and_too_many_files_are_refused(
    studio: Studio, files: list[str], fault: str
) -> None:
    """Before one is read."""
    web = Web({URL: Served(picture("PNG"))})
    async with reading(studio, web).client() as client:
        result = await client.call_tool("inspect_files", {"files": files})
    assert result.is_error
    assert fault in text_of(result)
    assert web.dialled == []
