"""Measure what serving over HTTP costs, as ratios within one run; exit 1 when a target is missed.

What a call costs is measured with one that is refused for an argument that the tool does not know:
it passes everything that any call passes, and nothing is read from the library.
"""

import asyncio
import hashlib
import json
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from figures import Effort, Figure, median_ms, ratio, report
from jwt.algorithms import RSAAlgorithm
from library import wait_for
from load import Asked, Connections, Round, connected, livez, refused_call
from run import starting
from session import INITIALIZE, cpu_seconds, resident_kb

from fw_mcp.guard.effects import Scope
from fw_mcp.server.oauth import Issuer, KeySet
from fw_mcp.server.tokens import Token

OURS = (sys.executable, "-m", "fw_mcp", "--sandbox", "--store", ":memory:", "--http")
BARE = (sys.executable, str(Path(__file__).with_name("bare_http_server.py")))
IN_FLIGHT = (1, 16, 64)
PAIRS = 9
ISSUER = "https://login.example.com"
RESOURCE = "https://fw.example.com/mcp"
WEB = (
    "jwt",
    "uvicorn",
    "starlette",
    "opentelemetry.sdk",
    "fw_mcp.server.http",
    "fw_mcp.server.oauth",
)

_OURS_IMPORTS = 'from fw_mcp.cli.main import main; main(["--sandbox", "--store", ":memory:"])'
_BARE_IMPORTS = 'import bare_server; bare_server.server.run("stdio")'
_IMPORTED = "import json, sys; print(json.dumps([*sys.modules]), file=sys.stderr)"
# As the SDK opens the span of a request, and what is measured and marked inside it.
_SPAN = """
import json, sys, time
from mcp.shared._otel import otel_span
from opentelemetry import metrics, trace
from fw_mcp.telemetry import Served, operation, serving

spans = int(sys.argv[1])
if sys.argv[2] == "sdk":
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    from fw_mcp.cli.otel import without_words

    class Nowhere(SpanExporter):
        def export(self, spans):
            return SpanExportResult.SUCCESS

    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(without_words(Nowhere())))
    trace.set_tracer_provider(tracers)
    metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))
request = Served("token:anna", "0123456789abcdef", "1")
attributes = {
    "mcp.method.name": "tools/call",
    "mcp.protocol.version": "2026-07-28",
    "jsonrpc.request.id": "1",
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "search_images",
}
began = time.process_time()
for _ in range(spans):
    with (
        otel_span("tools/call search_images", kind=trace.SpanKind.SERVER, attributes=attributes),
        operation("tools/call", "search_images"),
        serving(request),
    ):
        pass
print((time.process_time() - began) / spans)
"""


def connecting(effort: Effort) -> Iterator[Figure]:
    """Ask on a kept connection whether the server lives."""
    with served(OURS) as (port, _), connected(port, livez(port), 1) as kept:
        kept.round_of(10)
        median = median_ms(kept.round_of(effort.calls).seconds)
    detail = f"{median:.2f} ms, median of {effort.calls}"
    yield Figure("/livez on a kept connection", median, "ms", 10, detail)


def calling(effort: Effort) -> Iterator[Figure]:
    """Compare refused calls with those of a bare server, in turns, so that both see one machine."""
    with served(OURS) as (port, process), served(BARE) as (bare_port, bare_process):
        ours, bare = refused_call(port), refused_call(bare_port)
        before = cpu_seconds(process.pid), cpu_seconds(bare_process.pid)
        for in_flight in IN_FLIGHT:
            with (
                connected(port, ours, in_flight) as kept,
                connected(bare_port, bare, in_flight) as beside,
            ):
                pairs = in_turns(kept, beside, effort.calls + in_flight)
            yield compared(f"calls a second, {in_flight} in flight / bare", pairs, 0.9)
        yield slowest(pairs, IN_FLIGHT[-1])
        after = cpu_seconds(process.pid), cpu_seconds(bare_process.pid)
        if after[0]:
            worked = [then - once for then, once in zip(after, before, strict=True)]
            yield ratio("processor time of these calls / bare", worked[0], worked[1:], None, "s")
        yield from grown(port, process, ours, effort)


def in_turns(one: Connections, other: Connections, calls: int) -> list[tuple[Round, Round]]:
    """Rounds of both, after one of each that does not count; each begins as often as the other."""
    pairs = []
    for turn in range(PAIRS + 1):
        if turn % 2:
            first = one.round_of(calls)
            pairs.append((first, other.round_of(calls)))
        else:
            second = other.round_of(calls)
            pairs.append((one.round_of(calls), second))
    return pairs[1:]


def compared(name: str, pairs: Sequence[tuple[Round, Round]], target: float | None) -> Figure:
    """The ratio of calls a second, each pair being its own comparison."""
    value = statistics.median(one.a_second / other.a_second for one, other in pairs)
    rates = [
        statistics.median(one.a_second for one in rounds) for rounds in zip(*pairs, strict=True)
    ]
    detail = " / ".join(f"{rate:,.0f}" for rate in rates)
    return Figure(name, value, "ratio", target, f"{detail} a second", at_least=True)


def slowest(pairs: Sequence[tuple[Round, Round]], in_flight: int) -> Figure:
    """What all but one call in a hundred take at most."""
    late = [
        statistics.median(statistics.quantiles(one.seconds, n=100)[-1] for one in rounds) * 1000
        for rounds in zip(*pairs, strict=True)
    ]
    detail = " / ".join(f"{one:.1f} ms" for one in late)
    return Figure(f"p99, {in_flight} in flight / bare", late[0] / late[1], "ratio", None, detail)


