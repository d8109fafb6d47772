"""Spans and metrics: what a collector is told of a call, and what it is never told."""

import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from fw_mcp.cli.otel import without_words
from fw_mcp.errors import StoreError
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from fw_mcp.store.database import session_id
from fw_mcp.store.sqlite import Database
from fw_mcp.telemetry import INSTRUMENTS
from tests.support.studio import NO, Studio, make_studio, said
from tests.support.truth import new_images, sold, unsold
from tests.writes.calls import retitle

pytestmark = pytest.mark.anyio

ACCOUNT = "0123456789abcdef"
UNKNOWN = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"


@dataclass(frozen=True)
class Collector:
    """What was sent to a collector, since it was last emptied."""

    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    def calls(self) -> list[ReadableSpan]:
        """The spans of calls of tools."""
        return [one for one in self._spans() if one.name.startswith("tools/call")]

    def requests(self) -> list[ReadableSpan]:
        """The spans of requests to FinerWorks."""
        return [one for one in self._spans() if one.kind is SpanKind.CLIENT]

    def _spans(self) -> list[ReadableSpan]:
        """All but those of the client that a test plays in the same process."""
        return [
            one
            for one in self.exporter.get_finished_spans()
            if one.kind is SpanKind.SERVER or one.name.startswith("FinerWorks ")
        ]

    def points(self, name: str) -> list[tuple[dict[str, Any], float]]:
        """The labels of a metric with what was added to it, or how often it was recorded."""
        return [
            (dict(point.attributes or {}), getattr(point, "value", getattr(point, "count", 0)))
            for metric in self._metrics()
            if metric.name == name
            for point in metric.data.data_points
        ]

    def everything(self) -> str:
        """All of it as one text."""
        spans = [one.to_json() for one in self._spans()]
        return " ".join([*spans, *(metric.to_json() for metric in self._metrics())])

    def _metrics(self) -> list[Any]:
        found = self.reader.get_metrics_data()
        return [
            metric
            for resource in (found.resource_metrics if found else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]


@pytest.fixture(scope="module")
def providers() -> Iterator[Collector]:
    """The providers of this process, which can be set once; afterwards they keep nothing."""
    collector = Collector(InMemorySpanExporter(), InMemoryMetricReader())
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(without_words(collector.exporter)))
    trace.set_tracer_provider(tracers)
    meters = MeterProvider([collector.reader], shutdown_on_exit=False)
    metrics.set_meter_provider(meters)
    yield collector
    # The providers stay, and would log each later use if they were shut down.
    collector.exporter.shutdown()


@pytest.fixture
def collector(providers: Collector) -> Collector:
    """Emptied; metrics only grow."""
    providers.exporter.clear()
    return providers


@pytest.fixture
def studio() -> Studio:
    """A studio whose account has a name."""
    return make_studio(kept_for=ACCOUNT)


async def test_a_write_says_lane_outcomes_account_and_a_pseudonym_on_the_span_of_the_call(
    collector: Collector, studio: Studio
) -> None:
    """Promise: on the SDK's own span, beside what the SDK says."""
    images = await sold(studio, 2)
    async with studio.client(person=studio.person()) as client:
        collector.exporter.clear()
        await client.call_tool("delete_images", {"guids": [image.guid for image in images]})
    asked, deleted = collector.calls()
    assert (asked.name, deleted.name) == ("tools/call delete_images",) * 2
    for span in (asked, deleted):
        told = dict(span.attributes or {})
        assert told["fw_mcp.lane"] == "multi_round_trip"
        assert told["fw_mcp.account"] == ACCOUNT
        assert len(str(told["enduser.pseudo.id"])) == 16
    assert "fw_mcp.outcomes.deleted" not in (asked.attributes or {})
    assert (deleted.attributes or {})["fw_mcp.outcomes.deleted"] == 2


async def test_a_refusal_says_its_reason(collector: Collector, studio: Studio) -> None:
    """From the closed list."""
    async with studio.client() as client:
        await client.call_tool("search_images", {"nonsense": 1})
    (span,) = collector.calls()
    assert (span.attributes or {})["fw_mcp.reason"] == "invalid_arguments"
    assert span.status.status_code is StatusCode.ERROR


