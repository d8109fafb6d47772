"""`fw-mcp plans`, and `fw-mcp approve` in a terminal: a person reads the plan and types yes."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from fw_mcp.store.plans import PlanRecord, PlanStore
from fw_mcp.store.sqlite import Database
from tests.cli.conftest import InProcess
from tests.support.process import fw_mcp, started

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX terminal")

NEVER = 4_000_000_000.0
PLAN = PlanRecord(
    plan_id="0123456789abcdef",
    tool="delete_images",
    caller="stdio:host",
    arguments_digest="a",
    targets_digest="t",
    weight=1,
    question="Delete 1 image from the inventory library?",
    created_at=1.0,
    expires_at=NEVER,
)


@contextmanager
def store_with_a_plan(folder: Path) -> Iterator[tuple[Path, PlanStore]]:
    """A store in which a plan waits."""
    file = folder / "store.sqlite3"
    database = Database(file)
    anyio.run(PlanStore(database).add, PLAN)
    yield file, PlanStore(database)
    database.close()


def typed(text: str, file: Path) -> tuple[int, str]:
    """Run `fw-mcp approve` on a terminal where somebody types; exit code and output."""
    import pty  # noqa: PLC0415  not on every system

    ours, theirs = pty.openpty()
    command = ["approve", PLAN.plan_id, "--store", str(file)]
    with started(command, stdin=theirs, stderr=None, text=True) as process:
        os.close(theirs)
        os.write(ours, text.encode())
        output, _ = process.communicate(timeout=60)
    os.close(ours)
    return process.returncode, output


@pytest.mark.parametrize(
    ("answer", "approved"), [("yes\n", True), ("no\n", False), ("\n", False), ("\x04", False)]
)
def test_only_a_typed_yes_approves(answer: str, approved: bool, tmp_path: Path) -> None:
    """Promise: under `--confirm approve` a person in a terminal lets a plan through."""
    with store_with_a_plan(tmp_path) as (file, plans):
        code, output = typed(answer, file)
        plan = anyio.run(plans.get, PLAN.plan_id)
    assert plan is not None
    assert PLAN.question in output
    assert (code == 0, plan.approved_at is not None) == (approved, approved)


def test_no_plan_waits_in_a_new_store(in_process: InProcess, tmp_path: Path) -> None:
    """`fw-mcp plans` says so."""
    done = in_process(["plans", "--sandbox", "--store", str(tmp_path / "store")])
    assert (done.returncode, done.stdout) == (0, "No pending plans.\n")


def test_without_a_terminal_only_an_explicit_yes_approves(tmp_path: Path) -> None:
    """Promise: an assistant's shell is no person; whoever adds `--yes` says so."""
    with store_with_a_plan(tmp_path) as (file, plans):
        command = ["approve", PLAN.plan_id, "--store", str(file)]
        refused = fw_mcp(command, text="yes\n")
        still = anyio.run(plans.get, PLAN.plan_id)
        assert still is not None
        assert (refused.returncode, still.approved_at) == (1, None)
        assert "No terminal is attached to confirm it. Nothing was approved." in refused.stderr
        assert fw_mcp([*command, "--yes"]).returncode == 0
        plan = anyio.run(plans.get, PLAN.plan_id)
    assert plan is not None
    assert plan.approved_at is not None


def test_the_list_of_plans_says_how_one_is_approved(in_process: InProcess, tmp_path: Path) -> None:
    """The model is not handed the command."""
    with store_with_a_plan(tmp_path) as (file, _):
        done = in_process(["plans", "--store", str(file)])
    assert done.stdout.endswith("run fw-mcp approve PLAN with the same options.\n")
