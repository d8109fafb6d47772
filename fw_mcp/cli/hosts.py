"""How each host is told about the server: its file, its notation, what an entry says.

The one source of `fw-mcp connect`, of README.md and of docs/hosts.md. No key is ever in it: where
a host can ask for one it does, and elsewhere a word stands in its place.
"""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from subprocess import list2cmdline
from types import MappingProxyType
from typing import Any

from fw_mcp.config import variable

NAME = "finerworks"
KEYS = MappingProxyType(
    {variable("web_api_key"): "YOUR_WEB_API_KEY", variable("app_key"): "YOUR_APP_KEY"}
)
TOKEN = "TOKEN"  # noqa: S105  what stands in place of one
TOKEN_VARIABLE = variable("http_token")
MACOS, WINDOWS, LINUX = "darwin", "win32", "linux"

Entry = dict[str, Any]


class Notation(StrEnum):
    """How a host's file is written; JSON with comments and without them."""

    JSON = "json"
    TOML = "toml"
    YAML = "yaml"


@dataclass(frozen=True, slots=True)
class Stdio:
    """A server that the host starts.

    Attributes:
        command: the program.
        args: its arguments.
        with_keys: whether it needs the account's keys.
    """

    command: str
    args: tuple[str, ...] = ()
    with_keys: bool = True


@dataclass(frozen=True, slots=True)
class Served:
    """A server that the host reaches over HTTP.

    Attributes:
        url: where it is.
        login: whether people log in; otherwise a token is sent.
        npx: the program that starts `mcp-remote`, for hosts that know stdio alone.
    """

    url: str
    login: bool = False
    npx: str = "npx"


Connection = Stdio | Served


@dataclass(frozen=True, slots=True, eq=False)
class Host:
    """One host.

    Attributes:
        name: as its maker spells it.
        word: as the command line spells it.
        files: its file on each system, below `{home}`, `{config}` or `{appdata}`.
        section: the key that its servers are under.
        entry: what is written about a server.
        notation: how its file is written.
        inputs: the values that it asks for itself, where it can.
        has_window: whether it is started without a terminal, and has another `PATH`.
        own_folder: the variable that names another folder for the file, with what is below that.
        pointer: the file in which it notes that folder; "" for none.
        instead: a folder on each system, as a pattern, that the file is in if that is there.
        command: a command of its own that does the same; "" for none.
        asks: how it gets keys or a token that its file does not hold, as a sentence.
        login: what a person types to log in; "" where it asks for that by itself.
        afterwards: what a person does next, as a sentence.
    """

    name: str
    word: str
    files: Mapping[str, str]
    section: str
    entry: Callable[[Connection], Entry]
    notation: Notation = Notation.JSON
    inputs: Callable[[Connection], list[Entry]] = field(default=lambda _: [])
    has_window: bool = True
    own_folder: str = ""
    pointer: str = ""
    instead: Mapping[str, str] = field(default_factory=dict)
    command: Callable[[Connection], str] = field(default=lambda _: "")
    asks: str = ""
    login: str = ""
    afterwards: str = "Restart the client."

    def document(self, connection: Connection) -> Entry:
        """A whole file that holds this server alone."""
        inputs = self.inputs(connection)
        servers = {self.section: {NAME: self.entry(connection)}}
        return {"inputs": inputs, **servers} if inputs else servers

    def snippet(self, connection: Connection) -> str:
        """The same as text, in the host's notation."""
        return WRITTEN[self.notation](self.document(connection))


def _everywhere(path: str) -> Mapping[str, str]:
    return MappingProxyType({MACOS: path, WINDOWS: path, LINUX: path})


def _application(path: str) -> Mapping[str, str]:
    macos = f"{{home}}/Library/Application Support/{path}"
    return MappingProxyType(
        {MACOS: macos, WINDOWS: f"{{appdata}}/{path}", LINUX: f"{{config}}/{path}"}
    )


def _started(one: Stdio, env: Mapping[str, str] = KEYS) -> Entry:
    started: Entry = {"command": one.command, "args": [*one.args]}
    return started | ({"env": dict(env)} if one.with_keys else {})


def _headers(one: Served, token: str = TOKEN) -> Entry:
    return {} if one.login else {"headers": {"Authorization": f"Bearer {token}"}}


