"""What is generated from the code is what the code says."""

import json
import re

import pytest

from fw_mcp.guard.effects import EFFECTS
from tests.support.contract import ARTEFACTS, DEFINITIONS, ROOT, Artefact, Published, published
from tests.support.examples import TOOL_PAGES

_CHANGED = (
    "{path} is not what the code says. If the change is meant, run `make contract`, read the diff "
    "as a model would, and add a line to CHANGELOG.md: hosts keep definitions for a while."
)


@pytest.fixture(scope="module")
def now() -> Published:
    """What the server publishes."""
    return published()


@pytest.mark.parametrize("artefact", ARTEFACTS, ids=lambda artefact: artefact.path.name)
def test_what_is_published_is_what_was_reviewed(artefact: Artefact, now: Published) -> None:
    """A tool's definition never changes unseen: people approve tools by it."""
    path = artefact.path.relative_to(ROOT)
    reviewed = artefact.path.read_text(encoding="utf-8") if artefact.path.exists() else ""
    assert artefact.text(now) == reviewed, _CHANGED.format(path=path)


def test_there_is_a_reviewed_definition_for_each_tool_and_none_for_what_is_gone() -> None:
    """One file a tool, and the files that are listed here; nothing is left behind."""
    expected = {artefact.path for artefact in ARTEFACTS if artefact.path.parent == DEFINITIONS}
    assert set(DEFINITIONS.iterdir()) == expected
    assert {page.stem for page in TOOL_PAGES.iterdir()} == set(EFFECTS)


@pytest.mark.parametrize("tool", EFFECTS)
def test_a_tool_s_page_shows_a_call_and_its_answer_and_is_short(tool: str) -> None:
    """Somebody reads it before the first call; the answers are those of the sandbox."""
    page = (TOOL_PAGES / f"{tool}.md").read_text(encoding="utf-8")
    assert page.count("```json\n{") == page.count("```text\n") >= 1
    before, _, parameters = page.partition("\n## Parameters\n")
    assert len(before.splitlines()) <= 80
    reviewed = json.loads((DEFINITIONS / f"{tool}.json").read_text(encoding="utf-8"))
    rows = re.findall(r"^\| `(\w+)` \| \S.* \| \S.* \|$", parameters, re.MULTILINE)
    assert rows == list(reviewed["inputSchema"]["properties"])
