"""Requests over HTTP that are refused, in every way there is: nothing of them is kept."""

import gc
import json
import logging
import sys
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import anyio
import pytest

from fw_mcp.server.http import http_app
from fw_mcp.server.identity import Tokens
from tests.server.test_http import PING, well
from tests.server.test_identity import ANNA, keep
from tests.server.test_oauth import Login, call_of, secret, token
from tests.server.test_streams import BEARER, Stream
from tests.support.products import first_of
from tests.support.studio import Studio

pytestmark = pytest.mark.anyio

Headers = dict[str, str]


def bearer(text: str) -> Headers:
    """A token."""
    return {"authorization": f"Bearer {text}"}


@cache
def reader() -> Headers:
    """One that may read, made when it is first sent: it does not last as long as a run of tests."""
    return bearer(token(scope="images:read"))


DELETE = {"mcp-method": "tools/call", "mcp-name": "delete_images"}
NEW_ERA = {"mcp-protocol-version": "2026-07-28", "mcp-method": "ping"}
PAGE = {"origin": "https://evil.example", "access-control-request-method": "POST"}
ASKED = json.dumps(PING).encode()
REFUSED: dict[str, tuple[int, str, Callable[[int], Headers], bytes]] = {
    "no token": (401, "POST", lambda _: {}, ASKED),
    "a guess": (401, "POST", lambda number: bearer(f"guess-{number}"), ASKED),
    "a key": (401, "POST", lambda number: bearer(token(f"new-{number}", secret("one"))), ASKED),
    "a forgery": (401, "POST", lambda n: bearer(token(key=secret("evil"), sub=f"{n}")), ASKED),
    "a stream": (401, "GET", lambda number: bearer(f"guess-{number}"), b""),
    "a tool": (403, "POST", lambda _: reader() | DELETE, b"{}"),
    "an older tool": (403, "POST", lambda _: reader(), json.dumps(call_of("add_images")).encode()),
    "a host": (421, "POST", lambda number: BEARER | {"host": f"{number}.example"}, ASKED),
    "an origin": (403, "POST", lambda n: BEARER | {"origin": f"https://{n}.example"}, ASKED),
    "a page": (400, "OPTIONS", lambda _: PAGE, b""),
    "a session": (404, "POST", lambda number: BEARER | {"mcp-session-id": f"{number}"}, ASKED),
    "no session": (400, "POST", lambda _: BEARER, ASKED),
    "a stream of none": (400, "GET", lambda _: BEARER, b""),
    "the end of none": (400, "DELETE", lambda _: BEARER, b""),
    "nonsense": (400, "POST", lambda _: BEARER, b"nonsense"),
    "a batch": (400, "POST", lambda _: BEARER, json.dumps([PING]).encode()),
    "half a request": (400, "POST", lambda _: BEARER | NEW_ERA, ASKED),
    "a method": (405, "PUT", lambda _: BEARER, b""),
    "another answer": (406, "POST", lambda _: BEARER | {"accept": "text/html"}, ASKED),
}


def objects() -> int:
    """How many objects there are that may hold others."""
    return len(gc.get_objects())


@pytest.mark.parametrize(("rounds", "used"), first_of((20, objects), (100, sys.getallocatedblocks)))
async def test_what_is_refused_leaves_nothing_behind(
    studio: Studio,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    rounds: int,
    used: Callable[[], int],
) -> None:
    """Not one object or block of memory a round, in most of five times; caches fill up at first.

    Both are counted in the whole process, where other threads and a cache that grows make some at
    once: what is kept of each request is there every time.
    """
    caplog.set_level(logging.CRITICAL)
    file = tmp_path / "tokens.jsonl"
    keep(file, ANNA.line())
    app = http_app(
        studio.server,
        host="127.0.0.1",
        port=8000,
        token=None,
        ready=well,
        tokens=Tokens(file, studio.clock),
        issuer=Login().issuer,
    )
    async with app.router.lifespan_context(app):
        there: list[int] = []
        for time in range(6):
            await be_refused(app, range(time * rounds, (time + 1) * rounds))
            there.append(used())
    assert median(after - before for before, after in pairwise(there)) < rounds


async def be_refused(app: Any, numbers: range) -> None:  # noqa: ANN401  an ASGI application
    """Ask in every way, so many times."""
    for number in numbers:
        for status, method, headers, body in REFUSED.values():
            stream = Stream()
            given = {"content-type": "application/json", "accept": "*/*"} | headers(number)
            await stream.run(app, method, given, body)
            assert stream.status == status
    await anyio.wait_all_tasks_blocked()
    gc.collect()
