"""What every test shares: the watch for keys, anyio's plugin on asyncio, and a studio."""

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

from fw_mcp.sandbox.seed import INVENTORY_PER_SERIES
from tests.support.products import mark_products
from tests.support.studio import Studio, make_studio

pytest_plugins = ("tests.support.canaries", "tests.support.postgres")

# A hook of git that runs the tests hands on which repository it is of.
_NOT_OURS = ("FW_MCP_", "FINERWORKS_", "GIT_")

# A busy machine must not fail a property for its time, nor chance fail one that is not at fault:
# `make test` draws the same few examples every time, `make check` more, and `make fuzz` new ones.
_UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("sample", _UNTIMED, derandomize=True, max_examples=15)
settings.register_profile("full", _UNTIMED, derandomize=True, max_examples=100)
settings.register_profile("fuzz", _UNTIMED, max_examples=3_000, database=None, print_blob=True)
settings.load_profile("sample")


def pytest_configure() -> None:
    """Whoever works on it may use it too, and have settings and the keys of an account."""
    for name in list(os.environ):
        if name.upper().startswith(_NOT_OURS):
            del os.environ[name]
    # A help is as wide as the terminal.
    os.environ["COLUMNS"] = "80"


def pytest_collection() -> None:
    """Ten thousand tests are made at once, none of which is to go."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What is there now stays to the end: looking for what may go need not look at it again."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long goes first: at the end nothing would be left to do meanwhile.

    Before it goes what needs the browser: a worker that is done takes over what another has last,
    and would start a browser of its own for it.
    """
    items.sort(
        key=lambda item: (
            "chromium" not in getattr(item, "fixturenames", ()),
            item.get_closest_marker("waits") is None,
        )
    )
    mark_products(items)


@pytest.fixture
def anyio_backend() -> str:
    """The SDK and the stdio transport run on asyncio."""
    return "asyncio"


@pytest.fixture
def studio(request: pytest.FixtureRequest) -> Studio:
    """A server over a freshly seeded sandbox in memory; a small one unless size is the point."""
    if request.node.get_closest_marker("large_library"):
        return make_studio(per_series=INVENTORY_PER_SERIES)
    return make_studio()
