"""`--log-format json`: one object a record, of which request it is, and no secret in it."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from mcp.client import Client
from opentelemetry.trace import NonRecordingSpan, SpanContext, use_span

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.cli.output import log_to_stderr
from fw_mcp.images.account import Account
from fw_mcp.server.app import build_server
from fw_mcp.telemetry import Served, serving
from fw_mcp.writes.audit import AUDIT
from tests.cli.serving import LIST_TOOLS, SEARCH, answers
from tests.support.process import fw_mcp
from tests.support.products import exhaustive
from tests.support.studio import make_studio, on_account, said
from tests.support.truth import new_images

pytestmark = [pytest.mark.anyio, pytest.mark.shows_keys("it logs one, to see it masked")]

KEY = 'Canary-"Web"-Key'
REQUEST = Served("stdio:host", "0123456789abcdef", "7")
SPAN = SpanContext(trace_id=0xABC, span_id=0xDEF, is_remote=False)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream that all logging goes to as JSON, until the test is over."""
    written = io.StringIO()
    log_to_stderr("warning", [KEY], written, as_json=True, always=[AUDIT])
    yield written
    logging.getLogger(AUDIT).setLevel(logging.NOTSET)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """What was logged."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_is_one_object_with_time_level_logger_and_message(stream: io.StringIO) -> None:
    """Promise: one JSON object a line, whatever the message holds."""
    logging.getLogger("somebody").warning("two\nlines of %s", "\U0001f980")
    (line,) = lines(stream)
    assert line.pop("time").endswith("+00:00")
    message = "two\nlines of \U0001f980"
    assert line == {"level": "warning", "logger": "somebody", "message": message}
    assert stream.getvalue().isascii()


def test_a_record_names_the_request_and_the_span_it_belongs_to(stream: io.StringIO) -> None:
    """So that a log and a trace can be read side by side."""
    with serving(REQUEST), use_span(NonRecordingSpan(SPAN)):
        logging.getLogger("somebody").warning("inside")
    logging.getLogger("somebody").warning("outside")
    inside, outside = lines(stream)
    named = {
        "trace_id": "00000000000000000000000000000abc",
        "span_id": "0000000000000def",
        "account": "0123456789abcdef",
        "caller": "stdio:host",
        "request_id": "7",
    }
    assert inside == inside | named
    assert named.keys() & outside.keys() == set()


def test_what_a_client_calls_itself_is_shown_and_its_id_is_cut(stream: io.StringIO) -> None:
    """Both are its own choice, of any length and with any characters."""
    with serving(Served("stdio:a\u202eb", "", "9" * 5_000)):
        logging.getLogger("somebody").warning("inside")
    (line,) = lines(stream)
    assert (line["caller"], line["request_id"]) == ("stdio:a\\u202eb", "9" * 64)


@pytest.mark.parametrize("written", [KEY, KEY.upper(), KEY.lower()])
def test_a_key_is_masked_as_json_spells_it(stream: io.StringIO, written: str) -> None:
    """In a message and in a traceback, and what is left is still JSON."""
    try:
        int(written)
    except ValueError:
        logging.getLogger("somebody").exception("failed with %s", written)
    (line,) = lines(stream)
    assert line["message"] == "failed with ***"
    assert line["exception"].startswith("Traceback")
    assert "Canary" not in stream.getvalue()


async def test_a_write_is_logged_with_its_fields_at_the_default_level(stream: io.StringIO) -> None:
    """Promise: one audit line a write, also where nothing else is told."""
    studio = make_studio(kept_for="0123456789abcdef")
    async with studio.client() as client:
        result = said(await client.call_tool("add_images", {"images": new_images(2)}))
    (line,) = lines(stream)
    assert line["level"] == "info"
    expected = {
        "logger": "fw_mcp.audit",
        "account": "0123456789abcdef",
        "caller": "stdio:mcp",
        "tool": "add_images",
        "lane": "unasked",
        "outcomes": {"created": 2},
        "change_id": result["change_id"],
    }
    assert line == line | expected


async def test_what_is_logged_in_a_call_is_of_its_caller_and_account(stream: io.StringIO) -> None:
    """Promise: account, caller and request id stand in each line of a call."""
    studio = make_studio()

    async def connect() -> FinerWorksClient:
        raise RuntimeError("nobody foresaw it")

    parts = on_account(studio.parts, Account(connect))
    async with Client(build_server(parts), cache=None) as client:
        await client.call_tool("search_images", {})
    (line,) = [line for line in lines(stream) if line["logger"] == "fw_mcp.server.tool"]
    assert line["message"] == "crashed: RuntimeError"
    assert line["account"] == parts.writes.account_name
    assert line["caller"].startswith("stdio:")
    assert line["request_id"].isdigit()


ADD = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 3,
        "method": "tools/call",
        "params": {"name": "add_images", "arguments": {"images": new_images(1)}},
    }
)


@exhaustive
@pytest.mark.parametrize(("options", "heard"), [(["--log-format", "json"], 1), ([], 0)])
def test_a_write_is_heard_of_where_logs_are_collected_and_not_beside_one_person(
    options: list[str], heard: int
) -> None:
    """Promise: at any level with `--log-format json`, as with `--http`; else from level info."""
    done = fw_mcp(["--sandbox", "--log-level", "warning", *options], text=f"{LIST_TOOLS}{ADD}\n")
    assert answers(done.stdout).keys() == {1, 2, 3}
    assert done.stderr.count("fw_mcp.audit") == heard


@exhaustive
def test_over_stdio_stdout_has_protocol_alone_and_stderr_json_alone() -> None:
    """At the level that says most."""
    options = ("--sandbox", "--log-format", "json", "--log-level", "debug")
    done = fw_mcp(list(options), text=LIST_TOOLS + SEARCH)
    assert answers(done.stdout).keys() == {1, 2, 3}
    logged = [json.loads(line) for line in done.stderr.splitlines()]
    sent = [line for line in logged if line["message"].startswith("list_images 200")]
    assert [line["request_id"] for line in sent] == ["3"]
