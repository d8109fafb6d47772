"""What is true of what an example printed: held against the library and against the wire."""

import re
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

ANSWERS = ("no", "yes")
_ADDED = "pier.tif"
_SEARCHED = "harbor"
_QUESTION = "Delete 1 image"
_REVISION = re.compile(rb'protocol-?version"?\s*:\s*"?(\d{4}-\d\d-\d\d)', re.IGNORECASE)
_STEP = re.compile(r"^(list|search|view|add|delete): ?(.*)$", re.MULTILINE)
_HELD = """
SELECT guid, lower(file_name || ' ' || ifnull(title, '') || ' ' || ifnull(description, ''))
FROM images WHERE library = 'inventory'
"""


def held(library: Path) -> Mapping[str, str]:
    """Each image of a sandbox's file by its guid, in the words that a search looks at."""
    with closing(sqlite3.connect(f"file:{library}?mode=ro", uri=True)) as database:
        return dict(database.execute(_HELD))


def revision(heard: Path) -> str:
    """The revision that the client spoke last: what it settled on. Empty if it said nothing."""
    found = _REVISION.findall(heard.read_bytes()) if heard.exists() else []
    return found[-1].decode() if found else ""


@dataclass(frozen=True)
class Played:
    """A run of an example.

    Attributes:
        printed: by the example.
        revision: as heard on the wire.
        tools: the names that the server gives.
        before: what the library held.
        after: what it holds now.
    """

    printed: str
    revision: str
    tools: Collection[str]
    before: Mapping[str, str]
    after: Mapping[str, str]

    def steps(self) -> Mapping[str, bool]:
        """Whether each step did what it should."""
        said = self._said()
        guids = said.get("search", [""])[0].split()
        came = self.after.keys() - self.before.keys()
        went = self.before.keys() - self.after.keys()
        refused, deleted = (*said.get("delete", []), "", "")[: len(ANSWERS)]
        asked = self.printed.count(_QUESTION) == len(ANSWERS)
        return {
            "connect": bool(self.revision),
            "list": sorted(said.get("list", [""])[0].split()) == sorted(self.tools),
            "search": len(guids) == len(ANSWERS)
            and all(_SEARCHED in self.before.get(guid, "") for guid in guids),
            "view": said.get("view", [""])[0].startswith("image"),
            "add": [self.after[guid].startswith(_ADDED) for guid in came] == [True],
            "no": asked and "completed" not in refused and went.isdisjoint(guids[:1]),
            "yes": asked and "completed" in deleted and went == set(guids[1:]),
        }

    def _said(self) -> Mapping[str, list[str]]:
        said: dict[str, list[str]] = {}
        for step, words in _STEP.findall(self.printed):
            said.setdefault(step, []).append(words)
        return said
