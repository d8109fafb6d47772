"""docs/hosts.md with the notation of each host over HTTP as it should be."""

import json
from pathlib import Path

from fw_mcp.cli.hosts import BY_WORD, HOSTS, NAME, Notation, Served

DOCS = Path(__file__).parents[2] / "docs" / "hosts.md"
WITH_TOKEN = Served("URL")
LOGGING_IN = Served("URL", login=True)
_CLIENT = "CLIENT_ID"
_SERVED = {"type": "http", "url": "URL"}


def wants(word: str, connection: Served) -> str:
    """What one host wants, in a cell of a table."""
    host = BY_WORD[word]
    command = host.command(connection)
    if command:
        return f"`{command}`"
    entry = host.entry(connection)
    if host.notation is not Notation.TOML:
        return f"`{json.dumps(entry)}`"
    rows = " and ".join(f"`{name} = {json.dumps(value)}`" for name, value in entry.items())
    return f"{rows} in `[{host.section}.{NAME}]`"


WITH_HEADER = {
    **{host.name: wants(host.word, WITH_TOKEN) for host in HOSTS},
    "opencode": f"`{json.dumps({**BY_WORD['cursor'].entry(WITH_TOKEN), 'type': 'remote'})}`",
    "any stdio client": '`npx mcp-remote URL --header "Authorization: Bearer TOKEN"`',
}
WITH_LOGIN = {
    "Claude": ("Settings → Connectors → Add custom connector: `URL`", "in the same form"),
    "Claude Code": (
        f"{wants('claude-code', LOGGING_IN)}, then `{BY_WORD['claude-code'].login}`",
        f"`{json.dumps({**_SERVED, 'oauth': {'clientId': _CLIENT, 'callbackPort': 8080}})}`",
    ),
    "VS Code": (
        wants("vscode", LOGGING_IN),
        f"`{json.dumps({**_SERVED, 'oauth': {'clientId': _CLIENT}})}`",
    ),
    "ChatGPT": ("a connector with `URL`", "in the same form"),
    "Cursor": (wants("cursor", LOGGING_IN), "-"),
    "Codex": (f"{wants('codex', LOGGING_IN)}, then `{BY_WORD['codex'].login}`", "-"),
    "Gemini CLI": (f"{wants('gemini', LOGGING_IN)}, then `{BY_WORD['gemini'].login}`", "-"),
    "any stdio client": ("`npx mcp-remote URL`", "-"),
}


def with_header() -> str:
    """One row a host: the URL and the header."""
    rows = ["| client | what to enter |", "| --- | --- |"]
    return "\n".join([*rows, *(f"| {host} | {wants} |" for host, wants in WITH_HEADER.items())])


def with_login() -> str:
    """One row a host: the URL, and where a client goes that was registered by hand."""
    rows = ["| client | what to enter | with your own client id |", "| --- | --- | --- |"]
    rows += [f"| {host} | {url} | {client} |" for host, (url, client) in WITH_LOGIN.items()]
    return "\n".join(rows)


def connected() -> str:
    """One row a host: its word for `fw-mcp connect`, and its file on each system."""
    folders = {
        "darwin": {"home": "~"},
        "win32": {"home": "%USERPROFILE%", "appdata": "%APPDATA%"},
        "linux": {"home": "~", "config": "~/.config"},
    }
    rows = [
        "| client | CLIENT | its file on macOS | Windows | Linux |",
        "| --- | --- |" + " --- |" * 3,
    ]
    for host in HOSTS:
        files = {system: host.files[system].format(**known) for system, known in folders.items()}
        files["win32"] = files["win32"].replace("/", "\\")
        cells = " | ".join(f"`{file}`" for file in files.values())
        rows.append(f"| {host.name} | `{host.word}` | {cells} |")
    return "\n".join(rows)
