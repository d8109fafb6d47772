"""The evaluations' tasks, played in this process in place of their own processes."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from mcp import StdioServerParameters

from evals.folders import laid_out
from evals.hands import Asked, Hands, Record
from evals.library import Library, Sandbox
from evals.operators import perfect
from evals.play import play
from evals.task import Lane, Task
from evals.tasks import FAMILIES
from fw_mcp.assembly import limits
from fw_mcp.cli.options import parse
from fw_mcp.embedded import SandboxTransport
from fw_mcp.guard.guard import Confirm
from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.faults.plan import Faults
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_SESSION_ID, SANDBOX_WEB_API_KEY
from fw_mcp.sandbox.seed import INVENTORY_PER_SERIES
from tests.support.studio import SANDBOX_URL, Clock, make_studio

KEYS = {"web_api_key": SANDBOX_WEB_API_KEY, "app_key": SANDBOX_APP_KEY}
TASKS = {task.name: task for family in FAMILIES.values() for task in family}


@dataclass
class World(Sandbox):
    """Remembers what was read last."""

    last: Library = field(default_factory=lambda: Library(()))

    async def read(self, *selections: str) -> Library:
        """Read everything, and these selections."""
        self.last = await super().read(*selections)
        return self.last


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
            world = World(SANDBOX_URL, KEYS, http, SANDBOX_SESSION_ID)
            nobody = Record(task.name, "", "", 0)
            nowhere = StdioServerParameters(command="")
            yield world, Hands(it, nowhere, asked, nobody, task.lane, approve)
            self.after = world.last

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
