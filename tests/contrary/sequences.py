"""Sequences of calls on a contrary service: what is asked, of whom, and what they answer."""

import asyncio
import tempfile
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import anyio
from mcp.client import Client

from fw_mcp.guard.guard import Limits
from tests.contrary.model import Asked, Model, Row
from tests.contrary.service import Ending, Service, Ways
from tests.support.studio import NO, YES, Clock, Person, Studio, make_studio

Tool = Literal["search", "add", "update", "delete", "select", "undo", "continue", "again"]

TITLES = (
    "Sea & Sky",
    "  Fog  ",
    unicodedata.normalize("NFD", "Café"),
    "Two\r\nlines",
    "Dune \N{SUNRISE}",
    "Long road " * 12,
    "Plain",
)
_PRODUCTS = 3
_LAID = 6
_REPLAY_S = 600.0
_KNOWN_FILE = 4
_CHANGES = frozenset({"add_images", "update_image_metadata", "delete_images", "set_selection"})


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        tool: what is called; `again` makes the last call once more.
        pick: chooses images, texts, changes.
        yes: what the person says, if asked.
        hangs: whether somebody hangs a product on the first image while the question is open.
        endings: how the writes of the call end.
        wait_s: what passes afterwards, in seconds.
        beside: a call that is made at the same time, if the other server is there, through it.
    """

    tool: Tool
    pick: int = 0
    yes: bool = True
    hangs: bool = False
    endings: Sequence[Ending] = ()
    wait_s: float = 0.0
    beside: "Step | None" = None


class Played:
    """One library, one server or two, one person, and what was asked so far.

    Args:
        ways: how the service differs.
        store: where two servers keep one store; None for one server that keeps it in memory.
        tried: whether each kind of write was tried on the account before.
    """

    def __init__(self, ways: Ways, store: Path | None = None, *, tried: bool = True) -> None:
        self.clock = Clock()
        self.service = Service(self.clock, ways)
        laid = [
            self.service.lay(
                f"Old {number}",
                products=[f"SKU-{number}-{one}" for one in range(number % _PRODUCTS)],
                temporary=number == _PRODUCTS,
            )
            for number in range(_LAID)
        ]
        self.model = Model(self.service, self.clock)
        self.model.wanted.update(self.service.masters[guid] for guid in laid)
        self._tried = tried
        self.studios = [self._studio(store) for _ in range(1 if store is None else 2)]
        self.person = Person(self.clock, YES)
        self.made: list[tuple[Asked, Row]] = []
        self.last: Asked | None = None
        self.last_at = 0.0
        self.added = 0

    def _studio(self, store: Path | None) -> Studio:
        return make_studio(
            service=self.service,
            clock=self.clock,
            limits=Limits(items_per_call=20, deletions_per_hour=1_000),
            per_series=1,
            store=store,
            kept_for="tests" if store else "",
            tried=self._tried,
        )

    async def play(self, steps: Sequence[Step]) -> None:
        """Take the steps, and see after each, and a while later, that everything holds."""
        async with AsyncExitStack() as stack:
            servers = self.studios if any(step.beside for step in steps) else self.studios[:1]
            clients = [
                await stack.enter_async_context(one.client(person=self.person)) for one in servers
            ]
            for step in steps:
                await self._take(clients, step)
                self.clock.forward(step.wait_s)
        self.clock.forward(300)
        self.service.catch_up()
        self.model.check_holdings()

    async def _take(self, clients: Sequence[Client], step: Step) -> None:
        calls = [asked for one in (step, step.beside) if one and (asked := self._asked(one))]
        if not calls:
            return
        self.service.catch_up()
        self.person.answer = YES if step.yes else NO
        self.person.asked.clear()
        self.person.meanwhile = self._hanging(calls[0], step) if self._hangs(step) else None
        written = sum(len(studio.wire.writes) for studio in self.studios)
        images, selections = deepcopy(self.service.images), deepcopy(self.service.selections)
        calls = [
            replace(
                one,
                first=frozenset(images) if one.first is None else one.first,
                before=images,
                alone=len(calls) == 1,
                selections=selections,
            )
            for one in calls
        ]
        self._keep_last(calls)
        self.service.endings[:] = step.endings
        results = await self._called(calls, clients)
        self.service.endings.clear()
        if self.person.asked and step.yes:
            self.model.agree(calls)
        if self.person.asked and not step.yes and len(calls) == 1:
            sent = sum(len(studio.wire.writes) for studio in self.studios)
            assert sent == written, "written after a no"
        self.service.catch_up()
        self.model.check_holdings()
        apart = len(calls) == 1 or not calls[0].meets(calls[1])
        for asked, content in zip(calls, results, strict=True):
            if content is None:
                continue
            if apart:
                self.model.check_rows(asked, content)
                self._check_undone(asked, content, step)
            if asked.tool == "search_images" and len(calls) == 1:
                await self._check_pages(clients[0], content)
            if content.get("change_id"):
                self.made.append((self._first_made(asked, content), content))

    def _keep_last(self, calls: Sequence[Asked]) -> None:
        """What `again` makes again, and when it was made; an answer given again is not made."""
        last = next((one for one in calls if one.tool != "search_images"), None)
        if last is None:
            return
        if self.last is None or last.arguments is not self.last.arguments:
            self.last_at = self.clock()
        self.last = last

    def _first_made(self, asked: Asked, content: Row) -> Asked:
        """The call as it was first made: one that is only answered again changed nothing since."""
        same = (one for one, row in self.made if row["change_id"] == content["change_id"])
        first = asked if "continue_handle" in asked.arguments else next(same, asked)
        return replace(asked, before=first.before, selections=first.selections)

    async def _called(
        self, calls: Sequence[Asked], clients: Sequence[Client]
    ) -> Sequence[Row | None]:
        """What each call says; None of one that was refused."""
        results: dict[int, Row | None] = {}

        async def call(place: int, asked: Asked) -> None:
            result = await clients[place % len(clients)].call_tool(asked.tool, asked.arguments)
            assert not (result.is_error and asked.tool == "search_images"), result
            results[place] = None if result.is_error else dict(result.structured_content or {})

        async with anyio.create_task_group() as group:
            for place, asked in enumerate(calls):
                group.start_soon(call, place, asked)
        return [results[place] for place in range(len(calls))]

    def _check_undone(self, asked: Asked, content: Row, step: Step) -> None:
        """Nothing speaks against it, so it gives back what it can."""
        ways = self.service.ways
        quiet = not (step.endings or step.hangs or step.beside or self.service.pending)
        clear = not (ways.odd or ways.hidden_s or ways.lag_s.get("list_images"))
        if asked.undoes is None or not (quiet and clear and step.yes and self.made):
            return
        former, told = self.made[-1]
        is_last = asked.undoes is former and not told.get("replayed")
        done = all(one["outcome"] in {"updated", "deleted", "created"} for one in told["images"])
        if is_last and done and content["status"] != "dry_run" and not ways.null_products:
            # What a list counts and does not show may still be there.
            bad = {"failed"} if ways.count == "high" else {"failed", "unknown"}
            left = [row for row in content["images"] if row["outcome"] in bad]
            assert not left, left

    async def _check_pages(self, client: Client, content: Row) -> None:
        """The pages that follow show every image, where lists are not late."""
        ways = self.service.ways
        if ways.lag_s.get("list_images") or ways.hidden_s or (ways.odd or "")[:1] == ("guid",):
            return
        seen = [row["guid"] for row in content["images"]]
        while number := content.get("next_page_number"):
            arguments = {"per_page": 25, "page_number": number}
            content = (await client.call_tool("search_images", arguments)).structured_content or {}
            seen += [row["guid"] for row in content["images"]]
        held = {
            guid
            for guid, one in self.service.images.items()
            if ways.ignores_library or not one["temporary"]
        }
        # Half of it on a short page, counted as all of it, passes for the whole.
        assert set(seen) == held or ways.count == "low", held - set(seen)

    def _hangs(self, step: Step) -> bool:
        """What a list does not show yet, nobody can be asked about."""
        return step.hangs and not self.service.ways.lag_s.get("list_images")

    def _hanging(self, asked: Asked, step: Step) -> Any:  # noqa: ANN401  a coroutine function
        async def hang() -> None:
            for guid in asked.guids[:1]:
                # Only the inventory has products (CONTRACT.md §3).
                if guid in self.service.images and not self.service.images[guid]["temporary"]:
                    self.service.hang(guid, f"NEW-{step.pick}-{len(self.made)}")

        return hang

    def _asked(self, step: Step) -> Asked | None:
        made: Mapping[str, Callable[[Step], Asked | None]] = {
            "search": lambda _: Asked("search_images", {"per_page": 25}),
            "add": self._adding,
            "again": self._again,
            "update": self._updating,
            "delete": self._deleting,
            "select": self._selecting,
            "undo": self._undoing,
            "continue": self._going_on,
        }
        return made[step.tool](step)

    def _again(self, _: Step) -> Asked | None:
        # A call that was settled is a new one after ten minutes: it asks for another image.
        if self.last is not None and self.clock() - self.last_at > _REPLAY_S:
            self.model.wanted.update(self.last.masters)
            self.last_at = self.clock()
        return self.last

    def _chosen(self, step: Step) -> tuple[str, ...]:
        alive = list(self.service.images)
        chosen = [alive[(step.pick + n) % len(alive)] for n in range(2)] if alive else []
        return tuple(dict.fromkeys(chosen))

    def _updating(self, step: Step) -> Asked | None:
        chosen = self._chosen(step)
        titles = {guid: TITLES[(step.pick + n) % len(TITLES)] for n, guid in enumerate(chosen)}
        images = [{"guid": guid, "title": title} for guid, title in titles.items()]
        texts = {guid: (title, self.service.text_of(guid)[1]) for guid, title in titles.items()}
        if not chosen:
            return None
        return Asked("update_image_metadata", {"images": images}, chosen, texts)

    def _deleting(self, step: Step) -> Asked | None:
        chosen = self._chosen(step)
        if not chosen:
            return None
        images = self.service.images
        if not self.service.ways.ignores_library:
            kind = images[chosen[0]]["temporary"]
            chosen = tuple(guid for guid in chosen if images[guid]["temporary"] == kind)
        arguments = {"guids": list(chosen), "library": self._library(chosen, step)}
        return Asked("delete_images", arguments, chosen, removes=True)

    def _selecting(self, step: Step) -> Asked | None:
        chosen = self._chosen(step)
        keys = [row["selection_guid"] for one, row in self.made if one.tool == "set_selection"]
        key = keys[step.pick % len(keys)] if keys and step.pick % 2 else None
        arguments = {"guids": list(chosen), **({"selection_guid": key} if key else {})}
        return Asked("set_selection", arguments, chosen) if chosen else None

    def _going_on(self, step: Step) -> Asked | None:
        handles = [(one, row) for one, row in self.made if row.get("continue_handle")]
        if not handles:
            return None
        former, row = handles[step.pick % len(handles)]
        return replace(former, arguments={"continue_handle": row["continue_handle"]})

    def _library(self, guids: Sequence[str], step: Step) -> str:
        """The right one; where the service ignores it, also the wrong one."""
        temporary = all(self.service.images[guid]["temporary"] for guid in guids)
        temporary = temporary or (self.service.ways.ignores_library and step.pick % 2 == 1)
        return "temporary" if temporary else "inventory"

    def _adding(self, step: Step) -> Asked:
        images = []
        for _ in range(1 + step.pick % 7):
            self.added += 1
            images.append(new_image(self.added, TITLES[(step.pick + self.added) % len(TITLES)]))
        masters = [str(one["private_hires_uri"]) for one in images]
        held = sorted(one["master"] for one in self.service.images.values())
        if step.pick % _KNOWN_FILE == 0 and held:
            masters[0] = held[step.pick % len(held)]
            images[0]["private_hires_uri"] = masters[0]
        self.model.wanted.update(masters)
        return Asked("add_images", {"images": images}, masters=tuple(masters))

    def _undoing(self, step: Step) -> Asked | None:
        if not self.made:
            return None
        former, row = self.made[step.pick % len(self.made)]
        if former.tool not in _CHANGES:
            return None
        arguments = {"change_id": row["change_id"]}
        removes = former.tool == "add_images"
        guids = former.guids if former.tool == "update_image_metadata" else ()
        guids = self.model.made_by(former) if removes else guids
        return Asked("undo_change", arguments, guids, removes=removes, undoes=former)


def play(ways: Ways, steps: Sequence[Step], *, two: bool = False, tried: bool = True) -> None:
    """Take the steps on such a service, through one server or two on one store."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.sqlite3" if two else None
        asyncio.run(Played(ways, store, tried=tried).play(steps))


def new_image(number: int, title: str) -> dict[str, object]:
    """An image that the service does not have."""
    name = f"New work {number:02}.jpg"
    return {
        "title": title,
        "description": f"Number {number} & more",
        "file_name": name,
        "file_size": 5_000_000 + number,
        "public_thumbnail_uri": f"https://Files.example/t/~{number}.jpg",
        "public_preview_uri": f"https://Files.example/p/~{number}.jpg",
        "private_hires_uri": f"https://Files.example/m/~{number}.jpg",
        "pix_w": 6000 + number,
        "pix_h": 4000,
    }
