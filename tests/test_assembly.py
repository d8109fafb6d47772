"""Settings become parts: keys, hosts, stores and the session id."""

import os
from pathlib import Path

import httpx
import pytest

from fw_mcp.assembly import assemble, check_base_url, required_keys, store_path
from fw_mcp.config import IN_MEMORY, Settings, load_settings
from fw_mcp.errors import ConfigError, FetchError, Reason

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
        ({}, "darwin", Path.home() / "Library/Application Support/fw-mcp/store.sqlite3"),
        ({"store": "/elsewhere/store"}, "linux", Path("/elsewhere/store")),
        ({"sandbox": IN_MEMORY}, "linux", None),
        ({"sandbox": "studio.db"}, "linux", Path("studio.db.store")),
    ],
)
def test_the_store_is_where_the_user_would_look_for_it(
    given: dict[str, object], platform: str, expected: Path | None
) -> None:
    """A sandbox in memory keeps its plans in memory; a file keeps them beside it."""
    environ = {"XDG_STATE_HOME": "/state", "LOCALAPPDATA": "/local"}
    assert store_path(settings(**given), environ, platform) == expected


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
    assert hidden == ["web_api_key", "app_key", "http_token"]
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


@pytest.mark.parametrize("folder", ["pictures", "{tmp}/none", "{tmp}/file"])
def test_a_folder_of_files_is_named_whole_and_exists(folder: str, tmp_path: Path) -> None:
    """Where files may be read is said plainly, or the server does not start."""
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError) as refused:
        assemble(settings(sandbox=IN_MEMORY, file_folders=folder.format(tmp=tmp_path)), {})
    assert refused.value.reason is Reason.INVALID_SETTING


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
