"""What is generated from the code is what the code says."""

import pytest

from tests.support.contract import ARTEFACTS, DEFINITIONS, ROOT, Artefact, Published, published

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
