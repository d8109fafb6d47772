"""The calls that library tests make in place of tools."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fw_mcp.api.models import ImageToAdd
from fw_mcp.writes.changes import Asked
from fw_mcp.writes.job import Ends, Items, Job
from fw_mcp.writes.outcomes import Outcome
from tests.studio import Studio
from tests.truth import new_image

T = TypeVar("T")


@dataclass
class Progress:
    """Remembers what it was told."""

    told: list[float] = field(default_factory=list)

    async def __call__(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Remember it."""
        del total, message
        self.told.append(progress)


def job(studio: Studio, tool: str = "add_images", progress: Progress | None = None) -> Job:
    """A call that begins now."""
    change = Asked(tool, "stdio:tests", {}, f"{tool} of a test").change({})
    return Job(change, studio.clock(), progress or Progress())


def numbered(things: Iterable[T]) -> Items[T]:
    """Things with their places in the call."""
    return dict(enumerate(things))


def to_add(count: int) -> Items[ImageToAdd]:
    """So many new images, as the API takes them."""
    names = ("thumbnail_file_name", "preview_file_name", "hires_file_name")
    return numbered(
        ImageToAdd.model_validate({**dict.fromkeys(names, "a.jpg"), **new_image(number)})
        for number in range(1, count + 1)
    )


def ended_as(ended: Ends) -> list[Outcome]:
    """How the items of a call ended, in their order; each has an end."""
    assert sorted(ended) == list(range(len(ended)))
    return [ended[item].outcome for item in range(len(ended))]


async def changes(studio: Studio) -> list[dict[str, Any]]:
    """The changes on record, oldest first."""
    return await _rows(studio, "SELECT * FROM changes ORDER BY rowid")


async def entries(studio: Studio) -> list[dict[str, Any]]:
    """The journal, oldest entry first, its JSON read."""
    rows = await _rows(studio, "SELECT * FROM journal ORDER BY entry_id")
    for row in rows:
        row.update((name, json.loads(row[name])) for name in ("intent", "former"))
        row["outcome"] = json.loads(row["outcome"]) if row["outcome"] else None
    return rows


async def _rows(studio: Studio, query: str) -> list[dict[str, Any]]:
    def work(connection: sqlite3.Connection) -> list[dict[str, Any]]:
        return [dict(row) for row in connection.execute(query)]

    return await studio.database.run(work)
