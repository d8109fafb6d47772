"""What every test shares: anyio's plugin on asyncio, and a studio."""

import pytest
from hypothesis import settings

from tests.studio import Studio, make_studio

# A busy machine must not fail a property for its time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def anyio_backend() -> str:
    """The SDK and the stdio transport run on asyncio."""
    return "asyncio"


@pytest.fixture
def studio() -> Studio:
    """A server over a freshly seeded sandbox in memory."""
    return make_studio()
