"""`fw-mcp connect`: what it shows and writes for each host, and what it leaves alone."""

import json
import os
import stat
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml  # type: ignore[import-untyped]
from mcp import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client

from fw_mcp.assembly import assemble
from fw_mcp.cli.commands import HOST_WORDS
from fw_mcp.cli.connect import System, connect, installed_from
from fw_mcp.cli.host_files import Unplaced, placed
from fw_mcp.cli.hosts import BY_WORD, HOSTS, Host, Notation, Served, Stdio
from fw_mcp.config import load_settings, option
from fw_mcp.errors import ConfigError
from tests.support.hosts import DOCS
from tests.support.process import environment
from tests.support.products import exhaustive

SANDBOX = Stdio("fw-mcp", ("--sandbox",), with_keys=False)
CONNECTIONS = (
    SANDBOX,
    Stdio("C:\\Programs and more\\fw-mcp.exe"),
    Served("https://fw.example.com/mcp"),
    Served("https://fw.example.com/mcp", login=True),
)
READ: dict[Notation, Callable[[str], Any]] = {
    Notation.JSON: json.loads,
    Notation.TOML: tomllib.loads,
    Notation.YAML: yaml.safe_load,
}
VS_CODE, CURSOR, CODEX, GOOSE, ZED = (
    BY_WORD[word] for word in ("vscode", "cursor", "codex", "goose", "zed")
)
COMMENTED = """\
// Settings, by hand
{
  /* "context_servers": {} is // not this one */
  "theme": "One { Dark", // "context_servers"
  "context_servers": {
    "other": {"command": "x", "env": {"KEY": "of-another-server"}}, // stays
  },
}
"""
Run = Callable[..., None]


@pytest.fixture
def system(tmp_path: Path) -> System:
    """A Linux of its own, without any file of a host."""
    return System("linux", {"HOME": str(tmp_path), "PATH": ""}, str(tmp_path / "bin" / "python"))


@pytest.fixture
def run(system: System) -> Run:
    """The command on that system."""
    usual: dict[str, object] = {"url": None, "login": False, "write": False}

    def run(host: str, settings: dict[str, object] | None = None, **own: object) -> None:
        assembly = assemble(load_settings(settings or {}), {})
        assert connect(assembly, usual | {"host": host} | own, system) == 0

    return run


def written(host: Host, connection: Stdio | Served, text: str = "") -> str:
    """What the host's file says afterwards."""
    return placed(text, host, host.document(connection))


