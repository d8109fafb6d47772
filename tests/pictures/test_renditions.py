"""The renderer: a file of any size through a process of its own, whatever becomes of that."""

import io
import json
import os
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from fw_mcp.errors import Reason, UploadError
from fw_mcp.pictures.renditions import Renderer
from fw_mcp.pictures.worker import rendering
from tests.pictures.painted import file_of, halves, is_like, opened
from tests.support.process import environment
from tests.support.products import exhaustive, first_of

pytestmark = pytest.mark.anyio

RED, BLUE = (200, 30, 30), (30, 60, 200)
MASTER = halves((600, 400))
PREVIEW, THUMBNAIL = (file_of(halves(size), "JPEG") for size in ((300, 200), (200, 133)))


@pytest.fixture
def master(tmp_path: Path) -> Iterator[BinaryIO]:
    """A print master of 600 by 400 pixels, red on the left and blue on the right."""
    path = tmp_path / "fog.tif"
    path.write_bytes(file_of(MASTER, "TIFF"))
    with path.open("rb") as file:
        yield file


def saying(header: object, *made: bytes) -> Renderer:
    """A renderer whose child says this, whatever it is given."""
    head = json.dumps(header).encode()
    said = b"=" + struct.pack(">I", len(head)) + head + b"".join(made)
    return renderer(f"import sys; sys.stdout.buffer.write({said!r})")


def renderer(program: str, total_s: float = 60) -> Renderer:
    """A renderer whose child runs another program."""
    return Renderer(command=(sys.executable, "-I", "-c", program), total_s=total_s)


async def refused(renderer: Renderer, file: BinaryIO) -> UploadError:
    """Why there are no renditions."""
    with pytest.raises(UploadError) as told:
        await renderer.render(file, side=300)
    assert told.value.state == "Nothing of this file was uploaded."
    return told.value


async def test_a_print_master_gets_a_preview_and_a_thumbnail(master: BinaryIO) -> None:
    """The file may stand anywhere, and stays open."""
    master.seek(99)
    made = await Renderer().render(master, side=300)
    for content, size in ((made.preview, (300, 200)), (made.thumbnail, (200, 133))):
        image = opened(content)
        assert (image.format, image.size) == ("JPEG", size)
        assert is_like(image.getpixel((20, 66)), RED)
        assert is_like(image.getpixel((size[0] - 20, 66)), BLUE)
    master.seek(0)
    assert master.read(2) == b"II"


async def test_what_is_no_print_master_starts_no_process(tmp_path: Path) -> None:
    """Its first bytes say so."""
    started = tmp_path / "started"
    program = f"open({os.fspath(started)!r}, 'w')"
    told = await refused(renderer(program), io.BytesIO(b"%PDF-1.7"))
    assert told.what == "The file is a PDF, whatever its name ends in; that is not taken."
    assert not started.exists()


async def test_a_picture_that_is_cut_off_is_told_as_that(tmp_path: Path) -> None:
    """Its header is whole."""
    path = tmp_path / "fog.jpg"
    path.write_bytes(file_of(MASTER, "JPEG")[:2000])
    with path.open("rb") as file:
        told = await refused(Renderer(), file)
    assert told.what == "The picture is broken or cut off: it cannot be read completely."


@pytest.mark.parametrize(
    "program",
    first_of(
        "raise SystemExit(3)",
        "import os; os.abort()",
        "print('garbage' * 100_000)",
        "while True: print('=' * 10_000)",
        "import os; os.close(0); os.close(1)",
    ),
)
async def test_a_child_that_dies_or_talks_nonsense_is_told(program: str, master: BinaryIO) -> None:
    """And soon, and the next file is not harmed."""
    began = time.monotonic()
    told = await refused(renderer(program), master)
    assert told.what == "The picture cannot be read: what reads it broke down over it."
    assert told.reason is Reason.NOT_UPLOADED
    assert time.monotonic() - began < 60


async def test_a_child_that_hangs_is_ended_in_time(master: BinaryIO) -> None:
    """The time is for one file."""
    told = await refused(renderer("import time; time.sleep(60)", total_s=0.2), master)
    assert told.what == "The picture takes too long to read."


