"""Traces and metrics on their way to a collector, where the environment names one."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fw_mcp import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

_log = logging.getLogger(__name__)

_PREFIX = "OTEL_EXPORTER_OTLP_"
# Names of tools and prompts; whatever else a client calls by name is its own words.
_NAME = re.compile(r"[a-z_]{1,40}")
_NAMED_BY_CLIENTS = ("gen_ai.tool.name", "gen_ai.prompt.name")
_LAST_S = 2.0


@contextmanager
def exporting(environ: Mapping[str, str]) -> Iterator[None]:
    """While it lasts, spans and metrics are sent to the collector that the environment names.

    Args:
        environ: with the variables of OpenTelemetry, which its own packages read too.
    """
    if not _is_wanted(environ):
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415  an extra
            OTLPMetricExporter,
        )
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415  as above
            OTLPSpanExporter,
        )
    except ImportError:
        _log.warning(
            "%s… is set, but nothing is sent: install fw-mcp with the extra otel.", _PREFIX
        )
        yield
        return
    from opentelemetry import metrics, trace  # noqa: PLC0415  as above
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415  as above
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  as above
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  as above

    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        # opentelemetry-instrument has set up its own.
        yield
        return
    resource = _resource(environ)
    ended: list[Callable[[], object]] = []
    if environ.get("OTEL_TRACES_EXPORTER") != "none":
        tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        tracers.add_span_processor(BatchSpanProcessor(without_words(OTLPSpanExporter())))
        trace.set_tracer_provider(tracers)
        ended.append(tracers.shutdown)
    if environ.get("OTEL_METRICS_EXPORTER") != "none":
        reader = PeriodicExportingMetricReader(OTLPMetricExporter())
        meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
        metrics.set_meter_provider(meters)
        ended.append(meters.shutdown)
    try:
        yield
    finally:
        _at_last(ended)


def _at_last(ended: Sequence[Callable[[], object]]) -> None:
    """Send what is left, for a moment: a collector that is away must not keep a host waiting."""
    threads = [threading.Thread(target=end, daemon=True) for end in ended]
    for thread in threads:
        thread.start()
    latest = time.monotonic() + _LAST_S
    for thread in threads:
        thread.join(max(0.0, latest - time.monotonic()))


def _is_wanted(environ: Mapping[str, str]) -> bool:
    off = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return not off and any(name.startswith(_PREFIX) and environ[name] for name in environ)


def _resource(environ: Mapping[str, str]) -> "Resource":
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  an extra

    known = {"service.version": __version__}
    # What is given here would win over the environment.
    named = "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if not named and "OTEL_SERVICE_NAME" not in environ:
        known["service.name"] = "fw-mcp"
    return Resource.create(known)


def without_words(exporter: "SpanExporter") -> "SpanExporter":
    """An exporter of spans without what a client or an exception put into them in words.

    The SDK of MCP writes the message of an error into its span, and the name of whatever is called.

    Args:
        exporter: sends what is left.
    """
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult  # noqa: PLC0415  an extra

    class WithoutWords(SpanExporter):
        def export(self, spans: "Sequence[ReadableSpan]") -> SpanExportResult:
            return exporter.export([_without_words(span) for span in spans])

        def shutdown(self) -> None:
            exporter.shutdown()

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return exporter.force_flush(timeout_millis)

    return WithoutWords()


def _without_words(span: "ReadableSpan") -> "ReadableSpan":
    from opentelemetry.sdk.trace import ReadableSpan  # noqa: PLC0415  an extra
    from opentelemetry.trace import Status  # noqa: PLC0415  as above

    given = span.attributes or {}
    invented = {
        name
        for name in _NAMED_BY_CLIENTS
        if name in given and not _NAME.fullmatch(str(given[name]))
    }
    return ReadableSpan(
        name=span.name.partition(" ")[0] if invented else span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={name: value for name, value in given.items() if name not in invented},
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )
