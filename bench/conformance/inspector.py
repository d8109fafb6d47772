"""The MCP Inspector's command line against fw-mcp over stdio, in both eras of the protocol.

Every request starts a server of its own, so what lasts between them is in the sandbox's file and
the store. The Inspector declares no elicitation: destructive calls take two steps.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packages import Packages
from verdict import Unexpected, Verdict, expect

REVISIONS = {"legacy": "2025-11-25", "modern": "2026-07-28"}
_NEW_IMAGE = {
    "title": "Conformance pier",
    "file_name": "conformance_pier.tif",
    "file_size": 84_000_000,
    "public_thumbnail_uri": "https://studio.example/pier/thumbnail.jpg",
    "public_preview_uri": "https://studio.example/pier/preview.jpg",
    "private_hires_uri": "https://studio.example/pier/master.tif",
    "pix_w": 7200,
    "pix_h": 4800,
}
_UNKNOWN_GUID = "00000000-0000-4000-8000-000000000000"
_TOOL_ERROR = 5
_CUT = 100
_CUT_ERROR = 300


def inspect(packages: Packages, folder: Path) -> Iterator[Verdict]:
    """Go through everything in both eras, each with a library of its own.

    Args:
        packages: the Inspector among them.
        folder: for the library and the Inspector's configuration.
    """
    for era in REVISIONS:
        inspector = Inspector(packages, era, _configured(folder, era))
        for what, step in {**_SURFACE, **_CALLS}.items():
            yield _judged(inspector, what, step)


@dataclass(frozen=True)
class Inspector:
    """The Inspector, speaking one era.

    Attributes:
        packages: the Inspector among them.
        era: ``legacy`` or ``modern``.
        config: names the server.
    """

    packages: Packages
    era: str
    config: Path

    def run(self, method: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Send one request."""
        shown = " ".join((method, *options))
        print(f"  {self.era}: {shown[:_CUT]}{'...' if shown[_CUT:] else ''}", flush=True)
        server = ("--config", str(self.config), "--server", "fw-mcp")
        how = ("--protocol-era", self.era, "--format", "json", "--method", method)
        return self.packages.run("mcp-inspector", ["--cli", *server, *how, *options])

    def ask(self, method: str, *options: str) -> dict[str, Any]:
        """Send one request that must succeed, and give its result."""
        done = self.run(method, *options)
        expect(done.returncode == 0, _ending(done))
        result: dict[str, Any] = json.loads(done.stdout)["result"]
        return result

    def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool that must succeed, and give its structured content."""
        result = self.ask("tools/call", *_tool_call(tool, arguments))
        structured: dict[str, Any] = result["structuredContent"]
        return structured

    def refusal(self, tool: str, **arguments: object) -> str:
        """Call a tool that must refuse, and give its text."""
        done = self.run("tools/call", *_tool_call(tool, arguments))
        expect(done.returncode == _TOOL_ERROR, f"exit {done.returncode} instead of a refusal")
        text: str = json.loads(done.stdout)["result"]["content"][0]["text"]
        return text


def _speaks(inspector: Inspector) -> str:
    """It speaks the era's revision."""
    spoken = inspector.ask("initialize")["protocolVersion"]
    expect(spoken == REVISIONS[inspector.era], f"it speaks {spoken}")
    return str(spoken)


def _tools_list(inspector: Inspector) -> str:
    """It lists the tools that are called here, with schemas that every host takes."""
    done = inspector.run("tools/list", "--strict")
    expect(done.returncode == 0, _ending(done))
    expect("Issue:" not in done.stderr, f"a schema is not portable: {done.stderr.strip()[:300]}")
    names = [tool["name"] for tool in json.loads(done.stdout)["result"]["tools"]]
    expect(names == list(_CALLS), f"the tools are {names}")
    return f"{len(names)} tools, nothing unportable"


def _resources(inspector: Inspector) -> str:
    """It lists resources and templates, and reads a page and an image."""
    listed = inspector.ask("resources/list")["resources"]
    templates = inspector.ask("resources/templates/list")["resourceTemplates"]
    page = _read(inspector, listed[0]["uri"])
    image = _read(inspector, f"finerworks://images/{page['images'][0]['guid']}")
    expect(image["guid"] == page["images"][0]["guid"], "another image was read")
    unknown = inspector.run("resources/read", "--uri", f"finerworks://images/{_UNKNOWN_GUID}")
    expect(unknown.returncode != 0, "an image that does not exist was read")
    return f"{len(listed)} resources, {len(templates)} templates, {len(page['images'])} images read"


