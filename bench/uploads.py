"""What it takes to put files where FinerWorks can fetch them."""

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
from far_store import LATENCY_S, RATE
from figures import Effort, Figure, ratio
from library import call, wait_for
from session import Session

PIXELS = (9_000, 15_000)

FILES = 40
FILE_PIXELS = (2_000, 1_667)
# Of the plain puts so many are measured: one takes as long as another.
PUTS = 4
BUCKET = "prints"
STORE = Path(__file__).parents[1] / ".venv-s3" / "bin" / "moto_server"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "a-secret"}
# The server looks for no more than whose request it is.
OWNER = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=an-id/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=none"
}
PUBLIC = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    },
}

# A slope in each of three colours of 16 bits, so that no line is like another.
_MASTER = """
import sys, pyvips
path, pix_w, pix_h = sys.argv[1], *map(int, sys.argv[2:])
at = pyvips.Image.xyz(pix_w, pix_h)
deep = (at[0] * 7).bandjoin([at[1] * 4, (at[0] + at[1]) * 3]).cast("uint") & 65535
deep.cast("ushort").copy(interpretation="rgb16").tiffsave(path)
"""
# In a process of its own, which has no other child.
_RENDERED = """
import json, sys, time, anyio
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from fw_mcp.pictures.renditions import Renderer

async def main():
    before = getrusage(RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    with open(sys.argv[1], "rb") as file:
        made = await Renderer().render(file)
    seconds = time.perf_counter() - began
    grown = getrusage(RUSAGE_SELF).ru_maxrss - before
    child = getrusage(RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps([child * 1024, grown * 1024, seconds, len(made.preview)]))

anyio.run(main)
"""


def rendering(effort: Effort) -> Iterator[Figure]:
    """Make preview and thumbnail of a print master that is larger than the memory allowed."""
    del effort
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "master.tif"
        _run(_MASTER, path, *PIXELS)
        size = path.stat().st_size
        child, grown, seconds, preview = json.loads(_run(_RENDERED, path))
    name = "memory of renditions / their print master"
    yield ratio(name, (child + grown) / 1e6, [size / 1e6], 0.2, "MB")
    name = "renditions of a print master"
    yield Figure(name, seconds * 1000, "ms", None, f"{size / 1e6:.0f} MB, {preview:,} bytes made")


def uploading(effort: Effort) -> Iterator[Figure]:
    """Add a folder of pictures whose files go to a store far away, and add it again."""
    del effort
    with far_store() as url, tempfile.TemporaryDirectory() as folder:
        files = pictures(Path(folder))
        plain = seconds_of_puts(url, files[:PUTS]) * FILES / PUTS
        server = (
            *(sys.executable, "-m", "fw_mcp", "--sandbox", "--upload-without-asking"),
            *("--file-folders", folder, "--upload-to", f"s3://{BUCKET}/fw"),
            *("--upload-public-url", f"{url}/{BUCKET}/fw"),
        )
        with Session(server, {**CREDENTIALS, "AWS_ENDPOINT_URL": url}) as session:
            first = seconds_of_add(session)
            second = seconds_of_add(session)
    size = f"{FILES} files of 20 MB, {LATENCY_S * 1000:.0f} ms, {RATE / 1e6:.0f} MB/s a connection"
    uploaded = ratio("adding a folder / plain puts one by one", first, [plain], 0.6, "s")
    yield replace(uploaded, detail=f"{uploaded.detail}, {size}")
    yield ratio("the same folder again / the first time", second, [first], 0.05, "s")


def pictures(folder: Path) -> list[Path]:
    """Forty print masters, no two the same."""
    files = [folder / f"{number}.tif" for number in range(FILES)]
    _run(_MASTER, files[0], *FILE_PIXELS)
    content = files[0].read_bytes()
    for number, file in enumerate(files):
        file.write_bytes(content + number.to_bytes(2))
    return files


def seconds_of_puts(url: str, files: Sequence[Path]) -> float:
    """Put files one after another, on one connection."""
    with httpx.Client(base_url=url, headers=OWNER, trust_env=False, timeout=60) as http:
        began = time.perf_counter()
        for file in files:
            answer = http.put(f"/{BUCKET}/plain/{file.name}", content=file.read_bytes())
            answer.raise_for_status()
        return time.perf_counter() - began


def seconds_of_add(session: Session) -> float:
    """Add the folder, in as many calls as it takes."""
    arguments: dict[str, object] = {"images": [{"file": "./"}]}
    began = time.perf_counter()
    while True:
        answer = json.loads(session.request("tools/call", call("add_images", arguments)))
        added = answer["result"]["structuredContent"]
        if not (handle := added.get("continue_handle")):
            break
        arguments = {"continue_handle": handle}
    seconds = time.perf_counter() - began
    if added["outcomes"] != {"created": FILES}:
        raise RuntimeError(f"the folder was not added: {added}")
    return seconds


@contextmanager
def far_store() -> Iterator[str]:
    """The line to an S3 server with a bucket that everyone may read."""
    with ExitStack() as running:
        frees = [running.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        near, far = (one.getsockname()[1] for one in frees)
        for one in frees:
            one.close()
        line = Path(__file__).with_name("far_store.py")
        for command in (
            (str(STORE), "-H", "127.0.0.1", "-p", str(far)),
            (sys.executable, str(line), str(near), str(far)),
        ):
            process = subprocess.Popen(
                command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            running.callback(process.wait)
            running.callback(process.terminate)
        wait_for(far)
        wait_for(near)
        with httpx.Client(
            base_url=f"http://127.0.0.1:{far}", headers=OWNER, trust_env=False, timeout=60
        ) as http:
            http.put(f"/{BUCKET}").raise_for_status()
            http.put(f"/{BUCKET}?policy", json=PUBLIC).raise_for_status()
        yield f"http://127.0.0.1:{near}"


def _run(program: str, *arguments: object) -> str:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
