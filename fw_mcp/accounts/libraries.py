"""The libraries of several accounts in one process: opened when needed, closed when idle."""

import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio

from fw_mcp.accounts.file import Accounts
from fw_mcp.assembly import Assembly
from fw_mcp.config import IN_MEMORY, Settings
from fw_mcp.errors import FwError
from fw_mcp.server.parts import Parts, no_account

_IDLE_S = 3600.0
_ROUND_S = 60.0

_log = logging.getLogger(__name__)

Open = Callable[[str, Settings], Assembly]
Tend = Callable[[Assembly], Awaitable[None]]


@dataclass(eq=False, slots=True)
class _Opened:
    assembly: Assembly
    used_at: float
    in_use: int = 0
    is_new: bool = True
    tended: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    tending: anyio.Lock = field(default_factory=anyio.Lock)

    @property
    def is_lasting(self) -> bool:
        """Whether it is there again when it is opened again."""
        in_memory = self.assembly.settings.sandbox == IN_MEMORY
        return not in_memory and self.assembly.database.shared

    async def tend(self, tend: Tend) -> None:
        """Have it looked after until it is closed."""
        async with self.tending:
            with self.tended:
                await tend(self.assembly)

    async def aclose(self) -> None:
        """Close it, after whoever looks after it has left."""
        self.tended.cancel()
        async with self.tending:
            try:
                await self.assembly.aclose()
            except (FwError, OSError, RuntimeError, ValueError) as fault:
                # It is gone; the others stay.
                _log.warning("A library was not closed in order: %s", type(fault).__name__)


class Libraries:
    """Opens the library of an account at its first use, and closes it an hour after the last one.

    What is kept in memory alone stays. A library whose account is changed in the file or removed
    from it is let go of: calls under way end with it as it was, and the next opens it anew.

    Args:
        accounts: whose libraries there are.
        open_: makes the parts of a library; connects nothing.
        clock: seconds, monotonic.
    """

    def __init__(
        self, accounts: Accounts, open_: Open, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._accounts = accounts
        self._open = open_
        self._clock = clock
        self._opened: dict[str, _Opened] = {}
        self._leaving: list[_Opened] = []

    def knows(self, account: str) -> bool:
        """Whether there is an account of that name, at this moment."""
        return self._accounts.find(account) is not None

    @contextmanager
    def using(self, account: str) -> Iterator[Parts]:
        """The parts of an account's library, which stays open meanwhile.

        Raises:
            GuardError: there is no account of that name.
            ConfigError: its settings cannot be used.
        """
        opened = self._of(account)
        opened.in_use += 1
        try:
            yield opened.assembly.parts
        finally:
            opened.in_use -= 1
            opened.used_at = self._clock()

    def _of(self, account: str) -> _Opened:
        settings = self._accounts.find(account)
        if settings is None:
            raise no_account(account)
        opened = self._opened.get(account)
        if opened is not None and opened.assembly.settings != settings:
            self._leaving.append(self._opened.pop(account))
            opened = None
        if opened is None:
            opened = _Opened(self._open(account, settings), self._clock())
            self._opened[account] = opened
        return opened

    async def work(self, tend: Tend, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Once a minute, have what was opened tended and close what is idle; until cancelled.

        Args:
            tend: looks after an open library, until cancelled.
            sleep: waits for so many seconds.
        """
        async with anyio.create_task_group() as group:
            while True:
                for opened in self._opened.values():
                    if opened.is_new:
                        opened.is_new = False
                        group.start_soon(opened.tend, tend)
                await self._close_idle()
                await sleep(_ROUND_S)

    async def aclose(self) -> None:
        """Close all of them."""
        for opened in (*self._leaving, *self._opened.values()):
            await opened.aclose()
        self._leaving.clear()
        self._opened.clear()

    async def _close_idle(self) -> None:
        over = self._clock() - _IDLE_S
        for account, opened in list(self._opened.items()):
            is_idle = opened.used_at < over and opened.is_lasting and not opened.in_use
            if is_idle or self._accounts.find(account) != opened.assembly.settings:
                self._leaving.append(self._opened.pop(account))
        for opened in [one for one in self._leaving if not one.in_use]:
            await opened.aclose()
            self._leaving.remove(opened)
