"""Every link of the pages leads somewhere, and every command line that they show is one."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from fw_mcp.cli.options import parse
from fw_mcp.errors import ConfigError

ROOT = Path(__file__).parents[1]
FOLDERS = ("docs", "evals", "packaging", "deploy", "prompts", "bench", "tests")
_FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"^(?:uvx (?:--from \S+ )?)?fw-mcp(?: |$)")
# What a page writes where a reader fills in something of one's own.
_FILLED = {"HOST:PORT": "127.0.0.1:8000", "CLIENT": "cursor"}


def pages() -> list[Path]:
    """All of the repository."""
    below = (page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))
    return sorted([*ROOT.glob("*.md"), *below])


def links_of(page: Path) -> list[str]:
    """Where it points to, outside of code."""
    return _LINK.findall(re.sub(r"`[^`\n]+`", "", _FENCED.sub("", page.read_text("utf-8"))))


def anchors_of(page: Path) -> set[str]:
    """What its headings are called in an address."""
    text = _FENCED.sub("", page.read_text("utf-8"))
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}


def own_page() -> str:
    """The repository's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return str(project["urls"]["Repository"])


def target_of(page: Path, link: str) -> tuple[Path, str] | None:
    """The file and the anchor that a link names; None of another site, and of pages of the host."""
    path, _, anchor = link.partition("#")
    if path.startswith(("http:", "https:", "mailto:")):
        found = re.fullmatch(rf"{re.escape(own_page())}/(?:blob|tree|raw)/[^/]+/(.+)", path)
        return (ROOT / found[1], anchor) if found else None
    return (page if not path else (page.parent / path).resolve()), anchor


def broken(page: Path) -> Iterator[str]:
    """The links of a page that lead nowhere."""
    for link in links_of(page):
        target = target_of(page, link)
        if target is None:
            continue
        path, anchor = target
        if not path.exists() or (anchor and anchor not in anchors_of(path)):
            yield f"{page.relative_to(ROOT)}: {link}"


def test_every_link_leads_to_a_file_and_a_heading_that_there_are() -> None:
    """Relative ones, and those to the repository's own page."""
    assert [link for page in pages() for link in broken(page)] == []


def test_the_first_page_of_the_documentation_leads_to_every_other() -> None:
    """A page that nobody finds was written for nobody."""
    docs = ROOT / "docs"
    listed = {(docs / link).resolve() for link in links_of(docs / "README.md")}
    assert [page.name for page in docs.rglob("*.md") if page not in listed] == ["README.md"]


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    """A file, a heading and a file of the repository that there are not."""
    page = ROOT / "docs" / "start.md"
    gone = f"{own_page()}/blob/main/docs/gone.md"
    for link in ("gone.md", "hosts.md#gone", gone):
        target = target_of(page, link)
        assert target is not None
        path, anchor = target
        assert not path.exists() or anchor not in anchors_of(path)
    assert target_of(tmp_path / "a.md", "https://finerworks.com/a") is None


def test_every_page_of_the_documentation_is_reached_from_the_readme() -> None:
    """By following links from page to page."""
    left, reached = [ROOT / "README.md"], set()
    while left:
        page = left.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        left += [target[0] for link in links_of(page) if (target := target_of(page, link))]
    assert {*(ROOT / "docs").rglob("*.md")} - reached == set()


def command_lines(text: str) -> Iterator[str]:
    """The lines of fw-mcp in a shell's blocks, and in the text where they have an option."""
    for language, block in _FENCED.findall(text):
        if language in {"sh", "bash", "console", "shell"}:
            yield from block.replace("\\\n", " ").splitlines()
    for code in re.findall(r"`([^`\n]+)`", _FENCED.sub("", text)):
        if " --" in code and "…" not in code:
            yield code


def words_of(line: str) -> list[str] | None:
    """The arguments of a line that starts fw-mcp, as a shell hands them on; None of another."""
    if not _COMMAND.match(line.strip()):
        return None
    words = shlex.split(line, comments=True)
    words = words[words.index("fw-mcp") + 1 :]
    ends = [words.index(end) for end in ("|", ">", "<", "&", "&&", "</dev/null") if end in words]
    return [_FILLED.get(word, word) for word in words[: min(ends, default=len(words))]]


def shown() -> list[tuple[str, list[str]]]:
    """Each command line of the pages that a reader types, with where it is."""
    read = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        (f"{page.relative_to(ROOT)}: {line.strip()}", words)
        for page in read
        for line in command_lines(page.read_text("utf-8"))
        if (words := words_of(line)) is not None
    ]


def test_every_command_line_that_a_page_shows_is_taken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the parser that fw-mcp has; whether its files are there is another matter."""
    monkeypatch.setenv("HOME", "/home/you")
    refused = []
    for where, words in shown():
        try:
            parse(words)
        except SystemExit as end:
            if end.code:
                refused.append(f"{where}: {capsys.readouterr().err}")
        except ConfigError as fault:
            refused.append(f"{where}: {fault}")
    assert refused == []
    assert len(shown()) >= 30


def test_a_command_line_that_is_not_taken_is_found() -> None:
    """With a prefix, a comment and a pipe, as pages have them."""
    assert words_of("uvx --from . fw-mcp export a.csv --gone  # so | it") == [
        "export",
        "a.csv",
        "--gone",
    ]
    with pytest.raises(SystemExit):
        parse(["export", "a.csv", "--gone"])
