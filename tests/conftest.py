"""What every test shares: the watch for keys, anyio's plugin on asyncio, and a studio."""

import pytest
from hypothesis import HealthCheck, settings

from tests.studio import Studio, make_studio

pytest_plugins = ("tests.canaries",)

# A busy machine must not fail a property for its time, nor chance fail one that is not at fault:
# the suite draws the same examples every time, and `make fuzz` new ones.
_UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("untimed", _UNTIMED, derandomize=True)
settings.register_profile("fuzz", _UNTIMED, max_examples=3_000, database=None, print_blob=True)
settings.load_profile("untimed")


@pytest.fixture
def anyio_backend() -> str:
    """The SDK and the stdio transport run on asyncio."""
    return "asyncio"


@pytest.fixture
def studio() -> Studio:
    """A server over a freshly seeded sandbox in memory."""
    return make_studio()
