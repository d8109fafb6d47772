import codecs
import gzip
import json
from contextlib import suppress

import anyio
import httpx
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream

from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.faults import raw_server
from fw_mcp.sandbox.faults.plan import ConnectionDropped, Fault, FaultKind, Faults, NoAnswer
from tests.sandbox.wire import INVENTORY, KEYS, SELECTION, Json, added, calling, listed, new_image

pytestmark = pytest.mark.anyio

ADD = {"images": [new_image("a.jpg"), new_image("b.jpg")], "library": INVENTORY}


async def spoiled_add(fault: Fault) -> httpx.Response:
    """The answer to an add of two images under one fault."""
    faults = Faults()
    faults.add(fault)
    async with calling(create_app(seed=False, faults=faults)) as caller:
        return await caller.post("/v3/add_images", json=ADD)


async def images_of(fault: Fault) -> list[Json]:
    """The images of a spoiled answer that is still JSON of a kind."""
    return list(json.loads((await spoiled_add(fault)).content)["images"])


async def raw_answer(fault: Fault, length: int) -> bytes:
    """The first bytes that the bare server sends for an add."""
    faults = Faults()
    faults.add(fault)
    body = json.dumps(ADD).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in KEYS.items())
    request = f"POST /v3/add_images HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n"
    async with raw_server.serving(create_app(seed=False, faults=faults)) as base_url:
        port = int(base_url.rpartition(":")[2])
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(request.encode() + body)
            return await BufferedByteReceiveStream(stream).receive_exactly(length)


async def test_a_page_of_html_may_come_with_200() -> None:
    """A maintenance page that nobody gave a status of its own."""
    answer = await spoiled_add(Fault(FaultKind.HTML))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_silence_lasts_as_long_as_asked_for() -> None:
    """Then the caller in process is told that nothing came."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    faults = Faults(sleep=sleep)
    faults.add(Fault(FaultKind.SILENT, seconds=60))
    async with calling(create_app(faults=faults)) as caller:
        with pytest.raises(NoAnswer):
            await caller.post("/v3/add_images", json=ADD)
    assert pauses == [60]


async def test_a_flood_of_headers_is_a_megabyte() -> None:
    """More than a parser with a limit takes."""
    answer = await spoiled_add(Fault(FaultKind.HEADER_FLOOD))
    assert answer.status_code == 503
    assert sum(len(value) for value in answer.headers.values()) > 2**20


async def test_a_flood_of_100_continue_is_real_on_the_bare_server() -> None:
    """Nothing else comes before it."""
    one = b"HTTP/1.1 100 Continue\r\n\r\n"
    flood = await raw_answer(Fault(FaultKind.CONTINUE_FLOOD), 10 * len(one))
    assert flood == one * 10


async def test_a_flood_of_100_continue_is_silence_elsewhere() -> None:
    """An ASGI server sends one at most."""
    with pytest.raises(NoAnswer):
        await spoiled_add(Fault(FaultKind.CONTINUE_FLOOD))


async def test_a_drip_is_the_real_answer_in_pieces() -> None:
    """A pause after each, and the whole in the end."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    faults = Faults(sleep=sleep)
    faults.add(Fault(FaultKind.DRIP, seconds=2))
    async with calling(create_app(faults=faults)) as caller:
        answer = await caller.post("/v3/add_images", json=ADD)
    assert len(answer.json()["images"]) == 2
    assert 90 < len(pauses) <= 100
    assert set(pauses) == {2}


async def test_a_length_too_long_ends_in_a_drop() -> None:
    """The body is whole, and the head promises more."""
    with pytest.raises(ConnectionDropped):
        await spoiled_add(Fault(FaultKind.LENGTH_TOO_LONG))


async def test_a_length_too_short_leaves_the_rest_on_the_wire() -> None:
    """On the bare server; elsewhere the rest is missing."""
    fault = Fault(FaultKind.LENGTH_TOO_SHORT)
    sent = await raw_answer(fault, 1000)
    head, _, rest = sent.partition(b"\r\n\r\n")
    promised = int(head.rpartition(b"content-length: ")[2])
    elsewhere = await spoiled_add(fault)
    assert len(rest) > promised
    assert int(elsewhere.headers["content-length"]) == len(elsewhere.content)
    with pytest.raises(json.JSONDecodeError):
        elsewhere.json()