def _prompts(inspector: Inspector) -> str:
    """It lists prompts and fills one in."""
    names = [prompt["name"] for prompt in inspector.ask("prompts/list")["prompts"]]
    chosen = ("--prompt-name", "review_before_delete", "--prompt-args", "images=harbor at dawn")
    messages = inspector.ask("prompts/get", *chosen)["messages"]
    expect("harbor at dawn" in messages[0]["content"]["text"], "the argument is not in the prompt")
    return f"{len(names)} prompts, one filled in"


def _views(inspector: Inspector) -> str:
    """It shows pictures, each followed by its guid."""
    guids = [row["guid"] for row in inspector.call("search_images", per_page=2)["images"]]
    done = inspector.run("tools/call", *_tool_call("view_images", {"guids": guids}))
    expect(done.returncode == 0, _ending(done))
    content = json.loads(done.stdout)["result"]["content"]
    kinds = [block["type"] for block in content]
    expect(kinds == ["image", "text"] * 2, f"the content is {kinds}")
    captions = [block["text"][: len(guids[0])] for block in content[1::2]]
    expect(captions == guids, f"the captions begin with {captions}")
    return f"{len(guids)} pictures"


def _inspects(inspector: Inspector) -> str:
    """It reads the header of a picture."""
    guid = inspector.call("search_images", per_page=1)["images"][0]["guid"]
    preview = _read(inspector, f"finerworks://images/{guid}")["public_preview_uri"]
    (file,) = inspector.call("inspect_files", files=[preview])["files"]
    expect(file.get("format") == "PNG", f"the file is {file}")
    return f"{file['pix_w']}x{file['pix_h']} {file['format']}"


def _searches(inspector: Inspector) -> str:
    """It finds a page of images, and refuses an argument that it does not know."""
    page = inspector.call("search_images", per_page=5)
    expect(len(page["images"]) == len({row["guid"] for row in page["images"]}), "an image twice")
    refused = inspector.refusal("search_images", per_pag=5)
    expect("per_page" in refused, f"the refusal names no argument: {refused}")
    return f"{len(page['images'])} of {page['count']} images; a misspelt argument refused"


def _searches_products(inspector: Inspector) -> str:
    """It finds what is for sale, and one product by its SKU."""
    page = inspector.call("search_products", per_page=5)
    sku = page["products"][0]["sku"]
    found = inspector.call("search_products", sku_filter=[sku])["products"]
    expect([row["sku"] for row in found] == [sku], f"{sku} finds {found}")
    return f"{len(page['products'])} of {page['count']} products; one by its SKU"


def _lists_changes(inspector: Inspector) -> str:
    """It lists what was done, newest first."""
    guid = inspector.call("search_images", per_page=1)["images"][0]["guid"]
    done = inspector.call("set_selection", guids=[guid])
    listed = inspector.call("list_changes")["changes"]
    expect(listed[0]["change_id"] == done["change_id"], f"the newest is {listed[0]}")
    return f"{len(listed)} listed"


def _adds(inspector: Inspector) -> str:
    """It registers an image."""
    before = _count(inspector)
    added = inspector.call("add_images", images=[_NEW_IMAGE])
    expect(added["outcomes"] == {"created": 1}, f"the outcomes are {added['outcomes']}")
    expect(_count(inspector) == before + 1, "the library did not grow by one")
    return "1 created"


def _selects(inspector: Inspector) -> str:
    """It keeps a selection."""
    found = inspector.call("search_images", per_page=3)
    guids = [row["guid"] for row in found["images"]]
    selection = inspector.call("set_selection", guids=guids)
    held = [row["guid"] for row in selection["images"]]
    expect(sorted(held) == sorted(guids), f"it holds {held}")
    return f"{len(guids)} stored"


def _updates(inspector: Inspector) -> str:
    """It retitles an image with products only when it is called again with the plan."""
    guid = _with_products(inspector)
    change = {"images": [{"guid": guid, "title": "Retitled by the Inspector"}]}
    asked = _asked(inspector, "update_image_metadata", change)
    expect(_title(inspector, guid) != "Retitled by the Inspector", "it was retitled unasked")
    done = inspector.call("update_image_metadata", **change, plan_id=asked)
    expect(done["outcomes"] == {"updated": 1}, f"the outcomes are {done['outcomes']}")
    expect(_title(inspector, guid) == "Retitled by the Inspector", "it was not retitled")
    return "asked, unchanged, then 1 updated"


