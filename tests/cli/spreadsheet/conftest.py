"""The desk that these tests work at."""

from pathlib import Path

import pytest

from tests.cli.spreadsheet.desk import Desk


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A fresh one."""
    return Desk(tmp_path, capsys)
