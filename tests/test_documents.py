"""The documents beside the code say what the code does."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from fw_mcp import __version__
from fw_mcp.api.connection import KEYS_PAGE
from fw_mcp.cli.commands import COMMANDS
from fw_mcp.config import Settings, load_settings, option
from fw_mcp.guard.effects import WRITES
from fw_mcp.guard.guard import Limits
from fw_mcp.pictures.upload.target import bucket_of
from fw_mcp.sandbox.endpoints import Switches
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from fw_mcp.sandbox.faults.uploads import UploadFaultKind
from fw_mcp.server.prompts import load_prompts
from fw_mcp.telemetry import INSTRUMENTS
from fw_mcp.writes.run import APPROVAL

ROOT = Path(__file__).parents[1]
DOCUMENTS = ("CHANGELOG.md", "CONTRIBUTING.md", "README.md", "SECURITY.md")


def words_of(name: str) -> str:
    """A document as one line."""
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


def test_the_newest_release_of_the_changelog_is_this_version() -> None:
    """Dated, below what is not released yet."""
    releases = re.findall(r"## \[(\d[^\]]*)\] - \d{4}-\d{2}-\d{2}", words_of("CHANGELOG.md"))
    assert releases[0] == __version__


def test_the_security_page_states_the_limits_that_the_guard_has() -> None:
    """Somebody decides by these numbers whether to leave write access on."""
    words = words_of("SECURITY.md")
    limits = Limits()
    assert f"| `--max-items N` | {limits.items_per_call} |" in words
    assert f"| `--deletions-per-hour N` | {limits.deletions_per_hour} |" in words
    assert f"a plan expires after {limits.plan_ttl_s / 60:.0f} minutes" in words
    assert (len(WRITES), "| all five |" in words) == (5, True)


def test_what_is_read_names_the_page_of_the_keys_that_errors_name() -> None:
    """A seller opens it once, and once more to make new keys."""
    assert [
        page for page in ("README.md", "docs/start.md") if KEYS_PAGE not in words_of(page)
    ] == []


def test_the_code_names_no_host_of_the_project() -> None:
    """It contacts FinerWorks, and what a library, a person or an operator names."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "fw_mcp").rglob("*.py")]
    hosts = set(re.findall(r"https?://([a-z0-9-]+(?:\.[a-z0-9-]+)+)", " ".join(sources)))
    finerworks = {host for host in hosts if host.endswith("finerworks.com")}
    shown = {host for host in hosts if host.endswith((".example", ".localhost", "example.com"))}
    assert "api.finerworks.com" in finerworks
    # This machine, and shared links that are turned into direct ones.
    assert hosts - finerworks - shown <= {"127.0.0.1", "drive.google.com", "localhost"}


def test_the_changelog_names_every_tool_that_writes_and_every_prompt() -> None:
    """The first release is the list of what there is."""
    words = words_of("CHANGELOG.md")
    names = [*WRITES, *(prompt.name for prompt in load_prompts())]
    assert [name for name in names if f"`{name}`" not in words] == []


def test_the_layout_of_the_contributing_page_is_the_layout_of_the_package() -> None:
    """Every part has its row."""
    rows = re.findall(r"\| `(\w+)` \|", words_of("CONTRIBUTING.md"))
    parts = [folder.parent.name for folder in (ROOT / "fw_mcp").glob("*/__init__.py")]
    assert [part for part in parts if part not in rows] == []


def test_each_message_of_the_troubleshooting_table_is_one_that_the_code_says() -> None:
    """A person searches the page for the words on the screen."""
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    messages = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "fw_mcp").rglob("*.py")]
    code = " ".join(re.sub(r'"\s+f?"', "", source) for source in sources)
    assert len(messages) >= 8
    assert [message for message in messages if message not in code] == []


def test_each_place_of_the_table_is_one_that_the_settings_take() -> None:
    """Somebody copies a row and fills in the capitals."""
    fills = {"BUCKET": "prints", "REGION": "us-west-004", "YOUR-DOMAIN": "images.example.com"}
    rows = re.findall(
        r"\| `((?:s3|file)://\S+)` \| `(https://\S+)` \|", words_of("docs/uploads.md")
    )
    assert len(rows) == 4
    for row in rows:
        place, url = (re.sub("|".join(fills), lambda one: fills[one[0]], text) for text in row)
        bucket = bucket_of(place, url, {})
        settings = load_settings({"upload_to": place, "upload_public_url": url})
        assert settings.upload_public_url == url
        assert bucket.url("a.tif") == f"{url}/a.tif"


