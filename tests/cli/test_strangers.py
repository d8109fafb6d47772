"""It starts on machines, and with settings, that nobody here imagined."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio
import pytest

from fw_mcp.cli.main import main
from fw_mcp.cli.serve import look_after_journal_daily
from fw_mcp.store.sqlite import Database
from tests.support.kept import Kept
from tests.support.process import environment, fw_mcp, started
from tests.support.products import covering, first_of

ROOT = Path(__file__).parents[2]
NOBODY = 54321
IN_THE_IMAGE = 10001
KEYS = {"FINERWORKS_WEB_API_KEY": "0a1b2c3d-web", "FINERWORKS_APP_KEY": "0a1b2c3d-app"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "stranger", "version": "1"},
    },
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}
SEARCH = {
    "jsonrpc": "2.0",
    "id": 2,
    "method": "tools/call",
    "params": {"name": "search_images", "arguments": {"per_page": 1}},
}
SESSION = "".join(json.dumps(one) + "\n" for one in (HELLO, READY, SEARCH))


def said_by(stdout: str) -> str:
    """The text of the search's answer, in a session on stdout."""
    answers = {one["id"]: one for one in map(json.loads, stdout.splitlines())}
    return str(answers[2]["result"]["content"][0]["text"])


def open_to_all() -> str:
    """An interpreter of this version that a user without rights can run; "" for none."""
    own = Path(sys.executable).resolve()
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    candidates = [own, Path(f"/usr/bin/{version}"), Path(f"/usr/local/bin/{version}")]
    may = [one for one in candidates if one.exists() and _is_open(one.resolve().parent)]
    return str(may[0]) if may and _is_open(ROOT) and _is_open(Path(sys.prefix)) else ""


def _is_open(folder: Path) -> bool:
    return all(one.stat().st_mode & 0o001 for one in (folder, *folder.parents))


# CI as root sets STRANGER_TESTS=required, so that they cannot be left out unseen.
as_nobody = pytest.mark.skipif(
    os.environ.get("STRANGER_TESTS") != "required"
    and (sys.platform == "win32" or os.geteuid() != 0 or not open_to_all()),
    reason="needs root, and a Python that everybody may run, to be a user whom nobody knows",
)


def by_nobody(
    arguments: Sequence[str], env: Mapping[str, str], cwd: Path, *, group: int = NOBODY
) -> subprocess.CompletedProcess[str]:
    """Run a session as a user whom the system does not know, without HOME."""
    found = os.pathsep.join([str(ROOT), *(path for path in sys.path if "site-packages" in path)])
    kept = {name: value for name, value in environment().items() if name in {"PATH", "LANG"}}
    return subprocess.run(
        [open_to_all(), "-B", "-m", "fw_mcp", *arguments],
        env={**kept, "PYTHONPATH": found, **env},
        user=NOBODY,
        group=group,
        extra_groups=[],
        input=SESSION,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, unlike pytest's own."""
    folder = Path("/tmp") / f"fw-mcp-strangers-{os.getpid()}"  # noqa: S108  everybody must reach it
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "foreign").mkdir(mode=0o700)
    yield folder
    shutil.rmtree(folder)


