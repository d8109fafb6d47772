"""The workshop: what comes back from the child process, whatever the child does."""

import os
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from fw_mcp.pictures.worker.pool import Picture, Workshop
from tests.pictures.painted import bomb, file_of, halves, is_like, noise, opened, slow
from tests.support.process import environment

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
RED, BLUE = (200, 30, 30), (30, 60, 200)
GOOD = file_of(halves((600, 400)))
FRAME = "import json, struct, sys\n"
ANSWER = "sys.stdout.buffer.write(b'=' + struct.pack('>I', len(h)) + h + made)\n"
READ = (
    "(n,) = struct.unpack('>I', sys.stdin.buffer.read(4))\n"
    "task = json.loads(sys.stdin.buffer.read(n))\n"
    "given = [s and sys.stdin.buffer.read(s) for s in task['sizes']]\n"
)


def workshop(program: str, **options: Any) -> Workshop:  # noqa: ANN401  the workshop's own
    """A workshop whose child runs another program."""
    return Workshop(command=(sys.executable, "-I", "-c", program), **options)


def lying(header: str, made: str = "b''") -> Workshop:
    """A workshop whose child answers this, whatever it is asked."""
    return workshop(f"{FRAME}{READ}h, made = {header!r}.encode(), {made}\n{ANSWER}")


async def fitted(workshop: Workshop, *pictures: bytes) -> list[Picture | None]:
    """The pictures of one task of ordinary size."""
    return await workshop.fitted(pictures, side=300, most_bytes=50_000)


async def test_a_picture_comes_back_smaller_as_jpeg() -> None:
    """It is what it was, and its size is told."""
    (picture,) = await fitted(Workshop(), GOOD)
    assert picture is not None
    image = opened(picture.content)
    assert (picture.mime_type, picture.pix_w, picture.pix_h) == ("image/jpeg", 300, 200)
    assert (image.format, image.size) == ("JPEG", (300, 200))
    assert is_like(image.getpixel((20, 100)), RED)
    assert is_like(image.getpixel((280, 100)), BLUE)


