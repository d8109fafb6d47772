"""`fw-mcp demo`: a seller's session over stdio against the sandbox, checked as it goes."""

import base64
import os
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitRequestParams, ElicitResult, ErrorData, ImageContent, TextContent
from PIL import Image

from fw_mcp.cli.output import tell
from fw_mcp.pictures.renditions import Renderer
from fw_mcp.text import counted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from mcp.client import ClientRequestContext
    from mcp.types import CallToolResult

    from fw_mcp.assembly import Assembly

_INDENT = "   "
_YES = ElicitResult(action="accept", content={"confirm": True})
_NO = ElicitResult(action="decline")
_READING_S = 1.0
_NEW_IMAGES = 7
_VIEWED = 12
_NEW_WORK = {
    "dawn.jpg": ((2400, 1600), ("midnightblue", "lightsalmon")),
    "noon.jpg": ((1600, 2400), ("deepskyblue", "khaki")),
    "dusk.tif": ((1800, 1800), ("indigo", "orangered")),
}
# How this program may have been found, and what it starts has to be.
_FOUND_BY = ("PYTHONPATH",)


class DemoError(Exception):
    """The session went otherwise than it says."""


def play(assembly: "Assembly", _: "Mapping[str, object]", *, can_upload: bool | None = None) -> int:
    """Play the session.

    Args:
        assembly: of its settings only `read_only` counts; the session then ends at its first write.
        can_upload: whether what makes previews is installed; None to look.

    Returns:
        0, or 1 when anything went otherwise than the session says.
    """
    failures: list[BaseException] = []
    try:
        available = Renderer(available=can_upload).available
        anyio.run(_session, assembly.settings.read_only, available)
    except* (DemoError, MCPError) as failed:
        failures += _flat(failed)
    for failure in failures:
        tell(f"\nThe demo failed: {failure}")
    if failures:
        return 1
    print("\nEverything worked as announced. No account was touched; the contact sheet is kept.")
    print("Next: fw-mcp connect sets up a client; docs/start.md has every step.")
    return 0


def _flat(group: BaseException) -> list[BaseException]:
    if isinstance(group, BaseExceptionGroup):
        return [one for part in group.exceptions for one in _flat(part)]
    return [group]


class _Seller:
    """The person at the client: answers as told and shows what was asked.

    Reading takes a second: an answer that comes at once counts as software's.
    """

    def __init__(self) -> None:
        self.answer = _YES
        self.questions: list[str] = []

    async def __call__(
        self,
        context: "ClientRequestContext",  # noqa: ARG002  the SDK's signature
        params: ElicitRequestParams,
    ) -> ElicitResult | ErrorData:
        """Show the question, read it, answer."""
        self.questions.append(params.message)
        _show("The server asks:", *params.message.splitlines())
        await anyio.sleep(_READING_S)
        _show(f"The seller answers: {'yes' if self.answer is _YES else 'no'}")
        return self.answer


@dataclass(frozen=True, slots=True)
class _Change:
    """A write that was made, and the images as they were before."""

    change_id: str
    images: list[dict[str, Any]]


class _Assistant:
    """The assistant at the other end of the pipe."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def call(self, tool: str, **arguments: object) -> "CallToolResult":
        """Call a tool, showing progress while it runs."""
        return await self._client.call_tool(tool, arguments, progress_callback=_progress)

    async def say(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool that must not fail, and show its text."""
        result = await self.call(tool, **arguments)
        _expect(not result.is_error, f"{tool} answered: {_text(result)}")
        _show(*_text(result).splitlines())
        return result.structured_content or {}

    async def state(self, **query: object) -> int:
        """How many images match, now."""
        result = await self.call("search_images", per_page=1, **query)
        return int((result.structured_content or {})["count"])

    async def with_products(self) -> list[dict[str, Any]]:
        """Images that products hang on, those in shops first."""
        result = await self.call("search_images", per_page=50)
        images = [row for row in (result.structured_content or {})["images"] if row["products"]]
        return sorted(images, key=lambda row: not row.get("shops"))


async def _session(read_only: bool, can_upload: bool) -> None:
    seller = _Seller()
    began = time.perf_counter()
    print("Starting fw-mcp on its sandbox, over stdio ...", flush=True)
    async with _folder() as folder, _connected(seller, folder, read_only=read_only) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        print(f"Ready after {time.perf_counter() - began:.1f} s. Tools: {', '.join(tools)}")
        assistant = _Assistant(client)
        await _look(assistant)
        await _search(assistant)
        await _add(assistant)
        await _undo_retitling(assistant, await _retitle(assistant, seller))
        await _undo_deletion(assistant, await _delete(assistant, seller))
        await _decline(assistant, seller)
        await _select(assistant)
        if can_upload:
            await _undo_folder(assistant, await _add_folder(assistant, seller, folder), seller)
        else:
            _title("Add a folder of pictures: skipped because fw-mcp[upload] is not installed")


