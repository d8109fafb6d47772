"""What the tests of commands share: a log that is taken down again, and a store to look into."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from fw_mcp.cli.main import main
from tests.support.canaries import holds_key
from tests.support.kept import Kept
from tests.support.process import DEBUG, environment
from tests.support.studio import Studio, make_studio


class InProcess(Protocol):
    """Runs a command in this process."""

    def __call__(
        self, arguments: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it with an environment of its own, in an empty folder that keeps its state."""
        ...


@pytest.fixture
def in_process(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> InProcess:
    """What `fw_mcp` of tests/support/process.py gives, where a process of its own shows no more."""

    def run(
        arguments: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(tmp_path)
        for name in os.environ:
            monkeypatch.delenv(name)
        whole = {**DEBUG, "XDG_STATE_HOME": str(tmp_path), **(env or {})}
        for name, value in environment(whole).items():
            monkeypatch.setenv(name, value)
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        said = capsys.readouterr()
        assert not holds_key(said.out + said.err)
        return subprocess.CompletedProcess(["fw-mcp", *arguments], code, said.out, said.err)

    return run


@pytest.fixture(scope="module")
def sandbox() -> Studio:
    """One for all: next to nothing here writes to it."""
    return make_studio()


@pytest.fixture
def kept(tmp_path: Path, sandbox: Studio) -> Iterator[Kept]:
    """A store that does not exist yet, beside a sandbox."""
    yield Kept(tmp_path / "store", sandbox)
    sandbox.faults.clear()