def test_the_command_for_claude_code_holds_in_every_folder() -> None:
    """As written without a scope it would be gone in the next project."""
    assert "claude mcp add finerworks --scope user -e " in words_of("README.md")


def test_the_readme_is_short_enough_to_be_read() -> None:
    """Two hundred lines at the most."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 200


def test_the_page_on_faults_names_every_member_kind_and_switch() -> None:
    """In the order of the code, and nothing that there is not."""
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    members, switches = ([one.name for one in fields(kind)] for kind in (Fault, Switches))
    assert named == [*members, *FaultKind, "verb", *UploadFaultKind, *switches]


def test_the_page_on_hosts_has_a_row_for_each_with_address_and_token() -> None:
    """Without a login, whoever does not send the token is not let in."""
    page = (ROOT / "docs" / "hosts.md").read_text(encoding="utf-8")
    _, _, page = page.partition("## Over HTTP, with a token")
    page, _, _ = page.partition("## Over HTTP, with a login")
    rows = re.findall(r"^\| ([A-Za-z][\w ]+) \| (`.+) \|$", page, re.MULTILINE)
    assert len(rows) >= 5
    assert [name for name, row in rows if "URL" not in row] == []
    assert [
        name for name, row in rows if not re.search("Bearer TOKEN|FW_MCP_HTTP_TOKEN", row)
    ] == []


def test_the_page_on_hosts_names_options_and_arguments_that_there_are() -> None:
    """What a script's host has to be told, and what a client that leaves things out needs."""
    words = words_of("docs/hosts.md")
    options = set(re.findall(r"`(--[a-z-]+)", words)) - {"--transport", "--header", "--scope"}
    settings = {option(name) for name in Settings.model_fields}
    assert {"--confirm", "--http-allowed-hosts", "--sandbox-file"} <= options
    of_connect = {"--url", "--login", "--write"}
    assert sorted(options - settings - of_connect - {"--stateful"}) == []
    search = (ROOT / "tests" / "definitions" / "search_images.json").read_text(encoding="utf-8")
    view = (ROOT / "tests" / "definitions" / "view_images.json").read_text(encoding="utf-8")
    assert ("`required = true`" in words, "plan_unknown" in words) == (True, True)
    assert ("`max_side: 256`" in words, '"max_side"' in view) == (True, True)
    assert ('`["any"]`' in words, '"guid_filter"' in search) == (True, True)


def test_the_page_on_what_is_seen_names_every_metric_and_each_attribute() -> None:
    """Whoever builds a dashboard copies them; nothing is named that there is not."""
    page = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    kinds = re.findall(
        r"^\| `([\w.]+)` \| (counter|up-down counter|histogram)\b(?:, (\w+))? \|",
        page,
        re.MULTILINE,
    )
    held = [(name, *INSTRUMENTS[name][:2]) for name in INSTRUMENTS]
    assert [(name, kind) for name, kind, _ in kinds] == [one[:2] for one in held]
    assert [unit or "-" for *_, unit in kinds] == [
        unit if unit == "s" else "-" for *_, unit in held
    ]
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "fw_mcp").rglob("*.py")]
    code = " ".join(sources).replace("fw_mcp.outcomes.{outcome}", "fw_mcp.outcomes.deleted")
    rows = re.findall(r"^\| `((?:fw_mcp|enduser|http|mcp)\.[\w.]+)` \|", page, re.MULTILINE)
    assert len(rows) >= 14
    assert [name for name in rows if f'"{name}"' not in code and name != "fw_mcp.pictures"] == []
    lanes = {f"`{lane}`" for lane in ("multi_round_trip", "elicitation", "two_step", APPROVAL)}
    assert [lane for lane in lanes if lane not in page] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_make_target_and_path_that_a_document_names_exists(name: str) -> None:
    """What a reader would type works."""
    words = words_of(name)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"(?:`| )make ([a-z]+)(?:`| +#)", words)) <= targets
    paths = re.findall(r"`((?:fw_mcp|tests|prompts)/[a-z_/.]+)`", words)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_command_that_a_page_names_is_one_that_help_lists() -> None:
    """A former word is not taught to anybody; the changelog alone may name it."""
    pages = [*(set(DOCUMENTS) - {"CHANGELOG.md"}), "docs/gallery.md", "docs/settings.md"]
    named = {word for page in pages for word in re.findall(r"`fw-mcp ([a-z-]+)", words_of(page))}
    assert {"apply", "changes", "doctor", "preview"} <= named
    assert {word for word in named if not word.startswith("-")} <= set(COMMANDS)
