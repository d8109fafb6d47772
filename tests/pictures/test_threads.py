"""Blocking work that may never end, and a process that ends all the same."""

import subprocess
import sys
import threading
import time

import anyio
import pytest

from fw_mcp.pictures.threads import unwaited

pytestmark = pytest.mark.anyio


async def test_what_the_work_gives_is_given() -> None:
    """From another thread."""
    assert await unwaited(threading.get_ident) != threading.get_ident()


@pytest.mark.parametrize("error", [OSError, UnicodeError, SystemExit])
async def test_what_the_work_raises_is_raised(error: type[BaseException]) -> None:
    """Whatever it is: nobody waits for an answer that never comes."""

    def fail() -> None:
        raise error("no")

    with pytest.raises(error, match="no"):
        await unwaited(fail)


async def test_a_caller_that_is_cancelled_goes_on_at_once() -> None:
    """An answer that comes afterwards goes nowhere."""
    late = threading.Event()
    began = time.monotonic()
    with anyio.move_on_after(0.05) as scope:
        await unwaited(lambda: late.wait(60))
    late.set()
    assert scope.cancelled_caught
    assert time.monotonic() - began < 30


def test_the_process_ends_while_the_work_still_hangs() -> None:
    """A host that closes the server's input would otherwise find it there for minutes."""
    program = (
        "import anyio, time\nfrom fw_mcp.pictures.threads import unwaited\n"
        "async def main():\n"
        "    with anyio.move_on_after(0.1): await unwaited(lambda: time.sleep(100))\n"
        "anyio.run(main)\n"
    )
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
    assert time.monotonic() - began < 60
