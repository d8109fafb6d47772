"""What the matrix shares: one server for all cells."""

import pytest

from tests.faults.stage import Stage


@pytest.fixture(scope="session")
def stage() -> Stage:
    """One server; each cell lays a fresh service under it."""
    return Stage()
