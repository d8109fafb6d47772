"""Sequences of calls on a contrary service, and a plain model of what was asked.

The model knows arguments, answers of the person, and what the service holds; of the server it
knows what its results say.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from mcp.client import Client

from fw_mcp.guard.guard import Limits
from tests.contrary.service import Ending, Service, Ways
from tests.support.studio import NO, YES, Clock, Person, make_studio

Tool = Literal["search", "add", "update", "delete", "select", "undo", "continue", "again"]
Row = Mapping[str, Any]

TITLES = (
    "Sea & Sky",
    "  Fog  ",
    unicodedata.normalize("NFD", "Café"),
    "Two\r\nlines",
    "Dune \N{SUNRISE}",
    "Long road " * 12,
    "Plain",
)
_THERE = {"created", "adopted", "updated"}
_GONE = {"deleted", "already_gone", "not_found"}
_UNTOUCHED = {"failed", "not_attempted"}
_PRODUCTS = 3
_LAID = 6
_REPLAY_S = 600.0


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
    """

    tool: Tool
    pick: int = 0
    yes: bool = True
    hangs: bool = False
    endings: Sequence[Ending] = ()
    wait_s: float = 0.0


@dataclass
class Asked:
    """One call, and what it is about.

    Attributes:
        guids: the images that it may rewrite, delete or select.
        texts: guid → the title that it shall have.
        masters: the print masters that it may add, in the order of the call.
        removes: whether it deletes.
    """

    tool: str
    arguments: dict[str, Any]
    guids: tuple[str, ...] = ()
    texts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    masters: tuple[str, ...] = ()
    removes: bool = False


