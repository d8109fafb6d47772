"""What CHANGELOG.md says of each release: a section with its version and its day.

Nothing is imported that a plain Python lacks: a workflow asks before anything is installed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

UNRELEASED = "Unreleased"
_HEADING = re.compile(r"^## \[(?P<name>[^\]]+)\](?: - (?P<day>\d{4}-\d\d-\d\d))?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """One of them.

    Attributes:
        name: the version, or UNRELEASED.
        day: of the release, as YYYY-MM-DD; "" where there is none yet.
        text: what follows the heading.
    """

    name: str
    day: str
    text: str

    def is_empty(self) -> bool:
        """Whether it says nothing, or has headings alone."""
        return all(line.startswith("#") or not line.strip() for line in self.text.splitlines())


def sections(changelog: str) -> Iterator[Section]:
    """Those of a text, from its top."""
    headings = list(_HEADING.finditer(changelog))
    ends = [*(one.start() for one in headings[1:]), len(changelog)]
    for heading, end in zip(headings, ends, strict=True):
        text = changelog[heading.end() : end].strip()
        yield Section(heading["name"], heading["day"] or "", text)


def section(changelog: str, name: str) -> Section | None:
    """That of one version."""
    return next((one for one in sections(changelog) if one.name == name), None)


def released(changelog: str, version: str, day: str) -> str:
    """The text in which what was unreleased is a version's, below a new and empty section."""
    heading = f"## [{UNRELEASED}]\n"
    return changelog.replace(heading, f"{heading}\n## [{version}] - {day}\n", 1)
