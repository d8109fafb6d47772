"""docs/hosts.md with the notation of each host over HTTP as it should be."""

import json
from pathlib import Path
from typing import Any

HOSTS = Path(__file__).parents[2] / "docs" / "hosts.md"
NAME = "finerworks"
_HEADERS = {"Authorization": "Bearer TOKEN"}
_CLIENT = "CLIENT_ID"
_SERVED = {"type": "http", "url": "URL"}


def _json(**document: Any) -> str:  # noqa: ANN401  JSON
    return f"`{json.dumps(document)}`"


WITH_HEADER = {
    "Claude Code": f"`claude mcp add --transport http {NAME} URL "
    f'--header "Authorization: {_HEADERS["Authorization"]}"`',
    "VS Code": _json(**_SERVED, headers=_HEADERS),
    "Cursor": _json(url="URL", headers=_HEADERS),
    "Codex": f'`url = "URL"` and `bearer_token_env_var = "FW_MCP_HTTP_TOKEN"` in '
    f"`[mcp_servers.{NAME}]`",
    "Gemini CLI": _json(url="URL", type="http", headers=_HEADERS),
    "opencode": _json(type="remote", url="URL", headers=_HEADERS),
    "Copilot CLI": _json(**_SERVED, tools=["*"], headers=_HEADERS),
    "any over stdio": '`npx mcp-remote URL --header "Authorization: Bearer TOKEN"`',
}
WITH_LOGIN = {
    "Claude": ("Settings → Connectors → Add custom connector: `URL`", "in the same form"),
    "Claude Code": (
        f"`claude mcp add --transport http {NAME} URL`, then `/mcp`",
        _json(**_SERVED, oauth={"clientId": _CLIENT, "callbackPort": 8080}),
    ),
    "VS Code": (_json(**_SERVED), _json(**_SERVED, oauth={"clientId": _CLIENT})),
    "ChatGPT": ("a connector with `URL`", "in the same form"),
    "Cursor": (_json(url="URL"), "-"),
    "Codex": (f'`url = "URL"`, then `codex mcp login {NAME}`', "-"),
    "any over stdio": ("`npx mcp-remote URL`", "-"),
}


def with_header() -> str:
    """One row a host: the URL and the header."""
    rows = ["| client | what it wants |", "| --- | --- |"]
    return "\n".join([*rows, *(f"| {host} | {wants} |" for host, wants in WITH_HEADER.items())])


def with_login() -> str:
    """One row a host: the URL, and where a client goes that was registered by hand."""
    rows = ["| client | what it wants | with a client id of yours |", "| --- | --- | --- |"]
    rows += [f"| {host} | {url} | {client} |" for host, (url, client) in WITH_LOGIN.items()]
    return "\n".join(rows)
