"""Whether the evaluations can be cheated: each task is played, and what came of it is spoiled."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import StdioServerParameters

from evals.folders import laid_out
from evals.hands import Asked, Hands, Record
from evals.library import Library, Sandbox, effects
from evals.operators import perfect
from evals.play import judge, play
from evals.task import Call, Lane, Task
from evals.tasks import FAMILIES
from fw_mcp.assembly import limits
from fw_mcp.cli.options import parse
from fw_mcp.embedded import SandboxTransport
from fw_mcp.guard.guard import Confirm
from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.faults.plan import Faults
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_SESSION_ID, SANDBOX_WEB_API_KEY
from fw_mcp.sandbox.seed import INVENTORY_PER_SERIES
from tests.support.products import first_of
from tests.support.studio import SANDBOX_URL, Clock, make_studio

pytestmark = pytest.mark.anyio

KEYS = {"web_api_key": SANDBOX_WEB_API_KEY, "app_key": SANDBOX_APP_KEY}
TASKS = {task.name: task for family in FAMILIES.values() for task in family}
NOT_HERE = {"cannot-fetch"}
"""Tasks that need a real network."""
IN_THE_CHAT = [task.name for task in TASKS.values() if task.lane is Lane.CHAT]


@dataclass
class Stage:
    """A library and a server in this process, in the place of the evaluations' own processes.

    `root` is an empty folder, `before` and `after` are what was there around the last operator, and
    `records` what each did.
    """

    root: Path
    clock: Clock = field(default_factory=Clock)
    before: Library = field(default_factory=lambda: Library(()))
    after: Library = field(default_factory=lambda: Library(()))
    records: list[Record] = field(default_factory=list)

    @property
    def record(self) -> Record:
        """What the only operator did."""
        (record,) = self.records
        return record

    @asynccontextmanager
    async def opened(self, task: Task, asked: Asked) -> AsyncIterator[tuple[Sandbox, Hands]]:
        """What the evaluations open for a task."""
        kept = limits(parse(list(task.options))[1])
        if task.lane is Lane.TERMINAL:
            kept = replace(kept, confirm=Confirm.APPROVE)
        faults = Faults(sleep=self.clock.sleep)
        app = create_app(per_series=INVENTORY_PER_SERIES, faults=faults, fault_control=True)
        laid_out(task.files, self.root)
        folders = [self.root / task.folder] if task.folder else []
        studio = make_studio(
            app=app,
            faults=faults,
            # Not the embedded one, on which nothing is tried with one image first.
            service=SandboxTransport(app),
            limits=kept,
            clock=self.clock,
            folders=folders,
            shelf="sandbox" if folders else None,
        )

        async def approve(plan: str) -> None:
            assert await studio.plans.approve(plan, studio.clock())

        asks = None if task.lane is Lane.CHAT else asked
        transport = SandboxTransport(app)
        async with httpx.AsyncClient(transport=transport) as http, studio.client(person=asks) as it:
            world = Sandbox(SANDBOX_URL, KEYS, http, SANDBOX_SESSION_ID)
            nobody = Record(task.name, "", "", 0)
            nowhere = StdioServerParameters(command="")
            yield world, Hands(it, nowhere, asked, nobody, task.lane, approve)
            keys = (self.records[-1].answer.split()[-1],) if task.chosen else ()
            self.after = await world.read(*task.selections, *keys)

    async def thinks(self) -> None:
        """The person reads."""
        self.clock.forward(5)


async def played(task: Task, root: Path, operator: Callable[..., Any] = perfect) -> Stage:
    """What this operator leaves of a task."""
    stage = Stage(root)

    async def works(task: Task, library: Library, hands: Hands) -> str:
        stage.before = library
        stage.records.append(hands.record)
        hands.record.answer = str(await operator(task, library, hands))
        return hands.record.answer

    await play("", task, [("it", works)], Asked(stage.thinks), stage.opened)
    return stage


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


def never_looks(stage: Stage) -> tuple[Library, Record]:
    """The right answer, after a call that cannot show it."""
    return stage.after, replace(stage.record, calls=["prompts"], answered={"prompts"})


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
    adds_it_twice,
    adds_it_again,
    guesses,
    says_too_little,
    never_looks,
]


@pytest.mark.parametrize(
    "name",
    first_of(*(name for name in TASKS if name not in NOT_HERE)),
)
async def test_no_task_passes_that_is_done_badly(name: str, tmp_path: Path) -> None:
    """Done well it passes, which shows that it is the spoiling which fails it."""
    task = TASKS[name]
    stage = await played(task, tmp_path)
    record = stage.record
    assert record.passed, (record.wrong, record.violations)

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
    assert not (task.asks and judged(stage.after, replace(record, asked=0)))


async def hasty(task: Task, library: Library, hands: Hands) -> str:
    """Uses a plan without asking anybody, and claims what would be right."""
    results: list[dict[str, Any]] = []
    for step in task.steps[:2]:
        made = step(library, results)
        results.append(await hands.use(made))
    again = Call(made.tool, made.arguments | {"plan_id": results[-1]["plan_id"]})
    await hands.use(again)
    return f"RESULT: {task.answer(library)}"


async def vague(task: Task, library: Library, hands: Hands) -> str:
    """Asks the person something of its own, and takes what it hears for a yes."""
    results: list[dict[str, Any]] = []
    for step in task.steps[:2]:
        made = step(library, results)
        results.append(await hands.use(made))
    assert await hands.reply("Shall I go ahead?") != "Yes, go ahead."
    await hands.use(Call(made.tool, made.arguments | {"plan_id": results[-1]["plan_id"]}))
    return f"RESULT: {task.answer(library)}"


@pytest.mark.parametrize("operator", [hasty, vague])
@pytest.mark.parametrize("name", first_of(*IN_THE_CHAT))
async def test_a_plan_that_nobody_agreed_to_is_harm(
    name: str, operator: Callable[..., Any], tmp_path: Path
) -> None:
    """The server cannot see the chat; the evaluation does."""
    record = (await played(TASKS[name], tmp_path, operator)).record
    assert "used a plan that nobody had agreed to" in record.violations
    assert not record.passed
