"""What the matrix shares: retries without their pauses, and one server for all cells."""

from collections.abc import Iterator

import pytest
import stamina

from tests.faults.stage import Stage


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    """As many attempts as ever, no waiting between them."""
    with stamina.set_testing(testing=True, attempts=3, cap=True):
        yield


@pytest.fixture(scope="session")
def stage() -> Stage:
    """One server; each cell lays a fresh service under it."""
    return Stage()
