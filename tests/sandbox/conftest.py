"""A caller of a fresh, seeded sandbox, and one of an empty one."""

from collections.abc import AsyncIterator

import httpx
import pytest

from fw_mcp.sandbox.app import create_app
from tests.sandbox.wire import calling, now


@pytest.fixture
async def studio(anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    """The seeded studio, on the afternoon of the reference's example date."""
    del anyio_backend
    async with calling(create_app(clock=now)) as caller:
        yield caller


@pytest.fixture
async def empty(anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    """A sandbox without an image."""
    del anyio_backend
    async with calling(create_app(seed=False, clock=now)) as caller:
        yield caller
