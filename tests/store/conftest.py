"""A store of either kind, so that what holds for one is tried on both."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fw_mcp.store.accounts import KeyPair
from fw_mcp.store.database import Store
from fw_mcp.store.sqlite import Database
from tests.support.products import exhaustive

if TYPE_CHECKING:
    from tests.support.postgres import Place


Opening = Callable[[str | KeyPair], Store]
EITHER = ["sqlite", pytest.param("postgres", marks=exhaustive)]


@pytest.fixture(params=EITHER)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opening]:
    """The way to open one store for an account, as another process does each time."""
    if request.param == "postgres":
        place: Place = request.getfixturevalue("place")
        yield place
        return
    with ExitStack() as left:
        file = tmp_path / "store.sqlite3"
        yield lambda account: left.enter_context(closing(Database(file, account=account)))


@pytest.fixture(params=EITHER)
def alone(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store that nobody else is on."""
    if request.param == "postgres":
        place: Place = request.getfixturevalue("place")
        yield place("mine")
        return
    with closing(Database(None, account="mine")) as database:
        yield database