def test_every_host_has_its_word() -> None:
    """The command line knows them without reading how each is told."""
    assert [host.word for host in HOSTS] == [*HOST_WORDS]
    assert len(HOSTS) == 11


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.word)
def test_each_host_reads_back_what_was_written_for_it(host: Host) -> None:
    """By its notation's own parser, whatever the manner, in a file that was not there."""
    for connection in CONNECTIONS:
        text = written(host, connection)
        assert READ[host.notation](text) == host.document(connection)
        with pytest.raises(Unplaced, match="already has a server named finerworks"):
            written(host, SANDBOX, text)


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.word)
def test_a_file_that_is_not_there_is_made(host: Host, run: Run, system: System) -> None:
    """With its folders, for its owner alone: keys will be in it."""
    run(host.word, {"sandbox": "true", "read_only": True}, write=True)
    file = system.file_of(host)
    entry = READ[host.notation](file.read_text(encoding="utf-8"))[host.section]["finerworks"]
    assert entry["args"][-2:] == ["--sandbox", "--read-only"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_a_server_that_is_there_is_not_written_over(run: Run, system: System) -> None:
    """It may hold keys; they are neither lost nor shown."""
    run("codex", {"sandbox": "true"}, write=True)
    before = system.file_of(CODEX).read_bytes()
    with pytest.raises(ConfigError, match=r"server named finerworks\. It was not changed"):
        run("codex", write=True)
    assert system.file_of(CODEX).read_bytes() == before


def test_claude_desktop_reaches_a_url_by_a_bridge_that_is_told_of_plain_http() -> None:
    """It takes https alone unless asked."""
    desktop = BY_WORD["claude-desktop"]
    for url, more in (("https://fw.example.com/mcp", []), ("http://fw:8000/mcp", ["--allow-http"])):
        entry = desktop.entry(Served(url, login=True))
        assert entry == {"command": "npx", "args": ["-y", "mcp-remote", url, *more]}


def test_a_command_of_windows_is_quoted_as_its_terminals_read_it() -> None:
    """There a single quote is a part of the word."""
    program = "C:\\Users\\Jo O'Neil\\fw-mcp.exe"
    shown = BY_WORD["claude-code"].command(Stdio(program, ("--sandbox",), with_keys=False))
    assert shown == f'claude mcp add finerworks --scope user -- "{program}" --sandbox'


@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.word)
def test_no_key_or_token_of_the_environment_is_shown_or_written(
    host: Host, system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of a host is copied, synchronized and shown; a word takes the key's place."""
    names = ("web_api_key", "app_key", "http_token")
    assembly = assemble(load_settings({name: f"kept-secret-{name}" for name in names}), {})
    for url in (None, "https://fw.example.com/mcp"):
        for write in (False, True):
            own = {"host": host.word, "url": url, "login": False, "write": write}
            connect(assembly, own, system)
        assert "kept" not in system.file_of(host).read_text(encoding="utf-8")
        system.file_of(host).unlink()
    assert "kept" not in "".join(capsys.readouterr())


def test_the_address_of_a_database_is_refused(run: Run) -> None:
    """It may hold a password, wherever the settings have it from."""
    settings: dict[str, object] = {"store": "postgresql://fw@db.example/fw"}
    with pytest.raises(ConfigError, match="What --store names is not written"):
        run("cursor", settings)


def test_comments_and_other_servers_stay_as_they_are() -> None:
    """All of the former text is there, in order, around one new part."""
    for text in (COMMENTED, COMMENTED.replace("\n", "\r\n"), "\ufeff" + COMMENTED):
        after = written(ZED, SANDBOX, text)
        at = after.index('"finerworks"')
        head = text.index('"context_servers": {\r') if "\r" in text else None
        cut = (head or text.index('"context_servers": {\n')) + len('"context_servers": {')
        assert after.startswith(text[:cut])
        assert after.endswith(text[cut:])
        assert at > cut
        assert ("\r\n" in after) == ("\r\n" in text)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"servers": {}}',
        '{"inputs": []}',
        '{\n  "servers": {\n    "a": {"url": "x"}\n  },\n  "inputs": [{"id": "a"}]\n}',
        '{"inputs": [{"id": "FINERWORKS_APP_KEY"}], "x": 1,}',
    ],
)
def test_what_vs_code_asks_for_is_added_to_what_it_asked_before(text: str) -> None:
    """Once, whatever the file held."""
    before = json.loads(text.replace(",}", "}"))
    after = json.loads(written(VS_CODE, Stdio("fw-mcp"), text).replace(",}", "}"))
    assert {**after["servers"], "finerworks": {}} == {
        **before.get("servers", {}),
        "finerworks": {},
    }
    ids = [one["id"] for one in after["inputs"]]
    assert len(ids) == len(set(ids))
    assert {*ids} == {"FINERWORKS_WEB_API_KEY", "FINERWORKS_APP_KEY"} | {
        one["id"] for one in before.get("inputs", [])
    }


@pytest.mark.parametrize(
    ("host", "text"),
    [
        (CODEX, '# mine\nmodel = "m" # why\n\n[mcp_servers.other]\ncommand = "x"'),
        (CODEX, "[mcp_servers]\n"),
        (
            GOOSE,
            "# mine\nMODE: auto\nextensions:\n    # the first\n    other:\n        a: 1\n",
        ),
        (GOOSE, "extensions: {}\nGOOSE_MODE: auto\n"),
        (GOOSE, "extensions: {} # mine\n"),
        (GOOSE, "extensions:\nGOOSE_MODE: auto\n"),
        (GOOSE, "GOOSE_MODE: auto"),
    ],
)
def test_toml_and_yaml_keep_what_they_held(host: Host, text: str) -> None:
    """By their own parsers; and each former line, comments included."""
    before, after = READ[host.notation](text), written(host, SANDBOX, text)
    servers = {**(before.get(host.section) or {}), **host.document(SANDBOX)[host.section]}
    assert READ[host.notation](after) == {**before, host.section: servers}
    lines = after.splitlines()
    missing = [one for one in text.splitlines() if one not in lines]
    assert [one for one in missing if not one.startswith("extensions: {}")] == []
    assert after.count("#") == text.count("#")


