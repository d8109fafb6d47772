"""What every test shares: anyio's plugin on asyncio, and a studio."""

import pytest

from tests.studio import Studio, make_studio


@pytest.fixture
def anyio_backend() -> str:
    """The SDK and the stdio transport run on asyncio."""
    return "asyncio"


@pytest.fixture
def studio() -> Studio:
    """A server over a freshly seeded sandbox in memory."""
    return make_studio()
