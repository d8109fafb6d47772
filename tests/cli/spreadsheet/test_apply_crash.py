"""Applying a spreadsheet crashes after a call was sent."""

import re

import pytest

from fw_mcp.assembly import assemble
from fw_mcp.cli.spreadsheet.apply import apply
from fw_mcp.config import load_settings
from fw_mcp.store.journal import Step
from tests.cli.spreadsheet.desk import Desk, unsold


def test_rows_that_were_sent_are_not_called_not_sent_after_a_crash(desk: Desk) -> None:
    """Whatever broke, a row whose text the library holds is never told as not sent."""
    row = {**unsold(desk.export())[0], "title": "Dew"}
    desk.write([row])

    def reached(step: Step) -> None:
        if step is Step.OUTCOME_RECORDED:
            raise RuntimeError("crash")

    settings = load_settings({"sandbox": str(desk.sandbox)})
    with pytest.raises(RuntimeError, match="crash"):
        apply(assemble(settings, {}, reached), {"file": str(desk.sheet)}, lambda _: True)
    assert desk.text_of(row["guid"])[0] == "Dew"
    assert not re.search(r"^Not sent: rows 2\.", desk.capsys.readouterr().out, re.MULTILINE)
