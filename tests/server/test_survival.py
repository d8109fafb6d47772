"""What upstream or a client sends, the process survives: it answers the next call."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from tests.server.lines import call, line
from tests.server.piped import Piped, ended, piped
from tests.support.upstream import Upstream, new, torn, upstream

pytestmark = pytest.mark.anyio

Json = dict[str, Any]

NOBODY = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
ASKS: Json = {"elicitation": {}}
_ALL_OF_THEM_S = 300
REPLACED = "\ufffd"


@dataclass(frozen=True)
class Survivor:
    """One server for nearly all of these tests, and the service it talks to.

    Attributes:
        earlier: how many complaints it made in other tests.
    """

    server: Piped
    service: Upstream
    earlier: int = 0

    @property
    def complaints(self) -> list[str]:
        """What it wrote to stderr in this test that is more than what shows more."""
        return self.server.complaints[self.earlier :]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """As everywhere, for as long as the server lives."""
    return "asyncio"


@pytest.fixture(scope="module")
async def running(
    anyio_backend: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Survivor]:
    """Starts it; whatever was sent to it, it ends in peace."""
    del anyio_backend
    store = str(tmp_path_factory.mktemp("survival") / "store")
    async with (
        upstream() as service,
        piped("--store", store, env=service.settings, within_s=_ALL_OF_THEM_S) as server,
    ):
        yield Survivor(server, service)
        await server.hang_up()
        assert await ended(server) == 0


@pytest.fixture
async def survivor(running: Survivor) -> AsyncIterator[Survivor]:
    """The server over a service that begins anew; after the test it still answers."""
    running.service.renew()
    yield replace(running, earlier=len(running.server.complaints))
    assert await running.server.alive()


def shown(answer: Mapping[str, Any]) -> str:
    """An answer as one text."""
    return json.dumps(answer, ensure_ascii=False)


async def sold_guids(server: Piped) -> list[str]:
    """Two images that carry products."""
    page = await server.call("search_images", per_page=50)
    rows = page["structuredContent"]["images"]
    return [row["guid"] for row in rows if row.get("products")][:2]


async def use_every_tool(server: Piped) -> list[Json]:
    """Call each of them in each of its ways; what they said."""
    first, second = await sold_guids(server)
    deletion = await server.call("delete_images", guids=[first], dry_run=True)
    plan = await server.call("delete_images", guids=[first])
    plan_id = plan["structuredContent"]["plan_id"]
    rewrite = {"guid": second, "title": "New"}
    return [
        deletion,
        plan,
        await server.call("delete_images", guids=[first], plan_id=plan_id),
        await server.call("update_image_metadata", images=[rewrite], dry_run=True),
        await server.call("update_image_metadata", images=[rewrite]),
        await server.call("search_images", guid_filter=[second], details=True),
        await server.call("add_images", images=[new("torn.tif")]),
        await server.call("set_selection", guids=[second], selection_guid=NOBODY),
    ]


async def read_every_resource(server: Piped) -> list[Json]:
    """Read a page, an image, a selection, and an image that is not there."""
    (guid, *_) = await sold_guids(server)
    return [
        await server.request("resources/read", uri=uri)
        for uri in (
            "finerworks://images?per_page=2",
            f"finerworks://images/{guid}",
            f"finerworks://selections/{guid}",
            f"finerworks://images/{NOBODY}",
        )
    ]


async def test_half_an_emoji_in_every_text_of_the_service_reaches_nobody(
    survivor: Survivor,
) -> None:
    """Every tool and every resource, each of whose lines is JSON in whole characters."""
    survivor.service.alter = torn
    server = survivor.server
    said = [*await use_every_tool(server), *await read_every_resource(server)]
    assert sum(REPLACED in shown(answer) for answer in said) >= 8
    assert (await server.alive(), survivor.complaints) == (True, [])


async def test_half_an_emoji_in_a_question_is_asked_whole(tmp_path: Path) -> None:
    """A client that can ask gets the question as a line like any other, and its yes is heard."""
    async with (
        upstream(torn) as service,
        piped(
            "--store", str(tmp_path / "store"), env=service.settings, capabilities=ASKS
        ) as server,
    ):
        (guid, *_) = await sold_guids(server)
        await server.start_call("delete_images", guids=[guid])
        question = await server.receive()
        assert REPLACED in question["params"]["message"]
        yes = {"action": "accept", "content": {"confirm": True}}
        reply = {"jsonrpc": "2.0", "id": question["id"], "result": yes}
        await server.send(json.dumps(reply).encode() + b"\n")
        result = (await server.receive())["result"]["structuredContent"]
        assert result["outcomes"] == {"deleted": 1}
        assert await server.alive()


@pytest.mark.exhaustive
@pytest.mark.waits
async def test_half_an_emoji_in_a_refusal_of_the_service_is_told_whole(survivor: Survivor) -> None:
    """An envelope without success, and the Web API's error with torn keys: for every write."""
    survivor.service.alter = torn
    said = await refused_writes(survivor.server, survivor.service)
    assert [REPLACED in shown(answer) for answer in said] == [True] * len(said)


async def refused_writes(server: Piped, service: Upstream) -> list[Json]:
    """A write that is rejected, and ones whose arguments the service calls malformed."""
    service.faults.add(Fault(FaultKind.REJECTED, endpoint="add_images"))
    rejected = await server.call("add_images", images=[new("rejected.tif")])
    service.faults.add(Fault(FaultKind.REJECTED, endpoint="update_file_selection"))
    unselected = await server.call("set_selection", guids=await sold_guids(server))
    malformed = {**new("malformed.tif"), "pix_w": 10**30}
    return [rejected, unselected, await server.call("add_images", images=[malformed])]