async def test_each_request_to_finerworks_is_a_span_below_the_call(
    collector: Collector, studio: Studio
) -> None:
    """Endpoint, verb, status and attempt; no URL."""
    studio.faults.add(Fault(FaultKind.RATE_LIMITED, endpoint="list_images", retry_after=1))
    async with studio.client() as client:
        await client.call_tool("search_images", {})
    first, second = collector.requests()
    (call,) = collector.calls()
    assert call.context is not None
    assert [one.parent and one.parent.span_id for one in (first, second)] == [
        call.context.span_id
    ] * 2
    common = {"http.request.method": "POST", "fw_mcp.endpoint": "list_images"}
    assert (first.name, second.name) == ("FinerWorks list_images",) * 2
    limited = {"http.response.status_code": 429, "error.type": "429"}
    assert dict(first.attributes or {}) == common | limited
    again = {"http.response.status_code": 200, "http.request.resend_count": 1}
    assert dict(second.attributes or {}) == common | again
    assert first.status.status_code is StatusCode.ERROR
    assert second.status.status_code is StatusCode.UNSET


async def test_a_request_without_an_answer_is_a_span_that_says_so(
    collector: Collector, studio: Studio
) -> None:
    """In one word, not in those of the HTTP library."""
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="list_images"))
    async with studio.client() as client:
        await client.call_tool("search_images", {})
    first, _ = collector.requests()
    assert (first.attributes or {})["error.type"] == "no_answer"
    assert (first.status.description, first.events) == (None, ())


async def test_metrics_count_calls_images_questions_and_requests(
    collector: Collector, studio: Studio
) -> None:
    """Promise: each of the table's, with its labels."""
    collector.points("fw_mcp.images")
    (image,) = await sold(studio, 1)
    studio.faults.add(Fault(FaultKind.RATE_LIMITED, endpoint="list_images", retry_after=1))
    async with studio.client(person=studio.person(NO)) as client:
        await client.call_tool("add_images", {"images": new_images(3)})
        await client.call_tool("delete_images", {"guids": [image.guid]})
    labels = {"tool": "add_images", "outcome": "created"}
    assert labels in [one for one, _ in collector.points("fw_mcp.images")]
    plans = [one for one, _ in collector.points("fw_mcp.plans")]
    for answer in ("asked", "no"):
        assert {"lane": "multi_round_trip", "answer": answer} in plans
    requests = [one for one, _ in collector.points("fw_mcp.upstream.requests")]
    for endpoint, status in (("list_images", "429"), ("list_images", "200"), ("add_images", "201")):
        assert {"endpoint": endpoint, "status": status} in requests
    ((again, _),) = collector.points("fw_mcp.upstream.retries")
    assert again == {"endpoint": "list_images"}
    ((_, paused_s),) = collector.points("fw_mcp.upstream.paused_s")
    assert paused_s >= 1
    calls = [one for one, _ in collector.points("mcp.server.operation.duration")]
    assert {"mcp.method.name": "tools/call", "gen_ai.tool.name": "add_images"} in calls
    transactions = [one for one, _ in collector.points("fw_mcp.store.duration")]
    for kind in ("Journal.begin", "Journal.finish", "PlanStore.add", "PlanStore.decline"):
        assert {"kind": kind} in transactions
    assert [one for one in transactions if not re.fullmatch(r"[A-Za-z_.]+", one["kind"])] == []


async def test_items_of_unknown_outcome_are_told_until_they_are_settled(
    collector: Collector, studio: Studio
) -> None:
    """Those of several accounts as one number, each as it was last seen in its store."""
    other = make_studio(kept_for="fedcba9876543210")
    for one in (studio, other):
        await one.writes.journal.unsettled()
    ((_, before),) = collector.points("fw_mcp.journal.unsettled")
    for number, one in ((2, studio), (1, other)):
        images = await unsold(one, number)
        one.faults.add(Fault(FaultKind.DROPPED, endpoint="delete_images", committed=False))
        async with one.client(person=one.person()) as client:
            guids = [image.guid for image in images]
            await client.call_tool("delete_images", {"guids": guids})
    ((labels, unsettled),) = collector.points("fw_mcp.journal.unsettled")
    assert (labels, unsettled - before) == ({}, 3)
    studio.clock.forward(100)
    (change,) = await studio.writes.journal.unsettled()
    await studio.writes.settle_each([change.change_id])
    ((_, unsettled),) = collector.points("fw_mcp.journal.unsettled")
    assert unsettled - before == 1


