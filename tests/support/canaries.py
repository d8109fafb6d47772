"""Keys that may show up nowhere: a pytest plugin that looks for them around every test.

Every record that is logged at any level, what is printed, and each file in a test's own folder are
searched. The keys are those that the tests use, and open nothing anywhere.
"""

import logging
from collections.abc import Generator, Iterable
from pathlib import Path

import pytest

from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_WEB_API_KEY

CANARIES = (SANDBOX_WEB_API_KEY, SANDBOX_APP_KEY, "canary-web", "canary-app")
MARKER = "shows_keys(reason): the test writes a key down itself, for this reason"

_LOWER = [canary.lower().encode() for canary in CANARIES]


def holds_key(text: str | bytes) -> bool:
    """Whether `text` holds a canary, in any letter case."""
    found = (text if isinstance(text, bytes) else text.encode("utf-8", "replace")).lower()
    return any(canary in found for canary in _LOWER)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Have pytest capture all that is logged around one test, at debug level.

    Where a test has set up a log of its own, no later one writes to it.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.setLevel(logging.DEBUG)
    try:
        return (yield)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test around which a canary was seen."""
    report = yield
    # By then the whole test has logged, printed and stored what it will.
    last = call.when == "teardown" and report.passed
    places = [] if not last or item.get_closest_marker("shows_keys") else list(_seen(item, report))
    if places:
        report.outcome = "failed"
        report.longrepr = f"a key is in {', '.join(places)}"
    return report


def _seen(item: pytest.Item, report: pytest.TestReport) -> Iterable[str]:
    """Where a canary was seen."""
    yield from (name.lower() for name, text in report.sections if holds_key(text))
    # The test's own folder: stores, their journals, what was exported.
    folder: Path | None = getattr(item, "funcargs", {}).get("tmp_path")
    files = files_in(folder) if folder else {}
    yield from (f"the file {path.name}" for path, content in files.items() if holds_key(content))


def files_in(folder: Path) -> dict[Path, bytes]:
    """What the files in a folder hold, at a moment in which none of them went away.

    A thread that ends may still close a store: what its journal holds goes into its file, and the
    journal goes.
    """
    while True:
        try:
            return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        except FileNotFoundError:
            continue
