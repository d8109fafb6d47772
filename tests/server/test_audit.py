"""One line a write in the log: who, which account, what, how it was asked and how it ended."""

import logging
from typing import Any

import anyio
import pytest

from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from fw_mcp.writes.audit import AUDIT, audited
from tests.support.kept import change
from tests.support.products import first_of
from tests.support.recorder import Sent
from tests.support.studio import NO, Studio, make_studio, said, text_of
from tests.support.truth import new_images, sold, unsold
from tests.writes.runs import changes

pytestmark = pytest.mark.anyio

ACCOUNT = "0123456789abcdef"


@pytest.fixture
def studio() -> Studio:
    """A studio whose account has a name."""
    return make_studio(kept_for=ACCOUNT)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The audit's lines."""
    return [record.getMessage() for record in caplog.records if record.name == AUDIT]


async def test_a_write_is_one_line_that_says_who_did_what_and_how_it_ended(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    """In words for people, and in fields for programs."""
    caplog.set_level(logging.INFO, AUDIT)
    images = await sold(studio, 2)
    async with studio.client(person=studio.person()) as client:
        await client.call_tool("delete_images", {"guids": [image.guid for image in images]})
    (change,) = await changes(studio)
    (line,) = lines(caplog)
    how = f"2 deleted (multi_round_trip, change {change.change_id})"
    assert line == f'delete_images by "stdio:mcp" on account {ACCOUNT}: {how}'
    (record,) = [record for record in caplog.records if record.name == AUDIT]
    assert record.levelname == "INFO"
    assert vars(record)["fields"] == {
        "account": ACCOUNT,
        "caller": "stdio:mcp",
        "tool": "delete_images",
        "lane": "multi_round_trip",
        "outcomes": {"deleted": 2},
        "change_id": change.change_id,
    }


@pytest.mark.parametrize(
    "tool", first_of("add_images", "update_image_metadata", "delete_images", "set_selection")
)
async def test_no_line_holds_a_title_a_url_or_a_guid(
    studio: Studio, tool: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Promise: a log may be kept where the library is not to be known."""
    caplog.set_level(logging.INFO, AUDIT)
    (image,) = await unsold(studio, 1)
    given: dict[str, dict[str, Any]] = {
        "add_images": {"images": new_images(3)},
        "update_image_metadata": {"images": [{"guid": image.guid, "title": "Canary title"}]},
        "delete_images": {"guids": [image.guid]},
        "set_selection": {"guids": [image.guid]},
    }
    async with studio.client(person=studio.person()) as client:
        result = said(await client.call_tool(tool, given[tool]))
    (line,) = lines(caplog)
    assert line.startswith(f'{tool} by "stdio:mcp" on account {ACCOUNT}: ')
    (change,) = await changes(studio)
    fields = str(vars(caplog.records[-1]))
    for kept in (
        image.guid,
        str(image.title),
        "Canary title",
        "http",
        "file",
        str(result["status"]),
    ):
        assert kept not in line.replace(change.change_id, "")
    assert image.guid not in fields
    assert "Canary title" not in fields


async def test_whoever_calls_is_named_to_the_last_letter(caplog: pytest.LogCaptureFixture) -> None:
    """The names of two people may differ in their ends alone; what cannot be seen is escaped."""
    caplog.set_level(logging.INFO, AUDIT)
    name = f"https://login.example.com/{'t' * 60}/v2.0#{'s' * 60}"
    audited(ACCOUNT, change(1, "add_images", caller=f"{name}\u202e1"), {})
    (line,) = lines(caplog)
    assert f'by "{name}\\u202e1" on account' in line
    assert vars(caplog.records[-1])["fields"]["caller"] == f"{name}\\u202e1"


async def test_outcomes_are_counted_as_the_result_tells_them(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    """A failure too."""
    caplog.set_level(logging.INFO, AUDIT)
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="add_images", times=9))
    async with studio.client() as client:
        await client.call_tool("add_images", {"images": new_images(2)})
    (line,) = lines(caplog)
    assert ": 2 failed (unasked, change " in line


async def test_what_sent_nothing_is_no_write(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    """A dry run, an answer of no, and a call that was made before."""
    caplog.set_level(logging.INFO, AUDIT)
    (image,) = await sold(studio, 1)
    add = {"images": new_images(1)}
    async with studio.client(person=studio.person(NO)) as client:
        await client.call_tool("add_images", {**add, "dry_run": True})
        await client.call_tool("delete_images", {"guids": [image.guid]})
        assert lines(caplog) == []
        await client.call_tool("add_images", add)
        await client.call_tool("add_images", add)
    assert len(lines(caplog)) == 1


async def test_a_write_that_is_broken_off_has_its_line_too(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    """The journal says what is known of it; the line names the change."""
    caplog.set_level(logging.INFO, AUDIT)
    arrived, go_on, left = anyio.Event(), anyio.Event(), anyio.CancelScope()

    async def wait(sent: Sent) -> None:
        if sent.endpoint == "add_images":
            arrived.set()
            await go_on.wait()

    async def call() -> None:
        with left:
            await client.call_tool("add_images", {"images": new_images(120)})

    studio.wire.on_the_way = wait
    async with studio.client() as client, anyio.create_task_group() as group:
        group.start_soon(call)
        await arrived.wait()
        left.cancel()
        await anyio.wait_all_tasks_blocked()
        go_on.set()
    (change,) = await changes(studio)
    (line,) = lines(caplog)
    how = f"broken off (unasked, change {change.change_id})"
    assert line == f'add_images by "stdio:mcp" on account {ACCOUNT}: {how}'


async def test_a_read_that_is_tried_again_is_one_line_that_says_why(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    """Promise: not an event's name of a library."""
    caplog.set_level(logging.INFO, "fw_mcp.api")
    studio.faults.add(Fault(FaultKind.RATE_LIMITED, endpoint="list_images", retry_after=2))
    async with studio.client() as client:
        result = await client.call_tool("search_images", {})
    assert not result.is_error, text_of(result)
    said_so = [line for line in caplog.messages if "attempt" in line]
    assert said_so == ["list_images: attempt 2 of 3 after HTTP 429, waiting 2.0 s"]
