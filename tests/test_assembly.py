"""Settings become parts: keys, hosts, stores and the session id."""

import os
from functools import partial
from pathlib import Path

import anyio
import httpx
import pytest
from PIL import Image

from fw_mcp.assembly import assemble, check_base_url, required_keys, state_folder, store_place
from fw_mcp.config import IN_MEMORY, Settings, load_settings
from fw_mcp.errors import ConfigError, FetchError, Reason
from tests.pictures.painted import file_of

WEB_KEY = "canary-web-key"
APP_KEY = "canary-app-key"


def settings(**given: object) -> Settings:
    """Settings as a command line gives them."""
    return load_settings(given)


@pytest.mark.parametrize(
    ("given", "platform", "expected"),
    [
        ({}, "linux", Path("/state/fw-mcp/store.sqlite3")),
        ({}, "win32", Path("/local/fw-mcp/store.sqlite3")),
        ({}, "darwin", Path("/home/Library/Application Support/fw-mcp/store.sqlite3")),
        ({"store": "/elsewhere/store"}, "linux", Path("/elsewhere/store")),
        ({"sandbox": IN_MEMORY}, "linux", None),
        ({"sandbox": "studio.db"}, "linux", Path("studio.db.store")),
        ({"sandbox_file": "studio.db"}, "linux", Path("studio.db.store")),
        ({"store": IN_MEMORY}, "linux", None),
    ],
)
def test_the_store_is_where_the_user_would_look_for_it(
    given: dict[str, object], platform: str, expected: Path | None
) -> None:
    """A sandbox in memory keeps its plans in memory; a file keeps them beside it."""
    environ = {"XDG_STATE_HOME": "/state", "LOCALAPPDATA": "/local", "HOME": "/home"}
    assert store_place(settings(**given), environ, platform) == expected


@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.finerworks.com",
        "https://v2.api.finerworks.com/",
        "https://TEST-API.finerworks.com",
        "http://127.0.0.1:8321",
    ],
)
def test_finerworks_hosts_and_loopback_need_no_switch(base_url: str) -> None:
    """The known hosts are the service's own."""
    check_base_url(settings(base_url=base_url))


def test_another_host_needs_the_switch_and_then_is_taken() -> None:
    """Keys go only where the operator said."""
    other = "https://api.example.com"
    with pytest.raises(ConfigError) as refused:
        check_base_url(settings(base_url=other))
    assert refused.value.reason is Reason.UNSAFE_SETTING
    check_base_url(settings(base_url=other, allow_other_host=True))


def test_the_switch_does_not_allow_plain_http() -> None:
    """Keys ride in headers, so a host outside this machine needs https."""
    with pytest.raises(ConfigError) as refused:
        check_base_url(settings(base_url="http://api.example.com", allow_other_host=True))
    assert refused.value.reason is Reason.UNSAFE_SETTING


def test_keys_are_trimmed_and_never_shown() -> None:
    """Stray white space from a configuration file does no harm."""
    keys = required_keys(settings(web_api_key=f" {WEB_KEY}\n", app_key=APP_KEY))
    assert (keys.web_api_key, keys.app_key) == (WEB_KEY, APP_KEY)
    shown = repr(settings(web_api_key=WEB_KEY, app_key=APP_KEY)) + repr(keys)
    assert WEB_KEY not in shown
    assert APP_KEY not in shown


@pytest.mark.anyio
async def test_the_session_id_is_kept_between_runs(tmp_path: Path) -> None:
    """A lost one would make temporary images unreachable."""
    given = settings(web_api_key=WEB_KEY, app_key=APP_KEY, store=tmp_path / "store")
    ids = []
    for _ in range(2):
        assembly = assemble(given, {})
        client = await assembly.parts.account.client()
        ids.append(client.library("temporary").session_id)
        await assembly.aclose()
    assert ids[0] == ids[1]
    assert len(ids[0]) == 32