@pytest.mark.parametrize(
    ("header", "made"),
    first_of(
        ({"sizes": [len(PREVIEW), len(THUMBNAIL)]}, (PREVIEW, THUMBNAIL + b"more")),
        ({"sizes": [len(THUMBNAIL), len(PREVIEW)]}, (THUMBNAIL, PREVIEW)),
        ({"sizes": [len(PREVIEW), len(PREVIEW)]}, (PREVIEW, PREVIEW)),
        ({"sizes": [-1, len(PREVIEW) + 1]}, (PREVIEW,)),
        ({"sizes": [4, 4]}, (b"text", b"text")),
        ({"sizes": ["4", "4"]}, (b"text", b"text")),
        ({"sizes": [len(file_of(MASTER, "PNG")), 0]}, (file_of(MASTER, "PNG"),)),
        ({"refused": "because"}, ()),
        ({}, ()),
        ([], ()),
    ),
)
async def test_what_a_child_says_is_checked(
    header: object, made: tuple[bytes, ...], master: BinaryIO
) -> None:
    """It decoded what a stranger made, and may be anybody by now."""
    told = await refused(saying(header, *made), master)
    assert told.what == "The picture cannot be read: what reads it broke down over it."


async def test_what_a_child_says_is_taken_when_it_is_as_promised(master: BinaryIO) -> None:
    """So the cases before fail by what is wrong in them."""
    sizes = {"sizes": [len(PREVIEW), len(THUMBNAIL)]}
    made = await saying(sizes, PREVIEW, THUMBNAIL).render(master, side=300)
    assert (made.preview, made.thumbnail) == (PREVIEW, THUMBNAIL)


async def test_too_much_memory_is_told_with_how_to_save_it_otherwise(master: BinaryIO) -> None:
    """The child says so before it decodes."""
    told = await refused(saying({"refused": "too_large"}), master)
    assert told.what == "The picture takes too much memory to read, as it is saved."
    assert told.next_step.startswith("Save it as TIFF in strips")


async def test_without_the_extra_it_is_told_how_to_install_it(master: BinaryIO) -> None:
    """Nothing is started."""
    renderer = Renderer(available=False)
    assert not renderer.available
    told = await refused(renderer, master)
    assert told.reason is Reason.UPLOAD_OFF
    assert "fw-mcp[upload]" in told.next_step


async def test_the_child_gets_nothing_of_the_environment(master: BinaryIO, tmp_path: Path) -> None:
    """No key and no path; only what it needs to start, and what keeps it small."""
    seen = tmp_path / "seen"
    program = f"import os; open({os.fspath(seen)!r}, 'w').write(' '.join(sorted(os.environ)))"
    given = {"FINERWORKS_APP_KEY": "not-a-key", "PATH": os.defpath, "SYSTEMROOT": "here"}
    child = Renderer(environ=given, command=(sys.executable, "-I", "-c", program))
    await refused(child, master)
    names = set(seen.read_text(encoding="utf-8").split()) - {"LC_CTYPE"}
    assert names == {"MALLOC_ARENA_MAX", "SYSTEMROOT", "VIPS_CONCURRENCY"}


@exhaustive
def test_the_module_imports_nothing_heavy() -> None:
    """The server imports it for its words; libvips is imported by the child alone."""
    program = (
        "import sys, fw_mcp.pictures.renditions; "
        "print({'pyvips', '_libvips', 'obstore', 'PIL'} & sys.modules.keys())"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env=environment()
    )
    assert run.stdout == b"set()\n"


@exhaustive
def test_this_system_has_every_limit() -> None:
    """And the child sets them before it imports what decodes."""
    program = (
        "import sys, json, resource; from fw_mcp.pictures.worker import child, rendering; "
        "child.limit(resource, rendering.LIMITS); assert 'pyvips' not in sys.modules; "
        "print(json.dumps({n: resource.getrlimit(getattr(resource, n)) for n in rendering.LIMITS}))"
    )
    run = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, check=True)
    held = json.loads(run.stdout)
    assert held == {name: [most, most] for name, most in rendering.LIMITS.items()}
    assert all(hasattr(resource, name) for name in rendering.LIMITS)
