"""The child process: one task in, one answer out, within limits that it sets itself."""

import io
import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import asdict
from types import ModuleType
from typing import Any

import pytest

from fw_mcp.pictures.worker import child
from fw_mcp.pictures.worker.child import (
    ANSWER,
    LENGTH,
    LIMITS,
    LOOKED,
    PICTURE_S,
    Task,
    limit,
    work,
)
from tests.pictures.painted import bomb, file_of, halves, noise, opened

COMMAND = (sys.executable, "-I", "-c", "from fw_mcp.pictures.worker.child import main; main()")
GOOD = file_of(halves((60, 40)))


def asked(task: Task, *contents: bytes) -> bytes:
    """A task as it goes in."""
    header = json.dumps(asdict(task)).encode()
    return LENGTH.pack(len(header)) + header + b"".join(contents)


def answered(said: bytes) -> tuple[int, dict[str, Any], bytes]:
    """How many pictures were looked at, the header, and the pictures made."""
    looked = len(said) - len(said.lstrip(LOOKED))
    rest = said[looked:]
    assert rest.startswith(ANSWER)
    (length,) = LENGTH.unpack_from(rest, 1)
    header = json.loads(rest[1 + LENGTH.size :][:length])
    return looked, header, rest[1 + LENGTH.size + length :]


def done(task: Task, *contents: bytes) -> tuple[int, dict[str, Any], bytes]:
    """The answer to a task, in this process."""
    sink = io.BytesIO()
    work(io.BytesIO(asked(task, *contents)), sink, lambda _: None)
    return answered(sink.getvalue())


def test_pictures_are_fitted_and_told_with_their_sizes() -> None:
    """One after the other; what is no picture is null."""
    task = Task("fitted", [len(GOOD), 4, None], side=30, most_bytes=10_000)
    looked, header, made = done(task, GOOD, b"text")
    (picture, *others) = header["pictures"]
    assert (looked, others) == (3, [None, None])
    assert picture == {"size": len(made), "pix_w": 30, "pix_h": 20}
    assert opened(made).size == (30, 20)


def test_a_sheet_says_which_of_its_cells_are_filled() -> None:
    """A picture that turns out to be none leaves a box."""
    task = Task("sheet", [len(GOOD), None, 4], 256, 20_000, ["1", "2", "3"])
    looked, header, made = done(task, GOOD, b"text")
    assert (looked, header["shown"]) == (3, [True, False, False])
    assert opened(made).size == (header["pictures"][0]["pix_w"], header["pictures"][0]["pix_h"])
    assert max(opened(made).size) <= 256


def test_likenesses_are_numbers() -> None:
    """Or null."""
    task = Task("likenesses", [len(GOOD), 4])
    assert done(task, GOOD, b"text") == (2, {"hashes": [int("00011000" * 8, 2), None]}, b"")


def test_each_picture_has_its_own_time() -> None:
    """One that is slow ends the process before it takes that of the others."""
    rationed: list[float] = []
    task = Task("likenesses", [4, None])
    work(io.BytesIO(asked(task, b"text")), io.BytesIO(), rationed.append)
    assert rationed == [PICTURE_S, PICTURE_S, 0]


def test_a_process_ends_when_its_ration_is_used_up() -> None:
    """Processor time is counted, so that a machine that is busy with other work takes none away."""
    program = (
        "from fw_mcp.pictures.worker.child import ration; ration(9); ration(0.1)\nwhile True: pass"
    )
    run = subprocess.run([sys.executable, "-c", program], env={}, check=False, timeout=30)
    assert run.returncode == -signal.SIGPROF


