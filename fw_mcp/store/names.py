"""Names that calls take, as rows that replicas share.

Each row says who holds the name, and when that was last said, by the database's clock: whoever
says it no more has lost it.
"""

import time
from collections.abc import Callable, Iterable, Sequence

from fw_mcp.store.connection import Connection
from fw_mcp.store.database import Store
from fw_mcp.store.locks import Fence, still_running

# Of those that nobody takes again, each is let go of with the next one that is taken.
_DEAD = """
DELETE FROM names WHERE account = ? AND (
    name = ? AND seen_at < extract(epoch FROM clock_timestamp())::float8 - ?
    OR seen_at < extract(epoch FROM clock_timestamp())::float8 - 86400
)
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
# A row that somebody is at is not waited for: others would lose theirs meanwhile.
_SEEN_AGAIN = """
UPDATE names SET seen_at = extract(epoch FROM clock_timestamp())::float8
WHERE account = ? AND hold = ? AND name IN (
    SELECT name FROM names WHERE account = ? AND hold = ? FOR UPDATE SKIP LOCKED
)
"""
_GIVE_BACK = "DELETE FROM names WHERE account = ? AND hold = ?"


class FenceOfRows(Fence):
    """Names as rows, each with who holds it and when that was last said.

    Args:
        hold: what tells this hold from every other.
        names: what is taken.
        dead_after_s: after how long without a word of their holder they are anybody's.
        clock: seconds that only grow.

    Attributes:
        account: whose names they are; known once they are taken.
    """

    def __init__(
        self,
        hold: str,
        names: Sequence[str],
        dead_after_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.hold = hold
        self.account = ""
        self._names = names
        self._dead_after_s = dead_after_s
        self._clock = clock
        self._sure_until = 0.0

    def take(self, store: Store, connection: Connection) -> bool:
        """Take all names or none."""
        self.account = store.account
        asked_at = self._clock()
        for name in self._names:
            connection.execute(_DEAD, (self.account, name, self._dead_after_s))
            connection.execute(_TAKE, (self.account, name, self.hold))
            (holder,) = connection.execute(_TAKEN, (self.account, name)).fetchone()
            if holder != self.hold:
                connection.execute(_GIVE_BACK, (self.account, self.hold))
                return False
        self._said(asked_at)
        return True

    def check(self, connection: Connection) -> None:
        """See that the names are still taken, and say so again.

        Raises:
            GuardError: another process took them for a dead one's: nothing may be sent.
        """
        super().check(connection)
        asked_at = self._clock()
        seen = connection.execute(_SEEN, (self.account, self.hold)).rowcount
        if seen != len(self._names):
            raise still_running()
        self._said(asked_at)

    def say_again(self, connection: Connection) -> None:
        """Say that the names are held, as far as they are."""
        asked_at = self._clock()
        mine = (self.account, self.hold)
        if connection.execute(_SEEN_AGAIN, (*mine, *mine)).rowcount == len(self._names):
            self._said(asked_at)

    @property
    def is_sure(self) -> bool:
        """Whether nobody can have taken the names meanwhile."""
        return self.held and self._clock() < self._sure_until

    def give_back(self, connection: Connection) -> None:
        """Let the next one have them."""
        connection.execute(_GIVE_BACK, (self.account, self.hold))

    def _said(self, asked_at: float) -> None:
        self._sure_until = asked_at + self._dead_after_s


def is_held(connection: Connection, account: str, name: str, dead_after_s: float) -> bool:
    """Whether somebody has it who said so lately."""
    return connection.execute(_ALIVE, (account, name, dead_after_s)).fetchone() is not None


def say_again(fences: Iterable[FenceOfRows], connection: Connection) -> None:
    """Say of each that it is held."""
    for fence in fences:
        fence.say_again(connection)
