"""README.md and docs/settings.md, with the parts that are made from the code."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from mcp.types import Prompt, Tool

from fw_mcp.assembly import store_place
from fw_mcp.cli.hosts import BY_WORD, Stdio
from fw_mcp.cli.options import METAVARS
from fw_mcp.config import ENVIRONMENT_ONLY, Settings, allowed, load_settings, option, variable
from fw_mcp.sandbox.app import create_app
from tests.support.badges import badges
from tests.support.hosts import DOCS, connected, with_header, with_login
from tests.support.studio import make_studio, said, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

README = Path(__file__).parents[2] / "README.md"
SETTINGS = Path(__file__).parents[2] / "docs" / "settings.md"
STARTED = Stdio("fw-mcp")
# They share a format: what one of them reads, each does.
SHARED_FORMAT = {
    BY_WORD["claude-desktop"]: "`claude_desktop_config.json (Settings → Developer → Edit Config)`",
    BY_WORD["cursor"]: "`~/.cursor/mcp.json`",
    BY_WORD["gemini"]: "`~/.gemini/settings.json`",
}
ASKS = {
    "search_images": "never",
    "search_products": "never",
    "view_images": "never",
    "inspect_files": "never",
    "list_changes": "never",
    "add_images": "before a first upload from a folder",
    "update_image_metadata": "when products would be removed",
    "delete_images": "always",
    "set_selection": "never",
    "undo_change": "when images or products would be removed",
}


def readme(tools: tuple[Tool, ...], prompts: tuple[Prompt, ...]) -> str:
    """README.md with each generated part as it should be."""
    text = README.read_text(encoding="utf-8")
    parts: dict[str, Callable[[], str]] = {
        "session": session,
        "badges": badges,
        "tools": lambda: tool_table(tools),
        "prompts": lambda: ", ".join(f"`{prompt.name}`" for prompt in prompts) + ".",
    }
    for name, part in parts.items():
        text = _with_part(text, name, part())
    return text


def settings_page() -> str:
    """docs/settings.md with its table as it should be."""
    text = _with_part(SETTINGS.read_text(encoding="utf-8"), "settings", settings_table())
    return _with_part(text, "store", stores())


def hosts_page() -> str:
    """docs/hosts.md with its tables as they should be."""
    text = _with_part(DOCS.read_text(encoding="utf-8"), "connect", connected())
    text = _with_part(text, "clients", clients())
    text = _with_part(text, "header", with_header())
    return _with_part(text, "login", with_login())


def clients() -> str:
    """How each host is told about the server."""
    shared = "; ".join(f"**{host.name}**: {where}" for host, where in SHARED_FORMAT.items())
    return f"""\
{shared}

{_fenced("json", BY_WORD["cursor"].snippet(STARTED))}

**Claude Code**

{_fenced("sh", BY_WORD["claude-code"].command(STARTED))}

**VS Code**: `mcp.json` (above), or `.vscode/mcp.json` in a folder; it asks for both keys

{_fenced("json", _compact(BY_WORD["vscode"].document(STARTED)))}

**Codex**: `~/.codex/config.toml`

{_fenced("toml", BY_WORD["codex"].snippet(STARTED))}"""


def _compact(document: dict[str, Any]) -> str:
    """JSON with one line an entry, which is how such files are written by hand."""
    parts = [f"  {json.dumps(name)}: {json.dumps(part)}" for name, part in document.items()]
    return "{\n" + ",\n".join(parts) + "\n}"


def tool_table(tools: tuple[Tool, ...]) -> str:
    """One row a tool: effect, whether it asks, what it takes."""
    rows = ["| tool | what it does | confirmation | parameters |", "| --- | --- | --- | --- |"]
    for tool in tools:
        first = (tool.description or "").splitlines()[0].rstrip(".:")
        takes = ", ".join(f"`{name}`" for name in tool.input_schema["properties"])
        rows.append(f"| `{tool.name}` | {first} | {ASKS[tool.name]} | {takes} |")
    return "\n".join(rows)


def settings_table() -> str:
    """One row a setting."""
    rows = [
        "| option | variable | meaning | allowed | example |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        flag = "" if name in ENVIRONMENT_ONLY else f"`{option(name)}`"
        default = f" Default `{field.default}`." if field.default not in {None, "", False} else ""
        meaning = f"{field.description}{default}"
        example = f"`{example_of(name)}`"
        rows.append(f"| {flag} | `{variable(name)}` | {meaning} | {_range(name)} | {example} |")
    return "\n".join(rows)


def _range(name: str) -> str:
    values = allowed(name)
    return METAVARS.get(name, values) if values == "text" else values


def example_of(name: str) -> str:
    """A value of a setting, as its variable holds it."""
    field = Settings.model_fields[name]
    if field.examples:
        return str(field.examples[0])
    return "true" if field.annotation is bool else str(field.default)


def stores() -> str:
    """Where the store is on each system, if nothing says otherwise."""
    systems = {
        "Linux": ("linux", {"HOME": "/~"}),
        "macOS": ("darwin", {"HOME": "/~"}),
        "Windows": ("win32", {"LOCALAPPDATA": "/%LOCALAPPDATA%"}),
    }
    rows = ["| system | store |", "| --- | --- |"]
    for system, (platform, environ) in systems.items():
        path = str(store_place(load_settings({}), environ, platform)).removeprefix("/")
        rows.append(
            f"| {system} | `{path.replace('/', chr(92)) if system == 'Windows' else path}` |"
        )
    return "\n".join(rows)


def session() -> str:
    """A few lines of a real session on the sandbox."""
    return _fenced("text", anyio.run(_played))


async def _played() -> str:
    app = create_app(clock=lambda: datetime(2026, 11, 21, 12, tzinfo=UTC))
    studio = make_studio(app=app)
    person = studio.person()
    search = {"search_filter": "harbor", "per_page": 2}
    async with studio.client(person=person) as client:
        found = await client.call_tool("search_images", search)
        guids = [row["guid"] for row in said(found)["images"][:1]]
        deleted = await client.call_tool("delete_images", {"guids": guids})
    return "\n".join(
        [
            f"> search_images {json.dumps(search)}",
            *text_of(found).splitlines()[:3],
            f"> delete_images {json.dumps({'guids': guids})}",
            *(f"? {line}" for line in person.asked[0].splitlines()),
            "person: yes",
            *text_of(deleted).splitlines()[:1],
        ]
    )


def _with_part(text: str, name: str, part: str) -> str:
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"The text has no {begin} … {end}")
    return f"{before}{begin}\n{part}\n{end}{after}"


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"
