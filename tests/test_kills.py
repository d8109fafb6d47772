"""Killed at any step of a write, nothing is lost, doubled or hidden, and the same call ends it."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from fw_mcp.api.models import ImageDetails
from fw_mcp.sandbox.app import create_app
from fw_mcp.store.journal import Step
from fw_mcp.writes.outcomes import MAY_STILL_HAPPEN_S
from fw_mcp.writes.uploads import UploadStep
from tests.support.killed import Killing
from tests.support.process import environment, fw_mcp
from tests.support.products import covering, exhaustive
from tests.support.studio import Studio, make_studio, said, sandbox_account
from tests.support.truth import holdings, new_images, sold
from tests.support.uploading import picture

pytestmark = pytest.mark.anyio

KEY = "11111111-2222-4333-8444-555555555555"
IN_BETWEEN = {Step.INTENT_RECORDED, Step.ANSWERED, Step.READ_BACK}
ADDED = 12


Killer = Callable[[Killing], int]


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    """Carries out killings, each in a process of its own; gives their exit codes."""
    program = [sys.executable, "-m", "tests.support.killed"]
    with subprocess.Popen(
        program, env=environment(), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as forking:
        told, heard = forking.stdin, forking.stdout
        assert told is not None
        assert heard is not None

        def kill(killing: Killing) -> int:
            told.write(killing.line())
            told.flush()
            return int(heard.readline())

        yield kill


@dataclass
class Scene:
    """A library and a store in files, and the call that is cut off.

    Attributes:
        done: whether the library holds what the call asks for.
    """

    folder: Path
    studio: Studio
    arguments: dict[str, Any] = field(default_factory=dict)
    done: Callable[[], Awaitable[bool]] | None = None

    @classmethod
    def in_folder(cls, folder: Path) -> "Scene":
        """A fresh library."""
        sandbox = folder / "sandbox"
        app, account = create_app(str(sandbox)), sandbox_account(sandbox)
        studio = make_studio(
            app=app,
            store=folder / "store",
            kept_for=account,
            shelf="sandbox",
            folders=[folder / "New Work"],
        )
        return cls(folder, studio)

    def cut_off(self, killer: Killer, tool: str, step: Step | UploadStep, nth: int = 1) -> int:
        """Make the call in a process that dies at `step`; its exit code."""
        files = str(self.folder / "sandbox"), str(self.folder / "store")
        clock, folder = self.studio.clock(), str(self.folder / "New Work")
        return killer(Killing(*files, step, nth, tool, self.arguments, clock, folder))

    async def call(self, tool: str) -> dict[str, Any]:
        """The same call in this process, answered with yes."""
        async with self.studio.client(person=self.studio.person()) as client:
            return said(await client.call_tool(tool, self.arguments))


async def adding(scene: Scene) -> None:
    """Twelve images: three requests in one journal entry."""
    scene.arguments = {"images": new_images(ADDED)}
    files = Counter(str(image["private_hires_uri"]) for image in new_images(ADDED))

    async def done() -> bool:
        held = await holdings(scene.studio)
        listed = Counter(image.private_hires_uri for image in held.values())
        return all(listed[file] == 1 for file in files)

    scene.done = done


async def updating(scene: Scene) -> None:
    """Two images that carry products."""
    images = await sold(scene.studio, 2)
    titles = {image.guid: f"New title of {image.guid[:8]}" for image in images}
    scene.arguments = {"images": [{"guid": g, "title": title} for g, title in titles.items()]}

    async def done() -> bool:
        held = await holdings(scene.studio)
        return all(held[guid].title == title for guid, title in titles.items())

    scene.done = done


async def deleting(scene: Scene) -> None:
    """Two images that carry products."""
    guids = [image.guid for image in await sold(scene.studio, 2)]
    scene.arguments = {"guids": guids}

    async def done() -> bool:
        return not set(guids) & set(await holdings(scene.studio))

    scene.done = done


async def selecting(scene: Scene) -> None:
    """Three images under a key."""
    guids = list(await holdings(scene.studio))[:3]
    scene.arguments = {"guids": guids, "selection_guid": KEY}

    async def done() -> bool:
        stored = await scene.studio.api.list_file_selection(KEY)
        return set(stored.guids) == set(guids)

    scene.done = done


async def undoing(scene: Scene) -> None:
    """The deletion of two images: they are registered again."""
    await deleting(scene)
    before = {guid: (await holdings(scene.studio))[guid] for guid in scene.arguments["guids"]}
    deleted = await scene.call("delete_images")
    scene.arguments = {"change_id": deleted["change_id"]}

    async def done() -> bool:
        held = await holdings(scene.studio)
        files = Counter(image.private_hires_uri for image in held.values())
        return all(files[image.private_hires_uri] == 1 for image in before.values())

    scene.done = done


SCENES = {
    "add_images": adding,
    "update_image_metadata": updating,
    "delete_images": deleting,
    "set_selection": selecting,
    "undo_change": undoing,
}
CELLS = [
    *covering(list(SCENES), Step, [1]),
    *(pytest.param("add_images", Step.ANSWERED, nth, marks=exhaustive) for nth in (2, 3)),
]


@pytest.mark.parametrize(("tool", "step", "nth"), CELLS)
async def test_a_killed_write_is_found_settled_and_ended_by_the_same_call(
    tool: str, step: Step, nth: int, tmp_path: Path, killer: Killer
) -> None:
    """Promise: nothing acknowledged is lost, nothing unfinished is hidden."""
    scene = Scene.in_folder(tmp_path)
    studio = scene.studio
    await SCENES[tool](scene)
    before = await holdings(studio)
    assert scene.cut_off(killer, tool, step, nth) == -signal.SIGKILL

    open_ = await studio.journal.unsettled()
    assert len(open_) == (step in IN_BETWEEN)
    # Until then it may still be carried out, and is not known to have failed.
    studio.clock.forward(120)
    for unsettled in open_:
        change = await studio.writes.history.change(unsettled.change_id)
        assert change is not None
        ended = await studio.writes.settle(change)
        await assert_told(ended, await holdings(studio), before)
    assert await studio.journal.unsettled() == []

    await scene.call(tool)
    assert scene.done is not None
    assert await scene.done()
    assert await studio.journal.unsettled() == []


async def assert_told(
    ended: dict[int, Any], held: dict[str, ImageDetails], before: dict[str, ImageDetails]
) -> None:
    """What was settled by reading is what the service holds."""
    new = set(held) - set(before)
    adopted = {end.guid for end in ended.values() if end.outcome == "adopted"}
    assert adopted == (new if adopted or new else set())
    for end in ended.values():
        if end.outcome == "deleted":
            assert end.guid not in held
        if end.outcome == "updated" and end.guid in held:
            assert (held[end.guid].title or "").startswith("New title of")


BEFORE_A_PUT = (Step.BEFORE_INTENT, Step.INTENT_RECORDED, UploadStep.INTENT_RECORDED)
# The steps of one journal entry are reached once, but for the first: the call is on record earlier.
TWICE = (*UploadStep, Step.BEFORE_INTENT, Step.INTENT_RECORDED)
UPLOADED = [
    *(pytest.param(step, 1) for step in (UploadStep.PUT, UploadStep.VERIFIED, Step.ANSWERED)),
    *(pytest.param(step, 1, marks=exhaustive) for step in (*UploadStep, *Step)),
    *(pytest.param(step, 2, marks=exhaustive) for step in TWICE),
    *(pytest.param(UploadStep.PUT, nth, marks=exhaustive) for nth in (3, 4, 5, 6)),
]


def put_in(folder: Path) -> set[str]:
    """The keys of what the sandbox keeps."""
    return {path.name for path in folder.rglob("*.*") if len(path.stem) == 64}


@pytest.mark.parametrize(("step", "nth"), UPLOADED)
@pytest.mark.parametrize("later_s", [30, pytest.param(4000, marks=exhaustive)])
async def test_a_killed_upload_is_on_record_and_ended_by_the_same_call(
    step: Step | UploadStep, nth: int, later_s: float, tmp_path: Path, killer: Killer
) -> None:
    """Promise: nothing uploaded is forgotten, registered unreachable, or registered twice."""
    scene = Scene.in_folder(tmp_path)
    studio = scene.studio
    for name in ("fog.png", "sun.png"):
        picture(tmp_path / "New Work", name)
    scene.arguments = {"images": [{"file": "./"}]}
    before = await holdings(studio)
    assert scene.cut_off(killer, "add_images", step, nth) == -signal.SIGKILL

    rows = await studio.uploads.store.every()
    on_record = {key for row in rows for key in row.parts}
    assert on_record or step in {Step.BEFORE_INTENT, Step.INTENT_RECORDED}
    put = put_in(tmp_path)
    assert put <= on_record
    # The files go side by side: the second may be on record before the first is put.
    side_by_side = step is UploadStep.INTENT_RECORDED and nth > 1
    assert side_by_side or bool(put) is (step not in BEFORE_A_PUT or nth > 1)
    studio.clock.forward(later_s)
    await scene.call("add_images")
    if later_s < MAY_STILL_HAPPEN_S:
        # What may still have been on its way is looked for once more.
        studio.clock.forward(MAY_STILL_HAPPEN_S)
        await scene.call("add_images")
    new = [image for guid, image in (await holdings(studio)).items() if guid not in before]
    assert sorted(str(image.file_name) for image in new) == ["fog.png", "sun.png"]
    bucket = studio.uploads.bucket
    reachable = {
        bucket.url(key)
        for row in await studio.uploads.store.every()
        for key, size in row.parts.items()
        if await bucket.size_of(key) == size
    }
    assert {str(image.private_hires_uri) for image in new} <= reachable
    assert await studio.journal.unsettled() == []


async def test_reconcile_and_doctor_tell_a_killed_write(tmp_path: Path, killer: Killer) -> None:
    """Promise: `fw-mcp doctor` finds it, `fw-mcp reconcile` settles it; both are read-only."""
    scene = Scene.in_folder(tmp_path)
    # So long ago that nobody waits for what may still show.
    scene.studio.clock.seconds = time.time() - 3600
    await adding(scene)
    assert scene.cut_off(killer, "add_images", Step.ANSWERED, nth=2) == -signal.SIGKILL
    files = ["--sandbox-file", str(tmp_path / "sandbox"), "--store", str(tmp_path / "store")]

    async def run(command: str) -> subprocess.CompletedProcess[str]:
        return await anyio.to_thread.run_sync(lambda: fw_mcp([command, *files]))

    found = await run("doctor")
    assert (found.returncode, "fw-mcp reconcile" in found.stdout) == (7, True)
    settled = await run("reconcile")
    assert settled.returncode == 0
    assert settled.stdout.count("adopted") == 10
    assert (await run("doctor")).returncode == 0
    assert len(await holdings(scene.studio)) == 248 + 10
