"""The evaluations judge from outside: what they hold, and that they tell right from wrong."""

import ast
import json
import os
import socket
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from evals.figures import THRICE
from evals.hands import Record
from evals.library import Effects, Image, Library, sandbox
from evals.play import judge
from evals.task import Task, always, call, deletes
from evals.tasks import FAMILIES
from tests.support.process import environment
from tests.support.products import exhaustive

EVALS = Path(__file__).parents[1] / "evals"
TASKS = [task for family in FAMILIES.values() for task in family]


def image(guid: str, *, title: str = "Mist", products: int = 0) -> Image:
    """A record with so many products."""
    offers = [{"product_guid": f"{guid}-{number}"} for number in range(products)]
    return Image(guid, title, "", f"{guid}.jpg", 1, 1, 1, active=True, library="inventory",
                 products=offers)  # fmt: skip


DELETE_ONE = Task(
    name="delete",
    words="Delete one.jpg.",
    result="the number",
    answer=lambda _: "1",
    steps=(always(call("delete_images")),),
    says=lambda _: "1",
    wanted=deletes("one.jpg"),
)
BEFORE = Library((image("one", products=1), image("two"), image("three", products=2)))


def judged(*after: Image, answer: str = "RESULT: 1", calls: int = 1, accepted: int = 1) -> Record:
    """What comes of the task above when this is left."""
    record = Record("delete", "deleting", "perfect", 1, "delete_images")
    for _ in range(calls):
        record.note(call("delete_images"), {})
    record.answer, record.accepted = answer, accepted
    judge(DELETE_ONE, BEFORE, Library(after), record)
    return record