async def _look(assistant: _Assistant) -> None:
    _title("Look: what the model sees of the twelve largest files")
    # The newest are all of one series; these are of most of them.
    page = await assistant.call(
        "search_images", per_page=_VIEWED, sort_field="file_size", sort_direction="DESC"
    )
    guids = [row["guid"] for row in (page.structured_content or {})["images"]]
    viewed = await assistant.call("view_images", guids=guids, contact_sheet=True)
    if viewed.is_error:
        _show(_text(viewed), "One by one, then:")
        viewed = await assistant.call("view_images", guids=guids)
    pictures = [block for block in viewed.content if isinstance(block, ImageContent)]
    _expect(bool(pictures), "the model sees pictures")
    _show(*_text(viewed).splitlines(), f"Open it: {_kept(pictures[0])}")


def _kept(picture: ImageContent) -> Path:
    """The file that the picture was written to; it stays there when the demo has ended."""
    folder = Path(tempfile.mkdtemp(prefix="fw-mcp-demo-"))
    file = folder / f"contact-sheet.{picture.mime_type.rpartition('/')[2]}"
    file.write_bytes(base64.b64decode(picture.data))
    return file


async def _search(assistant: _Assistant) -> None:
    _title("Ask: what the whole library lacks, counted in one call")
    library = await assistant.say("search_images", summary=True, print_size="16x20 in")
    _expect(library["summary"]["images"] == await assistant.state(), "every image was counted")
    _title("Find: the newest images, with their products")
    page = await assistant.say("search_images", per_page=5)
    _expect(len(page["images"]) == 5, "a page holds five images")  # noqa: PLR2004  as asked above
    found = await assistant.say("search_images", search_filter="harbor", per_page=3)
    _expect(found["count"] > 0, "the studio has pictures of a harbor")


async def _add(assistant: _Assistant) -> None:
    _title("Add: seven new images, one description too long at first")
    before = await assistant.state()
    images = [_new_image(number) for number in range(1, _NEW_IMAGES + 1)]
    refused = await assistant.call(
        "add_images", images=[*images[:-1], {**images[-1], "description": "x" * 412}]
    )
    _expect(refused.is_error is True, "an over-long description is refused")
    _show(_text(refused))
    _expect(await assistant.state() == before, "a refused call adds nothing")
    added = await assistant.say("add_images", images=images)
    _expect(added["outcomes"] == {"created": _NEW_IMAGES}, "seven were created")
    await _state(assistant, before, before + _NEW_IMAGES)


async def _retitle(assistant: _Assistant, seller: _Seller) -> _Change:
    _title("Update a title: FinerWorks would remove the products, so the server asks")
    image = (await assistant.with_products())[0]
    products = counted(image["products"], "product")
    _show(f'"{image["title"]}" has {products}, live in {", ".join(image.get("shops", []))}')
    new = {"guid": image["guid"], "title": "First light over the water"}
    retitled = await assistant.say("update_image_metadata", images=[new])
    _expect(len(seller.questions) == 1, "the server asked once")
    _expect(retitled["outcomes"] == {"updated": 1}, "the title was updated")
    after = await assistant.say("search_images", guid_filter=[image["guid"]])
    _expect(after["images"][0]["title"] == new["title"], "the new title is stored")
    _expect(after["images"][0]["products"] == 0, "the products are removed, as the question said")
    return _Change(retitled["change_id"], [image])


async def _undo_retitling(assistant: _Assistant, change: _Change) -> None:
    _title("Undo it: the former title is written back; the products cannot be restored")
    (image,) = change.images
    undone = await assistant.say("undo_change", change_id=change.change_id)
    _expect(undone["outcomes"] == {"updated": 1}, "the update was undone")
    after = await assistant.say("search_images", guid_filter=[image["guid"]])
    _expect(after["images"][0]["title"] == image["title"], "the former title is stored again")


async def _delete(assistant: _Assistant, seller: _Seller) -> _Change:
    _title("Delete: two images, after a question that names them")
    before = await assistant.state()
    images = (await assistant.with_products())[:2]
    guids = [image["guid"] for image in images]
    deleted = await assistant.say("delete_images", guids=guids)
    _expect(len(seller.questions) == 2, "the server asked")  # noqa: PLR2004  once above, once here
    _expect(deleted["outcomes"] == {"deleted": 2}, "both were deleted")
    await _state(assistant, before, before - 2)
    return _Change(deleted["change_id"], images)


async def _undo_deletion(assistant: _Assistant, change: _Change) -> None:
    _title("Undo it: both are registered again, under new guids")
    before = await assistant.state()
    undone = await assistant.say("undo_change", change_id=change.change_id)
    _expect(undone["outcomes"] == {"created": 2}, "both were registered again")
    guids = [row["guid"] for row in undone["images"]]
    found = await assistant.call("search_images", guid_filter=guids)
    titles = [row["title"] for row in (found.structured_content or {})["images"]]
    expected = [image["title"] for image in change.images]
    _expect(sorted(titles) == sorted(expected), "they have the titles that they had")
    await _state(assistant, before, before + 2)


