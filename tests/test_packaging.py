"""What registries and hosts read of a release is made from the code, and asks before it takes."""

import json
import re
import runpy
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml  # type: ignore[import-untyped]
from PIL import Image

from fw_mcp import __version__
from fw_mcp.cli.options import parse
from fw_mcp.config import Settings, load_settings, variable
from fw_mcp.guard.effects import EFFECTS
from tests.support.products import exhaustive

ROOT = Path(__file__).parents[1]
PACKAGING = ROOT / "packaging"
_FILES = "raw.githubusercontent.com"
CATALOGUED = "packaging/docker/server.yaml"
MANIFEST = "packaging/bundle/manifest.json"
PLUGIN = "packaging/claude/.claude-plugin/plugin.json"


@cache
def made() -> Mapping[str, str]:
    """The generated files by their path."""
    files: Mapping[str, str] = runpy.run_path(str(PACKAGING / "make.py"))["files"]()
    return files


def project() -> Any:  # noqa: ANN401  TOML
    """What pyproject.toml says of the project."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def document(path: str) -> Any:  # noqa: ANN401  JSON
    """One of them that is JSON."""
    return json.loads(made()[path])


def test_the_files_of_the_repository_are_those_that_the_code_makes() -> None:
    """`make contract` rewrites them; none is edited by hand, and none is left behind."""
    kept = {path: (ROOT / path).read_text(encoding="utf-8") for path in made()}
    assert kept == made()
    found = {
        path.relative_to(ROOT).as_posix()
        for folder in ("bundle", "claude", "docker")
        for path in (PACKAGING / folder).rglob("*")
        if path.is_file()
    }
    assert found == {path for path in made() if path.count("/") > 1}


def test_every_version_is_that_of_the_code() -> None:
    """One that lags behind would install another release than it describes."""
    versions = [document(path)["version"] for path in made() if path.endswith(("n.json", "t.json"))]
    assert versions == [__version__] * 3
    server = document("packaging/server.json")
    assert {server["version"], server["packages"][0]["version"]} == {__version__}
    for path in (PLUGIN, "gemini-extension.json"):
        (one,) = document(path)["mcpServers"].values()
        assert one["args"] == [f"fw-mcp=={__version__}"]


def test_server_json_keeps_within_what_the_registry_allows() -> None:
    """A longer description, and a name without a slash, are refused there."""
    schema = json.loads((PACKAGING / "server.schema.json").read_text(encoding="utf-8"))
    check = jsonschema.Draft7Validator(schema)
    server = document("packaging/server.json")
    assert [one.message for one in check.iter_errors(server)] == []
    for wrong in ({"description": "x" * 101}, {"name": "fw-mcp"}, {"version": "latest"}):
        assert not check.is_valid({**server, **wrong})


def test_the_icon_is_named_where_it_is() -> None:
    """In the bundle beside the manifest, and for the registry in the files of the release."""
    (icon,) = document("packaging/server.json")["icons"]
    place = project()["urls"]["Repository"].replace("github.com", _FILES)
    path = icon["src"].removeprefix(f"{place}/v{__version__}/")
    with Image.open(ROOT / path) as picture:
        width, height = picture.size
    assert icon == {"src": icon["src"], "mimeType": "image/png", "sizes": [f"{width}x{height}"]}
    assert document(MANIFEST)["icon"] == "icon.png"
    schema = json.loads((PACKAGING / "server.schema.json").read_text(encoding="utf-8"))
    check = jsonschema.Draft7Validator(schema)
    for wrong in (
        {"src": "http://a.example/i.png"},
        {"mimeType": "image/bmp"},
        {"sizes": "512x512"},
    ):
        assert not check.is_valid({**document("packaging/server.json"), "icons": [icon | wrong]})


def test_the_options_and_variables_that_are_asked_for_are_the_servers_own() -> None:
    """A host hands them on as they are written there."""
    (package,) = document("packaging/server.json")["packages"]
    words = [word for one in package["packageArguments"] for word in (one["name"], one["default"])]
    assert parse(words)[1].max_items == load_settings({}).max_items
    known = {variable(name) for name in Settings.model_fields}
    asked = {one["name"] for one in package["environmentVariables"]}
    (plugin,) = document(PLUGIN)["mcpServers"].values()
    asked |= {*plugin["env"], *document(MANIFEST)["server"]["mcp_config"]["env"]}
    assert asked <= known


@pytest.mark.parametrize(("path", "form"), [(MANIFEST, "user_config"), (PLUGIN, "userConfig")])
def test_no_form_demands_a_key_or_shows_one(path: str, form: str) -> None:
    """Both keys are hidden while they are typed, and may be left empty for the sandbox."""
    asked = document(path)[form]
    hidden = {name for name, one in asked.items() if one.get("sensitive")}
    assert hidden == {"web_api_key", "app_key"}
    assert [name for name, one in asked.items() if one["required"]] == []
    assert {asked[name]["default"] for name in hidden} == {""}


@pytest.mark.parametrize(("path", "form"), [(MANIFEST, "user_config"), (PLUGIN, "userConfig")])
def test_a_form_that_is_left_as_it_is_makes_the_settings_that_the_server_has(
    path: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hosts hand on each value as text, an unset one as nothing."""
    plain = load_settings({})
    for name, one in document(path)[form].items():
        given = str(one["default"])
        monkeypatch.setenv(variable(name), given.lower() if one["type"] == "boolean" else given)
    assert load_settings({}) == plain
    monkeypatch.setenv(variable("sandbox"), "true")
    assert load_settings({}).sandbox == ":memory:"


