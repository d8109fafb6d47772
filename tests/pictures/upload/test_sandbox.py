"""The sandbox as a bucket: in this process, or served on this machine."""

import io
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import BinaryIO

import anyio
import pytest
import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fw_mcp.embedded import SandboxTransport
from fw_mcp.errors import UploadError
from fw_mcp.pictures.upload.sandbox import SandboxBucket
from fw_mcp.pictures.upload.trouble import Trouble
from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.faults.uploads import UploadFault, UploadFaultKind, UploadFaults, UploadVerb
from fw_mcp.sandbox.uploads import InMemory
from tests.pictures.upload.files import Growing, Progress, Shrinking, Vanishing, file_of
from tests.sandbox.wire import KEYS
from tests.support.products import first_of
from tests.support.studio import SANDBOX_URL

pytestmark = pytest.mark.anyio

KEY = "ab/1f2e.tif"
SIZE = 600_000


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """The base URL of an application on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        async with anyio.create_task_group() as group:
            group.start_soon(partial(server.serve, sockets=[listener]))
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            server.should_exit = True


class Pauses:
    """Pauses that take no time."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        """Take one."""
        self.taken.append(seconds)


def bucket_in(
    faults: UploadFaults | None = None,
    pauses: Pauses | None = None,
    keys: Mapping[str, str] = KEYS,
    most: int = SIZE,
) -> SandboxBucket:
    """The bucket of a sandbox in this process."""
    app = create_app(seed=False, upload_faults=faults, uploads=InMemory(most))
    transport = SandboxTransport(app)
    return SandboxBucket(SANDBOX_URL, lambda: keys, lambda: transport, pauses or Pauses())


@asynccontextmanager
async def bucket_of_one(where: str) -> AsyncIterator[SandboxBucket]:
    """The bucket of a sandbox in this process, or of one that is served on this machine."""
    if where == "here":
        yield bucket_in()
    else:
        async with serving(create_app(seed=False)) as url:
            yield SandboxBucket(url, lambda: KEYS)


async def put(bucket: SandboxBucket, content: BinaryIO | None = None) -> Progress:
    """Put a file."""
    progress = Progress()
    await bucket.put(KEY, content or file_of(SIZE), SIZE, "image/tiff", progress)
    return progress


@pytest.mark.parametrize("where", ["here", "served"])
async def test_a_file_is_in_the_sandbox_as_it_was(where: str) -> None:
    """And can be removed; one that is not there is no error."""
    async with bucket_of_one(where) as bucket:
        assert await bucket.size_of(KEY) is None
        assert (await put(bucket)).is_of(SIZE)
        assert await bucket.size_of(KEY) == SIZE
        assert bucket.url(KEY).endswith(f"/uploads/{KEY}")
        await bucket.remove([KEY, "none.jpg"])
        assert await bucket.size_of(KEY) is None
    assert bucket.place == "the sandbox"


@pytest.mark.parametrize(
    ("kind", "trouble"),
    [
        (UploadFaultKind.FORBIDDEN, Trouble.DENIED),
        (UploadFaultKind.NOT_FOUND, Trouble.NO_BUCKET),
        (UploadFaultKind.SERVER_ERROR, Trouble.FAILING),
        (UploadFaultKind.SLOW_DOWN, Trouble.BUSY),
        (UploadFaultKind.HTML, Trouble.NO_STORE),
        (UploadFaultKind.DROPPED, Trouble.NO_ANSWER),
        (UploadFaultKind.LOST, Trouble.LOST),
    ],
)
async def test_what_went_wrong_is_told(kind: UploadFaultKind, trouble: Trouble) -> None:
    """As of any other store; nothing is there afterwards."""
    faults = UploadFaults()
    faults.add(UploadFault(kind, times=4))
    bucket = bucket_in(faults)
    with pytest.raises(UploadError) as refused:
        await put(bucket)
    assert refused.value.what == trouble.value[0]
    assert await bucket.size_of(KEY) is None


@pytest.mark.parametrize("verb", [UploadVerb.HEAD, UploadVerb.DELETE])
async def test_a_sandbox_that_does_not_say_what_it_has_is_told(verb: UploadVerb) -> None:
    """A page of HTML is no answer either."""
    for kind in (UploadFaultKind.FORBIDDEN, UploadFaultKind.HTML):
        faults = UploadFaults()
        faults.add(UploadFault(kind, verb))
        bucket = bucket_in(faults)
        with pytest.raises(UploadError):
            await (bucket.size_of(KEY) if verb is UploadVerb.HEAD else bucket.remove([KEY]))


async def test_one_that_asks_to_slow_down_is_asked_again_after_pauses() -> None:
    """With the file from its beginning."""
    faults, pauses = UploadFaults(), Pauses()
    faults.add(UploadFault(UploadFaultKind.SLOW_DOWN, times=3))
    bucket = bucket_in(faults, pauses)
    await put(bucket)
    assert await bucket.size_of(KEY) == SIZE
    assert pauses.taken == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("where", ["here", "served"])
@pytest.mark.parametrize(
    ("content", "trouble"),
    first_of(
        (Shrinking, Trouble.CHANGED),
        (Growing, Trouble.CHANGED),
        (Vanishing, Trouble.UNREADABLE),
        first=3,
    ),
)
async def test_a_file_that_is_not_as_large_as_it_was_is_not_there(
    where: str, content: type[io.BytesIO], trouble: Trouble
) -> None:
    """It changed, or its disk went away."""
    async with bucket_of_one(where) as bucket:
        with pytest.raises(UploadError) as refused:
            await put(bucket, content(bytes(SIZE)))
        assert refused.value.what == trouble.value[0]
        assert await bucket.size_of(KEY) is None


async def test_a_file_for_which_there_is_no_room_is_told() -> None:
    """A sandbox in memory holds so much."""
    with pytest.raises(UploadError) as refused:
        await put(bucket_in(most=SIZE - 1))
    assert refused.value.what == Trouble.TOO_LARGE.value[0]


async def test_the_keys_of_another_account_put_nothing() -> None:
    """As with every call of the API."""
    with pytest.raises(UploadError) as refused:
        await put(bucket_in(keys=dict.fromkeys(KEYS, "another")))
    assert refused.value.what == Trouble.DENIED.value[0]


async def test_a_service_without_uploads_and_a_closed_port_are_told() -> None:
    """A base URL on this machine need not be a sandbox's."""

    async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(status_code=404)(scope, receive, send)

    async with serving(nothing) as url:
        bucket = SandboxBucket(url, lambda: KEYS)
        with pytest.raises(UploadError, match=re.escape(Trouble.NO_BUCKET.value[0])):
            await put(bucket)
    with pytest.raises(UploadError, match=re.escape(Trouble.NO_ANSWER.value[0])):
        await put(bucket)
