"""Whom the work at hand is for, as logs and traces say it; knows no part of this package."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Served:
    """The request that is being answered.

    Attributes:
        caller: who calls.
        account: a digest that names the account it is for.
        request_id: of the protocol.
    """

    caller: str
    account: str
    request_id: str


_served: ContextVar[Served | None] = ContextVar("served", default=None)


def served() -> Served | None:
    """The request that is being answered here; None outside of one."""
    return _served.get()


@contextmanager
def serving(request: Served) -> Iterator[None]:
    """While it lasts, what is done here is done for this request."""
    token = _served.set(request)
    try:
        yield
    finally:
        _served.reset(token)