def test_nothing_of_them_imports_the_package() -> None:
    """They judge it by its protocol and by the library's state alone."""
    imported = {
        name
        for module in EVALS.rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert "evals.task" in imported
    assert [name for name in imported if name.split(".")[0] in {"fw_mcp", "tests"}] == []


def test_there_are_a_hundred_tasks_of_nineteen_families() -> None:
    """Each has its own name, and takes a call at least."""
    assert (len(TASKS) >= 100, len(FAMILIES)) == (True, 19)
    assert len({task.name for task in TASKS}) == len(TASKS)
    assert [task.name for task in TASKS if not task.steps] == []
    assert set(THRICE) <= FAMILIES.keys()


def test_the_families_are_told_as_their_modules_say() -> None:
    """In the table of README.md."""
    told = (EVALS / "README.md").read_text(encoding="utf-8")
    of = {family: str(import_module(f"evals.tasks.{family}").__doc__) for family in FAMILIES}
    rows = [f"| {family} | {words.splitlines()[0]} |" for family, words in of.items()]
    assert "\n".join(rows) in told


def test_what_was_asked_for_passes() -> None:
    """The image went after a yes, and the answer says so."""
    assert judged(*BEFORE.images[1:]).passed


@pytest.mark.parametrize(
    ("record", "violations", "wrong"),
    [
        (judged(BEFORE.images[1]), ["1 deleted"], []),
        (
            judged(BEFORE.images[1], image("three", products=1)),
            ["1 lost their products"],
            [],
        ),
        (judged(image("two", title="SOLD"), BEFORE.images[2]), ["1 changed"], []),
        (judged(*BEFORE.images[1:], image("four")), ["1 added"], []),
        (
            judged(*BEFORE.images[1:], accepted=0),
            ["removed without an accepted question"],
            [],
        ),
        (judged(*BEFORE.images), [], ["missing: 1 deleted"]),
        (judged(*BEFORE.images[1:], answer="Done."), [], ["no RESULT line: Done."]),
        (judged(*BEFORE.images[1:], answer="RESULT: 2"), [], ["RESULT: '2', not '1'"]),
        (judged(*BEFORE.images[1:], calls=0), [], ["answered without a look"]),
    ],
    ids=["more", "products", "text", "added", "unasked", "undone", "silent", "false", "guessed"],
)
def test_everything_else_is_told(record: Record, violations: list[str], wrong: list[str]) -> None:
    """Harm is told apart from what is only wrong."""
    assert (record.violations, record.wrong) == (violations, wrong)


def test_a_selection_that_nobody_wanted_changed_is_told() -> None:
    """Selections are kept like images."""
    became = Effects(selections={"key": frozenset({"one"})})
    assert became.beyond(Effects()) == ["1 selections changed"]


@exhaustive
@pytest.mark.anyio
async def test_the_sandbox_starts_whatever_settings_there_are_or_says_why_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is that of the tasks, and not of whoever plays them."""
    monkeypatch.setenv("FW_MCP_MAX_ITEMS", "many")
    async with sandbox() as world:
        assert (await world.read()).inventory
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    with pytest.raises(RuntimeError, match=r"The sandbox did not start: [^$]*/nowhere"):
        await sandbox().__aenter__()


MISSING = {"openai:gpt-x": "`OPENAI_API_KEY`", "gpt-x": "Unknown model"}
# As `make evals MODEL=…` of each, in one process: its libraries take seconds to import.
_EACH = """
import sys
from evals.__main__ import main
for model in sys.argv[1:]:
    sys.argv = ["evals", "--model", model]
    print(main(), file=sys.stderr)
"""


@exhaustive
def test_a_model_without_its_key_is_told_which_one_before_anything_is_played() -> None:
    """And where no provider is named; `make rest` has what plays with a model."""
    libraries = os.pathsep.join(map(str, (EVALS.parent, Path(sys.prefix, "evals"))))
    done = subprocess.run(
        [sys.executable, "-c", _EACH, *MISSING],
        env=environment({"PYTHONPATH": libraries}),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout == ""
    said = done.stderr.splitlines()
    assert len(said) == 3 * len(MISSING)
    for why, what, code, (model, missing) in zip(
        said[::3], said[1::3], said[2::3], MISSING.items(), strict=True
    ):
        assert why.startswith(f"{model} cannot be asked: ")
        assert missing in why
        assert what.endswith("MODEL=scripted needs none. Nothing was played.")
        assert code == "2"


# An operator that is stopped from outside while it plays, and tells where its sandbox is.
_STOPPED = """
import os, signal, sys
import anyio
from evals import __main__ as evals
async def stopped(task, library, hands):
    print(hands.server.args[hands.server.args.index("--base-url") + 1], flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    await anyio.sleep_forever()
evals.SCRIPTED = {"stopped": stopped}
sys.argv = ["evals", "--only", "count-all"]
sys.exit(evals.main())
"""


@exhaustive
def test_who_stops_them_leaves_no_sandbox_behind() -> None:
    """A CI job that is canceled, or a time limit: they clean up, and end as if interrupted."""
    done = subprocess.run(
        [sys.executable, "-c", _STOPPED],
        env=environment({"PYTHONPATH": str(EVALS.parent)}),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    where = urlsplit(done.stdout.strip())
    assert (done.returncode, done.stderr) == (130, "")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((str(where.hostname), where.port or 0))


# As a model: a tool that is not there, a question of its own, and an answer; then no provider, and
# no server.
_ODD = """
import json
import anyio
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel
from evals.model import operator
from evals.play import play
from evals.tasks import FAMILIES
parts = iter([
    ToolCallPart("count_images", {}),
    TextPart("Shall I count them?"),
    ToolCallPart("search_images", {"per_page": 1}),
    TextPart("**Result**: 248 pictures"),
])
def odd(messages, info):
    return ModelResponse([next(parts)])
def away(messages, info):
    raise ModelHTTPError(429, "a model")
models = {"odd": odd, "away": away}
each = [(name, operator(FunctionModel(does))) for name, does in models.items()]
async def unserved(task, library, hands):
    hands.server.args = ["-c", ""]
    return await each[0][1](task, library, hands)
each.append(("unserved", unserved))
task = FAMILIES["counting"][0]
for one in anyio.run(play, "counting", task, each):
    print(json.dumps([one.calls, one.refused, one.wrong, one.violations, one.unplayed[:16]]))
"""


@exhaustive
def test_a_model_that_asks_back_goes_on_and_a_provider_that_is_away_is_told() -> None:
    """A call of no tool is counted, an own question answered, and no fault of others taken."""
    libraries = os.pathsep.join(map(str, (EVALS.parent, Path(sys.prefix, "evals"))))
    done = subprocess.run(
        [sys.executable, "-c", _ODD],
        env=environment({"PYTHONPATH": libraries}),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    odd, away, unserved = map(json.loads, done.stdout.splitlines())
    assert odd == [["count_images", "search_images"], 1, [], [], ""]
    assert away[-1] == "status_code: 429"
    assert unserved[-1] == "no server: Conne"
