"""A seller's desk with pictures on it, and a place in memory to upload them to."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from fw_mcp.assembly import Assembly
from fw_mcp.cli.add import add
from fw_mcp.pictures.folders import Folders
from fw_mcp.store.uploads import UploadStore
from fw_mcp.writes.uploads import UploadLimits, Uploads
from tests.cli.spreadsheet.desk import Desk, Person
from tests.support.uploading import ADDRESS, Painter, Shelf

OWN = {"library": "inventory", "titles": None, "csv": None, "dry_run": False, "yes": False}


@dataclass
class Studio:
    """A desk with pictures on it, and a place for them in memory."""

    desk: Desk
    shelf: Shelf = field(default_factory=Shelf)
    mb_per_hour: int = 5_000
    asks: bool = True

    @property
    def folder(self) -> Path:
        """Where the pictures lie."""
        return self.desk.folder / "New Work"

    def assembly(self, **settings: object) -> Assembly:
        """The parts of a command, which uploads to that place."""
        made = self.desk.assembly(**settings)
        uploads = Uploads(
            UploadStore(made.database),
            Folders([]),
            self.shelf,
            Painter(),
            self.shelf.check,
            limits=UploadLimits(mb_per_hour=self.mb_per_hour, asks=self.asks),
            now=made.parts.guard.now,
        )
        return replace(made, uploads=uploads)

    def add(
        self,
        *paths: object,
        person: Callable[[str], bool] | None = None,
        settings: dict[str, object] | None = None,
        **own: object,
    ) -> tuple[int, list[str]]:
        """Add these paths, or the folder; the exit code and what was printed."""
        given = [str(one) for one in paths or [self.folder]]
        code = add(
            self.assembly(**(settings or {})),
            {**OWN, "paths": given, **own},
            person or Person(),
        )
        return code, self.desk.capsys.readouterr().out.splitlines()

    def added(self, library: str = "inventory") -> list[tuple[str, ...]]:
        """File name, title and description of what lies there under the shelf's addresses."""
        if not self.desk.sandbox.exists():
            return []
        return self.desk.sql(
            "SELECT file_name, title, description FROM images "
            "WHERE library = ? AND private_hires_uri LIKE ? ORDER BY file_name",
            library,
            f"{ADDRESS}/%",
        )
