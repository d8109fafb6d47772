"""The parts import only what they may, and the promises that are visible in the source."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import fw_mcp

PACKAGE = Path(fw_mcp.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

EVERYTHING = ("fw_mcp",)
WORDS = ("fw_mcp.errors", "fw_mcp.text")
MAY_IMPORT = {
    "errors": (),
    "text": ("fw_mcp.errors",),
    "signals": (),
    "telemetry": (),
    "config": WORDS,
    "sandbox": ("fw_mcp.errors",),
    "store": ("fw_mcp.telemetry", *WORDS),
    "api": ("fw_mcp.telemetry", *WORDS),
    "guard": ("fw_mcp.store", *WORDS),
    "images": ("fw_mcp.api", *WORDS),
    "pictures": ("fw_mcp.images", "fw_mcp.__version__", *WORDS),
    "writes": (
        "fw_mcp.pictures",
        "fw_mcp.images",
        "fw_mcp.guard",
        "fw_mcp.store",
        "fw_mcp.api",
        "fw_mcp.telemetry",
        *WORDS,
    ),
    "server": (
        "fw_mcp.writes",
        "fw_mcp.pictures",
        "fw_mcp.images",
        "fw_mcp.guard",
        "fw_mcp.api.models",
        "fw_mcp.signals",
        "fw_mcp.telemetry",
        "fw_mcp.__version__",
        *WORDS,
    ),
    "accounts": (
        "fw_mcp.assembly",
        "fw_mcp.config",
        "fw_mcp.server",
        "fw_mcp.guard",
        *WORDS,
    ),
    "cli": EVERYTHING,
    "assembly": EVERYTHING,
    "embedded": ("fw_mcp.sandbox",),
    "__main__": EVERYTHING,
    "__init__": (),
}
SPEAKS_TO_A_PERSON = {"cli"}


def named(module: Path) -> str:
    """A module's path inside the package."""
    return module.relative_to(PACKAGE).as_posix()


def part_of(module: Path) -> str:
    """The part a module belongs to: a folder, or a module beside them."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def nodes(module: Path) -> tuple[ast.AST, ...]:
    """Everything in a module's source, wherever it stands."""
    return tuple(ast.walk(ast.parse(module.read_text(encoding="utf-8"))))


@cache
def ours_imported(module: Path) -> tuple[str, ...]:
    """The dotted names of this package that a module imports."""
    return tuple(_ours_imported(module))


def _ours_imported(module: Path) -> Iterator[str]:
    for node in nodes(module):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "fw_mcp")


def within(name: str, allowed: tuple[str, ...]) -> bool:
    """Whether a dotted name is one of these, or inside one."""
    return any(name == one or name.startswith(f"{one}.") for one in allowed)


def test_every_part_of_the_package_has_its_row() -> None:
    """A new part says what it may import before it imports anything."""
    assert {part_of(module) for module in MODULES} <= set(MAY_IMPORT)


def test_a_module_imports_only_what_its_part_may() -> None:
    """The design's table of imports holds, type checking and late imports included."""
    forbidden = {
        (named(module), name)
        for module in MODULES
        for name in ours_imported(module)
        if not within(name, (f"fw_mcp.{part_of(module)}", *MAY_IMPORT[part_of(module)]))
    }
    assert forbidden == set()


def test_no_module_imports_itself_by_way_of_others() -> None:
    """A circle would make one module of all that are in it."""
    names = {
        ".".join(module.relative_to(PACKAGE.parent).with_suffix("").parts) for module in MODULES
    }
    imports = {
        ".".join(module.relative_to(PACKAGE.parent).with_suffix("").parts): {
            name if name in names else name.rpartition(".")[0] for name in ours_imported(module)
        }
        for module in MODULES
    }
    # What imports nothing that is left can be in no circle.
    left = dict(imports)
    while free := [name for name, used in left.items() if not used & left.keys() - {name}]:
        for name in free:
            del left[name]
    assert sorted(left) == []


def test_only_the_command_line_prints() -> None:
    """On stdio, stdout carries the protocol and nothing else."""
    prints = [
        f"{named(module)}:{node.lineno}"
        for module in MODULES
        if part_of(module) not in SPEAKS_TO_A_PERSON
        for node in nodes(module)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert prints == []


def test_only_the_two_ways_in_catch_every_exception() -> None:
    """A tool's and a resource's boundary; elsewhere what was not foreseen stays visible."""
    broad = [
        named(module)
        for module in MODULES
        for node in nodes(module)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) == "Exception")
    ]
    assert broad == ["server/tool.py"]


def test_nothing_is_raised_while_a_group_is_caught() -> None:
    """Python 3.11.2, which Debian 12 has, would make a group of it that nobody catches."""
    raised = [
        f"{named(module)}:{node.lineno}"
        for module in MODULES
        for caught in nodes(module)
        if isinstance(caught, ast.TryStar)
        for handler in caught.handlers
        for node in ast.walk(handler)
        if isinstance(node, ast.Raise)
    ]
    assert raised == []


@pytest.mark.parametrize("module", ["fw_mcp", "fw_mcp.cli.main"])
def test_starting_the_command_line_loads_neither_protocol_nor_models_nor_http(module: str) -> None:
    """`--version` and `--help` answer at once."""
    heavy = {"mcp", "pydantic", "httpx", "starlette", "anyio"}
    program = f"import sys, {module}; print(sorted({heavy!r} & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
