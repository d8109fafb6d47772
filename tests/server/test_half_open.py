"""Connections over HTTP whose client is gone, or sends nothing: a real server lets go of them."""

import asyncio
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from tests.server.test_http import HEAD, running, terminate
from tests.support.products import first_of

pytestmark = pytest.mark.anyio


class Ahead(asyncio.SelectorEventLoop):
    """An event loop whose clock a test puts forward."""

    seconds = 0.0

    def time(self) -> float:
        """The time it is."""
        return super().time() + self.seconds


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Tests run on such a loop."""
    return "asyncio", {"loop_factory": Ahead}


async def is_alive(url: str) -> bool:
    """Whether the server answers, which it does after all that came before."""
    async with httpx.AsyncClient(trust_env=False) as http:
        return (await http.get(urljoin(url, "/livez"))).status_code == 200


@pytest.mark.parametrize("sent", first_of(HEAD[:9], b""))
async def test_a_half_open_connection_is_let_go_of(sent: bytes) -> None:
    """One on which nothing comes, and one on which half a head did."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, Ahead)
    async with running() as server:
        place = urlsplit(server.url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        try:
            writer.write(sent)
            assert await is_alive(server.url)
            loop.seconds = 19
            assert await is_alive(server.url)
            assert not reader.at_eof()
            loop.seconds = 21
            assert await reader.read() == b""
        finally:
            writer.close()
            terminate()
