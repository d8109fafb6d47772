"""The real network, as far as loopback: a server, sockets that break, and TLS."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import httpx
import pytest
import trustme
import uvicorn
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.tls import TLSListener, TLSStream
from starlette.applications import Starlette
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route

from fw_mcp.errors import FetchError
from fw_mcp.pictures.fetch.fetcher import REFUSAL, Fetcher
from fw_mcp.pictures.fetch.hops import Dialler, Fetched, resolved, transport_with
from tests.pictures.fetch.web import PUBLIC

pytestmark = pytest.mark.anyio

FILE = bytes(range(256)) * 400


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[str]:
    """Serve a file that can be had in pieces; gives the origin."""
    (folder / "a.png").write_bytes(FILE)
    app = Starlette(
        routes=[
            Route("/a.png", lambda _: FileResponse(folder / "a.png")),
            Route("/moved.png", lambda _: RedirectResponse("/a.png")),
            Route("/cookie", lambda request: Response(str(dict(request.cookies)))),
        ]
    )
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    with config.bind_socket() as listener:
        async with anyio.create_task_group() as group:
            group.start_soon(partial(server.serve, sockets=[listener]))
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True


async def test_a_file_comes_from_a_server_on_this_machine_whole_and_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the system's resolver, and past the environment's proxy."""
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with serving(tmp_path) as origin:
        url = f"{origin}/a.png"
        fetcher = Fetcher(loopback=[origin])
        try:
            whole = await fetcher.fetch(url)
            part = await fetcher.fetch_range(url, 1_000, 24)
            with pytest.raises(FetchError, match=REFUSAL):
                await fetcher.fetch(url, most_bytes=len(FILE) - 1)
            with pytest.raises(FetchError, match=REFUSAL):
                await fetcher.fetch_range(url, len(FILE), 1)
            with pytest.raises(FetchError, match=REFUSAL):
                await fetcher.fetch(f"{origin}/moved.png")
        finally:
            await fetcher.aclose()

    assert whole == Fetched(FILE, 0, len(FILE), url)
    assert part == Fetched(FILE[1_000:1_024], 1_000, len(FILE), url)


async def test_without_its_setting_a_server_on_this_machine_is_not_asked(tmp_path: Path) -> None:
    """Nor with that of another port."""
    async with serving(tmp_path) as origin:
        for fetcher in (Fetcher(), Fetcher(loopback=["http://127.0.0.1:1"])):
            with pytest.raises(FetchError, match=REFUSAL):
                await fetcher.fetch(f"{origin}/a.png")


@asynccontextmanager
async def listening(answer: bytes) -> AsyncIterator[str]:
    """A port that answers each connection with these bytes, and closes it; gives the origin."""

    async def serve(stream: SocketStream) -> None:
        async with stream:
            await stream.receive()
            await stream.send(answer)

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as group,
    ):
        group.start_soon(listener.serve, serve)
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  anyio's extra, not Django's
        yield f"http://127.0.0.1:{port}"
        group.cancel_scope.cancel()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1234",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n1234\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"6\r\n123456\r\n" * 2,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=range(9),
)
async def test_an_answer_that_breaks_is_refused(answer: bytes) -> None:
    """Before it begins, in the middle, too long in its head or its body, or not HTTP at all."""
    async with listening(answer) as origin:
        with pytest.raises(FetchError, match=REFUSAL):
            await Fetcher(loopback=[origin]).fetch(f"{origin}/a.png", most_bytes=10)


async def test_a_chunked_answer_is_read() -> None:
    """Its size is known at its end."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with listening(head + b"4\r\n1234\r\n0\r\n\r\n") as origin:
        fetched = await Fetcher(loopback=[origin]).fetch(f"{origin}/a.png")

    assert fetched == Fetched(b"1234", 0, 4, f"{origin}/a.png")


async def test_a_closed_port_is_refused() -> None:
    """Nobody listens there any more."""
    async with listening(b"") as origin:
        pass

    with pytest.raises(FetchError, match=REFUSAL):
        await Fetcher(loopback=[origin]).fetch(f"{origin}/a.png")


async def test_the_system_s_resolver_is_asked() -> None:
    """It knows this machine without a network."""
    assert await resolved("127.0.0.1") == ["127.0.0.1"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A certificate for `img.example` and who signed it, made anew for each run."""
    folder = tmp_path_factory.mktemp("tls")
    files = {name: folder / f"{name}.pem" for name in ("authority", "cert", "key")}
    authority = trustme.CA()
    issued = authority.issue_cert("img.example")
    authority.cert_pem.write_to_path(files["authority"])
    issued.cert_chain_pems[0].write_to_path(files["cert"])
    issued.private_key_pem.write_to_path(files["key"])
    return files