def _cursor(one: Connection) -> Entry:
    return _started(one) if isinstance(one, Stdio) else {"url": one.url, **_headers(one)}


def _claude_desktop(one: Connection) -> Entry:
    if isinstance(one, Stdio):
        return _started(one)
    # A space in an argument is lost on Windows, so that the header's value is a variable.
    plain = ["--allow-http"] if one.url.startswith("http:") else []
    bridge: Entry = {"command": one.npx, "args": ["-y", "mcp-remote", one.url, *plain]}
    if one.login:
        return bridge
    bridge["args"] += ["--header", "Authorization:${AUTHORIZATION}"]
    return bridge | {"env": {"AUTHORIZATION": f"Bearer {TOKEN}"}}


def _claude_code(one: Connection) -> Entry:
    if isinstance(one, Stdio):
        return {"type": "stdio", **_started(one)}
    return {"type": "http", "url": one.url, **_headers(one)}


def _claude_code_command(one: Connection) -> str:
    if isinstance(one, Stdio):
        env = [word for pair in KEYS.items() for word in ("-e", "=".join(pair))]
        started = ["--", one.command, *one.args]
        return _typed([*_ADDED, NAME, "--scope", "user", *(env if one.with_keys else []), *started])
    header = "" if one.login else f' --header "Authorization: Bearer {TOKEN}"'
    return f"{_typed([*_ADDED, '--transport', 'http', '--scope', 'user', NAME, one.url])}{header}"


def _typed(words: list[str]) -> str:
    """The words as they are typed: on Windows, known by its paths, in no single quotes."""
    return list2cmdline(words) if any("\\" in word for word in words) else shlex.join(words)


_ADDED = ("claude", "mcp", "add")


def _vs_code(one: Connection) -> Entry:
    if isinstance(one, Stdio):
        return {"type": "stdio", **_started(one, {name: f"${{input:{name}}}" for name in KEYS})}
    token = f"${{input:{TOKEN_VARIABLE}}}"
    return {"type": "http", "url": one.url, **_headers(one, token)}


def _vs_code_inputs(one: Connection) -> list[Entry]:
    if isinstance(one, Stdio):
        names = [*KEYS] if one.with_keys else []
    else:
        names = [] if one.login else [TOKEN_VARIABLE]
    return [
        {"id": name, "type": "promptString", "description": name, "password": True}
        for name in names
    ]


def _codex(one: Connection) -> Entry:
    if isinstance(one, Stdio):
        # The first start after an installation takes longer than the 10 s that it waits.
        rows = {"startup_timeout_sec": 30, **_started(one)}
        return {name: value for name, value in rows.items() if value}
    return {"url": one.url, **({} if one.login else {"bearer_token_env_var": TOKEN_VARIABLE})}


def _gemini(one: Connection) -> Entry:
    if isinstance(one, Stdio):
        return _started(one)
    return {"url": one.url, "type": "http", **_headers(one)}


def _goose(one: Connection) -> Entry:
    # Some versions take no entry over HTTP without a description.
    known: Entry = {
        "enabled": True,
        "name": NAME,
        "description": "FinerWorks image library",
        "timeout": 300,
    }
    if isinstance(one, Stdio):
        started = {"type": "stdio", "cmd": one.command, "args": [*one.args]}
        return known | started | ({"env_keys": [*KEYS]} if one.with_keys else {})
    return known | {"type": "streamable_http", "uri": one.url, **_headers(one)}


def _copilot(one: Connection) -> Entry:
    if isinstance(one, Stdio):
        return {"type": "local", **_started(one), "tools": ["*"]}
    return {"type": "http", "url": one.url, "tools": ["*"], **_headers(one)}