async def test_a_broken_picture_costs_only_itself() -> None:
    """Text, a bomb and half a file among good ones."""
    half = GOOD[: len(GOOD) // 2]
    pictures = await fitted(Workshop(), GOOD, b"text", bomb(), GOOD, half, GOOD)
    assert [picture is not None for picture in pictures] == [True, False, False, True, False, True]


async def test_no_pictures_are_no_pictures(tmp_path: Path) -> None:
    """No process is started for them."""
    started = tmp_path / "started"
    assert await fitted(workshop(f"open({os.fspath(started)!r}, 'w')")) == []
    assert not started.exists()


async def test_a_slow_picture_costs_only_itself() -> None:
    """A small file may keep a decoder busy for minutes; each picture has its share of the time."""
    program = "from fw_mcp.pictures.worker import child; child.PICTURE_S = 0.5; child.main()"
    pictures = await fitted(workshop(program, total_s=60), GOOD, slow(), GOOD)
    assert [picture is not None for picture in pictures] == [True, False, True]


async def test_twelve_noisy_pictures_keep_within_their_bytes() -> None:
    """What cannot be compressed is made smaller."""
    noisy = [file_of(noise((500, 500), seed), "JPEG", quality=95) for seed in range(12)]
    pictures = await Workshop().fitted(noisy, side=1024, most_bytes=200_000)
    made = [picture for picture in pictures if picture]
    assert len(made) == 12
    assert 100_000 < sum(len(picture.content) for picture in made) <= 200_000


async def test_a_contact_sheet_says_which_cells_are_filled() -> None:
    """A missing picture and a broken one leave a box each."""
    cells = [(GOOD, "1  52cf3e11"), (None, "2  52cf3e12"), (b"text", "3  52cf3e13")]
    sheet = await Workshop().sheet(cells, side=400, most_bytes=50_000)
    assert sheet is not None
    assert sheet.shown == (True, False, False)
    assert max(opened(sheet.picture.content).size) <= 400


async def test_likenesses_tell_which_pictures_are_copies() -> None:
    """And say nothing of what is no picture."""
    copy = file_of(halves((200, 133)), "JPEG", quality=60)
    first, second, none = await Workshop().likenesses([GOOD, copy, b"text"])
    assert first is not None
    assert second is not None
    assert (first ^ second).bit_count() <= 4
    assert none is None


@pytest.mark.parametrize(
    "program",
    [
        "raise SystemExit(3)",
        "import os; os.abort()",
        "print('garbage' * 100_000)",
        "import sys; sys.stdin.buffer.read(); print('=')",
        "import sys; sys.stdout.buffer.write(b'.......')",
        "import sys; sys.stdout.buffer.write(b'.=\\xff\\xff\\xff\\xff{')",
        "while True: print('=' * 10_000)",
        "import os; os.close(0); os.close(1)",
    ],
)
async def test_a_child_that_dies_or_talks_nonsense_leaves_no_pictures(program: str) -> None:
    """And nothing worse, and soon."""
    began = time.monotonic()
    patient = workshop(program, total_s=60)
    assert await fitted(patient, GOOD, GOOD) == [None, None]
    assert await patient.sheet([(GOOD, "1")], side=300, most_bytes=9_000) is None
    assert await patient.likenesses([GOOD]) == [None]
    assert time.monotonic() - began < 30


async def test_a_program_that_is_not_there_leaves_no_pictures() -> None:
    """The server lives on."""
    assert await fitted(Workshop(command=("no-such-program",)), GOOD) == [None]


@pytest.mark.parametrize(
    "program", ["import time; time.sleep(60)", "import sys, time; sys.stdin.read(); time.sleep(60)"]
)
async def test_a_child_that_hangs_is_ended_in_time(program: str) -> None:
    """Whether or not it reads what it is given, which no pipe holds."""
    began = time.monotonic()
    large = GOOD + bytes(1_000_000)
    assert await fitted(workshop(program, total_s=0.5), large) == [None]
    assert time.monotonic() - began < 30


async def test_a_child_that_answers_without_reading_is_heard() -> None:
    """It cannot block the server by what it leaves in the pipe."""
    header = '{"hashes": [7]}'
    program = f"{FRAME}h, made = {header!r}.encode(), b''\n{ANSWER}"
    assert await workshop(program).likenesses([bytes(1_000_000)]) == [7]


async def test_the_picture_that_ends_the_child_is_left_out() -> None:
    """A decoder that crashes takes one picture with it, not all."""
    program = (
        f"{FRAME}{READ}import os\n"
        "for one in given:\n"
        "    if one == b'bad': os.abort()\n"
        "    sys.stdout.buffer.write(b'.'); sys.stdout.buffer.flush()\n"
        "h, made = json.dumps({'hashes': [one and 1 for one in given]}).encode(), b''\n"
        f"{ANSWER}"
    )
    found = await workshop(program).likenesses([b"good", b"bad", b"good", b"bad"])
    assert found == [1, None, 1, None]


JPEG = "bytes.fromhex('ffd8ff00ffd9')"


@pytest.mark.parametrize(
    ("header", "made"),
    [
        ('{"pictures": []}', "b''"),
        ('{"pictures": [null, null]}', "b''"),
        ('{"pictures": null}', "b''"),
        ('{"hashes": [1]}', "b''"),
        ('{"pictures": [{"size": 6, "pix_w": 1, "pix_h": 1}]}', "b''"),
        ('{"pictures": [{"size": 5, "pix_w": 1, "pix_h": 1}]}', JPEG),
        ('{"pictures": [{"size": -6, "pix_w": 1, "pix_h": 1}]}', JPEG),
        ('{"pictures": [{"size": 6.0, "pix_w": 1, "pix_h": 1}]}', JPEG),
        ('{"pictures": [{"size": 6, "pix_w": 301, "pix_h": 1}]}', JPEG),
        ('{"pictures": [{"size": 6, "pix_w": 1, "pix_h": 0}]}', JPEG),
        ('{"pictures": [{"size": 6, "pix_w": 1}]}', JPEG),
        ('{"pictures": [{"size": 6, "pix_w": 1, "pix_h": 1, "more": 1}]}', JPEG),
        ('{"pictures": [{"size": 6, "pix_w": 1, "pix_h": 1}]}', "b'<html>'"),
        ('{"pictures": [{"size": 60000, "pix_w": 1, "pix_h": 1}]}', f"{JPEG} * 10_000"),
        ('{"pictures": [' + "[" * 5_000, "b''"),
    ],
)
async def test_an_answer_that_is_not_what_was_asked_is_none(header: str, made: str) -> None:
    """A child that strangers took over can still give only small pictures."""
    assert await fitted(lying(header, made), GOOD) == [None]


async def test_an_answer_that_is_what_was_asked_is_taken() -> None:
    """The same child, telling no lies: what the refusals above are measured by."""
    (picture,) = await fitted(
        lying('{"pictures": [{"size": 6, "pix_w": 300, "pix_h": 1}]}', JPEG), GOOD
    )
    assert picture == Picture(bytes.fromhex("ffd8ff00ffd9"), "image/jpeg", 300, 1)


@pytest.mark.parametrize(
    "header",
    [
        '{"pictures": [null], "shown": [true]}',
        '{"pictures": [], "shown": [true]}',
        '{"pictures": [{"size": 6, "pix_w": 1, "pix_h": 1}], "shown": []}',
        '{"pictures": [{"size": 6, "pix_w": 1, "pix_h": 1}], "shown": [1]}',
        '{"pictures": [{"size": 6, "pix_w": 1, "pix_h": 1}]}',
    ],
)
async def test_a_sheet_that_is_none_is_not_taken(header: str) -> None:
    """Nor one that does not say what is on it."""
    made = "b''" if "null" in header or "[]," in header else JPEG
    assert await lying(header, made).sheet([(GOOD, "1")], side=300, most_bytes=9_000) is None


@pytest.mark.parametrize("hashes", ["[]", "[1, 2]", "[-1]", "[18446744073709551616]", '["1"]'])
async def test_likenesses_of_more_than_64_bits_are_not_taken(hashes: str) -> None:
    """Nor more or fewer than were asked for."""
    assert await lying(f'{{"hashes": {hashes}}}').likenesses([GOOD]) == [None]


async def test_likenesses_with_something_behind_them_are_not_taken() -> None:
    """Nothing was asked for there."""
    assert await lying('{"hashes": [1]}', "b'more'").likenesses([GOOD]) == [None]


async def test_no_key_reaches_the_child() -> None:
    """Promise: of the server's environment a child gets what a program needs to start."""
    program = (
        f"{FRAME}{READ}import os\n"
        "kept = {'SYSTEMROOT', 'LD_LIBRARY_PATH', 'LC_CTYPE'}\n"
        "h, made = json.dumps({'hashes': [len(set(os.environ) - kept)]}).encode(), b''\n"
        f"{ANSWER}"
    )
    keys = {
        "FINERWORKS_WEB_API_KEY": "a-key",
        "FW_MCP_HTTP_TOKEN": "a-token",
        "HOME": "/home/somebody",
        "LD_LIBRARY_PATH": "",
    }
    assert await workshop(program, environ=keys).likenesses([GOOD]) == [0]
    assert await workshop(program).likenesses([GOOD]) == [0]


async def test_what_a_program_needs_to_start_reaches_the_child() -> None:
    """Where a system's Python finds its libraries by it."""
    program = (
        f"{FRAME}{READ}import os\n"
        "h, made = json.dumps({'hashes': [int(os.environ['LD_LIBRARY_PATH'])]}).encode(), b''\n"
        f"{ANSWER}"
    )
    environ = {"LD_LIBRARY_PATH": "42", "SECRET": "7"}
    assert await workshop(program, environ=environ).likenesses([GOOD]) == [42]


async def test_no_child_outlives_its_task(tmp_path: Path) -> None:
    """Neither one that hangs nor one whose caller has gone."""
    file = tmp_path / "pid"
    program = f"import os, time; open({os.fspath(file)!r}, 'w').write(str(os.getpid()))\n"
    hanging = workshop(program + "time.sleep(60)")
    async with anyio.create_task_group() as group:
        group.start_soon(fitted, hanging, GOOD)
        while not (file.exists() and file.read_text()):
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


async def test_more_tasks_than_two_wait_for_each_other(tmp_path: Path) -> None:
    """Each may take a gigabyte; a third one's waiting counts as its time."""
    program = f"import os, time; open({os.fspath(tmp_path)!r} + f'/{{os.getpid()}}', 'w')\n"
    hanging = workshop(program + "time.sleep(60)", total_s=60)
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(fitted, hanging, GOOD)
        while len(os.listdir(tmp_path)) < 2:  # noqa: PTH208
            await anyio.lowlevel.checkpoint()
        hanging.total_s = 0.05
        assert await fitted(hanging, GOOD) == [None]
        group.cancel_scope.cancel()
    assert len(os.listdir(tmp_path)) == 2  # noqa: PTH208


@pytest.mark.parametrize("available", [True, False])
def test_whether_the_imaging_library_is_there_can_be_told(available: bool) -> None:
    """Without it nothing is tried."""
    assert Workshop(available=available).available is available


def test_the_imaging_library_is_looked_for_without_being_imported() -> None:
    """It is installed here; in the server's process it has no place."""
    assert Workshop().available


def test_the_child_is_found_where_the_program_was_found(tmp_path: Path) -> None:
    """An install that PYTHONPATH alone knows, as in a bundle: the isolated child works too."""
    script = (
        "import anyio, io\n"
        "from PIL import Image\n"
        "from fw_mcp.pictures.worker.pool import Workshop\n"
        "out = io.BytesIO(); Image.new('RGB', (30, 20)).save(out, 'PNG')\n"
        "async def run():\n"
        "    return await Workshop().fitted([out.getvalue()], side=64, most_bytes=9999)\n"
        "print(anyio.run(run)[0].pix_w)\n"
    )
    python = tmp_path / "python"
    venv.create(python, with_pip=False)
    program = python / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    found = [str(ROOT), *(path for path in sys.path if "site-packages" in path)]
    done = subprocess.run(
        [str(program), "-c", script],
        env=environment({"PYTHONPATH": os.pathsep.join(found)}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("30\n", 0), done.stderr
