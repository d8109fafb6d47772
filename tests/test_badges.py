"""README.md's links for one click install what `fw-mcp connect` writes, and hold no key."""

import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import yaml  # type: ignore[import-untyped]

from fw_mcp.assembly import assemble
from fw_mcp.cli.connect import System, connect
from fw_mcp.cli.hosts import BY_WORD, KEYS, NAME, Notation
from fw_mcp.config import load_settings
from tests.support.badges import LINKS

ROOT = Path(__file__).parents[1]


def written(tmp_path: Path, word: str, *, sandbox: bool) -> dict[str, Any]:
    """What the command writes for a host where it was started by uvx, all of the file."""
    uvx = tmp_path / "bin" / "uvx"
    python = str(tmp_path / "archive-v0" / "of" / "bin" / "python")
    environ = {"HOME": str(tmp_path), "PATH": "", "UV": str(uvx.with_name("uv"))}
    system = System("linux", environ, python)
    settings = load_settings({"sandbox": "true"} if sandbox else {})
    own = {"host": word, "url": None, "login": False, "write": True}
    assert connect(assemble(settings, {}), own, system) == 0
    host = BY_WORD[word]
    # A link is for any machine, and has the command's name in place of its path.
    text = system.file_of(host).read_text(encoding="utf-8").replace(str(uvx), "uvx")
    document: dict[str, Any] = (
        yaml.safe_load(text) if host.notation is Notation.YAML else json.loads(text)
    )
    return document


def query(link: str) -> dict[str, list[str]]:
    """Its values by name."""
    return parse_qs(urlsplit(link).query, strict_parsing=True)


@pytest.mark.parametrize(("name", "word"), [("Cursor", "cursor"), ("LM Studio", "lm-studio")])
def test_a_link_in_base64_opens_the_sandbox(name: str, word: str, tmp_path: Path) -> None:
    """These ask for nothing when they install."""
    asked = query(LINKS[name][1])
    entry = written(tmp_path, word, sandbox=True)["mcpServers"][NAME]
    assert asked["name"] == [NAME]
    assert json.loads(b64decode(asked["config"][0], validate=True)) == entry


def test_the_links_of_vs_code_ask_for_the_keys(tmp_path: Path) -> None:
    """Both keep them out of the file."""
    file = written(tmp_path, "vscode", sandbox=False)
    asked = query(LINKS["VS Code"][1])
    held = [json.loads(asked[part][0]) for part in ("inputs", "config")]
    assert held == [file["inputs"], file["servers"][NAME]]
    (own,) = query(LINKS["VS Code Insiders"][1])["url"]
    scheme, _, given = own.partition("?")
    assert scheme == "vscode-insiders:mcp/install"
    whole = {"name": NAME, "inputs": file["inputs"], **file["servers"][NAME]}
    assert json.loads(unquote(given)) == whole


def test_the_link_of_goose_asks_for_the_keys(tmp_path: Path) -> None:
    """By their variables' names, each with the words that it shows."""
    entry = written(tmp_path, "goose", sandbox=False)["extensions"][NAME]
    asked = query(LINKS["Goose"][1])
    assert ([entry["cmd"]], entry["args"]) == (asked["cmd"], asked["arg"])
    assert [one.partition("=")[0] for one in asked["env"]] == entry["env_keys"]


def test_no_link_holds_a_key_or_a_place_for_one() -> None:
    """Anything in it is seen by the page that opens the program."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for _, link in LINKS.values()]
    assert [link for link in links if f"]({link})" not in readme] == []
    told = " ".join(unquote(unquote(link)) for link in links)
    assert [word for word in KEYS.values() if word in told] == []
    assert re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}", told) == []
