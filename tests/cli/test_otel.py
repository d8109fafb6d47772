"""Traces and metrics on their way to a collector: on, off, and without what sends them."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry import trace

from fw_mcp.assembly import secrets_of
from fw_mcp.cli.otel import exporting
from fw_mcp.config import load_settings
from tests.cli.serving import LIST_TOOLS, SEARCH, answers
from tests.support.process import environment, fw_mcp
from tests.support.products import exhaustive

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@contextmanager
def collecting(status: int = 200) -> Iterator[tuple[str, dict[str, bytes]]]:
    """A collector on this machine: its address, and path → what was sent there."""
    received: dict[str, bytes] = {}

    class Collects(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received[self.path] = received.get(self.path, b"") + body
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Collects) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
            thread.join()


@exhaustive
def test_spans_and_metrics_go_to_the_collector_that_the_environment_names() -> None:
    """Promise: over stdio too, where stdout stays the protocol's; under the service's own name."""
    with collecting() as (endpoint, received):
        given = {ENDPOINT: endpoint, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
        done = fw_mcp(["--sandbox"], env=given, text=LIST_TOOLS + SEARCH)
    assert done.returncode == 0
    assert answers(done.stdout).keys() == {1, 2, 3}
    assert received.keys() == {"/v1/traces", "/v1/metrics"}
    for word in (b"tools/call search_images", b"FinerWorks list_images", b"fw-mcp"):
        assert word in received["/v1/traces"]
    assert b"mcp.server.operation.duration" in received["/v1/metrics"]


@exhaustive
@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "a collector that fails"])
def test_a_collector_that_is_away_costs_no_call_and_little_time(endpoint: str) -> None:
    """A host that ends the server waits for it."""
    with collecting(503) as (failing, _):
        given = {ENDPOINT: endpoint if endpoint.startswith("http") else failing}
        began = time.monotonic()
        fw_mcp(["--sandbox"], env=given | {"OTEL_SDK_DISABLED": "true"}, text=LIST_TOOLS + SEARCH)
        without = time.monotonic()
        done = fw_mcp(["--sandbox"], env=given, text=LIST_TOOLS + SEARCH)
    # Left to itself, what sends would try for ten seconds.
    assert time.monotonic() - without < without - began + 8
    assert done.returncode == 0
    assert answers(done.stdout).keys() == {1, 2, 3}


@exhaustive
@pytest.mark.parametrize("off", [{}, {ENDPOINT: "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}])
def test_without_a_collector_nothing_is_loaded_that_was_not_before(off: dict[str, str]) -> None:
    """Promise: neither what sends nor what counts; the start of a server is measured."""
    script = (
        "import sys; from fw_mcp.cli.main import main\n"
        "code = main(['--sandbox'])\n"
        "names = ('sdk', 'metrics', 'exporter')\n"
        "print([one for one in names if f'opentelemetry.{one}' in sys.modules], file=sys.stderr)\n"
        "raise SystemExit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(off),
        input=LIST_TOOLS + SEARCH,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answers(done.stdout).keys() == {1, 2, 3}
    assert done.stderr.splitlines()[-1] == "[]"


def test_without_what_sends_it_serving_goes_on_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody's shell may name a collector for other programs."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with exporting({ENDPOINT: "http://127.0.0.1:9"}):
        pass
    (line,) = caplog.messages
    assert line.endswith("but nothing is sent: install fw-mcp with the extra otel.")


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_SERVICE_NAME": "fw-mcp", "OTEL_TRACES_EXPORTER": "otlp"},
        {ENDPOINT: ""},
        {ENDPOINT: "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_where_no_collector_is_named_nothing_is_looked_for_that_could_send(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Promise: else it would be missed here, as in the test above."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    provider = trace.get_tracer_provider()
    with exporting(environ):
        assert trace.get_tracer_provider() is provider
    assert caplog.messages == []


@pytest.mark.parametrize(
    "name", ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"]
)
def test_what_the_collector_is_shown_is_a_secret(name: str) -> None:
    """It lets whoever has it write there."""
    headers = {name: "api-key=canary-1,Authorization=Bearer%20canary-2, empty="}
    settings = load_settings({"web_api_key": None, "app_key": None})
    assert secrets_of(settings, headers) == ["canary-1", "canary-2"]
    assert "canary" not in json.dumps(secrets_of(settings, {"OTEL_HEADERS": "a=canary"}))