def test_a_process_whose_ration_is_taken_back_goes_on() -> None:
    """The answer is made after the last picture, in what is left of the time of all."""
    program = (
        "import time; from fw_mcp.pictures.worker.child import ration; ration(0.1); ration(0)\n"
        "enough = time.process_time() + 0.3\n"
        "while time.process_time() < enough: pass"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


class Limits(ModuleType):
    """Stands in for the system: remembers what is set, refuses some, lacks others."""

    RLIMIT_AS, RLIMIT_CPU, RLIMIT_NOFILE, RLIMIT_FSIZE = range(4)

    def __init__(self) -> None:
        super().__init__("resource")
        self.set: dict[int, tuple[int, int]] = {}

    def setrlimit(self, limit: int, pair: tuple[int, int], /) -> None:
        """Remember it."""
        if limit == self.RLIMIT_AS:
            raise ValueError("not on this system")
        self.set[limit] = pair


def test_a_limit_that_a_system_refuses_or_lacks_keeps_no_other_from_being_set() -> None:
    """Not every system limits memory; the others hold."""
    limits = Limits()
    limit(limits)
    assert limits.set == {
        Limits.RLIMIT_CPU: (20, 20),
        Limits.RLIMIT_NOFILE: (32, 32),
        Limits.RLIMIT_FSIZE: (0, 0),
    }


def test_the_process_holds_itself_to_its_limits() -> None:
    """They are in force when the imaging library is imported, and not before it runs."""
    program = (
        "import json, resource, sys; from fw_mcp.pictures.worker import child; "
        "child.work = lambda *_: "
        "print(json.dumps([sorted(n for n in sys.modules if n.split('.')[0] == 'PIL'), "
        "{n: resource.getrlimit(getattr(resource, n)) for n in child.LIMITS}])); child.main()"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    imported, held = json.loads(run.stdout)
    assert imported == []
    assert held == {name: [most, most] for name, most in LIMITS.items()}


@pytest.mark.parametrize("name", LIMITS)
def test_this_system_has_every_limit(name: str) -> None:
    """A misspelt name would limit nothing."""
    assert isinstance(getattr(resource, name), int)


def test_a_task_is_done_in_a_process_of_its_own_with_nothing_in_its_environment() -> None:
    """Under the limits, with every decoder and the letters of the labels."""
    kinds = [file_of(halves((600, 400)), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF")]
    contents = [*kinds, bomb(), noise((50, 50)).tobytes()]
    labels = [str(number) for number in range(6)]
    task = Task("sheet", [len(one) for one in contents], 512, 90_000, labels)
    run = subprocess.run(
        COMMAND, input=asked(task, *contents), capture_output=True, env={}, check=True
    )
    looked, header, made = answered(run.stdout)
    assert (looked, header["shown"]) == (6, [True] * 4 + [False] * 2)
    assert max(opened(made).size) <= 512
    assert run.stderr == b""


@pytest.mark.parametrize(
    "said", [b"", b"\0\0", b"\0\0\0\2{}", LENGTH.pack(2**31) + b"{", b"a" * 99]
)
def test_what_is_no_task_ends_it_without_an_answer(said: bytes) -> None:
    """Nobody but the server speaks to it."""
    run = subprocess.run(COMMAND, input=said, capture_output=True, env={}, check=False)
    assert (run.returncode, run.stdout) == (1, b"")


def test_memory_is_limited_in_the_child_alone() -> None:
    """A decoder that takes too much is stopped, and the picture is none."""
    program = (
        "from fw_mcp.pictures.worker import child; import resource; child.limit(resource); "
        "size = 2 * 1024**3\ntry: bytearray(size)\nexcept MemoryError: print('refused')"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert run.stdout == b"refused\n"


def test_nothing_can_be_written_to_a_file_by_the_child(tmp_path: Any) -> None:  # noqa: ANN401  pytest's own
    """Its answer is all that it leaves behind."""
    file = tmp_path / "file"
    program = (
        "import signal, sys; from fw_mcp.pictures.worker import child; import resource; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); child.limit(resource); "
        f"open({os.fspath(file)!r}, 'wb', 0).write(b'x')"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert run.returncode == 1
    assert file.read_bytes() == b""


def test_the_module_imports_nothing_heavy() -> None:
    """The server imports it for its words."""
    program = (
        "import sys, fw_mcp.pictures.worker.child; "
        "print('PIL' in sys.modules, 'anyio' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert run.stdout == b"False False\n"
    assert child.__name__ == "fw_mcp.pictures.worker.child"
