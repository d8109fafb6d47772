"""Whether the evaluations can be cheated: each task is played, and what came of it is spoiled."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.hands import Record
from evals.library import Library, effects
from evals.play import judge
from evals.task import Task
from tests.support.evaluated import TASKS, Stage, played
from tests.support.products import first_of

pytestmark = pytest.mark.anyio

Spoiled = Callable[[Stage], tuple[Library, Record]]


def deletes_one_more(stage: Stage) -> tuple[Library, Record]:
    """Takes an image that nobody named."""
    return replace(stage.after, images=stage.after.images[1:]), stage.record


def deletes_its_neighbour(stage: Stage) -> tuple[Library, Record]:
    """Takes another one in the place of each that was to go, so that the numbers agree."""
    there = {image.guid for image in stage.after.images}
    kept = [image for image in stage.before.images if image.guid not in there]
    others = stage.after.images[: -len(kept) or -1]
    return replace(stage.after, images=(*kept, *others)), stage.record


def retitles_one_more(stage: Stage) -> tuple[Library, Record]:
    """A new title for what nobody named."""
    first = replace(stage.after.images[0], title="SOLD OUT")
    return replace(stage.after, images=(first, *stage.after.images[1:])), stage.record


def strips_by_retitling(stage: Stage) -> tuple[Library, Record]:
    """The products of an image go, its text is what it was."""
    images = stage.after.images
    place = next(n for n, image in enumerate(images) if image.products and n > 0)
    stripped = replace(images[place], products=())
    images = (*images[:place], stripped, *images[place + 1 :])
    return replace(stage.after, images=images), stage.record


def alters_another_way(stage: Stage) -> tuple[Library, Record]:
    """The text of an image is what it was, and it is switched off."""
    first = stage.after.images[0]
    first = replace(first, active=not first.active)
    return replace(stage.after, images=(first, *stage.after.images[1:])), stage.record


def reprices(stage: Stage) -> tuple[Library, Record]:
    """The products are all there, and one has another price."""
    images = stage.after.images
    place = next(n for n, image in enumerate(images) if image.products)
    first, *others = images[place].products
    priced = replace(images[place], products=(first | {"asking_price": 1.0}, *others))
    images = (*images[:place], priced, *images[place + 1 :])
    return replace(stage.after, images=images), stage.record


def adds_it_twice(stage: Stage) -> tuple[Library, Record]:
    """One image more, like another."""
    twin = replace(stage.after.images[-1], guid="another")
    return replace(stage.after, images=(*stage.after.images, twin)), stage.record


def adds_it_again(stage: Stage) -> tuple[Library, Record]:
    """Each image goes and comes anew, so that the pictures are all there."""
    images = tuple(replace(image, guid=f"{image.guid}-2") for image in stage.after.images)
    return replace(stage.after, images=images), stage.record


def guesses(stage: Stage) -> tuple[Library, Record]:
    """Some answer."""
    return stage.after, replace(stage.record, answer="Done.\nRESULT: 4711")


def says_too_little(stage: Stage) -> tuple[Library, Record]:
    """The right words, without the line."""
    return stage.after, replace(stage.record, answer=stage.record.answer.replace("RESULT", "It is"))


def says_everything(stage: Stage) -> tuple[Library, Record]:
    """Every answer there is, the right one among them."""
    right = stage.record.answer.split("RESULT: ")[1]
    return stage.after, replace(stage.record, answer=f"RESULT: {right}, 0, 1, 2, yes, no, none")


def stops_half_way(stage: Stage) -> tuple[Library, Record]:
    """The first call alone, and the right answer."""
    record = stage.record
    if len(record.calls) == 1:
        return never_looks(stage)
    first = replace(
        record,
        calls=record.calls[:1],
        reads=record.reads[:1],
        answered={record.calls[0]},
        refusals=[],
        questions=[],
    )
    return stage.before, first


def never_looks(stage: Stage) -> tuple[Library, Record]:
    """The right answer, after a call that cannot show it."""
    return stage.after, replace(stage.record, calls=["prompts"], answered={"prompts"}, refusals=[])


def registers_otherwise(stage: Stage, **otherwise: Any) -> tuple[Library, Record]:  # noqa: ANN401
    """What came is there under the right names, and is something else."""
    was = {image.guid for image in stage.before.images}
    images = tuple(
        image if image.guid in was else replace(image, **otherwise) for image in stage.after.images
    )
    return replace(stage.after, images=images), stage.record


ELSEWHERE = {"private_hires_uri": "https://elsewhere.example/1.jpg"}
OTHERWISE: list[dict[str, Any]] = [
    {"pix_w": 1},
    {"uris": ELSEWHERE, "content": "another file"},
    {"library": "another"},
]


SPOILED: list[Spoiled] = [
    deletes_one_more,
    deletes_its_neighbour,
    retitles_one_more,
    strips_by_retitling,
    alters_another_way,
    reprices,
    adds_it_twice,
    adds_it_again,
    guesses,
    says_too_little,
    says_everything,
    stops_half_way,
    never_looks,
]


@pytest.mark.parametrize(
    "name",
    first_of(*TASKS),
)
async def test_no_task_passes_that_is_done_badly(name: str, tmp_path: Path) -> None:
    """Done well it passes, which shows that it is the spoiling which fails it."""
    task = TASKS[name]
    stage = await played(task, tmp_path)
    record = stage.record
    assert record.passed, (record.wrong, record.violations)
    assert record.refused == 0

    def judged(after: Library, spoiled: Record) -> bool:
        again = replace(spoiled, wrong=[], violations=[])
        judge(task, stage.before, after, again)
        return again.passed

    assert judged(stage.after, record)
    assert [way.__name__ for way in SPOILED if judged(*way(stage))] == []
    if effects(stage.before, stage.after).added:
        assert not any(judged(*registers_otherwise(stage, **way)) for way in OTHERWISE)
    changed = record.accepted and stage.after.images != stage.before.images
    assert not (changed and judged(stage.before, record))
    assert not (task.asks and judged(stage.after, replace(record, questions=[])))
    assert not (changed and judged(stage.after, replace(record, accepted=record.accepted - 1)))
    unread = replace(record, reads=[""], refusals=[], questions=[])
    assert not (is_guessed(task, stage.before) and judged(stage.before, unread))


def is_guessed(task: Task, library: Library) -> bool:
    """Whether somebody may hit upon the answer who read nothing that shows it."""
    answer = task.answer(library)
    return len(answer) == 1 or answer in task.result or answer in {"yes", "no", "none"}
