"""What the matrix shares: retries without their pauses, one server and one client of it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import stamina
from mcp.client import Client

from tests.faults.stage import Stage


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    """As many attempts as ever, no waiting between them."""
    with stamina.set_testing(testing=True, attempts=3, cap=True):
        yield


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """One loop for all cells, as there is one client."""
    return "asyncio"


@pytest.fixture(scope="session")
def stage() -> Stage:
    """One server; each cell lays a fresh service under it."""
    return Stage()


@pytest.fixture(scope="session")
async def client(stage: Stage) -> AsyncIterator[Client]:
    """One client of it, since listing the tools and reading their schemas is not what is tested."""
    async with stage.client() as one:
        yield one
