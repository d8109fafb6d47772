"""The calls that library tests make in place of tools."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fw_mcp.api.models import ImageToAdd
from fw_mcp.library.writing import Job
from tests.studio import Studio
from tests.truth import new_image


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
    return Job(
        tool=tool,
        caller="stdio:tests",
        plan_id=None,
        started=studio.clock(),
        progress=progress or Progress(),
    )


def to_add(count: int) -> Sequence[ImageToAdd]:
    """So many new images, as the API takes them."""
    names = ("thumbnail_file_name", "preview_file_name", "hires_file_name")
    return [
        ImageToAdd.model_validate({**dict.fromkeys(names, "a.jpg"), **new_image(number)})
        for number in range(1, count + 1)
    ]


async def entries(studio: Studio) -> list[dict[str, Any]]:
    """The journal, oldest entry first, its JSON read."""

    def work(connection: sqlite3.Connection) -> list[dict[str, Any]]:
        return [dict(row) for row in connection.execute("SELECT * FROM journal ORDER BY entry_id")]

    rows = await studio.database.run(work)
    for row in rows:
        row.update((name, json.loads(row[name])) for name in ("intent", "former"))
        row["outcome"] = json.loads(row["outcome"]) if row["outcome"] else None
    return rows
