"""What every test shares: anyio's plugin on asyncio."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """The SDK and the stdio transport run on asyncio."""
    return "asyncio"