@as_nobody
@pytest.mark.parametrize(
    ("arguments", "env", "answered", "warned"),
    first_of(
        ([], {}, "These keys are not set", "has no home folder"),
        (["--sandbox"], {}, "Images 1-1 of 248", ""),
        ([], {"HOME": "{folder}/foreign"}, "These keys are not set", ""),
        ([], {"HOME": "{folder}"}, "These keys are not set", ""),
        (["--sandbox", "--store", "{folder}/foreign/s"], {}, "Images 1-1 of 248", ""),
        (["--sandbox-file", "{folder}/foreign/s"], {}, "cannot be read", ""),
        (["--sandbox-file", "{folder}/s"], {}, "cannot be written", ""),
        first=2,
    ),
)
def test_a_user_without_a_home_or_rights_is_served(
    arguments: list[str], env: dict[str, str], answered: str, warned: str, open_folder: Path
) -> None:
    """Containers give any user id; a home may be nobody's, another's, or read-only."""
    done = by_nobody(
        [one.format(folder=open_folder) for one in arguments],
        {name: value.format(folder=open_folder) for name, value in env.items()},
        open_folder,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert answered in said_by(done.stdout)
    assert warned in done.stderr


@as_nobody
@pytest.mark.parametrize(
    ("command", "home"),
    covering(["doctor", "plans", "changes", "reconcile"], ["", "{folder}/foreign", "{folder}"]),
)
def test_a_command_without_a_home_says_so_in_a_sentence(
    command: str, home: str, open_folder: Path
) -> None:
    """And names the option that helps."""
    env = {"HOME": home.format(folder=open_folder)} if home else {}
    done = by_nobody([command], env, open_folder)
    assert done.returncode in {1, 3}
    assert "--store FILE" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@as_nobody
def test_a_state_folder_is_used_without_a_home(open_folder: Path) -> None:
    """What says where needs no home."""
    state = open_folder / "state"
    state.mkdir(mode=0o777)
    state.chmod(0o777)
    done = by_nobody(["plans"], {"XDG_STATE_HOME": str(state)}, open_folder)
    assert (done.returncode, done.stdout) == (0, "No pending plans.\n")
    assert (state / "fw-mcp" / "store.sqlite3").exists()


@as_nobody
@pytest.mark.parametrize(
    ("group", "code", "said"),
    first_of((0, 0, "No pending plans."), (NOBODY, 1, "volume/store.sqlite3 (")),
)
def test_the_volume_of_the_image_is_open_to_any_user_of_group_0(
    group: int, code: int, said: str, open_folder: Path
) -> None:
    """`docker run --user 1000:0`, OpenShift: the folder as the Dockerfile makes it."""
    volume = open_folder / "volume"
    volume.mkdir()
    os.chown(volume, IN_THE_IMAGE, 0)
    volume.chmod(0o770)
    env = {"FW_MCP_STORE": str(volume / "store.sqlite3")}
    done = by_nobody(["plans"], env, open_folder, group=group)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False)
    assert said in done.stdout + done.stderr


@as_nobody
def test_a_store_whose_rights_stay_as_they_are_is_used_and_told(open_folder: Path) -> None:
    """It is another's, and this user may write to it: a volume that somebody else filled."""
    store = open_folder / "store.sqlite3"
    anyio.run(Database(store).run, lambda _: None)
    open_folder.chmod(0o777)
    store.chmod(0o666)
    done = by_nobody(["plans", "--store", str(store)], {}, open_folder)
    assert (done.returncode, done.stdout) == (0, "No pending plans.\n")
    assert (
        f"Others may read {store}, and that could not be changed (PermissionError)." in done.stderr
    )
    assert store.stat().st_mode & 0o777 == 0o666


