"""The sandbox's own object store: who may do what, and what goes wrong when it is told to."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.faults.plan import ConnectionDropped
from fw_mcp.sandbox.faults.uploads import UploadFault, UploadFaultKind, UploadFaults, UploadVerb
from fw_mcp.sandbox.uploads import InFolder, InMemory
from tests.sandbox.wire import KEYS, added, calling, listed, new_image, now

pytestmark = pytest.mark.anyio

FILE = bytes(range(256)) * 4
AT = "/uploads/ab/1f.jpg"


async def put(caller: httpx.AsyncClient, at: str = AT, content: bytes = FILE) -> int:
    """The status of an upload with the sandbox's keys."""
    return (await caller.put(at, content=content)).status_code


def names_in(folder: Path) -> list[str]:
    """The names of all files in a folder and below it."""
    return [one.name for one in folder.rglob("*") if one.is_file()]


async def test_a_file_is_put_with_the_keys_and_read_without() -> None:
    """Whole, its head, a piece of it; and it is what its name says."""
    async with calling(create_app(seed=False)) as caller:
        assert await put(caller) == 201
        whole = await caller.get(AT)
        assert (whole.status_code, whole.content) == (200, FILE)
        assert whole.headers["content-type"] == "image/jpeg"
        assert whole.headers["cache-control"] == "public, max-age=31536000, immutable"
        head = await caller.head(AT)
        assert (head.headers["content-length"], head.content) == (str(len(FILE)), b"")
        piece = await caller.get(AT, headers={"Range": "bytes=10-19"})
        assert (piece.status_code, piece.content) == (206, FILE[10:20])
        assert piece.headers["content-range"] == f"bytes 10-19/{len(FILE)}"
        assert await put(caller, content=b"other") == 201
        assert (await caller.get(AT)).content == b"other"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_who_has_no_keys_changes_nothing(method: str) -> None:
    """As with every call of the API."""
    app = create_app(seed=False)
    async with calling(app) as caller:
        await put(caller)
    async with calling(app, {}) as stranger:
        assert (await stranger.request(method, AT, content=b"x")).status_code == 400
        assert (await stranger.get(AT)).content == FILE


async def test_a_file_is_removed_once() -> None:
    """Then it is not there."""
    async with calling(create_app(seed=False)) as caller:
        await put(caller)
        answers = [await caller.delete(AT) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [204, 404]
        assert (await caller.get(AT)).status_code == 404


@pytest.mark.parametrize(
    "key", ["", ".hidden", "a/.b", "a//b", "a/../../etc", "%2e%2e/x", "a b", "é.jpg", "x" * 201]
)
async def test_a_key_that_might_lead_elsewhere_is_none(key: str, tmp_path: Path) -> None:
    """Nothing is written beside the folder or hidden in it."""
    async with calling(create_app(tmp_path / "studio.db", seed=False)) as caller:
        assert await put(caller, f"/uploads/{key}") in {404, 405}
    assert not (tmp_path / "studio.db.uploads").exists()


async def test_files_of_a_sandbox_in_a_file_survive_it(tmp_path: Path) -> None:
    """They are in a folder beside it, and nothing else is."""
    async with calling(create_app(tmp_path / "studio.db", seed=False)) as caller:
        assert await put(caller) == 201
    async with calling(create_app(tmp_path / "studio.db", seed=False)) as caller:
        assert (await caller.get(AT)).content == FILE
    assert names_in(tmp_path / "studio.db.uploads") == ["1f.jpg"]


@pytest.mark.parametrize("place", ["memory", "folder"])
async def test_what_is_too_large_is_refused_and_not_kept(place: str, tmp_path: Path) -> None:
    """Whether it says so before or not; a file of the size that is allowed is kept."""
    most = len(FILE)
    uploads = InMemory(most) if place == "memory" else InFolder(tmp_path / "up", most)

    async def untold() -> AsyncIterator[bytes]:
        for _ in range(2):
            yield FILE

    async with calling(create_app(seed=False, uploads=uploads)) as caller:
        assert await put(caller, content=FILE + b"x") == 413
        answer = await caller.put(AT, content=untold())
        assert answer.status_code == 413
        assert (await caller.head(AT)).status_code == 404
        assert await put(caller) == 201
        assert await put(caller) == 201
    assert names_in(tmp_path) in [[], ["1f.jpg"]]


async def test_images_show_their_uploads_where_the_sandbox_is_served(tmp_path: Path) -> None:
    """As its own pictures: another port is another URL; files elsewhere keep theirs."""
    sent = f"http://sandbox.localhost{AT}"
    elsewhere = "https://images.example.com/uploads/a.jpg"
    app = create_app(tmp_path / "studio.db", seed=False, clock=now)
    async with calling(app) as caller:
        image = new_image() | {"private_hires_uri": sent, "public_preview_uri": elsewhere}
        assert (await added(caller, image))[0]["private_hires_uri"] == sent
    transport = httpx.ASGITransport(create_app(tmp_path / "studio.db", clock=now))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:1", headers=KEYS
    ) as caller:
        image = (await listed(caller))["images"][0]
    assert image["private_hires_uri"] == "http://127.0.0.1:1/uploads/ab/1f.jpg"
    assert image["public_preview_uri"] == elsewhere


STATUS = {
    UploadFaultKind.FORBIDDEN: 403,
    UploadFaultKind.NOT_FOUND: 404,
    UploadFaultKind.SERVER_ERROR: 500,
    UploadFaultKind.SLOW_DOWN: 503,
    UploadFaultKind.HTML: 200,
    UploadFaultKind.LOST: 201,
}


@pytest.mark.parametrize("kind", STATUS)
async def test_a_fault_spoils_the_requests_that_it_names(kind: UploadFaultKind) -> None:
    """After so many and for so many; of what it spoils nothing is kept."""
    faults = UploadFaults()
    async with calling(create_app(seed=False, upload_faults=faults)) as caller:
        faults.add(UploadFault(kind, after=1, times=2))
        assert (await caller.get(AT)).status_code == 404
        put_at = [await put(caller, f"/uploads/{number}.jpg") for number in range(4)]
        assert put_at == [201, STATUS[kind], STATUS[kind], 201]
        there = [(await caller.head(f"/uploads/{n}.jpg")).status_code for n in range(4)]
        assert there == [200, 404, 404, 200]


async def test_a_connection_may_end_in_an_answer() -> None:
    """Over HTTP a broken connection; in process what the transport makes of it."""
    faults = UploadFaults()
    faults.add(UploadFault(UploadFaultKind.DROPPED, UploadVerb.GET))
    async with calling(create_app(seed=False, upload_faults=faults)) as caller:
        await put(caller)
        with pytest.raises(ConnectionDropped):
            await caller.get(AT)
        assert (await caller.get(AT)).content == FILE


async def test_faults_of_uploads_are_planned_over_http_where_that_is_served() -> None:
    """And forgotten; words that are none are refused."""
    at = "/_sandbox/faults/uploads"
    late = {"kind": "not_found", "verb": "GET", "times": 2}
    async with calling(create_app(seed=False, fault_control=True)) as caller:
        await put(caller)
        assert (await caller.post(at, json=late)).status_code == 204
        assert (await caller.get(AT)).status_code == 404
        assert (await caller.delete(at)).status_code == 204
        assert (await caller.get(AT)).status_code == 200
        for wrong in ({"kind": "tired"}, {"kind": "lost", "verb": "POST"}, {"knd": "lost"}):
            assert (await caller.post(at, json=wrong)).status_code == 400
    async with calling(create_app(seed=False)) as caller:
        assert (await caller.post(at, json=late)).status_code == 404
