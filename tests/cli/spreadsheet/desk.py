"""A seller's desk: a sandbox in a file, a spreadsheet of it, and the commands given to both."""

import csv
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fw_mcp.assembly import Assembly, assemble
from fw_mcp.cli.main import main
from fw_mcp.cli.spreadsheet.apply import apply
from fw_mcp.config import load_settings

Cells = dict[str, str]


def refused(question: str) -> bool:
    """Somebody who must not be asked."""
    raise AssertionError(question)


@dataclass
class Person:
    """Somebody at the terminal: what was asked, and what is answered."""

    answers: bool = True
    asked: list[str] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def __call__(self, question: str) -> bool:
        """Read the question and answer it."""
        self.asked.append(question)
        self.meanwhile()
        return self.answers


@dataclass
class Desk:
    """One folder with `sandbox`, its store, and `sheet.csv`."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def sheet(self) -> Path:
        """The spreadsheet."""
        return self.folder / "sheet.csv"

    @property
    def sandbox(self) -> Path:
        """The library."""
        return self.folder / "sandbox"

    def run(self, *arguments: str) -> tuple[int, list[str]]:
        """Give a command; its exit code and what it printed."""
        code = main([*arguments, f"--sandbox-file={self.sandbox}"])
        return code, self.capsys.readouterr().out.splitlines()

    def export(self) -> list[Cells]:
        """Export the library to the spreadsheet, and read that as any program would."""
        self.sheet.unlink(missing_ok=True)
        assert self.run("export", str(self.sheet)) == (0, [])
        return read(self.sheet)

    def preview(self) -> tuple[int, list[str]]:
        """What applying the spreadsheet would do."""
        return self.run("preview", str(self.sheet))

    def apply(
        self, said_yes: Callable[[str], bool] = refused, **settings: object
    ) -> tuple[int, list[str]]:
        """Apply the spreadsheet; the exit code and what was printed."""
        code = apply(self.assembly(**settings), {"file": str(self.sheet)}, said_yes)
        return code, self.capsys.readouterr().out.splitlines()

    def assembly(self, **settings: object) -> Assembly:
        """The parts of a command."""
        return assemble(load_settings({"sandbox": str(self.sandbox), **settings}), {})

    def write(self, rows: Sequence[Cells], delimiter: str = ",") -> None:
        """Save the spreadsheet as programs do."""
        with self.sheet.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)

    def sql(self, statement: str, *values: object) -> list[tuple[str, ...]]:
        """Look into the library past the API, or change it as somebody else would."""
        connection = sqlite3.connect(self.sandbox)
        with connection:
            rows = connection.execute(statement, values).fetchall()
        connection.close()
        return rows

    def text_of(self, guid: str) -> tuple[str, ...]:
        """The title and description that the library holds."""
        (row,) = self.sql("SELECT title, description FROM images WHERE guid = ?", guid)
        return row


def read(file: Path) -> list[Cells]:
    """The rows of a spreadsheet, by its header."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines, strict=True))


def unsold(rows: Sequence[Cells]) -> list[Cells]:
    """The rows of images without products, with a description that may be sent."""
    return [row for row in rows if row["products"] == "0" and len(row["description"]) <= 300]


def sold(rows: Sequence[Cells]) -> list[Cells]:
    """The rows of images that products hang on."""
    return [row for row in rows if row["products"] != "0" and len(row["description"]) <= 300]
