"""What a started container of the image does."""

import json
import os
import secrets
import signal
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar

import anyio
import trustme
import uvicorn
from boxes import Box, Start, box
from checking import Refused
from image import Builder, Image
from mcp.client import Client, ClientRequestContext
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitRequestParams, ElicitResult, TextContent, TextResourceContents

from fw_mcp.config import variable
from fw_mcp.guard.effects import EFFECTS
from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_WEB_API_KEY

Answer = TypeVar("Answer")
_OPENSHIFT = "1000700000:0"
_STRANGER = "1000:1000"
_SESSION_S = 120
_START_S = 60
_END_S = 10
_OPENING = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "container", "version": "1"},
}
_WRITES = """
import errno, pathlib
for name in ("/x", "/opt/fw-mcp/x", "/etc/x"):
    try: pathlib.Path(name).touch()
    except OSError as fault: print(errno.errorcode[fault.errno])
pathlib.Path("/tmp/x").touch()
pathlib.Path("/var/lib/fw-mcp/x").touch()
"""
_LIVE = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8000/livez", timeout=5).status)
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """What is tried.

    Attributes:
        buildah: what built it.
        image: the image.
        base: the files of its base.
        root: its own files.
        place: a folder for all that is made.
    """

    buildah: Builder
    image: Image
    base: Path
    root: Path
    place: Path

    def box(self, start: Start) -> Box:
        """A container of the image."""
        return box(self.image.config, self.root, start, self.place)

    def volume(self) -> Path:
        """A new volume, with the owner and the mode that it has from the image."""
        (name,) = self.image.config["Volumes"]
        found = (self.root / name.lstrip("/")).stat()
        made = Path(tempfile.mkdtemp(prefix="volume-", dir=self.place))
        os.chown(made, found.st_uid, found.st_gid)
        made.chmod(stat.S_IMODE(found.st_mode))
        return made


def expect(actual: object, expected: object, what: str) -> None:
    """Raise Refused where it is another one."""
    if actual != expected:
        raise Refused(f"{what}: {actual}, not {expected}")


