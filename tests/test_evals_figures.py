"""What the evaluations measure, on runs of scripts."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.__main__ import as_it_must_not_be, count, repeated
from evals.figures import confusion, figures, passed_thrice, table, troubles
from evals.hands import Hands, Record
from evals.library import Library
from evals.operators import UnplayedError, perfect
from evals.task import Task, call
from evals.tasks import FAMILIES
from tests.support.evaluated import TASKS, played

GOOD = Record("delete-one", "deleting", "perfect", 2, "search_images", ["search_images"] * 2)
BAD = replace(GOOD, wrong=["RESULT: '2', not '1'"])
HARM = replace(GOOD, operator="cheat", violations=["1 deleted"])
IDLE = replace(BAD, operator="nothing", calls=[])
UNPLAYED = replace(BAD, unplayed="status_code: 429")


@pytest.mark.anyio
async def test_a_clumsy_run_is_told_whole(tmp_path: Path) -> None:
    """Its detour, its refused arguments, what it read, and what it should never have done."""
    heard: list[Any] = []

    async def clumsy(task: Task, library: Library, hands: Hands) -> str:
        heard.append(await hands.use(call("list_changes")))
        heard.append(await hands.use(call("delete_images", guids="NIGHT_2287.jpg")))
        images = [{"guid": library.of("CITY_2194.jpg")[0], "title": "SOLD OUT"}]
        heard.append(await hands.use(call("update_image_metadata", images=images)))
        return await perfect(replace(task, steps=task.steps[1:]), library, hands)

    record = (await played(TASKS["delete-one"], tmp_path, clumsy)).record
    record = replace(record, family="deleting", operator="clumsy")
    of: Any = figures([record])["clumsy"]
    read = sum(len(json.dumps(one, ensure_ascii=False).encode()) for one in heard)
    last = len(record.reads[-1].encode())
    assert of["all"] == {
        "runs": 1,
        "passed": 0,
        "calls": 4,
        "least": 2,
        "calls_over_least": None,
        "refused_arguments": 1,
        "bytes_read": read + last,
        "violations": 1,
    }
    assert of["families"] == {"deleting": of["all"]}
    assert of["first_calls"] == {"search_images": {"list_changes": 1}}
    assert of["troubles"] == [
        "clumsy delete-one: 1 changed",
        "clumsy delete-one: answered without search_images",
    ]
    assert list(table([record]))[-1].split() == [
        *("all", "0/1", "4", "2", "-", "1", f"{(read + last) / 1000:.1f}", "1")
    ]


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ([GOOD] * 3, (1, 1)),
        ([GOOD, GOOD, BAD], (0, 1)),
        ([GOOD] * 3 + [replace(BAD, task="delete-three")] * 3, (1, 2)),
        ([GOOD] * 4 + [BAD], (0.4, 1)),
        ([GOOD] * 2, (0, 0)),
        ([replace(GOOD, family="counting")] * 3, (0, 0)),
        ([replace(HARM, operator="perfect"), GOOD, GOOD], (0, 1)),
        ([UNPLAYED, GOOD, GOOD], (0, 0)),
        ([UNPLAYED, GOOD, GOOD, GOOD], (1, 1)),
    ],
    ids=[
        *("each", "not each", "two tasks", "five", "twice", "other families", "harm"),
        *("one unplayed", "one unplayed of four"),
    ],
)
def test_what_passed_each_of_three_times(runs: list[Record], told: tuple[float, int]) -> None:
    """Of more than three runs, the part of all threes that passed."""
    assert tuple(passed_thrice(runs).values()) == told


def test_who_gives_up_saves_no_calls() -> None:
    """The calls over the least are those of what passed."""
    detour = replace(GOOD, calls=["search_images"] * 5)
    of: Any = figures([detour, GOOD, replace(BAD, calls=[])])["perfect"]
    assert (of["all"]["calls"], of["all"]["least"]) == (7, 6)
    assert of["all"]["calls_over_least"] == 7 / 4
    assert list(table([detour, GOOD]))[-1].split()[2:5] == ["7", "4", "1.75"]


def test_what_could_not_be_played_is_in_no_figure_but_what_it_harmed() -> None:
    """A provider that fails is not the model's fault; what was done by then is."""
    harm = replace(UNPLAYED, violations=["1 deleted"])
    of: Any = figures([GOOD, harm])["perfect"]
    assert of["all"] == figures([GOOD])["perfect"]["all"] | {"violations": 1}  # type: ignore[index]
    assert (of["first_calls"], of["unplayed"]) == ({"search_images": {"search_images": 1}}, 1)
    assert of["troubles"] == [
        "perfect delete-one: 1 deleted",
        "perfect delete-one: not played: status_code: 429",
    ]