@pytest.mark.anyio
async def test_reading_goes_on_when_the_store_cannot_be_used(tmp_path: Path) -> None:
    """A session id for this run alone stands in."""
    given = settings(web_api_key=WEB_KEY, app_key=APP_KEY, store=tmp_path)
    assembly = assemble(given, {})
    client = await assembly.parts.account.client()
    assert len(client.library("inventory").session_id) == 32
    await assembly.aclose()


@pytest.mark.anyio
async def test_a_given_session_id_is_used_as_it_is(tmp_path: Path) -> None:
    """FINERWORKS_SESSION_ID wins over the store's."""
    given = settings(
        web_api_key=WEB_KEY, app_key=APP_KEY, store=tmp_path / "s", session_id="my-session-1"
    )
    assembly = assemble(given, {})
    client = await assembly.parts.account.client()
    assert client.library("temporary").session_id == "my-session-1"
    await assembly.aclose()


def test_every_secret_is_an_environment_variable_only() -> None:
    """A command line is visible to every process."""
    hidden = [name for name, field in Settings.model_fields.items() if "Secret" in str(field)]
    # The address of a store may hold one: then, and only then, the command line refuses it.
    assert hidden == ["web_api_key", "app_key", "http_token", "store"]
    assert httpx.URL(settings().base_url).scheme == "https"


@pytest.mark.parametrize(
    "fetch_hosts",
    [" , ", ",", "https://img.example", "img.example:443", "*.example", "a@img.example", "img"],
)
def test_hosts_to_fetch_from_that_are_no_hosts_are_refused(fetch_hosts: str) -> None:
    """A list that holds nothing must not mean every host."""
    with pytest.raises(ConfigError) as refused:
        assemble(settings(sandbox=IN_MEMORY, fetch_hosts=fetch_hosts), {})
    assert refused.value.reason is Reason.INVALID_SETTING


def test_a_folder_of_files_is_named_whole() -> None:
    """A relative one would be another in each working folder: the server does not start."""
    with pytest.raises(ConfigError) as refused:
        assemble(settings(sandbox=IN_MEMORY, file_folders="pictures"), {})
    assert refused.value.reason is Reason.INVALID_SETTING
    assert "--file-folders (FW_MCP_FILE_FOLDERS)" in refused.value.what


@pytest.mark.parametrize("folder", ["none", "file"])
def test_a_folder_that_is_away_keeps_nobody_from_starting_and_is_read_when_it_is_back(
    folder: str, tmp_path: Path
) -> None:
    """What has its file there is refused meanwhile, and nothing else is."""
    (tmp_path / "file").touch()
    away = tmp_path / folder
    assembly = assemble(settings(sandbox=IN_MEMORY, file_folders=str(away)), {})
    inspect = partial(assembly.parts.inspector.inspect, local=True, within_s=9)
    assert "was not read" in str(anyio.run(inspect, [str(away / "fog.png")]))
    away.unlink(missing_ok=True)
    away.mkdir()
    (away / "fog.png").write_bytes(file_of(Image.new("RGB", (30, 20))))
    assert "was not read" not in str(anyio.run(inspect, [str(away / "fog.png")]))


def _nobody_s() -> Path:
    raise RuntimeError("Could not determine home directory.")


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({"XDG_STATE_HOME": "/state"}, "linux", "/state"),
        ({"XDG_STATE_HOME": "state", "HOME": "/home/a"}, "linux", "/home/a/.local/state"),
        ({"HOME": "/home/a"}, "linux", "/home/a/.local/state"),
        ({"HOME": "home"}, "linux", None),
        ({"XDG_STATE_HOME": "", "HOME": ""}, "linux", None),
        ({}, "linux", None),
        ({"HOME": "/Users/a"}, "darwin", "/Users/a/Library/Application Support"),
        ({}, "darwin", None),
        ({"LOCALAPPDATA": "/local"}, "win32", "/local"),
        ({"APPDATA": "/roaming"}, "win32", "/roaming"),
        ({"USERPROFILE": "/Users/a"}, "win32", "/Users/a/AppData/Local"),
        ({}, "win32", None),
    ],
)
def test_the_state_folder_is_found_without_asking_for_a_home_that_nobody_needs(
    environ: dict[str, str], platform: str, expected: str | None
) -> None:
    """A user whom the system does not know has none; a relative path is none."""
    found = state_folder(environ, platform, _nobody_s)
    assert found == (None if expected is None else Path(expected))