async def test_a_gzip_bomb_is_small_until_it_is_inflated() -> None:
    """And then the real answer, padded."""
    faults = Faults()
    faults.add(Fault(FaultKind.GZIP_BOMB, size=2_000_000))
    async with (
        calling(create_app(seed=False, faults=faults)) as caller,
        caller.stream("POST", "/v3/add_images", json=ADD) as answer,
    ):
        sent = b"".join([piece async for piece in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert len(sent) < 20_000
    assert len(gzip.decompress(sent)) > 2_000_000


async def test_a_byte_order_mark_comes_first() -> None:
    """The rest is the real answer."""
    body = (await spoiled_add(Fault(FaultKind.BYTE_ORDER_MARK))).content
    assert len(json.loads(body.removeprefix(codecs.BOM_UTF8))["images"]) == 2
    assert body.startswith(codecs.BOM_UTF8)


async def test_nan_stands_for_every_number() -> None:
    """As a careless writer puts it, outside JSON."""
    images = await images_of(Fault(FaultKind.NOT_A_NUMBER))
    assert [(str(i["id"]), str(i["pix_w"]), i["active"]) for i in images] == [
        ("nan", "nan", True)
    ] * 2


async def test_integers_of_400_digits_stand_for_every_number() -> None:
    """JSON has no limit."""
    images = await images_of(Fault(FaultKind.HUGE_INTEGERS))
    assert [(len(str(i["id"])), len(str(i["file_size"]))) for i in images] == [(400, 400)] * 2


async def test_half_a_character_ends_every_text_that_people_write() -> None:
    """Guids, dates and addresses stay what they are."""
    image = (await images_of(Fault(FaultKind.LONE_SURROGATES)))[0]
    assert (image["title"], image["file_name"]) == ("Sunset\ud83d", "a.jpg\ud83d")
    assert image["private_hires_uri"] == "https://images.example.com/a.jpg"


async def test_images_and_guids_come_in_reverse() -> None:
    """The library itself is in order."""
    faults = Faults()
    async with calling(create_app(seed=False, faults=faults)) as caller:
        faults.add(Fault(FaultKind.REORDERED, times=2))
        images = await added(caller, new_image("a.jpg"), new_image("b.jpg"))
        guids = [image["guid"] for image in images]
        body = {"guid": SELECTION, "guids": guids}
        answer = await caller.put("/v3/update_file_selection", json=body)
    assert [image["id"] for image in images] == [2, 1]
    assert answer.json()["guids"] == guids[::-1]


@pytest.mark.parametrize("committed", [True, False])
@pytest.mark.parametrize(
    "kind", [FaultKind.HTML, FaultKind.SILENT, FaultKind.HEADER_FLOOD, FaultKind.CONTINUE_FLOOD]
)
async def test_the_work_behind_another_answer_is_done_or_not(
    kind: FaultKind, committed: bool
) -> None:
    """As `committed` says."""
    faults = Faults()
    faults.add(Fault(kind, "add_images", committed=committed))
    async with calling(create_app(seed=False, faults=faults)) as caller:
        with suppress(NoAnswer):
            await caller.post("/v3/add_images", json=ADD)
        assert (await listed(caller))["count"] == (2 if committed else 0)


async def test_the_bare_server_takes_bodies_and_queries() -> None:
    """As the proper one does."""
    async with (
        raw_server.serving(create_app(seed=False)) as base_url,
        httpx.AsyncClient(base_url=base_url, headers=KEYS, trust_env=False) as caller,
    ):
        await added(caller, new_image())
        empty = await caller.get("/v3/list_file_selection", params={"guid": SELECTION})
        count = (await listed(caller))["count"]
    assert (empty.json()["guids"], count) == ([], 1)


async def test_the_bare_server_keeps_a_connection_open() -> None:
    """Two requests on one connection have two answers."""
    async with raw_server.serving(create_app(seed=False)) as base_url:
        port = int(base_url.rpartition(":")[2])
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            answers = BufferedByteReceiveStream(stream)
            for _ in range(2):
                await stream.send(b"GET /v3/test_my_credentials HTTP/1.1\r\n\r\n")
                head = await answers.receive_until(b"\r\n\r\n", 1000)
                await answers.receive_until(b"]}}", 1000)
                assert head.startswith(b"HTTP/1.1 400 ")
