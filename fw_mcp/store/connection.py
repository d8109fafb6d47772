"""What a transaction is given, whichever database it is in: statements out, rows back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

# A row goes by the places and by the names of its columns.
Row = Any
Values = Sequence[Any] | Mapping[str, Any]


class Cursor(Protocol):
    """What came of a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""

    def fetchone(self) -> Row:
        """The next row; None after the last."""

    def fetchall(self) -> list[Row]:
        """The rows that are left."""

    def __iter__(self) -> Iterator[Row]:
        """Each row that is left."""


class Connection(Protocol):
    """A database inside a transaction."""

    def execute(self, statement: str, values: Values = (), /) -> Cursor:
        """Run a statement with `?` or `:name` where values go."""

    def executemany(self, statement: str, rows: Iterable[Values], /) -> Cursor:
        """Run it once for each row of values."""

    def every_account(self) -> list[str]:
        """The accounts that were ever worked on in this store."""

    def show(self, *accounts: str) -> None:
        """Let the statements of this transaction see what these accounts have, too."""

    def take_turn(self, account: str) -> None:
        """Work on that account, too; nobody else does until the transaction ends."""
