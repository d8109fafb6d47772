"""Logs go to stderr, and no secret is in them."""

import io
import logging
from collections.abc import Iterator

import pytest

from fw_mcp.logs import log_to_stderr

KEY = "Canary-Web-Key"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream that all logging goes to, until the test is over."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    log_to_stderr("debug", [KEY, ""], written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("written", [KEY, KEY.lower(), KEY.upper()])
def test_a_key_is_masked_in_any_letter_case(stream: io.StringIO, written: str) -> None:
    """Whoever logs it, in a message or an argument."""
    logging.getLogger("somebody").warning("key=%s", written)
    assert "key=***" in stream.getvalue()
    assert written not in stream.getvalue()


def test_a_key_is_masked_in_a_traceback(stream: io.StringIO) -> None:
    """The text of an exception is part of a record."""
    try:
        int(KEY)
    except ValueError:
        logging.getLogger("somebody").exception("failed")
    assert "ValueError: invalid literal for int() with base 10: '***'" in stream.getvalue()
    assert KEY not in stream.getvalue()


def test_the_http_library_does_not_log_its_urls(stream: io.StringIO) -> None:
    """It writes a line a request, with the URL."""
    logging.getLogger("httpx").info("HTTP Request: GET https://example.com/?guid=1")
    assert stream.getvalue() == ""
