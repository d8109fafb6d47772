"""Names that calls take, as rows that replicas share.

Each row says who holds the name, and when that was last said, by the database's clock: whoever
says it no more has lost it.
"""

from collections.abc import Mapping, Sequence

from fw_mcp.store.connection import Connection
from fw_mcp.store.database import Store
from fw_mcp.store.locks import Fence, still_running

_DEAD = """
DELETE FROM names WHERE account = ? AND name = ?
    AND seen_at < extract(epoch FROM clock_timestamp())::float8 - ?
"""
_TAKE = """
INSERT INTO names (account, name, hold, seen_at)
VALUES (?, ?, ?, extract(epoch FROM clock_timestamp())::float8)
ON CONFLICT (account, name) DO NOTHING
"""
_TAKEN = "SELECT hold FROM names WHERE account = ? AND name = ?"
_ALIVE = """
SELECT hold FROM names WHERE account = ? AND name = ?
    AND seen_at >= extract(epoch FROM clock_timestamp())::float8 - ?
"""
_SEEN = """
UPDATE names SET seen_at = extract(epoch FROM clock_timestamp())::float8
WHERE account = ? AND hold = ?
"""
_GIVE_BACK = "DELETE FROM names WHERE account = ? AND hold = ?"


class FenceOfRows(Fence):
    """Names as rows, each with who holds it and when that was last said.

    Attributes:
        hold: what tells this hold from every other.
        account: whose names they are; known once they are taken.
    """

    def __init__(self, hold: str, names: Sequence[str]) -> None:
        super().__init__()
        self.hold = hold
        self.account = ""
        self._names = names

    def take(self, store: Store, dead_after_s: float, connection: Connection) -> bool:
        """Take all names or none."""
        self.account = store.account
        for name in self._names:
            connection.execute(_DEAD, (self.account, name, dead_after_s))
            connection.execute(_TAKE, (self.account, name, self.hold))
            (holder,) = connection.execute(_TAKEN, (self.account, name)).fetchone()
            if holder != self.hold:
                connection.execute(_GIVE_BACK, (self.account, self.hold))
                return False
        return True

    def check(self, connection: Connection) -> None:
        """See that the names are still taken, and say so again.

        Raises:
            GuardError: another process took them for a dead one's: nothing may be sent.
        """
        super().check(connection)
        seen = connection.execute(_SEEN, (self.account, self.hold)).rowcount
        if seen != len(self._names):
            raise still_running()

    def give_back(self, connection: Connection) -> None:
        """Let the next one have them."""
        connection.execute(_GIVE_BACK, (self.account, self.hold))


def is_held(connection: Connection, account: str, name: str, dead_after_s: float) -> bool:
    """Whether somebody has it who said so lately."""
    return connection.execute(_ALIVE, (account, name, dead_after_s)).fetchone() is not None


def say_again(holds: Mapping[str, str], connection: Connection) -> None:
    """Say of each hold, by the account that it is of, that it is held."""
    for hold, account in holds.items():
        connection.execute(_SEEN, (account, hold))