class Detour(httpx.AsyncBaseTransport):
    """The network, with every public address at a port of this machine."""

    def __init__(self, port: int, transport: httpx.AsyncBaseTransport) -> None:
        self._port = port
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request there, unchanged but for the address."""
        assert request.url.host == PUBLIC
        request.url = request.url.copy_with(host="127.0.0.1", port=self._port)
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


class Secured:
    """A TLS server.

    Attributes:
        port: where it listens.
        names: what each connection asked for in its handshake.
        hosts: the `Host` of each request.
    """

    def __init__(self) -> None:
        self.port = 0
        self.names: list[str | None] = []
        self.hosts: list[bytes] = []

    async def serve(self, stream: TLSStream) -> None:
        """Answer the requests of one connection."""
        async with stream:
            try:
                while request := await stream.receive():
                    self.hosts += [
                        line[6:] for line in request.split(b"\r\n") if line.startswith(b"Host: ")
                    ]
                    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n1234")
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return


@asynccontextmanager
async def secured(certificate: Mapping[str, Path]) -> AsyncIterator[Secured]:
    """Serve over TLS on a free port."""
    server = Secured()

    def named(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> None:
        server.names.append(name)

    async def refuse(_: BaseException, __: object) -> None:
        """Let a handshake fail that the client breaks off."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate["cert"], certificate["key"])
    context.sni_callback = named
    plain = await anyio.create_tcp_listener(local_host="127.0.0.1")
    server.port = plain.extra(SocketAttribute.local_port)  # noqa: S610  anyio's, not Django's
    listener = TLSListener(plain, context, standard_compatible=False)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, server.serve)
        yield server
        group.cancel_scope.cancel()


async def at_public(_: str) -> list[str]:
    """Know one address for all."""
    return [PUBLIC]


def over_tls(server: Secured, certificate: Mapping[str, Path]) -> Fetcher:
    """A fetcher that trusts this certificate, as the system trusts others."""
    context = ssl.create_default_context(cafile=certificate["authority"])
    return Fetcher(resolve=at_public, dial=lambda _: Detour(server.port, transport_with(context)))


async def test_a_certificate_is_checked_for_the_name_though_an_address_is_dialled(
    certificate: Mapping[str, Path],
) -> None:
    """The name is told in the handshake and in the request; the connection serves a second one."""
    async with secured(certificate) as server:
        fetcher = over_tls(server, certificate)
        fetched = [await fetcher.fetch("https://img.example/a.jpg") for _ in range(2)]
        await fetcher.aclose()

    assert fetched == [Fetched(b"1234", 0, 4, "https://img.example/a.jpg")] * 2
    assert (server.names, server.hosts) == (["img.example"], [b"img.example"] * 2)


async def test_a_certificate_for_another_name_is_refused(
    certificate: Mapping[str, Path],
) -> None:
    """Also while a connection to the same address stands open for the right one."""
    async with secured(certificate) as server:
        fetcher = over_tls(server, certificate)
        await fetcher.fetch("https://img.example/a.jpg")
        for host in ("other.example", "a.img.example"):
            with pytest.raises(FetchError, match=REFUSAL):
                await fetcher.fetch(f"https://{host}/a.jpg")
        await fetcher.aclose()

    assert server.names == ["img.example", "other.example", "a.img.example"]
    assert server.hosts == [b"img.example"]


async def test_a_certificate_that_the_system_does_not_trust_is_refused(
    certificate: Mapping[str, Path],
) -> None:
    """Though its name is right."""
    dialler = Dialler()
    async with secured(certificate) as server:
        fetcher = Fetcher(
            resolve=at_public, dial=lambda origin: Detour(server.port, dialler(origin))
        )
        with pytest.raises(FetchError, match=REFUSAL):
            await fetcher.fetch("https://img.example/a.jpg")
        await fetcher.aclose()

    assert (server.names, server.hosts) == (["img.example"], [])
