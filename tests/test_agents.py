"""The programs of docs/agents: short, named in every list of them, installed as they say."""

import re
import runpy
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
AGENTS = ROOT / "docs" / "agents"
PROGRAMS = sorted(path for path in AGENTS.iterdir() if path.suffix in {".py", ".mjs"})
LINES = 40


KEPT, DOOMED, ADDED = "g1", "g2", "g3"
HELD = {KEPT: "coast_1.jpg harbor", DOOMED: "coast_2.jpg harbor"}
GOOD = f"""list: search_images delete_images
search: {KEPT} {DOOMED}
view: image/jpeg
add: {ADDED}
Delete 1 image from the inventory library?
delete: {KEPT} declined
Delete 1 image from the inventory library?
delete: {DOOMED} completed"""


def of_bench(module: str, name: str) -> Any:  # noqa: ANN401  its folder is no package
    """What `make clients` calls so."""
    return runpy.run_path(str(ROOT / "bench" / "clients" / f"{module}.py"))[name]


def clients() -> tuple[Any, ...]:
    """What `make clients` tries."""
    return tuple(of_bench("clients", "CLIENTS"))


def judged(printed: str, after: dict[str, str], revision: str = "2026-07-28") -> list[str]:
    """The steps that the judge of `make clients` finds wrong."""
    tools = ["delete_images", "search_images"]
    played = of_bench("judge", "Played")(printed, revision, tools, HELD, after)
    return [step for step, worked in played.steps().items() if not worked]


def test_each_program_is_short_enough_to_be_read_at_once() -> None:
    """Somebody copies it, and should know what it does."""
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in PROGRAMS}
    assert {name: lines for name, lines in lengths.items() if lines > LINES} == {}
    assert len(lengths) >= 13


def test_each_program_in_python_compiles() -> None:
    """Its library is installed in no environment of the tests."""
    for path in PROGRAMS:
        if path.suffix == ".py":
            compile(path.read_text(encoding="utf-8"), path.name, "exec")


def test_no_program_in_python_takes_the_place_of_what_it_imports() -> None:
    """A program's folder comes first where Python looks for modules."""
    assert [path.name for path in PROGRAMS if path.stem.isidentifier()] == []


def test_each_program_is_played_and_its_page_says_what_is_tried() -> None:
    """Both ways: nothing is listed that there is not, with the same versions and lanes."""
    page = (AGENTS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(.+)\]\((.+)\) \| (.+) \| (.+) \|$", page, re.MULTILINE)
    tried: dict[str, tuple[str, str]] = {}
    for one in clients():
        before, _ = tried.get(one.file, ("", ""))
        tried[one.file] = (f"{before}, {one.name} {one.version}".removeprefix(", "), one.asks)
    assert {name: (library, asks) for name, _, library, asks in rows} == tried
    assert [name for name, target, *_ in rows if name != target] == []
    assert sorted(tried) == [path.name for path in PROGRAMS]


def test_each_program_says_how_to_install_the_newest_that_is_tried() -> None:
    """In its head, with the versions that `make clients` installs."""
    newest = {one.file: one.packages for one in clients()}
    heads = {path.name: path.read_text(encoding="utf-8").split("\n\n")[0] for path in PROGRAMS}
    assert {
        name: missing
        for name, packages in newest.items()
        if (missing := [package for package in packages if package not in heads[name]])
    } == {}


def test_the_sample_of_continuous_integration_has_both_languages() -> None:
    """Four, which are quick to install."""
    sample = [one for one in clients() if one.sample]
    assert (len(sample), {one.is_node for one in sample}) == (4, {False, True})
    assert "make clients CLIENTS=--sample" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_judge_lets_a_good_run_pass() -> None:
    """Every step did what it should."""
    assert judged(GOOD, {KEPT: HELD[KEPT], ADDED: "pier.tif"}) == []


def test_the_judge_believes_the_library_and_not_what_is_printed() -> None:
    """Each lie is found out, and an example that printed nothing did nothing."""
    unasked = GOOD.replace("Delete 1 image from the inventory library?\n", "", 1)
    kept, added = {KEPT: HELD[KEPT]}, {ADDED: "pier.tif"}
    assert judged(GOOD, kept) == ["add"]
    assert judged(GOOD, added) == ["no", "yes"]
    assert judged(GOOD, {**HELD, **added}) == ["yes"]
    assert judged(unasked, {**kept, **added}) == ["no", "yes"]
    assert judged(GOOD.replace("image/jpeg", "33,811 characters"), {**kept, **added}) == ["view"]
    assert judged(GOOD.replace("list: ", "list: other "), {**kept, **added}) == ["list"]
    nothing = ["connect", "list", "search", "view", "add", "no", "yes"]
    assert judged("", HELD, revision="") == nothing


def test_the_revision_is_the_one_that_was_spoken_last(tmp_path: Path) -> None:
    """A client probes with the newest, and then settles on an older one; over HTTP in a header."""
    revision = of_bench("judge", "revision")
    heard = tmp_path / "heard"
    assert revision(heard) == ""
    heard.write_bytes(b'{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}\n')
    assert revision(heard) == "2026-07-28"
    heard.write_bytes(heard.read_bytes() + b'{"params":{"protocolVersion": "2025-11-25"}}\n')
    assert revision(heard) == "2025-11-25"
    heard.write_bytes(b"POST /mcp HTTP/1.1\r\nMCP-Protocol-Version: 2025-06-18\r\n\r\n")
    assert revision(heard) == "2025-06-18"