@pytest.mark.parametrize(
    "key",
    [
        "${FINERWORKS_WEB_API_KEY}",
        "${input:FINERWORKS_WEB_API_KEY}",
        "${user_config.web_api_key}",
        "$FINERWORKS_WEB_API_KEY",
        "%FINERWORKS_WEB_API_KEY%",
        "{{web_api_key}}",
        "<your key>",
        "[web api key]",
        "YOUR_WEB_API_KEY",
        "your-app-key-here",
        "Paste your key here",
        "xxxxxxxx",
        "...",
        '"YOUR_WEB_API_KEY"',
        "FINERWORKS_WEB_API_KEY",
    ],
)
def test_a_placeholder_is_no_key_and_is_named(key: str) -> None:
    """What a host or a person did not fill in is never sent."""
    with pytest.raises(ConfigError) as refused:
        required_keys(settings(web_api_key=key, app_key=APP_KEY))
    assert refused.value.reason is Reason.KEYS_MISSING
    assert refused.value.what == (
        "These keys are not set: FINERWORKS_WEB_API_KEY (placeholders that were not filled in: "
        "FINERWORKS_WEB_API_KEY)."
    )


@pytest.mark.parametrize(
    "key", ["00000000-0000-4000-8000-00000000000a", "9f8e7d6c5b4a", "mykeyring7", "xX1", "a.b.c"]
)
def test_what_looks_a_little_like_a_placeholder_is_a_key(key: str) -> None:
    """Only the service knows which keys are right."""
    assert required_keys(settings(web_api_key=key, app_key=APP_KEY)).web_api_key == key


@pytest.mark.parametrize("written", ['"{}"', "'{}'", " {}\r\n", '"{}"\n', "\u201c{}\u201d"])
def test_quotes_and_line_ends_around_a_key_are_none_of_it(written: str) -> None:
    """As files and shells leave them."""
    keys = required_keys(settings(web_api_key=written.format(WEB_KEY), app_key=APP_KEY))
    assert keys.web_api_key == WEB_KEY


@pytest.mark.parametrize("left", ["{}\n", "{}\r\n", " {} ", '"{}"'])
def test_what_a_file_leaves_around_a_token_is_none_of_it(left: str) -> None:
    """A client would send it without, and be locked out without a word."""
    token = settings(http_token=left.format("canary-token-of-16")).http_token
    assert token is not None
    assert token.get_secret_value() == "canary-token-of-16"


def test_several_folders_stand_beside_each_other_as_in_path(tmp_path: Path) -> None:
    """The operating system's own separator."""
    named = [tmp_path / "one", tmp_path / "two"]
    for folder in named:
        folder.mkdir()
    assemble(settings(sandbox=IN_MEMORY, file_folders=os.pathsep.join(map(str, named))), {})


def test_an_operator_can_turn_all_fetching_off() -> None:
    """What would fetch refuses before anything is read."""
    assembly = assemble(settings(sandbox=IN_MEMORY, no_fetch=True), {})
    assert not assembly.fetcher.is_on
    for check in (
        assembly.parts.viewer.check,
        assembly.parts.inspector.check,
        assembly.parts.likenesses.check,
    ):
        with pytest.raises(FetchError) as refused:
            check()
        assert refused.value.reason is Reason.FETCH_OFF
