"""The calls of the matrix: one of each kind of write, and the undoing of each."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcp.client import Client

from tests.faults.goals import GONE, THERE, Adding, Choosing, Deleting, Goal, Rewriting
from tests.faults.matrix import Place
from tests.faults.stage import Stage
from tests.support.studio import said
from tests.support.truth import new_images, rows_of

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """A call, and what it is to bring about."""

    tool: str
    arguments: Arguments
    goal: Goal

    def rest(self, result: Mapping[str, Any]) -> Arguments:
        """The call for what a result left open."""
        if handle := result.get("continue_handle"):
            return {"continue_handle": handle}
        listed = next((name for name in ("images", "guids") if name in self.arguments), None)
        if listed is None or "images" not in result:
            return self.arguments
        done = {
            row.get("index", place)
            for place, row in enumerate(rows_of(dict(result)))
            if row["outcome"] in GONE | THERE
        }
        left = [one for place, one in enumerate(self.arguments[listed]) if place not in done]
        return {**self.arguments, listed: left or self.arguments[listed]}


@dataclass(frozen=True)
class Call:
    """One kind of call.

    Attributes:
        images: how many the library holds before.
        writes: the endpoint that it writes with.
        reads: the endpoints that it reads with.
        places: the requests of an endpoint that are spoiled in turn.
        ready: does what must have been done before, and gives the call.
    """

    name: str
    images: int
    writes: str
    reads: tuple[str, ...]
    ready: Callable[[Stage, Client, list[str]], Awaitable[Asked]]
    places: Sequence[Place] = tuple(Place)

    def __str__(self) -> str:
        return self.name


def _adding(count: int) -> Callable[[Stage, Client, list[str]], Awaitable[Asked]]:
    async def ready(_: Stage, __: Client, ___: list[str]) -> Asked:
        images = new_images(count)
        uris = tuple(str(image["private_hires_uri"]) for image in images)
        return Asked("add_images", {"images": images}, Adding(uris))

    return ready


def _rewriting(count: int) -> Callable[[Stage, Client, list[str]], Awaitable[Asked]]:
    async def ready(_: Stage, __: Client, guids: list[str]) -> Asked:
        texts = {guid: (f"New {n}", f"Told anew {n}") for n, guid in enumerate(guids[:count])}
        images = [
            {"guid": guid, "title": title, "description": description}
            for guid, (title, description) in texts.items()
        ]
        return Asked("update_image_metadata", {"images": images}, Rewriting(texts))

    return ready


def _deleting(count: int) -> Callable[[Stage, Client, list[str]], Awaitable[Asked]]:
    async def ready(_: Stage, __: Client, guids: list[str]) -> Asked:
        doomed = guids[:count]
        return Asked("delete_images", {"guids": doomed}, Deleting(tuple(doomed)))

    return ready


async def _choosing(stage: Stage, client: Client, guids: list[str]) -> Asked:
    key = {"selection_guid": stage.selection}
    await client.call_tool("set_selection", {"guids": guids[:2], **key})
    chosen = guids[1:6]
    return Asked("set_selection", {"guids": chosen, **key}, Choosing(tuple(chosen)))


async def _undoing_add(stage: Stage, client: Client, guids: list[str]) -> Asked:
    asked = await _adding(6)(stage, client, guids)
    done = said(await client.call_tool(asked.tool, dict(asked.arguments)))
    added = tuple(row["guid"] for row in done["images"])
    return Asked("undo_change", {"change_id": done["change_id"]}, Deleting(added))


async def _undoing_update(stage: Stage, client: Client, guids: list[str]) -> Asked:
    asked = await _rewriting(6)(stage, client, guids)
    former = stage.held().images
    done = said(await client.call_tool(asked.tool, dict(asked.arguments)))
    texts = {guid: former[guid].text for guid in guids[:6]}
    return Asked("undo_change", {"change_id": done["change_id"]}, Rewriting(texts))


async def _undoing_delete(stage: Stage, client: Client, guids: list[str]) -> Asked:
    asked = await _deleting(11)(stage, client, guids)
    former = stage.held().images
    done = said(await client.call_tool(asked.tool, dict(asked.arguments)))
    uris = tuple(former[guid].hires_uri for guid in guids[:11])
    return Asked("undo_change", {"change_id": done["change_id"]}, Adding(uris))


async def _undoing_choice(stage: Stage, client: Client, guids: list[str]) -> Asked:
    asked = await _choosing(stage, client, guids)
    done = said(await client.call_tool(asked.tool, dict(asked.arguments)))
    return Asked("undo_change", {"change_id": done["change_id"]}, Choosing(tuple(guids[:2])))


_LISTS = ("list_images",)
# An undo writes with the very code of the other tools.
_MIDDLE = (Place.MIDDLE,)
_STORED = "update_file_selection"

ADD = Call("add", 4, "add_images", _LISTS, _adding(11))
ADD_TWO_ENTRIES = Call("add_16", 4, "add_images", _LISTS, _adding(16))
UPDATE = Call("update", 24, "update_images", _LISTS, _rewriting(21))
UPDATE_TWO_CHUNKS = Call("update_11", 14, "update_images", _LISTS, _rewriting(11))
DELETE = Call("delete", 24, "delete_images", _LISTS, _deleting(21))
DELETE_TWO_CHUNKS = Call("delete_11", 14, "delete_images", _LISTS, _deleting(11))
SELECT = Call("select", 8, _STORED, ("list_images", "list_file_selection"), _choosing)
UNDO_ADD = Call("undo_add", 4, "delete_images", _LISTS, _undoing_add, _MIDDLE)
UNDO_UPDATE = Call("undo_update", 10, "update_images", _LISTS, _undoing_update, _MIDDLE)
UNDO_DELETE = Call("undo_delete", 14, "add_images", _LISTS, _undoing_delete, _MIDDLE)
UNDO_SELECT = Call(
    "undo_select", 8, _STORED, ("list_images", "list_file_selection"), _undoing_choice, _MIDDLE
)

_OF_ONE_SIZE = (ADD, SELECT, UNDO_ADD, UNDO_UPDATE, UNDO_DELETE, UNDO_SELECT)
WRITING = (UPDATE, DELETE, *_OF_ONE_SIZE)
READING = (UPDATE_TWO_CHUNKS, DELETE_TWO_CHUNKS, *_OF_ONE_SIZE)