@pytest.mark.parametrize(
    ("host", "text"),
    [
        (CURSOR, "{"),
        (CURSOR, "[]"),
        (CURSOR, '{"mcpServers": []}'),
        (CURSOR, '{"mcpServers": {}, "mcpServers": {}}'),
        (CURSOR, '{"mcpServers": {}} {}'),
        (CURSOR, "{\r\n}\n"),
        (CURSOR, "{'mcpServers': {}}"),
        (CURSOR, "[" * 2_000),
        (VS_CODE, '{"inputs": {}}'),
        (CODEX, "mcp_servers = {}"),
        (CODEX, "mcp_servers = 1"),
        (CODEX, "not toml"),
        (GOOSE, "extensions: {other: {}}"),
        (GOOSE, "extensions:\n  - other\n"),
        (GOOSE, "extensions: &all\n  other: 1\n"),
        (GOOSE, "{extensions: {}}"),
        (GOOSE, "a: 1\n---\nextensions:\n"),
        (GOOSE, '"extensions":\n  other: 1\n'),
        (GOOSE, "extensions:\n\tother: 1\n"),
    ],
)
def test_what_cannot_be_read_with_certainty_is_left_alone(
    host: Host, text: str, run: Run, system: System
) -> None:
    """It says so, and where the entry can be seen; not one byte changes, and no copy is made."""
    file = system.file_of(host)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode())
    with pytest.raises(ConfigError, match=f"fw-mcp connect {host.word} shows it"):
        run(host.word, {"sandbox": "true"}, write=True)
    assert file.read_bytes() == text.encode()
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_a_write_that_fails_leaves_the_file_and_nothing_beside_it(run: Run, system: System) -> None:
    """A folder whose name is no text cannot be written, as nothing can on a full disk."""
    file = system.file_of(CURSOR)
    file.parent.mkdir()
    file.write_bytes(b"{}")
    with pytest.raises(ConfigError, match=r"mcp\.json\" cannot be written\. It was not changed"):
        run("cursor", {"sandbox": "true", "file_folders": "/pictures/caf\udce9"}, write=True)
    assert file.read_bytes() == b"{}"
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_a_link_that_leads_nowhere_but_to_itself_is_left_alone(run: Run, system: System) -> None:
    """It is a file that cannot be read, not a fault of the command."""
    file = system.file_of(CURSOR)
    file.parent.mkdir()
    file.symlink_to(file)
    with pytest.raises(ConfigError, match=r"cannot be read\. It was not changed"):
        run("cursor", {"sandbox": "true"}, write=True)
    assert file.is_symlink()


@pytest.mark.parametrize("text", [None, "{}"])
def test_where_nothing_can_be_written_nothing_is_left(
    text: str | None, run: Run, system: System
) -> None:
    """A disk without room, a folder of somebody else: the file is named, not one beside it."""
    file = system.file_of(CURSOR)
    in_the_way = file.with_name(f"{file.name}.{os.getpid()}.new")
    in_the_way.mkdir(parents=True)
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mcp\.json\" cannot be written\. It was not changed"):
        run("cursor", {"sandbox": "true"}, write=True)
    assert {*file.parent.iterdir()} == {in_the_way} | ({file} if text is not None else set())