@pytest.mark.waits
async def test_half_an_emoji_in_every_guid_finds_nothing_and_ends_nothing(
    survivor: Survivor,
) -> None:
    """Nothing can be written, since nothing can be named; each call is answered."""
    survivor.service.alter = partial(torn, guids=True)
    server = survivor.server
    found = await server.call("search_images", details=True)
    deleted = await server.call("delete_images", guids=[NOBODY])
    selected = await server.call("set_selection", guids=[NOBODY])
    added = await server.call("add_images", images=[new("nameless.tif")])
    assert [one.keys() >= {"content"} for one in (found, deleted, selected, added)] == [True] * 4


def ping(params: bytes, request_id: int = 7) -> bytes:
    """Write a ping with these parameters, which no JSON library may ever have written."""
    head = b'{"jsonrpc":"2.0","id":%d,"method":"ping","params":{"_":' % request_id
    return head + params + b"}}\n"


FORTY_MB = 40_000_000
# What each is answered with: the ids of the errors, which are null where none can be read.
NO_MESSAGES: dict[str, tuple[bytes, list[int | None]]] = {
    "nothing": (b"\n", []),
    "words": (b"hello?\n", []),
    "half a message": (call(7, "search_images")[:40] + b"\n", [None]),
    "an array": (b"[]\n", [None]),
    "null": (b"null\n", []),
    "no method": (b'{"jsonrpc":"2.0","id":7}\n', [7]),
    "a control character": (ping(b'"\x00"'), [None]),
    "half an emoji": (ping(b'"\\ud83d"'), [7]),
    "a number of 5,000 digits": (ping(b"9" * 5000), [None]),
    "3,000 arrays deep": (ping(b"[" * 3000 + b"]" * 3000), [None]),
    "100,000 objects deep": (ping(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), [None]),
    "40 MB that end nowhere": (ping(b"[" * FORTY_MB), [None]),
    "40 MB of words": (b"x" * FORTY_MB + b"\n", []),
}
REFUSED = {
    "an unknown tool": call(7, "drop_everything"),
    "a tool without a name": line("tools/call", 7, arguments={}),
    "an unknown method": line("images/drop", 7),
    "an unknown resource": line("resources/read", 7, uri="finerworks://nowhere"),
    "an unknown prompt": line("prompts/get", 7, name="nobody"),
    "arguments that are none": line("tools/call", 7, name="search_images", arguments=[1]),
    "an unknown argument with a long name": call(7, "search_images", **{"x" * 100_000: 1}),
    "40 MB of a guid": call(7, "delete_images", guids=["0" * FORTY_MB]),
    "150 arrays deep": call(7, "delete_images", guids=json.loads("[" * 150 + "]" * 150)),
}


async def test_a_line_that_is_no_message_is_told_and_passed_over(survivor: Survivor) -> None:
    """Promise: whatever a line is, the next one is read and answered, and no line goes in silence.

    All but the blank line are told on stderr, in a line that is short.
    """
    server = survivor.server
    for name, (hostile, ids) in NO_MESSAGES.items():
        await server.send(hostile)
        answers = [await server.receive() for _ in ids]
        assert [answer["id"] for answer in answers] == ids, name
        assert all("error" in answer for answer in answers), name
        assert max([0, *(len(shown(answer)) for answer in answers)]) < 300, name
        assert await server.alive(), name
    with anyio.move_on_after(60):
        # An answer may overtake what was told before it: these are two pipes.
        while len(survivor.complaints) < len(NO_MESSAGES) - 1:
            await anyio.lowlevel.checkpoint()
    complaints = survivor.complaints
    assert len(complaints) == len(NO_MESSAGES) - 1
    assert max(map(len, complaints)) < 400


async def test_a_call_that_makes_no_sense_is_refused_in_a_short_answer(survivor: Survivor) -> None:
    """Promise: 40 MB are not sent back, and the next call is answered."""
    server = survivor.server
    for name, hostile in REFUSED.items():
        await server.send(hostile)
        answer = await server.receive()
        assert answer["id"] == 7, name
        assert "error" in answer or answer["result"]["isError"], name
        assert len(shown(answer)) < 2000, name
        assert await server.alive(), name
    assert survivor.complaints == []


async def test_an_answer_of_40_mb_is_given_up(survivor: Survivor) -> None:
    """Promise: a huge body is unreadable, and no reason to die."""
    huge = Fault(FaultKind.HUGE_BODY, endpoint="update_file_selection", size=FORTY_MB)
    survivor.service.faults.add(huge)
    guids = await sold_guids(survivor.server)
    result = await survivor.server.call("set_selection", guids=guids)
    assert result["structuredContent"]["status"] == "completed"


async def test_a_cancelled_call_gets_no_answer_and_the_next_one_does(survivor: Survivor) -> None:
    """The request upstream is broken off, and whoever then hangs up waits for nothing."""
    server = survivor.server
    with survivor.service.holding("list_images") as read:
        await server.start_call("search_images")
        await read.reached.wait()
        await server.send(line("notifications/cancelled", requestId=server.last_id))
        await read.left.wait()
    assert await server.alive()
    page = await server.call("search_images", per_page=1)
    assert page["structuredContent"]["page_number"] == 1


async def test_a_cancelled_write_is_finished_and_the_next_call_answered(survivor: Survivor) -> None:
    """A write that was sent is not broken off, whoever stops waiting for it."""
    server, cancelled = survivor.server, new("cancelled.tif")
    with survivor.service.holding("add_images") as write:
        await server.start_call("add_images", images=[cancelled])
        await write.reached.wait()
        await server.send(line("notifications/cancelled", requestId=server.last_id))
        assert await server.alive()
        assert not write.left.is_set()
    page = await server.call("search_images", search_filter=cancelled["file_name"])
    assert page["structuredContent"]["count"] == 1
