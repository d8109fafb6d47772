"""The name of a process, and whether it may still be there."""

import os
import subprocess
import sys

import pytest

from fw_mcp.store.locks import may_be_running, this_process


def test_a_process_is_named_by_its_id_and_a_word_of_its_own() -> None:
    """An id is used again by another process; the word is not."""
    first, second = this_process(), this_process()
    assert first != second
    assert first.partition("-")[0] == second.partition("-")[0] == str(os.getpid())


def test_a_process_that_is_there_may_be_running() -> None:
    """This one is."""
    assert may_be_running(this_process())


def test_a_process_that_ended_is_not_running() -> None:
    """What it wrote was cut off."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait(timeout=20)
    assert not may_be_running(f"{ended.pid}-0123abcd")


def test_the_process_of_somebody_else_may_be_running() -> None:
    """The first process of the machine is always there, whoever may ask it."""
    assert may_be_running("1-0123abcd")


@pytest.mark.parametrize("owner", ["", "-", "-0123abcd", "host-0123abcd", "1.5-a", "-1-a"])
def test_what_names_no_process_is_not_running(owner: str) -> None:
    """An upgraded store does not know who wrote."""
    assert not may_be_running(owner)