def test_the_difference_is_shown_without_the_keys_of_other_servers_and_a_copy_is_kept(
    run: Run, system: System, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The file may be a link to where a person keeps such files; its mode stays."""
    kept = tmp_path / "dotfiles.json"
    kept.write_text(COMMENTED, encoding="utf-8")
    kept.chmod(0o640)
    file = system.file_of(ZED)
    file.parent.mkdir(parents=True)
    file.symlink_to(kept)
    run("zed", {"sandbox": "true"}, write=True)
    shown = capsys.readouterr().out.splitlines()
    assert "of-another-server" not in "\n".join(shown)
    added = [line.removeprefix("+") for line in shown if line.startswith("+ ")]
    assert '"finerworks": {' in added[0]
    assert file.is_symlink()
    assert set(added) <= set(kept.read_text(encoding="utf-8").splitlines())
    copy = tmp_path / "dotfiles.json.before-finerworks"
    assert copy.read_text(encoding="utf-8") == COMMENTED
    assert stat.S_IMODE(kept.stat().st_mode) == stat.S_IMODE(copy.stat().st_mode) == 0o640
    kept.write_text(COMMENTED, encoding="utf-8")
    run("zed", {"sandbox": "true"}, write=True)
    assert (tmp_path / "dotfiles.json.before-finerworks2").exists()


@pytest.mark.parametrize(
    ("host", "text"),
    [
        (CURSOR, '{"mcpServers":{"a":{"env":{"K":"of \\"a-n-o-t-h-e-r"}}}}'),
        (CURSOR, '{"a": "of-a-n-o-t-h-e-r"}\n'),
        (ZED, '{"context_servers": {"a": {"env": {"K": "of-a-n-o-t-h-e-r"}}}, // a-n-o-t-h-e-r\n}'),
        (VS_CODE, '{"servers":{"a":{"env":{"K":"of-a-n-o-t-h-e-r"}}},"inputs":[{"id":"a"}]}'),
    ],
)
def test_a_line_that_is_broken_up_is_shown_without_the_keys_in_it(
    host: Host, text: str, run: Run, system: System, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file on one line is all of it one line that differs; the new lines are shown whole."""
    file = system.file_of(host)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    run(host.word, write=True)
    shown = capsys.readouterr().out
    assert "a-n-o-t-h-e-r" not in shown
    assert "a-n-o-t-h-e-r" in file.read_text(encoding="utf-8")
    assert '+    "finerworks": {' in shown.splitlines()


def test_a_host_with_windows_gets_the_absolute_path_and_a_terminal_the_name(tmp_path: Path) -> None:
    """Whether the bare name is found depends on the PATH that the host was started with."""
    program = tmp_path / "bin" / "fw-mcp"
    program.parent.mkdir()
    program.touch(mode=0o755)
    environ = {"HOME": str(tmp_path), "PATH": str(program.parent)}
    python = str(program.with_name("python"))
    for platform in ("linux", "darwin"):
        system = System(platform, environ, python)
        assert system.command_for(CURSOR) == (str(program),)
        assert system.command_for(CODEX) == ("fw-mcp",)
    active = System("linux", {**environ, "VIRTUAL_ENV": str(tmp_path)}, python)
    assert active.command_for(CODEX) == (str(program),)
    alone = System("linux", environ, str(tmp_path / "python"))
    assert alone.command_for(CODEX) == (str(tmp_path / "python"), "-m", "fw_mcp")


def test_what_uvx_runs_is_started_by_uvx_again(tmp_path: Path) -> None:
    """Its environment is in a cache, which is cleared."""
    uvx = tmp_path / "uvx"
    uvx.touch(mode=0o755)
    environ = {"UV": str(tmp_path / "uv"), "PATH": str(tmp_path), "HOME": str(tmp_path)}
    system = System("linux", environ, "/~/.cache/uv/archive-v0/Yx1/bin/python")
    assert system.command_for(CURSOR) == (str(uvx), "fw-mcp")
    assert system.command_for(CODEX) == ("uvx", "fw-mcp")


def test_what_uvx_runs_from_a_clone_is_started_from_it_again(tmp_path: Path) -> None:
    """The package index may have another version, or none."""
    python = "/~/.cache/uv/archive-v0/Yx1/bin/python"
    environ = {"UV": "/opt/uv", "PATH": "", "HOME": str(tmp_path)}
    system = System("linux", environ, python, "/home/you/fw-mcp")
    assert system.command_for(CODEX) == ("/opt/uvx", "--from", "/home/you/fw-mcp", "fw-mcp")


def test_where_a_package_came_from_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As installers write it down: a folder, a file, a repository, an address; or an index."""
    monkeypatch.syspath_prepend(tmp_path)
    git = {"vcs": "git", "commit_id": "0123abc"}
    told = {
        "folder": {"url": "file:///home/you/fw%20mcp", "dir_info": {}},
        "repository": {"url": "https://example.com/fw-mcp", "vcs_info": git},
        "wheel": {"url": "https://example.com/fw.whl", "archive_info": {}},
        "index": None,
    }
    for name, one in told.items():
        folder = tmp_path / f"{name}-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Name: {name}\n", encoding="utf-8")
        if one is not None:
            (folder / "direct_url.json").write_text(json.dumps(one), encoding="utf-8")
    assert {name: installed_from(name) for name in (*told, "not-there")} == {
        "folder": "/home/you/fw mcp",
        "repository": "git+https://example.com/fw-mcp@0123abc",
        "wheel": "https://example.com/fw.whl",
        "index": "",
        "not-there": "",
    }


def test_each_system_has_its_own_folders() -> None:
    """Paths of Windows and macOS, by their own variables."""
    windows = System("win32", {"APPDATA": "A", "USERPROFILE": "U", "HOME": "no"}, "python.exe")
    macos = System("darwin", {"HOME": "H"}, "python")
    linux = System("linux", {"HOME": "H", "XDG_CONFIG_HOME": "X", "CODEX_HOME": "C"}, "python")
    desktop = BY_WORD["claude-desktop"]
    found = [
        one.file_of(host).as_posix() for host in (desktop, GOOSE) for one in (windows, macos, linux)
    ]
    assert found == [
        "A/Claude/claude_desktop_config.json",
        "H/Library/Application Support/Claude/claude_desktop_config.json",
        "X/Claude/claude_desktop_config.json",
        "A/Block/goose/config/config.yaml",
        "H/.config/goose/config.yaml",
        "X/goose/config.yaml",
    ]
    assert windows.file_of(CURSOR).as_posix() == "U/.cursor/mcp.json"
    assert linux.file_of(CODEX).as_posix() == "C/config.toml"


@pytest.mark.parametrize(
    ("word", "variable", "file"),
    [
        ("claude-code", "CLAUDE_CONFIG_DIR", ".claude.json"),
        ("codex", "CODEX_HOME", "config.toml"),
        ("copilot", "COPILOT_HOME", "mcp-config.json"),
        ("gemini", "GEMINI_CLI_HOME", ".gemini/settings.json"),
        ("goose", "GOOSE_PATH_ROOT", "config/config.yaml"),
    ],
)
def test_a_folder_that_the_hosts_own_variable_names_comes_first(
    word: str, variable: str, file: str, tmp_path: Path
) -> None:
    """As it was tried with the clients themselves, or as they document it."""
    own = System("linux", {"HOME": "H", variable: str(tmp_path)}, "python")
    assert own.file_of(BY_WORD[word]) == tmp_path / file
    usual = System("linux", {"HOME": "H", variable: ""}, "python")
    assert usual.file_of(BY_WORD[word]).is_relative_to("H")
    assert f"`{variable}`" in DOCS.read_text(encoding="utf-8")


def test_a_host_that_keeps_its_file_elsewhere_since_is_found_by_its_folder(tmp_path: Path) -> None:
    """What is written to the former place would not be read, and nobody told."""
    home = tmp_path / "o'a [1]"
    environ = {"HOME": str(home), "USERPROFILE": str(home)}
    roaming, local = home / "AppData/Roaming", home / "AppData/Local"
    packaged = local / "Packages/Claude_abc123/LocalCache/Roaming/Claude"
    windsurf = "mcp_config.json"
    for platform, word, before, folder in (
        ("win32", "claude-desktop", roaming / "Claude/claude_desktop_config.json", packaged),
        ("win32", "windsurf", home / ".codeium/windsurf" / windsurf, roaming / "devin"),
        ("darwin", "windsurf", home / ".codeium/windsurf" / windsurf, home / ".config/devin"),
    ):
        system, host = System(platform, environ, "python"), BY_WORD[word]
        assert system.file_of(host) == before
        folder.mkdir(parents=True)
        assert system.file_of(host) == folder / before.name
    studio = BY_WORD["lm-studio"]
    assert system.file_of(studio) == home / ".lmstudio/mcp.json"
    (home / ".lmstudio-home-pointer").write_text(f"{tmp_path}\n", encoding="utf-8")
    assert system.file_of(studio) == tmp_path / "mcp.json"


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ({"url": "fw.example.com"}, "is not the URL of a server"),
        ({"url": "https://user:secret@fw.example.com"}, "is not the URL of a server"),
        ({"login": True}, "--login is for a server over HTTP"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, own: dict[str, object], says: str) -> None:
    """Before a file is read."""
    with pytest.raises(ConfigError, match=says):
        run("cursor", own.get("settings"), **own)


@pytest.mark.parametrize(
    ("host", "own", "says"),
    [
        ("goose", {}, "Enter the keys in Goose's settings"),
        ("goose", {"settings": {"sandbox": "true"}}, ""),
        ("goose", {"url": "https://fw.example.com/mcp"}, "Replace TOKEN with"),
        ("vscode", {}, "VS Code asks for each secret when it starts the server, and keeps it. Its"),
        ("vscode", {"url": "https://fw.example.com/mcp"}, "VS Code asks for each secret"),
        ("vscode", {"url": "https://fw.example.com/mcp", "login": True}, ""),
        (
            "codex",
            {"url": "https://fw.example.com/mcp", "login": True},
            "To log in: codex mcp login finerworks.",
        ),
        ("codex", {}, "Replace YOUR_WEB_API_KEY and YOUR_APP_KEY with"),
        ("codex", {"url": "https://fw.example.com/mcp"}, "Set FW_MCP_HTTP_TOKEN"),
    ],
)
def test_a_person_is_told_where_what_is_secret_goes(
    run: Run, capsys: pytest.CaptureFixture[str], host: str, own: dict[str, Any], says: str
) -> None:
    """And nothing of it where there is nothing secret."""
    run(host, **own)
    (line,) = [one for one in capsys.readouterr().err.splitlines() if "With --write" in one]
    assert line.removeprefix("With --write, fw-mcp puts it there.").strip().startswith(says)
    assert bool(says) == (line != "With --write, fw-mcp puts it there.")


@pytest.mark.parametrize(
    ("url", "settings", "says"),
    [
        ("https://fw.example.com/mcp", {"read_only": True, "sandbox": "true"}, "of its own"),
        (None, {"http": "127.0.0.1:8000"}, "over stdio"),
        (None, {"read_only": True, "sandbox": "true"}, ""),
        ("https://fw.example.com/mcp", {"http_token": "kept-secret-http_token"}, ""),
    ],
)
def test_a_setting_that_does_not_reach_the_server_is_named(
    run: Run,
    capsys: pytest.CaptureFixture[str],
    url: str | None,
    settings: dict[str, object],
    says: str,
) -> None:
    """--read-only beside a URL restricts nothing."""
    run("cursor", settings, url=url)
    told = capsys.readouterr().err
    assert ("Not in it:" in told) == bool(says)
    assert says in told
    assert all(option(name) in told for name in settings) or not says


@exhaustive
@pytest.mark.anyio
async def test_what_was_written_starts_the_server(tmp_path: Path) -> None:
    """By the command and the arguments of the file, as a host does it."""
    here = System("linux", {"HOME": str(tmp_path), "PATH": ""}, sys.executable)
    own = {"host": "cursor", "url": None, "login": False, "write": True}
    connect(assemble(load_settings({"sandbox": "true"}), {}), own, here)
    entry = json.loads(here.file_of(CURSOR).read_text(encoding="utf-8"))["mcpServers"]["finerworks"]
    server = StdioServerParameters(**entry, env=environment())
    with anyio.fail_after(60):
        async with stdio_client(server) as streams, ClientSession(*streams) as session:
            await session.initialize()
            assert len((await session.list_tools()).tools) == 10