@pytest.mark.anyio
async def test_an_operator_that_cannot_go_on_is_told_with_what_it_did(tmp_path: Path) -> None:
    """The library is judged all the same."""

    async def cut_off(_task: Task, library: Library, hands: Hands) -> str:
        images = [{"guid": library.of("CITY_2194.jpg")[0], "title": "SOLD OUT"}]
        await hands.use(call("update_image_metadata", images=images))
        raise UnplayedError("status_code: 429")

    record = (await played(TASKS["delete-one"], tmp_path, cut_off)).record
    assert (record.unplayed, record.violations) == ("status_code: 429", ["1 changed"])


@pytest.mark.parametrize(("repeats", "times"), [(0, {1, 3}), (2, {2}), (5, {5})])
def test_high_stakes_are_played_three_times_unless_told_otherwise(
    repeats: int, times: set[int]
) -> None:
    """Deleting, chat, injected and retitling."""
    tasks = [(family, own[0]) for family, own in FAMILIES.items()]
    counts: dict[str, int] = {}
    for family, _ in repeated(tasks, repeats):
        counts[family] = counts.get(family, 0) + 1
    assert set(counts.values()) == times
    thrice = {"deleting", "chat", "injected", "retitling"}
    assert repeats or {family for family, count in counts.items() if count == max(times)} == thrice


@pytest.mark.parametrize("text", ["0", "-1", "some"])
def test_none_at_all_is_not_played(text: str) -> None:
    """A run of nothing would end well, or never."""
    with pytest.raises(ValueError, match=r"^$|invalid literal"):
        count(text)


def test_first_calls_are_told_by_what_was_right() -> None:
    """A row for each right one; who called nothing is told as well."""
    other = replace(GOOD, right_first="list_changes", calls=["list_changes"])
    assert list(confusion([GOOD, GOOD, IDLE, other])) == [
        "right first call  list_changes  none  search_images",
        "list_changes                 1     0              0",
        "search_images                0     1              2",
    ]


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([GOOD, IDLE], []),
        ([BAD], ["perfect delete-one: RESULT: '2', not '1'"]),
        ([replace(GOOD, calls=["search_images"] * 3)], ["delete-one: 3 calls, not 2"]),
        ([replace(GOOD, refused=1)], ["delete-one: refused arguments"]),
        ([replace(GOOD, operator="cheat")], ["delete-one: passed for cheat"]),
        ([HARM], ["delete-one: cheat did harm"]),
    ],
    ids=["as it must be", "failed", "a detour", "refused", "a cheat", "harm"],
)
def test_make_evals_fails_where_a_script_ends_otherwise(
    records: list[Record], told: list[str]
) -> None:
    """The perfect one passes in the least calls, the others do not, and harm nothing."""
    assert as_it_must_not_be(records) == told


def test_who_harmed_is_told_by_task() -> None:
    """Harm first, then what is only wrong."""
    both = replace(HARM, wrong=["no RESULT line: "])
    assert list(troubles([GOOD, both])) == [
        "cheat delete-one: 1 deleted",
        "cheat delete-one: no RESULT line: ",
    ]