def grown(
    port: int, process: subprocess.Popen[bytes], asked: Asked, effort: Effort
) -> Iterator[Figure]:
    """What a server that is warm keeps of many calls, where the system tells."""
    calls = effort.calls * 10
    before = resident_kb(process.pid) / 1024
    with connected(port, asked, 16) as kept:
        kept.round_of(calls)
    after = resident_kb(process.pid) / 1024
    if after:
        detail = f"{before:.1f} to {after:.1f} MB"
        yield Figure(f"memory after {calls:,} calls more", after - before, "MB", 5, detail)


def knowing(effort: Effort) -> Iterator[Figure]:
    """What it costs to know who calls, beside a call."""
    token = secrets.token_urlsafe()
    with ExitStack() as running:
        folder = Path(running.enter_context(tempfile.TemporaryDirectory()))
        tokens = ("--tokens-file", str(tokens_file(folder, token)))
        port, _ = running.enter_context(served(OURS, *tokens))
        open_port, _ = running.enter_context(served(OURS))
        kept = running.enter_context(connected(port, refused_call(port, token), 1))
        beside = running.enter_context(connected(open_port, refused_call(open_port), 1))
        pairs = in_turns(kept, beside, effort.calls)
    yield compared("calls a second, with a token / without one", pairs, None)
    call_s = statistics.median(statistics.median(one.seconds) for _, one in pairs)
    yield share("verifying a JWT / a call", asyncio.run(seconds_of_verifying(effort.calls)), call_s)
    name = "a span and its measures / a call"
    off = float(_run(_SPAN, effort.calls * 10, "api"))
    yield share(name, off, call_s)
    if has_sdk():
        yield share(f"{name}, sent", float(_run(_SPAN, effort.calls * 10, "sdk")), call_s)


def share(name: str, seconds: float, call_s: float) -> Figure:
    """What a part costs, beside a whole call as its client sees it."""
    detail = f"{seconds * 1e6:.0f} µs / {call_s * 1e6:,.0f} µs"
    return Figure(name, seconds / call_s, "ratio", None, detail)


def tokens_file(folder: Path, token: str) -> Path:
    """A file of that one token."""
    line = Token(
        name="bench",
        sha256=hashlib.sha256(token.encode()).hexdigest(),
        scopes=tuple(Scope),
        expires=datetime.now(UTC) + timedelta(days=1),
    ).line()
    path = folder / "tokens.jsonl"
    path.touch(0o600)
    path.write_text(f"{line}\n")
    return path


async def seconds_of_verifying(times: int) -> float:
    """What each look at a good token takes, its key being known."""
    secret = rsa.generate_private_key(65537, 2048)
    public = RSAAlgorithm.to_jwk(secret.public_key(), as_dict=True) | {"kid": "one"}

    async def fetch(url: str) -> Any:  # noqa: ANN401  JSON of any shape
        if url.endswith("/keys"):
            return {"keys": [public]}
        return {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}

    issuer = Issuer(ISSUER, RESOURCE, KeySet(ISSUER, fetch), tuple(Scope))
    claims = {"iss": ISSUER, "aud": RESOURCE, "sub": "u-1", "scope": " ".join(Scope)}
    lasting = {**claims, "exp": int(time.time()) + 3_600}
    token = jwt.encode(lasting, secret, "RS256", headers={"kid": "one"})
    if await issuer.whose(token) is None:
        raise RuntimeError("a good token was refused")
    began = time.process_time()
    for _ in range(times):
        await issuer.whose(token)
    return (time.process_time() - began) / times


def has_sdk() -> bool:
    """Whether what sends spans is installed."""
    try:
        import opentelemetry.sdk.trace  # noqa: F401, PLC0415  an extra
    except ImportError:
        return False
    return True


def beginning(effort: Effort) -> Iterator[Figure]:
    """What stdio pays for all of this: nothing."""
    yield from islice(starting(effort), 1)
    ours, bare = imported(_OURS_IMPORTS), imported(_BARE_IMPORTS)
    found = sorted({one for one in ours - bare if one.startswith(WEB)})
    shown = f"{', '.join(found) or 'none'}; {len(ours)} modules, {len(bare)} of a bare server"
    yield Figure("modules for HTTP that stdio imports", len(found), "more", 0, shown)


def imported(program: str) -> set[str]:
    """The modules that a server over stdio has imported when it has listed its tools."""
    messages: list[dict[str, object]] = [
        {"id": 0, "method": "initialize", "params": INITIALIZE},
        {"method": "notifications/initialized"},
        {"id": 1, "method": "tools/list"},
    ]
    lines = "".join(f"{json.dumps({'jsonrpc': '2.0', **one})}\n" for one in messages)
    command = [sys.executable, "-c", f"{program}\n{_IMPORTED}"]
    done = subprocess.run(
        command,
        cwd=Path(__file__).parent,
        input=lines,
        capture_output=True,
        text=True,
        check=True,
    )
    if '"tools":[{' not in done.stdout:
        raise RuntimeError(f"the tools were not listed: {done.stderr}")
    return set(json.loads(done.stderr.splitlines()[-1]))


def _run(program: str, *arguments: object) -> str:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@contextmanager
def served(command: Sequence[str], *options: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A server on a free port, which stands at the end of `command`; leaving ends it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    where = f"127.0.0.1:{port}" if command is OURS else str(port)
    process = subprocess.Popen([*command, where, *options], stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield port, process
    finally:
        process.terminate()
        process.wait()


def main() -> int:
    """Measure, print, and tell whether all targets are met."""
    measures = (connecting, calling, knowing, beginning)
    return report(measures, __doc__, quick=Effort(3, 50), whole=Effort(11, 500))


if __name__ == "__main__":
    sys.exit(main())