def test_dockers_catalogue_would_take_the_entry_with_the_commit_of_a_release() -> None:
    """What its own validation asks, as read; it was not run on this file."""
    entry = yaml.safe_load(made()[CATALOGUED])
    assert re.fullmatch(r"[a-z0-9-]+", entry["name"])
    title = entry["about"]["title"]
    assert [word for word in title.split() if word in {"MCP", "Server"} or word[0].islower()] == []
    assert not re.fullmatch(r"[a-f0-9]{40}", entry["source"]["commit"])
    assert entry["source"]["project"] == project()["urls"]["Repository"]
    config = entry["config"]
    named = {one["name"].removeprefix("fw-mcp.") for one in config["secrets"]}
    parameters = config["parameters"]["properties"]
    assert {one["value"] for one in config["env"]} == {
        f"{{{{fw-mcp.{one}}}}}" for one in parameters
    }
    taken = {one["env"] for one in config["secrets"]} | {one["name"] for one in config["env"]}
    assert taken == {variable(name) for name in (*named, *parameters)}


def test_the_volume_of_dockers_entry_is_that_of_the_image() -> None:
    """What is kept elsewhere is lost with the container."""
    (volume,) = yaml.safe_load(made()[CATALOGUED])["run"]["volumes"]
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"\nVOLUME {volume.partition(':')[2]}\n" in dockerfile


def test_the_bundle_names_every_tool_and_pins_every_package() -> None:
    """As the lock has them, and nothing that says where they come from."""
    tools = [one["name"] for one in document(MANIFEST)["tools"]]
    assert tools == list(EFFECTS)
    project = tomllib.loads(made()["packaging/bundle/pyproject.toml"])
    own, *pins = project["project"]["dependencies"]
    locked = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    assert own == "fw-mcp"
    assert [one.partition(" ")[0] for one in pins] == [
        line.partition(" ")[0] for line in locked.splitlines() if "==" in line
    ]
    assert "://" not in made()["packaging/bundle/pyproject.toml"]


def test_no_link_of_the_description_is_relative_and_each_leads_to_a_file_that_there_is() -> None:
    """The package index shows README.md without the files beside it."""
    described = runpy.run_path(str(PACKAGING / "metadata.py"))["described"]
    page = project()["urls"]["Repository"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    text = described(readme, page, __version__)
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert [link for link in links if not link.startswith("https://")] == []
    places = (
        f"{page}/blob/v{__version__}/",
        page.replace("github.com", _FILES) + f"/v{__version__}/",
    )
    paths = [link.removeprefix(one) for link in links for one in places if link.startswith(one)]
    assert len(paths) >= 10
    assert [path for path in paths if not (ROOT / path.partition("#")[0]).exists()] == []
    relative = re.compile(r"\]\((?!https://)")
    assert len(relative.findall(readme)) == len(paths)
    assert "](https://finerworks.com)" in text
    assert text.endswith(f"<!-- mcp-name: {document('packaging/server.json')['name']} -->\n")


def test_the_account_that_publishes_is_named_once_for_all_that_is_generated() -> None:
    """Every page of the project is of one account; the generated files have it from there."""
    urls = project()["urls"]
    assert {url.partition("/fw-mcp")[0] for url in urls.values()} == {urls["Repository"][:-7]}
    scripts = [*PACKAGING.glob("*.py"), PACKAGING / "server.schema.json"]
    owner = urls["Repository"].split("/")[-2]
    assert [one.name for one in scripts if f"/{owner}" in one.read_text(encoding="utf-8")] == []


def test_the_package_index_is_told_every_python_that_the_lock_is_checked_for() -> None:
    """One that is missing there is taken for one that does not work."""
    named = {
        one.rpartition(" ")[2]
        for one in project()["classifiers"]
        if one.startswith("Programming Language :: Python :: 3.")
    }
    checked = runpy.run_path(str(ROOT / "requirements" / "check.py"))["PYTHONS"]
    assert named == set(checked)


def test_each_script_has_its_row_on_the_page_of_the_folder() -> None:
    """More than twenty lie side by side: a newcomer begins with that page."""
    named = re.findall(r"`(\w+\.py)`", (PACKAGING / "README.md").read_text(encoding="utf-8"))
    assert sorted(named) == sorted(path.name for path in PACKAGING.glob("*.py"))


def test_uv_builds_a_clone_again_when_what_the_wheel_holds_has_changed() -> None:
    """Otherwise `uvx --from .` plays the version from before an update."""
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    wheel = tool["hatch"]["build"]["targets"]["wheel"]
    folders = {one.partition("/")[0] for one in (*wheel["packages"], *wheel["force-include"])}
    watched = {one["file"] for one in tool["uv"]["cache-keys"]}
    assert {one.partition("/")[0] for one in watched} == folders | {"pyproject.toml", "README.md"}
    assert {one for one in watched for path in ROOT.glob(one) if path.is_file()} == watched


@exhaustive
def test_the_same_input_makes_the_same_bundle_without_a_lock(tmp_path: Path) -> None:
    """A lock file would name the index it was made from."""
    script = f"import sys; sys.path[:0] = [{str(PACKAGING)!r}]; import bundle, pathlib; "
    for folder in ("a", "b"):
        build = f"bundle.build(pathlib.Path({str(tmp_path / folder)!r}))"
        subprocess.run([sys.executable, "-c", script + build], check=True)
    first, second = (tmp_path / one / f"fw-mcp-{__version__}.mcpb" for one in ("a", "b"))
    with zipfile.ZipFile(first) as packed:
        assert packed.namelist() == [
            "LICENSE",
            f"fw_mcp-{__version__}-py3-none-any.whl",
            "icon.png",
            "manifest.json",
            "pyproject.toml",
            "src/server.py",
        ]
    assert first.read_bytes() == second.read_bytes()
