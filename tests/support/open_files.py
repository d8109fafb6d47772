"""A machine that can open no more files for a while."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def no_more_open_files() -> Iterator[None]:
    """Each further one is refused to this process; those that are open stay."""
    if sys.platform == "win32":
        pytest.skip("there is no such limit")
    import resource  # noqa: PLC0415  not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
