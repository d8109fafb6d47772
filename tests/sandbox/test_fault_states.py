from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.faults.plan import Fault, FaultKind, Faults
from tests.sandbox.wire import (
    INVENTORY,
    NOW,
    SELECTION,
    TEMPORARY,
    added,
    calling,
    deleted,
    listed,
    new_image,
    selected,
    updated,
)

pytestmark = pytest.mark.anyio


@dataclass
class Clock:
    """The time, moved by hand."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        """The time it is."""
        return self.now


async def test_the_first_items_of_an_add_may_be_stored_and_the_rest_not() -> None:
    """Behind a failure that does not say which."""
    faults = Faults()
    async with calling(create_app(seed=False, faults=faults)) as caller:
        faults.add(Fault(FaultKind.SERVER_ERROR, "add_images", committed=True, commit_first=2))
        images = [new_image(f"{number}.jpg") for number in range(5)]
        answer = await caller.post("/v3/add_images", json={"images": images, "library": INVENTORY})
        page = await listed(caller, sort_direction="ASC")
    assert answer.status_code == 500
    assert [image["file_name"] for image in page["images"]] == ["0.jpg", "1.jpg"]


async def test_a_success_may_stand_for_a_part() -> None:
    """Of updates, deletions and selections alike."""
    faults = Faults()
    async with calling(create_app(seed=False, faults=faults)) as caller:
        first, second = await added(caller, new_image("a.jpg"), new_image("b.jpg"))
        guids = [first["guid"], second["guid"]]
        faults.add(Fault(FaultKind.PARTIAL, commit_first=1, times=3))
        retitled = await updated(caller, *({"guid": guid, "title": "New"} for guid in guids))
        kept = await selected(caller, *guids)
        gone = await deleted(caller, *guids)
        page = await listed(caller)
    assert retitled["success"] is gone["success"] is True
    assert kept == guids[:1]
    assert [(i["guid"], i["title"]) for i in page["images"]] == [(guids[1], "Sunset")]


async def test_file_names_may_be_stored_altered() -> None:
    """In lower case and with a suffix, in the answer as in later lists."""
    faults = Faults()
    async with calling(create_app(seed=False, faults=faults)) as caller:
        faults.add(Fault(FaultKind.ALTERED_NAMES))
        images = await added(caller, new_image("Red Dunes.JPG"), new_image("README"))
        names = [image["file_name"] for image in images]
        await added(caller, new_image("Late.JPG"))
        page = await listed(caller, sort_direction="ASC")
    assert names == ["red_dunes_1.jpg", "readme_1"]
    assert [image["file_name"] for image in page["images"]] == [*names, "Late.JPG"]


async def test_an_added_image_may_show_only_after_some_lists() -> None:
    """Neither a page, nor a count, nor a filter finds it before."""
    faults = Faults()
    async with calling(create_app(seed=False, faults=faults)) as caller:
        await added(caller, new_image("early.jpg"))
        faults.add(Fault(FaultKind.LISTED_LATE, "add_images", lists=2))
        guid = (await added(caller, new_image("late.jpg")))[0]["guid"]
        plain = await listed(caller)
        filtered = await listed(caller, guid_filter=[guid])
        after = await listed(caller)
    assert (plain["count"], len(plain["images"]), filtered["count"], after["count"]) == (1, 1, 0, 2)


async def test_an_added_image_may_show_only_after_some_time() -> None:
    """Of the sandbox's own clock, however often it is asked for."""
    clock, faults = Clock(), Faults()
    async with calling(create_app(seed=False, faults=faults, clock=clock)) as caller:
        faults.add(Fault(FaultKind.LISTED_LATE, "add_images", seconds=30))
        await added(caller, new_image())
        clock.now += timedelta(seconds=29)
        before = [(await listed(caller))["count"] for _ in range(3)]
        clock.now += timedelta(seconds=1)
        assert (before, (await listed(caller))["count"]) == ([0, 0, 0], 1)