def _deletes(inspector: Inspector) -> str:
    """It deletes an image only when it is called again with the plan, and only once."""
    before = _count(inspector)
    doomed = {"guids": [_with_products(inspector)]}
    asked = _asked(inspector, "delete_images", doomed)
    expect(_count(inspector) == before, "it was deleted unasked")
    done = inspector.call("delete_images", **doomed, plan_id=asked)
    expect(done["outcomes"] == {"deleted": 1}, f"the outcomes are {done['outcomes']}")
    expect(_count(inspector) == before - 1, "the library did not shrink by one")
    again = inspector.call("delete_images", **doomed, plan_id=asked)
    expect(again.get("replayed") is True, "the plan's second use was no replay")
    expect(_count(inspector) == before - 1, "the plan's second use deleted something")
    return "asked, unchanged, then 1 deleted; the plan's second use replayed"


def _undoes(inspector: Inspector) -> str:
    """It takes back a retitling, and lists it among the changes."""
    guid = inspector.call("search_images", per_page=1)["images"][0]["guid"]
    before = _title(inspector, guid)
    change = {"images": [{"guid": guid, "title": "Retitled to be undone"}]}
    done = inspector.call("update_image_metadata", **change)
    undone = inspector.call("undo_change", change_id=done["change_id"])
    expect(undone["outcomes"] == {"updated": 1}, f"the outcomes are {undone['outcomes']}")
    expect(_title(inspector, guid) == before, "the former title is not back")
    listed = _read(inspector, "finerworks://changes")["changes"]
    expect(listed[0]["undoes"] == done["change_id"], "the undo is not the newest change")
    return "1 updated, undone, and listed"


_SURFACE = {
    "initialize": _speaks,
    "tools/list --strict": _tools_list,
    "resources/list, templates/list, read": _resources,
    "prompts/list, prompts/get": _prompts,
}
_CALLS = {
    "search_images": _searches,
    "search_products": _searches_products,
    "view_images": _views,
    "inspect_files": _inspects,
    "list_changes": _lists_changes,
    "add_images": _adds,
    "update_image_metadata": _updates,
    "delete_images": _deletes,
    "set_selection": _selects,
    "undo_change": _undoes,
}


def _judged(inspector: Inspector, what: str, step: Callable[[Inspector], str]) -> Verdict:
    judge = f"Inspector, {REVISIONS[inspector.era]}"
    try:
        return Verdict(judge, what, passed=True, detail=step(inspector))
    except (Unexpected, subprocess.TimeoutExpired) as fault:
        return Verdict(judge, what, passed=False, detail=str(fault))


def _configured(folder: Path, era: str) -> Path:
    files = (
        "--sandbox-file",
        str(folder / f"{era}.library"),
        "--store",
        str(folder / f"{era}.store"),
    )
    server = {"type": "stdio", "command": sys.executable, "args": ["-m", "fw_mcp", *files]}
    config = folder / f"{era}.json"
    config.write_text(json.dumps({"mcpServers": {"fw-mcp": server}}))
    return config


def _tool_call(tool: str, arguments: dict[str, Any]) -> tuple[str, ...]:
    return ("--tool-name", tool, "--tool-args-json", json.dumps(arguments))


def _read(inspector: Inspector, uri: str) -> dict[str, Any]:
    contents = inspector.ask("resources/read", "--uri", uri)["contents"]
    page: dict[str, Any] = json.loads(contents[0]["text"])
    return page


def _asked(inspector: Inspector, tool: str, arguments: dict[str, Any]) -> str:
    """Call a tool that must ask first, and give the plan's id."""
    asked = inspector.call(tool, **arguments)
    expect(asked["status"] == "confirmation_required", f"the status is {asked['status']}")
    return str(asked["plan_id"])


def _count(inspector: Inspector) -> int:
    return int(inspector.call("search_images", per_page=1)["count"])


def _title(inspector: Inspector, guid: str) -> str:
    images = inspector.call("search_images", guid_filter=[guid])["images"]
    return str(images[0]["title"])


def _with_products(inspector: Inspector) -> str:
    """Give the guid of an image whose products would go."""
    images = inspector.call("search_images", list_products=True, per_page=50)["images"]
    return str(next(row["guid"] for row in images if row["products"]))


def _ending(done: subprocess.CompletedProcess[str]) -> str:
    """Say how a request ended: an error's last line is the Inspector's own word on it."""
    said = (done.stdout.strip() or done.stderr.strip()).splitlines()
    return f"exit {done.returncode}: {said[-1][-_CUT_ERROR:] if said else 'it said nothing'}"
