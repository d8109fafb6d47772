"""What is seen of the work from outside: whose it is, spans, metrics; knows no other part.

The API of OpenTelemetry comes with the SDK of MCP and is used where something has loaded it:
without that there is neither a span nor a provider, and nothing to be told. No title, URL, guid,
key or path goes into any of it.
"""

import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

_NAME = "fw_mcp"
_HTTP_ERRORS = 400
# As the conventions of MCP have them.
_OF_OPERATIONS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)
_OF_TRANSACTIONS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 20)


@dataclass(frozen=True, slots=True)
class Served:
    """The request that is being answered.

    Attributes:
        caller: who calls.
        account: a digest that names the account it is for.
        request_id: of the protocol.
    """

    caller: str
    account: str
    request_id: str


_served: ContextVar[Served | None] = ContextVar("served", default=None)


def served() -> Served | None:
    """The request that is being answered here; None outside of one."""
    return _served.get()


@contextmanager
def serving(request: Served) -> Iterator[None]:
    """While it lasts, what is done here is done for this request, and the span at hand is its."""
    token = _served.set(request)
    caller = hashlib.sha256(request.caller.encode(errors="replace")).hexdigest()[:16]
    mark({"fw_mcp.account": request.account, "enduser.pseudo.id": caller})
    try:
        yield
    finally:
        _served.reset(token)


def mark(attributes: Mapping[str, str | int]) -> None:
    """Tell the span at hand, which is the SDK's own of a request, or no span."""
    if trace := sys.modules.get("opentelemetry.trace"):
        trace.get_current_span().set_attributes(attributes)


class Attempt:
    """One request to FinerWorks, while it is on its way."""

    status_code: int | None = None


@contextmanager
def attempted(endpoint: str, method: str, number: int) -> Iterator[Attempt]:
    """A span around one request, and what is counted of it.

    Args:
        endpoint: its name; never its URL.
        method: the HTTP verb.
        number: of the attempt, from 1.
    """
    attempt = Attempt()
    with _client_span(endpoint, method, number) as tell:
        try:
            yield attempt
        finally:
            code = attempt.status_code
            tell(code)
            status = "none" if code is None else str(code)
            count("fw_mcp.upstream.requests", endpoint=endpoint, status=status)
            if number > 1:
                count("fw_mcp.upstream.retries", endpoint=endpoint)


@contextmanager
def _client_span(endpoint: str, method: str, number: int) -> Iterator[Callable[[int | None], None]]:
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        yield lambda _: None
        return
    attributes: dict[str, str | int] = {"http.request.method": method, "fw_mcp.endpoint": endpoint}
    if number > 1:
        attributes["http.request.resend_count"] = number - 1
    # An exception's own words may hold anything.
    with _tracer().start_as_current_span(
        f"FinerWorks {endpoint}",
        kind=trace.SpanKind.CLIENT,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:

        def tell(code: int | None) -> None:
            if code is not None:
                span.set_attribute("http.response.status_code", code)
            if code is None or code >= _HTTP_ERRORS:
                span.set_attribute("error.type", "no_answer" if code is None else str(code))
                span.set_status(trace.StatusCode.ERROR)

        yield tell


class Operation:
    """One request of a host, while it is answered; `error` names what kind of error it ends in."""

    error = ""


@contextmanager
def operation(method: str, tool: str = "") -> Iterator[Operation]:
    """Measure how long a request of a host takes.

    Args:
        method: of the protocol.
        tool: that it calls, if it does.
    """
    began, one = time.perf_counter(), Operation()
    try:
        yield one
    except BaseException as ended:
        one.error = type(ended).__name__
        raise
    finally:
        labels = {"mcp.method.name": method, "gen_ai.tool.name": tool, "error.type": one.error}
        count(
            "mcp.server.operation.duration",
            time.perf_counter() - began,
            **{name: label for name, label in labels.items() if label},
        )


@contextmanager
def lasting(name: str, **labels: str) -> Iterator[None]:
    """Record in a histogram how long it lasts, however it ends.

    Args:
        name: one of `INSTRUMENTS`, in seconds.
        labels: from short closed lists.
    """
    began = time.perf_counter()
    try:
        yield
    finally:
        count(name, time.perf_counter() - began, **labels)


INSTRUMENTS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "mcp.server.operation.duration": ("histogram", "s", "Duration of requests of hosts."),
        "fw_mcp.images": ("counter", "{image}", "Images written, by tool and outcome."),
        "fw_mcp.plans": ("counter", "{plan}", "Questions, by lane and answer."),
        "fw_mcp.upstream.requests": ("counter", "{request}", "Requests to FinerWorks."),
        "fw_mcp.upstream.retries": ("counter", "{request}", "Reads that were tried again."),
        "fw_mcp.upstream.paused_s": ("counter", "s", "Time that rate limits held requests back."),
        "fw_mcp.upstream.circuit.open": ("counter", "{time}", "Times that nothing was sent."),
        "fw_mcp.journal.unsettled": (
            "up-down counter",
            "{item}",
            "Writes whose outcome is not known.",
        ),
        "fw_mcp.store.duration": ("histogram", "s", "Duration of transactions of the store."),
        "fw_mcp.store.repeats": ("counter", "{transaction}", "Transactions that had to wait."),
    }
)
"""Name → kind, unit and description."""
_BOUNDARIES = MappingProxyType(
    {
        "mcp.server.operation.duration": _OF_OPERATIONS,
        "fw_mcp.store.duration": _OF_TRANSACTIONS,
    }
)


def is_counting() -> bool:
    """Whether anybody may have asked for metrics."""
    # Without it nobody can have, and loading it would take time.
    return "opentelemetry.metrics" in sys.modules


def count(name: str, amount: float = 1, **labels: str) -> None:
    """Add to a counter, or record in a histogram.

    Args:
        name: one of `INSTRUMENTS`.
        amount: how much, in its unit.
        labels: from short closed lists.
    """
    if is_counting():
        _instrument(name)(amount, labels)


def level(name: str, part: str, amount: int) -> None:
    """Tell how much there is of something now; of all its parts, the sum is seen.

    Args:
        name: one of `INSTRUMENTS`.
        part: which one; it stays here.
        amount: in its unit.
    """
    if is_counting():
        parts = _parts(name)
        count(name, amount - parts.pop(part, 0))
        if amount:
            parts[part] = amount


@cache
def _instrument(name: str) -> Callable[[float, Mapping[str, str]], None]:
    from opentelemetry import metrics  # noqa: PLC0415  loaded already

    kind, unit, description = INSTRUMENTS[name]
    meter = metrics.get_meter(_NAME)
    if kind == "counter":
        return meter.create_counter(name, unit, description).add
    if kind == "up-down counter":
        return meter.create_up_down_counter(name, unit, description).add
    return meter.create_histogram(
        name, unit, description, explicit_bucket_boundaries_advisory=_BOUNDARIES[name]
    ).record


@cache
def _parts(_: str) -> dict[str, int]:
    """What was last told of each part of that level, but nothing."""
    return {}


@cache
def _tracer() -> Any:  # noqa: ANN401  the API's, which is imported where it is used
    from opentelemetry import trace  # noqa: PLC0415  loaded already

    return trace.get_tracer(_NAME)