def test_nothing_about_the_journal_ends_serving(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    """The look at it fails in a way that nobody foresaw; it is told, and tried again."""
    kept.write()
    assembly = kept.assembly()
    looked = 0

    async def slept(_: float) -> None:
        nonlocal looked
        looked += 1
        if looked == 2:
            raise TimeoutError

    class UnforeseenError(RuntimeError):
        """No error of ours."""

    class Broken:
        @property
        def journal(self) -> None:
            raise UnforeseenError

    object.__setattr__(assembly.parts, "writes", Broken())
    kept.path.touch()
    with pytest.raises(TimeoutError):
        anyio.run(partial(look_after_journal_daily, assembly, slept))
    assert caplog.text.count("The journal could not be checked: UnforeseenError") == 2


def test_a_folder_that_is_away_is_left_out_and_told(tmp_path: Path) -> None:
    """A drive that is not plugged in; searching needs no folder at all."""
    folders = os.pathsep.join([str(tmp_path), str(tmp_path / "unplugged")])
    done = fw_mcp(
        ["--sandbox", "--file-folders", folders], text=SESSION, env={"FW_MCP_LOG_LEVEL": "warning"}
    )
    assert done.returncode == 0
    assert "Images 1-1 of 248" in said_by(done.stdout)
    assert f'--file-folders (FW_MCP_FILE_FOLDERS) names "{tmp_path}/unplugged"' in done.stderr
    assert done.stderr.count("does not exist") == 1


@pytest.mark.parametrize(
    ("env", "said"),
    first_of(
        ({"HTTPS_PROXY": "http://proxy:PORT"}, "The proxy that HTTPS_PROXY names cannot be used"),
        ({"https_proxy": "gopher://x"}, "The proxy that https_proxy names cannot be used"),
        ({"ALL_PROXY": "socks5://127.0.0.1:9"}, "The proxy that ALL_PROXY names cannot be used"),
        ({"HTTPS_PROXY": "127.0.0.1:99999"}, "The proxy that HTTPS_PROXY names cannot be used"),
        ({"HTTPS_PROXY": f"http://{'a' * 64}.example"}, "The proxy that HTTPS_PROXY names cannot"),
        ({"HTTPS_PROXY": "http://[::1"}, "The proxy that HTTPS_PROXY names cannot be used"),
        (
            {
                "NO_PROXY": "localhost,::1/128,[::1],fd00::/8,bücher.example",
                "HTTPS_PROXY": "127.0.0.1:9",
            },
            "the proxy of HTTPS_PROXY refused the connection",
        ),
    ),
)
def test_a_proxy_variable_never_ends_in_a_traceback(
    env: dict[str, str], said: str, tmp_path: Path
) -> None:
    """What other programs understand in them is not what one library does."""
    done = fw_mcp(
        ["export", str(tmp_path / "x.csv")],
        env={"XDG_STATE_HOME": str(tmp_path), **KEYS, **env},
    )
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode in {2, 4}


@pytest.mark.parametrize(
    ("command", "encoding"),
    covering(
        {name: [name] for name in ("plans", "changes", "doctor", "export")},
        ["ascii", "cp1252", "latin-1"],
    ),
)
def test_a_command_writes_to_a_terminal_of_any_encoding(
    command: list[str], encoding: str, tmp_path: Path
) -> None:
    """Letters that it lacks are escaped."""
    env = {"PYTHONIOENCODING": encoding, "XDG_STATE_HOME": str(tmp_path / "état")}
    done = fw_mcp([*command, "--sandbox"], env=env)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX pipe")
@pytest.mark.parametrize("arguments", first_of(["--sandbox"], ["doctor", "--sandbox"]))
def test_a_host_that_never_reads_stderr_is_served(arguments: list[str]) -> None:
    """Its pipe is full from the first line on."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while os.write(writer, bytes(65_536)):
            pass
    os.set_blocking(writer, True)
    done = subprocess.run(
        [sys.executable, "-m", "fw_mcp", *arguments, "--log-level", "debug"],
        env=environment(),
        input=SESSION,
        stdout=subprocess.PIPE,
        stderr=writer,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(reader)
    os.close(writer)
    assert done.returncode == 0
    assert "Images 1-1 of 248" in done.stdout or "no unfinished writes" in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device without room")
def test_a_log_without_room_does_not_change_the_exit_code() -> None:
    """`fw-mcp doctor 2>log` on a full disk."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "fw_mcp", "plans", "--sandbox", "--log-level", "debug"],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=full,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0
    assert done.stdout.startswith("No pending plans.")


def test_a_store_in_memory_makes_no_file(tmp_path: Path) -> None:
    """`:memory:` means the same for the store as for the sandbox."""
    done = fw_mcp(["plans", "--sandbox", "--store", ":memory:"], cwd=tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (0, [])


def test_nothing_is_kept_where_a_relative_state_folder_says(tmp_path: Path) -> None:
    """The XDG rule: a relative path is ignored."""
    env = {"XDG_STATE_HOME": "state", "HOME": str(tmp_path / "home")}
    done = fw_mcp(["plans"], env=env, cwd=tmp_path)
    assert (done.returncode, [one.name for one in tmp_path.iterdir()]) == (0, ["home"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_sandbox_file_that_is_none_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipe would block whoever looks into it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert main(["export", f"--sandbox-file={pipe}", f"--store={tmp_path / 's'}"]) == 2
    assert f'The sandbox file "{pipe}" is not a regular file.' in capsys.readouterr().err


def test_a_sandbox_file_that_cannot_be_used_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not as a failure of FinerWorks."""
    file = tmp_path / "none" / "studio.db"
    assert main(["export", f"--sandbox-file={file}", f"--store={tmp_path / 's'}"]) == 2
    assert f'The sandbox file "{file}" is not in an existing folder.' in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX terminal")
def test_a_person_who_types_the_command_is_told_that_it_waits() -> None:
    """One line on stderr; nothing on stdout, which is the protocol's."""
    import pty  # noqa: PLC0415  not on every system

    ours, theirs = pty.openpty()
    with started(["--sandbox"], stdin=theirs, text=True) as process:
        os.close(theirs)
        assert process.stderr is not None
        said = process.stderr.readline()
        os.write(ours, b"\x04")
        output, _ = process.communicate(timeout=60)
    os.close(ours)
    assert "fw-mcp demo, fw-mcp doctor or fw-mcp --help" in said
    assert output == ""


def test_a_host_is_told_nothing_of_the_kind() -> None:
    """It starts the command with a pipe."""
    done = fw_mcp(["--sandbox"], text=SESSION, env={"FW_MCP_LOG_LEVEL": "warning"})
    assert (done.returncode, done.stderr) == (0, "")