def files(root: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """All that lies below, except links."""
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = Path(folder, name)
            found = path.lstat()
            if not stat.S_ISLNK(found.st_mode):
                yield path, found


def _session(made: Box, work: Callable[[Client], Awaitable[Answer]]) -> tuple[Answer, float]:
    """What a client over stdio finds, and the seconds until the first answer."""

    async def session(errlog: TextIO) -> tuple[Answer, float]:
        command, *arguments = made.command
        server = StdioServerParameters(command=command, args=arguments)
        started = time.monotonic()
        with anyio.fail_after(_SESSION_S):
            transport = stdio_client(server, errlog)
            async with Client(transport, elicitation_callback=_yes, cache=None) as client:
                first = time.monotonic() - started
                return await work(client), first

    said = made.folder / "stderr"
    try:
        with said.open("w") as errlog:
            return anyio.run(session, errlog)
    except* (Refused, MCPError, OSError) as faults:
        raise Refused(f"{_first(faults)}\n{said.read_text()[-600:]}".strip()) from faults


def _first(fault: BaseException) -> BaseException:
    """What the first of the tasks failed with."""
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return fault


async def _yes(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG001  the SDK's
    return ElicitResult(action="accept", content={"confirm": True})


async def _names(client: Client) -> list[str]:
    return [tool.name for tool in (await client.list_tools()).tools]


async def _told(client: Client, tool: str, **arguments: object) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    told = result.content[0]
    if result.is_error or not isinstance(told, TextContent):
        raise Refused(f"{tool}: {getattr(told, 'text', told)}"[:600])
    return dict(result.structured_content or {})


async def _deleted(client: Client) -> str:
    """Delete the newest image; its guid."""
    (newest,) = (await _told(client, "search_images", per_page=1))["images"]
    guid = str(newest["guid"])
    outcomes = (await _told(client, "delete_images", guids=[guid]))["outcomes"]
    expect(outcomes, {"deleted": 1}, "the deletion")
    expect(await _count(client, guid), 0, "images found after it")
    return guid


async def _count(client: Client, guid: str) -> int:
    return int((await _told(client, "search_images", guid_filter=[guid]))["count"])


def tools_listed(trial: Trial) -> str:
    """Over stdio, with no file in memory and then with all of them."""
    _forget(trial.root)
    took = []
    for _ in range(2):
        names, first = _session(trial.box(Start(["--sandbox"])), _names)
        expect(names, list(EFFECTS), "tools")
        took.append(first)
    return f"{len(EFFECTS)} tools; first answer after {took[0]:.1f} s cold, {took[1]:.1f} s warm"


def _forget(root: Path) -> None:
    """Let the system drop what it holds of these files in memory."""
    os.sync()
    for path, found in files(root):
        if stat.S_ISREG(found.st_mode):
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def demo_played(trial: Trial) -> str:
    """As docs/start.md has it: without a volume, a client or keys."""
    done = trial.box(Start(["demo"])).run()
    last = (done.stdout.strip() or done.stderr).splitlines()[-1]
    expect((done.returncode, "Add a folder" in done.stdout), (0, True), f"the demo, {last}")
    return last.partition(". ")[0]


def image_deleted(trial: Trial) -> str:
    """After the question, which the client answers with yes."""
    guid, _ = _session(trial.box(Start(["--sandbox"], volume=trial.volume())), _deleted)
    return f"{guid} is gone"


def root_is_only_read(trial: Trial) -> str:
    """Nothing can be written but the volume and `/tmp`."""
    start = Start(entry=["python", "-c", _WRITES], volume=trial.volume())
    done = trial.box(start).run()
    expect((done.returncode, done.stderr), (0, ""), "writing")
    expect(done.stdout.split(), ["EROFS"] * 3, "writing to the root")
    return "writes reach the volume and /tmp alone"


def any_user_of_group_0(trial: Trial) -> str:
    """As OpenShift starts it: the volume is written, and read by the next start."""
    volume = trial.volume()
    start = Start(["--sandbox-file", "/var/lib/fw-mcp/studio"], user=_OPENSHIFT, volume=volume)
    guid, _ = _session(trial.box(start), _deleted)
    owner = (volume / "store.sqlite3").stat().st_uid
    expect(owner, int(_OPENSHIFT.partition(":")[0]), "the owner of the store")

    async def again(client: Client) -> list[str]:
        expect(await _count(client, guid), 0, "images found by the second start")
        page = (await client.read_resource("finerworks://changes")).contents[0]
        told = page.text if isinstance(page, TextResourceContents) else "{}"
        return [change["tool"] for change in json.loads(told).get("changes", ())]

    changes, _ = _session(trial.box(start), again)
    expect(changes, ["delete_images"], "the changes that the second start knows")
    return f"as {_OPENSHIFT}: {', '.join(sorted(one.name for one in volume.iterdir()))}"


def user_without_the_volume(trial: Trial) -> str:
    """It starts, lists its tools, and refuses writes by name of the store."""
    start = Start(["--sandbox"], user=_STRANGER, volume=trial.volume())

    async def refused(client: Client) -> str:
        expect(await _names(client), list(EFFECTS), "tools")
        try:
            await _deleted(client)
        except Refused as why:
            return str(why)
        return "nothing was refused"

    why, _ = _session(trial.box(start), refused)
    expect("store" in why, True, f"the store is named in {why}")
    doctor = trial.box(Start(["doctor"], user=_STRANGER, volume=trial.volume())).run()
    named = "/var/lib/fw-mcp cannot be written"
    expect(named in doctor.stdout, True, f"{named} in {doctor.stdout}")
    return f"as {_STRANGER}: {why.partition('. ')[0]}"


def served_over_http(trial: Trial) -> str:
    """On every address of a network of its own: alive, healthy, and ended by SIGTERM."""
    token = secrets.token_hex(16)
    told = {variable("http"): "0.0.0.0:8000", variable("http_token"): token}
    start = Start(["--sandbox"], user=_OPENSHIFT, environment=told, volume=trial.volume())
    made = trial.box(start)
    started = time.monotonic()
    with _running(made) as server:
        while (live := made.inside("python", "-c", _LIVE)).returncode:
            if server.poll() is not None or time.monotonic() - started > _START_S:
                raise Refused(f"/livez does not answer: {live.stderr[-300:]}")
        took = time.monotonic() - started
        expect(live.stdout.strip(), "200", "/livez")
        health = trial.image.config["Healthcheck"]["Test"][1:]
        codes = [made.inside(*health, *more).returncode for more in ([], ["/nowhere"])]
        expect(codes, [0, 1], "the health check, of /livez and of what is not there")
        ended = _ended(server)
    return f"/livez after {took:.1f} s, healthy, SIGTERM ends it with 0 in {ended:.1f} s"


def ended_by_sigterm(trial: Trial) -> str:
    """Over stdio, with its input still open."""
    opening = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": _OPENING}
    with _running(trial.box(Start(["--sandbox"], volume=trial.volume()))) as server:
        assert server.stdin is not None  # noqa: S101  piped
        assert server.stdout is not None  # noqa: S101  piped
        server.stdin.write(f"{json.dumps(opening)}\n")
        server.stdin.flush()
        expect('"serverInfo"' in server.stdout.readline(), True, "it answers")
        return f"code 0 in {_ended(server):.1f} s"


@contextmanager
def _running(made: Box) -> Iterator["subprocess.Popen[str]"]:
    piped = subprocess.PIPE
    with subprocess.Popen(
        made.command, stdin=piped, stdout=piped, stderr=subprocess.DEVNULL, encoding="utf-8"
    ) as server:
        try:
            yield server
        finally:
            made.end()


def _ended(server: "subprocess.Popen[str]") -> float:
    """Send SIGTERM; the seconds until its end."""
    started = time.monotonic()
    server.send_signal(signal.SIGTERM)
    expect(server.wait(timeout=_END_S), 0, "the code after SIGTERM")
    return time.monotonic() - started


def authority_of_ones_own(trial: Trial) -> str:
    """FinerWorks behind a certificate that only the mounted authority vouches for."""
    ca = trial.place / "ca.pem"
    with _behind_tls(ca, trial.place / "server.pem") as url:
        told = {
            variable("base_url"): url,
            variable("web_api_key"): SANDBOX_WEB_API_KEY,
            variable("app_key"): SANDBOX_APP_KEY,
        }
        found = []
        for more in ({}, {"SSL_CERT_FILE": "/ca.pem"}):
            start = Start(environment={**told, **more}, given={"/ca.pem": ca}, is_alone=False)
            found.append(_session(trial.box(start), _is_reached)[0])
    expect(found, [False, True], "FinerWorks is reached without and with SSL_CERT_FILE")
    return "reached with SSL_CERT_FILE, refused without"


async def _is_reached(client: Client) -> bool:
    return not (await client.call_tool("search_images", {"per_page": 1})).is_error


@contextmanager
def _behind_tls(ca: Path, certificate: Path) -> Iterator[str]:
    """The sandbox on this host's loopback, with a certificate of a new authority."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca))
    ca.chmod(0o644)
    signed = authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
    signed.write_to_path(str(certificate))
    told = uvicorn.Config(
        create_app(None), host="127.0.0.1", port=0, ssl_certfile=certificate, log_level="error"
    )
    server = uvicorn.Server(told)
    with told.bind_socket() as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
