"""What the tests of commands share: a log that is taken down again, and a store to look into."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from fw_mcp.cli.output import MaskingFormatter
from tests.support.kept import Kept
from tests.support.studio import Studio, make_studio


@pytest.fixture(autouse=True)
def _log_taken_down() -> Iterator[None]:
    """A command that ran in this process has set up its own."""
    yield
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one.formatter, MaskingFormatter)]:
        root.removeHandler(handler)


@pytest.fixture(scope="module")
def sandbox() -> Studio:
    """One for all: next to nothing here writes to it."""
    return make_studio()


@pytest.fixture
def kept(tmp_path: Path, sandbox: Studio) -> Iterator[Kept]:
    """A store that does not exist yet, beside a sandbox."""
    yield Kept(tmp_path / "store", sandbox)
    sandbox.faults.clear()