class Played:
    """One library, one server, one person, and what was asked so far."""

    def __init__(self, ways: Ways, *, tried: bool) -> None:
        self.clock = Clock()
        self.service = Service(self.clock, ways)
        self.laid = [
            self.service.lay(
                f"Old {number}",
                products=[f"SKU-{number}-{one}" for one in range(number % _PRODUCTS)],
                temporary=number == _PRODUCTS,
            )
            for number in range(_LAID)
        ]
        limits = Limits(items_per_call=20, deletions_per_hour=1_000)
        self.studio = make_studio(
            service=self.service, clock=self.clock, limits=limits, per_series=1, tried=tried
        )
        self.person = Person(self.clock, YES)
        self.agreed: set[tuple[str, str]] = set()
        self.wanted: Counter[str] = Counter()
        self.made: list[tuple[Asked, Row]] = []
        self.last: Asked | None = None
        self.last_at = 0.0
        self.undone: dict[str, Asked] = {}
        self.added = 0

    async def play(self, steps: Sequence[Step]) -> None:
        """Take the steps, and see after each, and a while later, that everything holds."""
        async with self.studio.client(person=self.person) as client:
            for step in steps:
                await self._take(client, step)
                self.clock.forward(step.wait_s)
        self.clock.forward(300)
        self.service.catch_up()
        self._check_holdings()

    async def _take(self, client: Client, step: Step) -> None:
        asked = self._asked(step)
        if asked is None:
            return
        self.last_at = self.clock()
        self.last = asked if asked.tool != "search_images" else self.last
        self.person.answer = YES if step.yes else NO
        self.person.asked.clear()
        at_stake = {(guid, sku) for guid in asked.guids for sku in self._at_stake(guid, asked)}
        self.person.meanwhile = self._hanging(asked, step) if self._hangs(step) else None
        before = {guid: self.service.text_of(guid) for guid in self.service.images}
        written = len(self.studio.wire.writes)
        self.service.endings[:] = step.endings
        result = await client.call_tool(asked.tool, asked.arguments)
        self.service.endings.clear()
        if self.person.asked and step.yes:
            self.agreed |= at_stake
        if self.person.asked and not step.yes:
            assert len(self.studio.wire.writes) == written, "written after a no"
        self.service.catch_up()
        self._check_holdings()
        if result.is_error:
            assert asked.tool != "search_images", result
            return
        content = dict(result.structured_content or {})
        self._check_rows(asked, content, before)
        if asked.tool != "search_images" and content.get("change_id"):
            self.made.append((asked, content))

    def _at_stake(self, guid: str, asked: Asked) -> set[str]:
        if guid not in self.service.images:
            return set()
        return self.service.skus(guid) | ({""} if asked.removes else set())

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
            self.wanted.update(self.last.masters)
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
        return Asked("set_selection", {"guids": list(chosen)}, chosen) if chosen else None

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
        masters = tuple(str(one["private_hires_uri"]) for one in images)
        self.wanted.update(masters)
        return Asked("add_images", {"images": images}, masters=masters)

    def _undoing(self, step: Step) -> Asked | None:
        if not self.made:
            return None
        former, row = self.made[step.pick % len(self.made)]
        if former.tool in {"undo_change", "set_selection"}:
            return None
        arguments = {"change_id": row["change_id"]}
        guids = tuple(one["guid"] for one in row["images"] if one.get("guid"))
        if former.tool == "add_images":
            return Asked("undo_change", arguments, guids, removes=True)
        if former.tool == "update_image_metadata":
            return Asked("undo_change", arguments, former.guids)
        return Asked("undo_change", arguments)

    def _check_holdings(self) -> None:
        """Nothing destroyed without a yes, nothing twice, nothing sent too soon."""
        assert self.service.destroyed <= self.agreed, self.service.destroyed - self.agreed
        assert self.service.too_soon == []
        held = Counter(one["master"] for one in self.service.images.values())
        more = {
            master: count for master, count in held.items() if count > max(1, self.wanted[master])
        }
        assert more == {}, "listed more often than asked for"

    def _check_rows(self, asked: Asked, content: Row, before: Mapping[str, Any]) -> None:
        for item, row in enumerate(content.get("images", ())):
            if asked.tool == "search_images" or content["status"] in {"declined", "dry_run"}:
                return
            outcome, guid = row["outcome"], row.get("guid")
            if outcome in _GONE:
                assert guid not in self.service.images, row
            elif outcome in {"created", "adopted"}:
                assert guid in self.service.images, row
                if asked.masters:
                    assert self.service.images[guid]["master"] == asked.masters[item], row
            elif outcome == "updated":
                assert guid in self.service.images, row
                if guid in asked.texts:
                    wanted = tuple(map(self.service.stored_text, asked.texts[guid]))
                    assert self.service.text_of(guid) == wanted, (row, self.service.text_of(guid))
            elif outcome in _UNTOUCHED:
                self._check_untouched(asked, item, row, before)

    def _check_untouched(
        self, asked: Asked, item: int, row: Row, before: Mapping[str, Any]
    ) -> None:
        guid = row.get("guid")
        coming = [one.body for one in self.service.pending if one.endpoint != "products"]
        if asked.masters:
            master = asked.masters[item]
            assert not self.service.of_file(master), row
            assert master not in str(coming), row
        elif guid in before and guid:
            assert guid in self.service.images, row
            assert guid not in str(coming) or row["outcome"] == "not_attempted", row
            if guid in asked.texts and row["outcome"] == "failed":
                assert self.service.text_of(guid) == before[guid], row


def new_image(number: int, title: str) -> dict[str, object]:
    """An image that the service does not have."""
    name = f"New work {number:02}.jpg"
    return {
        "title": title,
        "description": f"Number {number} & more",
        "file_name": name,
        "file_size": 5_000_000 + number,
        "public_thumbnail_uri": f"https://Files.example/t/{name}",
        "public_preview_uri": f"https://Files.example/p/{name}",
        "private_hires_uri": f"https://Files.example/m/{name}",
        "pix_w": 6000 + number,
        "pix_h": 4000,
    }
