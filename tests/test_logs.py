"""Logs go to stderr, and no secret is in them."""

import io
import logging
from collections.abc import Iterator

import pytest

from fw_mcp.cli.output import MaskingFormatter, log_to_stderr

pytestmark = pytest.mark.shows_keys("it logs one, to see it masked")

KEY = "Canary-Web-Key"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream that all logging goes to, until the test is over."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    log_to_stderr("debug", [KEY, "", f"{KEY}-2"], written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("written", [KEY, KEY.lower(), KEY.upper(), "CANARY-web-KEY"])
def test_a_key_is_masked_in_any_letter_case(stream: io.StringIO, written: str) -> None:
    """Whoever logs it, in a message or an argument."""
    logging.getLogger("somebody").warning("key=%s", written)
    assert "key=***" in stream.getvalue()
    assert written not in stream.getvalue()


def test_nothing_is_left_of_a_key_that_begins_with_another(stream: io.StringIO) -> None:
    """Else its end would stand after the mask of the shorter one."""
    logging.getLogger("somebody").warning("key=%s-2;", KEY)
    assert "key=***;" in stream.getvalue()


def test_without_a_secret_every_record_stays_as_it_is() -> None:
    """The sandbox has none to mask."""
    record = logging.makeLogRecord({"msg": "all's well", "name": "x", "levelname": "INFO"})
    assert MaskingFormatter([]).format(record).endswith("INFO x: all's well")


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