async def test_a_transaction_that_another_process_keeps_waiting_is_counted(
    collector: Collector, tmp_path: Path
) -> None:
    """Once, however it ends."""
    file = tmp_path / "store.sqlite3"
    database, other = Database(file, busy_timeout_s=0.05), sqlite3.connect(file)

    def repeats() -> float:
        return sum(number for _, number in collector.points("fw_mcp.store.repeats"))

    await session_id(database)
    before = repeats()
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError):
        await session_id(database)
    other.close()
    await session_id(database)
    database.close()
    assert repeats() - before == 1


async def test_a_question_that_an_older_client_shows_is_counted_as_asked_and_answered(
    collector: Collector, studio: Studio
) -> None:
    """Both in one call."""
    (image,) = await sold(studio, 1)
    async with studio.client(mode="legacy", person=studio.person()) as client:
        await client.call_tool("delete_images", {"guids": [image.guid]})
    plans = [one for one, _ in collector.points("fw_mcp.plans")]
    for answer in ("asked", "yes"):
        assert {"lane": "elicitation", "answer": answer} in plans


async def test_an_answer_that_came_to_nothing_is_counted(
    collector: Collector, studio: Studio
) -> None:
    """A second use of a plan, one that is too old, and one whose images changed; on its lane."""
    (image, other, third) = await sold(studio, 3)
    async with studio.client() as client:
        for guid, late in ((image.guid, False), (other.guid, True)):
            waits = said(await client.call_tool("delete_images", {"guids": [guid]}))
            if late:
                studio.clock.forward(3_000)
            for _ in range(2):
                studio.clock.forward(700 if not late and _ else 0)
                arguments = {"guids": [guid], "plan_id": waits["plan_id"]}
                await client.call_tool("delete_images", arguments)
        waits = said(await client.call_tool("delete_images", {"guids": [third.guid]}))
        await retitle(studio, third, "Changed meanwhile")
        arguments = {"guids": [third.guid], "plan_id": waits["plan_id"]}
        await client.call_tool("delete_images", arguments)
    plans = [one for one, _ in collector.points("fw_mcp.plans")]
    for answer in ("asked", "yes", "used", "expired", "changed"):
        assert {"lane": "two_step", "answer": answer} in plans
    assert [one for one in plans if one.keys() != {"lane", "answer"}] == []


def test_every_instrument_has_a_unit_and_a_description() -> None:
    """They are what a dashboard shows."""
    assert [name for name, (_, unit, text) in INSTRUMENTS.items() if not unit or not text] == []


async def test_nothing_that_is_told_holds_a_title_url_guid_or_key(
    collector: Collector, studio: Studio
) -> None:
    """Promise: also where a client calls what there is not, and where something fails."""
    (image,) = await unsold(studio, 1)
    (hung,) = await sold(studio, 1)
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="update_file_selection"))
    calls: list[tuple[str, dict[str, Any]]] = [
        ("search_images", {"search_filter": "Canary words"}),
        ("view_images", {"guids": [image.guid]}),
        ("inspect_files", {"files": ["https://canary.example.com/a.tif"]}),
        ("add_images", {"images": new_images(1)}),
        ("update_image_metadata", {"images": [{"guid": image.guid, "title": "Canary title"}]}),
        ("set_selection", {"guids": [image.guid]}),
        ("delete_images", {"guids": [hung.guid]}),
        ("delete_images", {"guids": [UNKNOWN]}),
        ("undo_change", {"change_id": "Canary change"}),
        ("Canary tool of https://canary.example.com", {}),
    ]
    async with studio.client(person=studio.person()) as client:
        for tool, arguments in calls:
            try:
                await client.call_tool(tool, arguments)
            except MCPError:
                assert tool.startswith("Canary")
        for uri in (f"finerworks://images/{UNKNOWN}", "finerworks://canary"):
            with pytest.raises(MCPError):
                await client.read_resource(uri)
        with pytest.raises(MCPError):
            await client.get_prompt("Canary prompt")
    told = collector.everything()
    json_of_it = json.dumps(told).lower()
    assert "tools/call search_images" in told
    words = (image.guid, hung.guid, UNKNOWN, str(image.title), str(image.public_preview_uri))
    for secret in ("canary", "http://", "https://", "web_api_key", *words):
        assert secret.lower() not in json_of_it
