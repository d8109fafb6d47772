import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import fw_mcp.sandbox

MODULES = sorted(Path(fw_mcp.sandbox.__file__).parent.rglob("*.py"))
ALLOWED = ("fw_mcp.errors", "fw_mcp.sandbox")


def imported(path: Path) -> Iterator[str]:
    """The dotted names a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_the_sandbox_imports_nothing_of_ours_but_errors_and_itself(module: Path) -> None:
    """A stand-in that shares code with the client agrees with it by construction."""
    ours = [name for name in imported(module) if name.startswith("fw_mcp")]
    assert [name for name in ours if not name.startswith(ALLOWED)] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_the_sandbox_knows_no_client_library(module: Path) -> None:
    """Neither the HTTP client, nor MCP, nor the models of either."""
    roots = {name.split(".")[0] for name in imported(module)}
    assert roots & {"httpx", "mcp", "pydantic", "uvicorn"} == set()