HOSTS = (
    Host(
        "Claude Desktop",
        "claude-desktop",
        _application("Claude/claude_desktop_config.json"),
        "mcpServers",
        _claude_desktop,
        # A packaged program has folders of its own, and does not see what is written elsewhere.
        instead={WINDOWS: "{localappdata}/Packages/Claude_*/LocalCache/Roaming/Claude"},
    ),
    Host(
        "Claude Code",
        "claude-code",
        _everywhere("{home}/.claude.json"),
        "mcpServers",
        _claude_code,
        has_window=False,
        own_folder="CLAUDE_CONFIG_DIR",
        command=_claude_code_command,
        login="/mcp",
        afterwards="Start a new session; /mcp shows it.",
    ),
    Host(
        "VS Code",
        "vscode",
        _application("Code/User/mcp.json"),
        "servers",
        _vs_code,
        inputs=_vs_code_inputs,
        asks="VS Code asks for each secret when it starts the server, and keeps it. Its Copilot "
        "sessions get no server that asks: for them, use fw-mcp connect copilot.",
        afterwards="Start the server with MCP: List Servers.",
    ),
    Host("Cursor", "cursor", _everywhere("{home}/.cursor/mcp.json"), "mcpServers", _cursor),
    Host(
        "Codex",
        "codex",
        _everywhere("{home}/.codex/config.toml"),
        "mcp_servers",
        _codex,
        Notation.TOML,
        has_window=False,
        own_folder="CODEX_HOME",
        asks=f"Set {TOKEN_VARIABLE} to the token where Codex is started.",
        login=f"codex mcp login {NAME}",
        afterwards="Start a new session; /mcp shows it.",
    ),
    Host(
        "Gemini CLI",
        "gemini",
        _everywhere("{home}/.gemini/settings.json"),
        "mcpServers",
        _gemini,
        has_window=False,
        own_folder="GEMINI_CLI_HOME/.gemini",
        login=f"/mcp auth {NAME}",
        afterwards="Start a new session; /mcp shows it.",
    ),
    Host(
        "Windsurf (Devin Desktop)",
        "windsurf",
        _everywhere("{home}/.codeium/windsurf/mcp_config.json"),
        "mcpServers",
        _cursor,
        instead={
            MACOS: "{home}/.config/devin",
            WINDOWS: "{appdata}/devin",
            LINUX: "{home}/.config/devin",
        },
    ),
    Host(
        "LM Studio",
        "lm-studio",
        _everywhere("{home}/.lmstudio/mcp.json"),
        "mcpServers",
        _cursor,
        pointer="{home}/.lmstudio-home-pointer",
    ),
    Host(
        "Goose",
        "goose",
        MappingProxyType(
            {
                MACOS: "{home}/.config/goose/config.yaml",
                WINDOWS: "{appdata}/Block/goose/config/config.yaml",
                LINUX: "{config}/goose/config.yaml",
            }
        ),
        "extensions",
        _goose,
        Notation.YAML,
        own_folder="GOOSE_PATH_ROOT/config",
        asks="Enter the keys in Goose's settings for this extension, or set them as variables.",
    ),
    Host(
        "Copilot CLI",
        "copilot",
        _everywhere("{home}/.copilot/mcp-config.json"),
        "mcpServers",
        _copilot,
        has_window=False,
        own_folder="COPILOT_HOME",
        afterwards="Start a new session; /mcp show lists it.",
    ),
    Host(
        "Zed",
        "zed",
        MappingProxyType(
            {
                MACOS: "{home}/.config/zed/settings.json",
                WINDOWS: "{appdata}/Zed/settings.json",
                LINUX: "{config}/zed/settings.json",
            }
        ),
        "context_servers",
        _cursor,
    ),
)
BY_WORD = MappingProxyType({host.word: host for host in HOSTS})


def json_text(document: Entry) -> str:
    """A document as JSON, as such files are written by hand."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def toml_text(document: Entry) -> str:
    """A document of tables as TOML."""
    return "\n\n".join(_tables((), document))


def _tables(path: tuple[str, ...], table: Entry) -> list[str]:
    rows = [
        f"{name} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in table.items()
        if not isinstance(value, dict)
    ]
    own = ["\n".join([f"[{'.'.join(path)}]", *rows])] if rows else []
    inner = [
        part
        for name, value in table.items()
        if isinstance(value, dict)
        for part in _tables((*path, name), value)
    ]
    return own + inner


def yaml_text(document: Entry, indent: str = "") -> str:
    """A document of mappings as YAML, whose scalars and lists are written as JSON."""
    lines = []
    for name, value in document.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}:", yaml_text(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name}: {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines)


WRITTEN: Mapping[Notation, Callable[[Entry], str]] = MappingProxyType(
    {Notation.JSON: json_text, Notation.TOML: toml_text, Notation.YAML: yaml_text}
)