async def _decline(assistant: _Assistant, seller: _Seller) -> None:
    _title("Delete, declined: nothing is sent")
    before = await assistant.state()
    seller.answer = _NO
    guid = (await assistant.with_products())[0]["guid"]
    declined = await assistant.say("delete_images", guids=[guid])
    _expect(declined["status"] == "declined", "the call says that it was declined")
    await _state(assistant, before, before)


async def _select(assistant: _Assistant) -> None:
    _title("Select: hand three images to printing")
    found = await assistant.call("search_images", per_page=3)
    guids = [row["guid"] for row in (found.structured_content or {})["images"]]
    selection = await assistant.say("set_selection", guids=guids)
    held = {row["guid"] for row in selection["images"]}
    _expect(held == set(guids), "the selection holds the three")


async def _add_folder(assistant: _Assistant, seller: _Seller, folder: Path) -> _Change:
    _title("Add a folder of pictures: they become public, so the server asks")
    before, asked = await assistant.state(), len(seller.questions)
    seller.answer = _YES
    images = [{"file": f"{folder}/"}]
    await assistant.say("add_images", images=images, dry_run=True)
    added = await assistant.say("add_images", images=images)
    _expect(len(seller.questions) == asked + 1, "the server asked")
    _expect(added["outcomes"] == {"created": len(_NEW_WORK)}, "every picture was added")
    await _state(assistant, before, before + len(_NEW_WORK))
    change = await assistant.call("search_images", change_id=added["change_id"])
    rows = (change.structured_content or {})["images"]
    viewed = await assistant.call("view_images", guids=[row["guid"] for row in rows])
    seen = sum(isinstance(block, ImageContent) for block in viewed.content)
    _show(*_text(viewed).splitlines())
    _expect(seen == len(_NEW_WORK), "the model sees what was uploaded")
    return _Change(added["change_id"], rows)


async def _undo_folder(assistant: _Assistant, change: _Change, seller: _Seller) -> None:
    _title("Undo it: the new images are deleted again, after a question")
    before, asked = await assistant.state(), len(seller.questions)
    undone = await assistant.say("undo_change", change_id=change.change_id)
    _expect(len(seller.questions) == asked + 1, "the server asked")
    _expect(undone["outcomes"] == {"deleted": len(change.images)}, "the images were deleted")
    await _state(assistant, before, before - len(change.images))


async def _state(assistant: _Assistant, before: int, expected: int) -> None:
    now = await assistant.state()
    _show(f"The library held {counted(before, 'image')} before and holds {now} now.")
    _expect(now == expected, f"the library should hold {counted(expected, 'image')}")


@asynccontextmanager
async def _folder() -> "AsyncIterator[Path]":
    """A folder of new work, as a seller has it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder = Path(place) / "New Work"
        folder.mkdir()
        for name, (size, colors) in _NEW_WORK.items():
            left, right = (Image.new("RGB", size, color) for color in colors)
            fade = Image.linear_gradient("L").resize(size)
            Image.composite(left, right, fade).save(folder / name)
        yield folder


@asynccontextmanager
async def _connected(seller: _Seller, files: Path, *, read_only: bool) -> "AsyncIterator[Client]":
    # Windows removes no file that something still holds, a virus scanner for one.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        store = Path(folder) / "store.sqlite3"
        limits = ["--read-only"] if read_only else []
        server = StdioServerParameters(
            command=sys.executable,
            args=[
                *("-m", "fw_mcp", "--sandbox", "--store", str(store)),
                *("--file-folders", str(files), *limits),
            ],
            env={name: os.environ[name] for name in _FOUND_BY if name in os.environ},
        )
        transport = stdio_client(server)
        async with Client(transport, elicitation_callback=seller, cache=None) as client:
            yield client


async def _progress(progress: float, total: float | None, message: str | None) -> None:
    print(f"{_INDENT}... {message or f'{progress:g} of {total or 0:g}'}", flush=True)


def _new_image(number: int) -> dict[str, Any]:
    base = f"https://studio.example/winter/{number:02}"
    return {
        "title": f"Winter harbor {number}",
        "description": "Ice on the pier at first light, from the winter series.",
        "file_name": f"winter_harbor_{number:02}.tif",
        "file_size": 84_000_000 + number,
        "public_thumbnail_uri": f"{base}/thumbnail.jpg",
        "public_preview_uri": f"{base}/preview.jpg",
        "private_hires_uri": f"{base}/master.tif",
        "pix_w": 7200,
        "pix_h": 4800,
    }


def _text(result: "CallToolResult") -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


def _title(text: str) -> None:
    print(f"\n== {text}", flush=True)


def _show(*lines: str) -> None:
    for line in lines:
        print(f"{_INDENT}{line}", flush=True)


def _expect(held: bool, what: str) -> None:
    if not held:
        raise DemoError(what)
