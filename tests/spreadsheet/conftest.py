"""The desk that these tests work at."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from fw_mcp.cli.output import MaskingFormatter
from tests.spreadsheet.desk import Desk


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    """A fresh one; the log that its commands set up is taken down again."""
    yield Desk(tmp_path, capsys)
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one.formatter, MaskingFormatter)]:
        root.removeHandler(handler)
