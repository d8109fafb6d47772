"""Random calls and random faults against a model of the library; nothing is lost by surprise."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from mcp.types import CallToolResult

from fw_mcp.api.models import (
    DeleteImagesRequest,
    ImageDetails,
    ImageToUpdate,
    ListImagesRequest,
    UpdateImagesRequest,
)
from fw_mcp.guard.guard import Limits
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from tests.support.studio import NO, YES, Studio, make_studio
from tests.support.truth import new_image, rows_of

T = TypeVar("T")

WRITES = ("add_images", "update_images", "delete_images", "update_file_selection")
LOST_OR_REFUSED = (
    FaultKind.DROPPED,
    FaultKind.BAD_GATEWAY,
    FaultKind.SERVER_ERROR,
    FaultKind.RATE_LIMITED,
    FaultKind.REJECTED,
    FaultKind.HTML,
)
SPOILT = (
    FaultKind.TRUNCATED,
    FaultKind.WRONG_TYPES,
    FaultKind.REORDERED,
    FaultKind.LONE_SURROGATES,
)


def faults() -> st.SearchStrategy[list[Fault]]:
    """Up to three faults of writes, and maybe one of a read."""
    plain = st.builds(
        Fault,
        kind=st.sampled_from(LOST_OR_REFUSED),
        endpoint=st.sampled_from(WRITES),
        after=st.integers(0, 2),
        times=st.integers(1, 3),
        committed=st.booleans(),
    )
    # What refuses by its status is believed: no service refuses what it has done.
    honest = plain.filter(lambda one: not (one.committed and one.kind is FaultKind.RATE_LIMITED))
    partly = st.builds(
        Fault,
        kind=st.just(FaultKind.DROPPED),
        endpoint=st.sampled_from(WRITES[:3]),
        committed=st.just(value=True),
        commit_first=st.integers(0, 3),
    )
    spoilt = st.builds(Fault, kind=st.sampled_from(SPOILT), endpoint=st.sampled_from(WRITES))
    late = st.builds(Fault, kind=st.just(FaultKind.LISTED_LATE), lists=st.integers(1, 3))
    reads = st.builds(
        Fault,
        kind=st.sampled_from([FaultKind.DROPPED, FaultKind.BAD_GATEWAY]),
        endpoint=st.just("list_images"),
        after=st.integers(0, 3),
        times=st.integers(1, 4),
    )
    writes = st.lists(honest | partly | spoilt | late, max_size=3)
    return st.tuples(writes, st.lists(reads, max_size=1)).map(lambda both: both[0] + both[1])


@dataclass(frozen=True)
class Held:
    """What a library holds: images by guid, the text and products of each."""

    images: Mapping[str, tuple[str, str, tuple[str, ...]]]
    files: Mapping[str, str]

    @classmethod
    def of(cls, images: Sequence[ImageDetails]) -> "Held":
        """From records."""
        return cls(
            {
                one.guid: (
                    one.title or "",
                    one.description or "",
                    tuple(sorted(product.sku or "" for product in one.products or ())),
                )
                for one in images
            },
            {one.guid: one.private_hires_uri or "" for one in images},
        )


class Account(RuleBasedStateMachine):
    """One library, one server, one person."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.studio: Studio = make_studio(limits=Limits(items_per_call=20, deletions_per_hour=200))
        self.asked: Counter[str] = Counter()
        self.changes: list[str] = []
        self.handles: list[tuple[str, str]] = []
        self.numbers = 0
        self.held = Held({}, {})

    def teardown(self) -> None:
        """Let the loop go."""
        self.loop.close()

    def run(self, work: Awaitable[T]) -> T:
        """Run a coroutine to its end."""

        async def whole() -> T:
            return await work

        return self.loop.run_until_complete(whole())

    @initialize()
    def look(self) -> None:
        """What there is at first."""
        self.held = self.run(self.read())

    async def read(self) -> Held:
        """Everything the inventory holds, past every lag."""
        images: list[ImageDetails] = []
        for page_number in range(1, 12):
            page = await self.studio.api.list_images(
                ListImagesRequest(
                    library=self.studio.api.library("inventory"),
                    page_number=page_number,
                    per_page=50,
                    list_products=True,
                )
            )
            images += page.images
            if len(page.images) < 50:
                break
        return Held.of(images)

    def call(
        self, tool: str, arguments: Mapping[str, Any], planned: Sequence[Fault], *, yes: bool = True
    ) -> None:
        """Call a tool under faults, and hold the invariants of every call."""
        for fault in planned:
            self.studio.faults.add(fault)
        person = self.studio.person(YES if yes else NO)
        writes = len(self.studio.wire.writes)

        async def calling() -> CallToolResult:
            async with self.studio.client(person=person) as client:
                return await client.call_tool(tool, dict(arguments))

        result = self.run(calling())
        self.studio.faults.clear()
        # What is only listed late shows by now, and a paused account or an open circuit is over.
        self.studio.clock.forward(60)
        for _ in range(4):
            now = self.run(self.read())
        before, self.held = self.held, now
        content: dict[str, Any] = {} if result.is_error else dict(result.structured_content or {})
        if not yes and person.asked:
            assert len(self.studio.wire.writes) == writes
            assert before == now
        if tool in {"delete_images", "undo_change"} and set(before.images) - set(now.images):
            assert person.asked or content.get("replayed") or "continue_handle" in arguments
        self.assert_told(before, now, content)
        if change := content.get("change_id"):
            self.changes.append(change)
        if handle := content.get("continue_handle"):
            self.handles.append((tool, handle))

    def assert_told(self, before: Held, now: Held, content: Mapping[str, Any]) -> None:
        """Every difference is claimed or unknown, every claim is so, the journal explains it."""
        rows = rows_of(content) if "outcomes" in content else []
        outcome_of = {row.get("guid"): row["outcome"] for row in rows}
        unknown_new = sum(row["outcome"] == "unknown" and not row.get("guid") for row in rows)
        gone = set(before.images) - set(now.images)
        new = set(now.images) - set(before.images)
        changed = {
            guid
            for guid, image in now.images.items()
            if guid in before.images and image != before.images[guid]
        }
        assert all(outcome_of.get(guid) in {"deleted", "unknown"} for guid in gone), (gone, rows)
        assert all(outcome_of.get(guid) in {"updated", "unknown"} for guid in changed), rows
        told = {"created", "adopted", "unknown"}
        untold = {guid for guid in new if outcome_of.get(guid) not in told}
        assert len(untold) <= unknown_new, (untold, rows)
        for guid, outcome in outcome_of.items():
            if outcome in {"created", "adopted", "updated"} and guid in self.guids:
                assert guid in now.images, (guid, rows)
            if outcome == "deleted":
                assert guid not in now.images, (guid, rows)
        if gone | new | changed:
            named = self.run(self.named_by_the_journal())
            assert gone | changed <= named
            assert {now.files[guid] for guid in new} <= named

    @property
    def guids(self) -> set[str]:
        """Every guid that names an image; a row of a selection names its key."""
        return set(self.held.images)

    async def named_by_the_journal(self) -> set[str]:
        """The guids and files that any intent names."""
        named: set[str] = set()
        async for _, items in self.studio.writes.history.everything():
            for sent in (one.sent or {} for one in items):
                named |= {str(sent.get("guid")), str(sent.get("private_hires_uri"))}
        return named

    @rule(count=st.integers(1, 7), planned=faults())
    def add(self, count: int, planned: list[Fault]) -> None:
        """Register new images."""
        images = [new_image(self.numbers + number) for number in range(1, count + 1)]
        self.numbers += count
        self.asked.update(str(image["private_hires_uri"]) for image in images)
        self.call("add_images", {"images": images}, planned)

    @rule(planned=faults(), data=st.data())
    def update(self, planned: list[Fault], data: st.DataObject) -> None:
        """Retitle some."""
        guids = data.draw(st.lists(st.sampled_from(sorted(self.guids)), min_size=1, max_size=4))
        title = data.draw(st.sampled_from(["Dunes", "Tide \u202e", "Fox"]))
        images = [{"guid": guid, "title": title} for guid in dict.fromkeys(guids)]
        self.call(
            "update_image_metadata", {"images": images}, planned, yes=data.draw(st.booleans())
        )

    @rule(planned=faults(), data=st.data())
    def delete(self, planned: list[Fault], data: st.DataObject) -> None:
        """Delete some."""
        guids = data.draw(st.lists(st.sampled_from(sorted(self.guids)), min_size=1, max_size=4))
        arguments = {"guids": list(dict.fromkeys(guids))}
        self.call("delete_images", arguments, planned, yes=data.draw(st.booleans()))

    @rule(planned=faults(), data=st.data())
    def select(self, planned: list[Fault], data: st.DataObject) -> None:
        """Choose some; no image changes."""
        guids = data.draw(st.lists(st.sampled_from(sorted(self.guids)), min_size=1, max_size=4))
        before = self.held
        self.call("set_selection", {"guids": list(dict.fromkeys(guids))}, planned)
        assert self.held == before

    @precondition(lambda self: self.changes)
    @rule(planned=faults(), data=st.data())
    def undo(self, planned: list[Fault], data: st.DataObject) -> None:
        """Take an earlier change back."""
        change_id = data.draw(st.sampled_from(self.changes))
        self.call("undo_change", {"change_id": change_id}, planned, yes=data.draw(st.booleans()))

    @precondition(lambda self: self.handles)
    @rule(planned=faults(), data=st.data())
    def go_on(self, planned: list[Fault], data: st.DataObject) -> None:
        """Go on with a call."""
        tool, handle = data.draw(st.sampled_from(self.handles))
        self.call(tool, {"continue_handle": handle}, planned)

    @rule(data=st.data(), gone=st.booleans())
    def somebody_else(self, data: st.DataObject, *, gone: bool) -> None:
        """Somebody deletes or retitles an image on the website."""
        guid = data.draw(st.sampled_from(sorted(self.guids)))
        api = self.studio.api

        async def meddle() -> Held:
            if gone:
                request = DeleteImagesRequest(guids=[guid], library=api.library("inventory"))
                await api.delete_images(request)
            else:
                image = ImageToUpdate(guid=guid, title="Someone else's", description="")
                await api.update_images(UpdateImagesRequest(images=[image]))
            return await self.read()

        self.held = self.run(meddle())

    @rule(seconds=st.sampled_from([30, 700, 4000]))
    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.studio.clock.forward(seconds)

    @invariant()
    def nothing_is_listed_more_often_than_asked_for(self) -> None:
        """No duplicate, whatever was sent again: an undone deletion replaces what went."""
        listed = Counter(self.held.files.values())
        assert all(count <= 1 for file, count in listed.items() if file in self.asked), listed


TestLibrary = Account.TestCase
TestLibrary.settings = settings(
    max_examples=settings().max_examples // 5,
    stateful_step_count=10,
    deadline=None,
    derandomize=True,
    # A failing example is short enough to read; making it smaller takes minutes.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
