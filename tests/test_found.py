"""What strangers, hosts, attacks and a contrary service found is held by tests, line by line.

`tests/found.toml` holds every line, with the tests of its kind, and the reason where one was not
mended or has none.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any

from tests.test_promises import TESTS, run_by_make_test


@cache
def found() -> dict[str, Any]:
    """The lines by id, and the modules that exist for them alone."""
    return tomllib.loads((TESTS / "found.toml").read_text(encoding="utf-8"))


def names_in(module: str) -> Iterator[str]:
    """The names of a module's tests."""
    for node in ast.parse((TESTS / module).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[:5] == "test_":
            yield node.name


def test_every_line_has_tests_that_make_test_runs_or_a_reason() -> None:
    """Checked by name, so that none goes away unnoticed; a name of two tests holds nothing."""
    running = run_by_make_test()
    unheld = {
        name: [test for test in line["tests"] if running[test] != 1]
        for name, line in found()["line"].items()
        if any(running[test] != 1 for test in line["tests"])
        or not (line["tests"] or line.get("why_not"))
    }
    assert unheld == {}


def test_every_test_that_exists_for_these_lines_is_named_by_one() -> None:
    """So that none loses its line, and nobody wonders what it holds."""
    named = {test for line in found()["line"].values() for test in line["tests"]}
    for module in found()["only"]:
        assert {test for test in names_in(module) if test not in named} == set(), module


def test_what_models_saw_has_a_line_each() -> None:
    """M1 to M22, by the number in the line's name."""
    numbered = re.compile(r"(?:seller_|models_)?m(\d+)_")
    there = {int(number[1]) for name in found()["line"] if (number := numbered.match(name))}
    assert there == set(range(1, 23))