async def test_an_image_that_is_not_listed_yet_is_there() -> None:
    """It can be updated, and what is deleted meanwhile never shows."""
    faults = Faults()
    async with calling(create_app(seed=False, faults=faults)) as caller:
        faults.add(Fault(FaultKind.LISTED_LATE, "add_images", lists=1))
        kept, gone = await added(caller, new_image("a.jpg"), new_image("b.jpg"))
        await updated(caller, {"guid": kept["guid"], "title": "New"})
        await deleted(caller, gone["guid"])
        assert (await listed(caller))["count"] == 0
        assert [image["title"] for image in (await listed(caller))["images"]] == ["New"]


@pytest.mark.parametrize(
    ("kind", "second_page"),
    [
        (FaultKind.SOMEBODY_ADDS, ["3.jpg", "2.jpg"]),
        (FaultKind.SOMEBODY_DELETES, ["1.jpg", "0.jpg"]),
    ],
)
async def test_a_library_may_shift_under_its_pages(kind: FaultKind, second_page: list[str]) -> None:
    """One image shows twice, or one not at all."""
    faults = Faults()
    async with calling(create_app(seed=False, faults=faults)) as caller:
        await added(caller, *(new_image(f"{number}.jpg") for number in range(5)))
        faults.add(Fault(kind, "list_images"))
        first = await listed(caller, per_page=2)
        second = await listed(caller, per_page=2, page_number=2)
    assert [image["file_name"] for image in first["images"]] == ["4.jpg", "3.jpg"]
    assert [image["file_name"] for image in second["images"]] == second_page


async def test_somebody_else_works_in_the_library_that_is_asked_for() -> None:
    """The inventory where a request names none; an empty library loses nothing."""
    faults = Faults()
    async with calling(create_app(seed=False, faults=faults)) as caller:
        faults.add(Fault(FaultKind.SOMEBODY_DELETES, "list_images"))
        faults.add(Fault(FaultKind.SOMEBODY_ADDS, "list_images"))
        faults.add(Fault(FaultKind.SOMEBODY_ADDS, "list_file_selection"))
        await listed(caller, library=TEMPORARY)
        await listed(caller, library=TEMPORARY)
        await caller.get("/v3/list_file_selection", params={"guid": SELECTION})
        temporary = await listed(caller, library=TEMPORARY)
        inventory = await listed(caller)
    assert (temporary["count"], inventory["count"]) == (1, 1)
    assert inventory["images"][0]["title"] == "Someone else's"


def test_chance_spoils_its_part_of_the_calls() -> None:
    """The same calls each time for one seed, others for another."""

    def taken(seed: int) -> list[FaultKind | None]:
        faults = Faults()
        meant = [Fault(FaultKind.DROPPED), Fault(FaultKind.BAD_GATEWAY, "add_images")]
        faults.sometimes(0.2, meant, seed=seed)
        found = [faults.take("add_images") for _ in range(1000)]
        return [fault.kind if fault else None for fault in found]

    kinds = taken(1)
    assert 150 < sum(kind is not None for kind in kinds) < 250
    assert set(kinds) == {None, FaultKind.DROPPED, FaultKind.BAD_GATEWAY}
    assert taken(1) == kinds != taken(2)


def test_chance_leaves_other_endpoints_and_planned_calls_alone() -> None:
    """A planned fault goes first, and clearing ends both."""
    faults = Faults()
    faults.sometimes(1, [Fault(FaultKind.DROPPED, "add_images")], seed=1)
    planned = Fault(FaultKind.SLOW)
    faults.add(planned)
    drawn = Fault(FaultKind.DROPPED, "add_images")
    assert [faults.take(name) for name in ("add_images", "list_images", "add_images")] == [
        planned,
        None,
        drawn,
    ]
    faults.clear()
    assert faults.take("add_images") is None
    assert faults.taken == [("add_images", planned), ("add_images", drawn)]


async def test_every_member_of_a_fault_is_planned_over_http() -> None:
    """As it is in process."""
    faults = Faults()
    body = {"kind": "partial", "commit_first": 1, "lists": 2, "committed": True, "seconds": 3}
    async with calling(create_app(faults=faults, fault_control=True)) as caller:
        answer = await caller.post("/_sandbox/faults", json=body)
    expected = Fault(FaultKind.PARTIAL, commit_first=1, lists=2, committed=True, seconds=3)
    assert (answer.status_code, faults.take("list_images")) == (204, expected)
