"""What the documents and the tools' descriptions promise is proved, sentence by sentence.

`tests/promises.toml` holds every sentence: a promise with an id and the tests that prove it, or one
that promises nothing.
"""

import ast
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent
DOCUMENTS = ("README.md", "SECURITY.md")

_GENERATED = re.compile(r"<!-- (\w+) -->.*?<!-- /\1 -->", re.DOTALL)
_CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_BLOCK_ENDS = re.compile(r"\n\s*\n|\n(?=- )")
# A sentence may begin with the name of a tool, or of this program.
_SENTENCE_ENDS = re.compile(r"(?<=[.?!]) (?=[A-Z`(\[]|[a-z]+_[a-z]+|fw-mcp)")


@cache
def manifest() -> dict[str, Any]:
    """The promises by id, and what is none."""
    return tomllib.loads((TESTS / "promises.toml").read_text(encoding="utf-8"))


def texts() -> Iterator[str]:
    """The documents without what is generated or code, and the tools' descriptions."""
    for name in DOCUMENTS:
        text = (TESTS.parent / name).read_text(encoding="utf-8")
        yield _CODE.sub("", _GENERATED.sub("", text))
    for file in sorted((TESTS / "definitions").glob("*_*.json")):
        yield json.loads(file.read_text(encoding="utf-8"))["description"]


def sentences_of(text: str) -> Iterator[str]:
    """The sentences of a text in Markdown, on one line each; a table counts by its first row."""
    for block in map(str.strip, _BLOCK_ENDS.split(text)):
        if block.startswith("|"):
            cells = block.partition("\n")[0].strip("|").split("|")
            yield " | ".join(map(str.strip, cells))
        elif block and not block.startswith(("#", "![")):
            words = " ".join(block.removeprefix("- ").replace("**", "").split())
            yield from _SENTENCE_ENDS.split(words)


@cache
def run_by_make_test() -> Counter[str]:
    """The names of all tests but those that are exhaustive as a whole."""
    return Counter(
        node.name
        for file in TESTS.rglob("test_*.py")
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and "exhaustive" not in map(ast.unparse, node.decorator_list)
    )


def test_every_sentence_is_a_promise_or_none_and_none_is_left_over() -> None:
    """A seller decides by these pages whether to leave write access on; a model, what to call."""
    said = {sentence for text in texts() for sentence in sentences_of(text)}
    promised = [promise["says"] for promise in manifest()["promise"].values()]
    held = Counter([*promised, *manifest()["no_promise"]])
    assert said - held.keys() == set()
    assert held.keys() - said == set()
    assert [sentence for sentence, times in held.items() if times > 1] == []


def test_every_promise_is_proved_by_tests_that_make_test_runs() -> None:
    """Checked by name, so that none goes away unnoticed; a name of two tests proves nothing."""
    running = run_by_make_test()
    unproved = {
        name: [test for test in promise["tests"] if running[test] != 1]
        for name, promise in manifest()["promise"].items()
        if not promise["tests"] or any(running[test] != 1 for test in promise["tests"])
    }
    assert unproved == {}
