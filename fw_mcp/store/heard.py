"""A connection to PostgreSQL that is given up when nothing is heard on it for too long."""

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen

T = TypeVar("T")


class Heard(psycopg.Connection[tuple[Any, ...]]):
    """What the database's machine still acknowledges, it need not work on any more.

    Attributes:
        silent_s: for how long one answer is waited for.
    """

    silent_s = 30.0

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for an answer.

        Raises:
            OperationalError: none came; the connection is closed, and what came of it is unknown.
        """
        return super().wait(self._while_heard(gen), interval, timeout)

    def _while_heard(self, gen: PQGen[T]) -> Generator[Any, Any, T]:
        until = time.monotonic() + self.silent_s
        try:
            awaited = next(gen)
            while True:
                ready = yield awaited
                if not ready and time.monotonic() >= until:
                    self.close()
                    raise psycopg.OperationalError("nothing was heard in time")
                awaited = gen.send(ready)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
