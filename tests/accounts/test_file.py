"""The accounts file: what it says, what is refused in words, and how it is read again."""

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from fw_mcp.accounts.file import Accounts, one_account, read_rows, variables_named
from fw_mcp.assembly import secrets_of
from fw_mcp.config import IN_MEMORY, Settings
from fw_mcp.errors import ConfigError, Reason
from fw_mcp.server.tokens import read_tokens
from tests.server.test_identity import keep
from tests.support.open_files import no_more_open_files

KEYS = 'web_api_key_env = "NORTH_WEB"\napp_key_env = "NORTH_APP"\n'
ENVIRON = {"NORTH_WEB": "canary-web", "NORTH_APP": " canary-app\n"}
NORTH = f"[north]\n{KEYS}"
SERVER = Settings(max_items=40, writes="add_images, delete_images", show_hires=True)


def accounts(
    folder: Path, text: str, server: Settings = SERVER, environ: Mapping[str, str] = ENVIRON
) -> Mapping[str, Settings]:
    """The accounts of a file with that text."""
    file = folder / "accounts.toml"
    keep(file, text)
    found = Accounts(file, server, environ, lambda _: None)
    return {name: one for name in read_rows(file) if (one := found.find(name))}


@pytest.mark.shows_keys("it keeps keys in files")
def test_each_account_has_its_own_keys_from_variables_and_files(tmp_path: Path) -> None:
    """A relative file is looked for beside the accounts file; white space around is none of it."""
    (tmp_path / "web").write_text("canary-web-2\n", encoding="utf-8")
    (tmp_path / "app").write_text("canary-app-2", encoding="utf-8")
    text = f'{NORTH}[south]\nweb_api_key_file = "web"\napp_key_file = "{tmp_path / "app"}"\n'
    found = accounts(tmp_path, text)
    assert {name: secrets_of(one, {}) for name, one in found.items()} == {
        "north": ["canary-web", "canary-app"],
        "south": ["canary-web-2", "canary-app-2"],
    }
    assert variables_named(Settings(accounts_file=tmp_path / "accounts.toml")) == (
        "NORTH_WEB",
        "NORTH_APP",
    )
    assert "canary" not in f"{found}"


def test_an_account_can_only_narrow_what_the_server_allows(tmp_path: Path) -> None:
    """Promise: its limits are ceilings under the process's."""
    wide = 'max_items = 500\ndeletions_per_hour = 1000\nwrites = ["add_images", "set_selection"]\n'
    found = accounts(tmp_path, f"{NORTH}{wide}")["north"]
    assert (found.max_items, found.deletions_per_hour, found.writes) == (40, 200, "add_images")
    narrow = "max_items = 5\ndeletions_per_hour = 0\nread_only = true\nshow_hires = false\n"
    found = accounts(tmp_path, f"{NORTH}{narrow}")["north"]
    assert (found.max_items, found.deletions_per_hour) == (5, 0)
    assert (found.read_only, found.show_hires) == (True, False)
    assert found.writes == SERVER.writes
    closed = Settings(read_only=True, writes="none")
    found = accounts(tmp_path, f'{NORTH}writes = ["add_images"]\nshow_hires = true\n', closed)[
        "north"
    ]
    assert (found.read_only, found.show_hires, found.writes) == (True, False, "none")


def test_an_account_may_be_a_sandbox(tmp_path: Path) -> None:
    """In memory, or in a file beside the accounts file."""
    text = '[one]\nsandbox = true\n[two]\nsandbox_file = "two.db"\n'
    found = accounts(tmp_path, f"{text}{NORTH}")
    assert [one.sandbox for one in found.values()] == [IN_MEMORY, str(tmp_path / "two.db"), None]


def test_a_server_that_is_a_sandbox_opens_no_real_account(tmp_path: Path) -> None:
    """Promise: whoever gave --sandbox, or whom it tells so, is not let write to a real library."""
    sandbox = Settings(sandbox="true", accounts_file=tmp_path / "accounts.toml", account="north")
    with pytest.raises(ConfigError, match="cannot be used with --accounts-file"):
        accounts(tmp_path, NORTH, sandbox)
    with pytest.raises(ConfigError, match="cannot be used with --accounts-file"):
        one_account(sandbox, ENVIRON)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[north", "is not TOML, at end of document"),
        ("north: 1", "is not TOML, at line 1, column 6"),
        ("a = " + "[" * 5000, "is not TOML, "),
        ("", "lists no account"),
        ('north = "key"', 'account "north": it must be a table'),
        (f'["no rth"]\n{KEYS}', 'account "no rth": its name must be'),
        (f"[default]\n{KEYS}", 'account "default": its name is reserved'),
        ("[north]", "give either web_api_key_env or web_api_key_file"),
        (f'{NORTH}app_key_file = "a"', "give either app_key_env or app_key_file"),
        (f"{NORTH}sandbox = true", "a sandbox has no keys"),
        (f'{NORTH}token = "canary-3"', 'unknown "token"'),
        (f'{NORTH}web_api_key = "canary-3"', 'unknown "web_api_key"'),
        (f'{NORTH}max_items = "5"', "max_items must be a whole number from 1 to 500"),
        (f"{NORTH}max_items = 501", "max_items must be a whole number from 1 to 500"),
        (f"{NORTH}max_items = true", "max_items must be a whole number from 1 to 500"),
        (f'{NORTH}writes = ["drop_images"]', '"drop_images" is not a write tool'),
        (f'{NORTH}base_url = "http://evil.example"', "would send the keys over plain http"),
        (f'{NORTH}base_url = "https://evil.example"', "not a known FinerWorks host"),
        (f"{NORTH}[south]\n{KEYS}", 'account "south": it opens the same library as north'),
        ('[a]\nsandbox_file = "x"\n[b]\nsandbox_file = "./x"', "the same library as a"),
        (
            '[a]\nsandbox_file = "x"\n[b]\nsandbox_file = "x"\nsession_id = "another-one"',
            "the same library as a",
        ),
        ('[a]\nsandbox_file = "x\\u0000"', "sandbox_file must name a file"),
        ('[a]\nweb_api_key_file = "x\\u0000"\napp_key_env = "NORTH_APP"', "must name a file"),
        (f'{NORTH}session_id = "abc\\ndefgh"', "session_id must be text of 8 to 50 characters"),
        (f"{NORTH}site_id = {'1' * 5000}", "is not TOML, somewhere"),
        ('[a]\nweb_api_key_env = "GONE"\napp_key_env = "NORTH_APP"', "GONE holds no key"),
        ('[a]\nweb_api_key_env = "NORTH_WEB"\napp_key_file = "x"', "app_key_file cannot be read"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_words(tmp_path: Path, text: str, said: str) -> None:
    """With the account and what is wrong there, and never with what stands there as a key."""
    with pytest.raises(ConfigError) as refused:
        accounts(tmp_path, text)
    assert said in str(refused.value)
    assert "canary" not in str(refused.value)
    assert refused.value.reason in {Reason.INVALID_SETTING, Reason.UNSAFE_SETTING}


def test_a_key_that_is_a_placeholder_is_none(tmp_path: Path) -> None:
    """Whoever forgot to fill it in hears so at the start."""
    with pytest.raises(ConfigError, match="the variable NORTH_WEB holds no key"):
        accounts(tmp_path, NORTH, environ=ENVIRON | {"NORTH_WEB": "${WEB_API_KEY}"})


def test_a_file_that_others_can_read_or_that_is_away_is_refused(tmp_path: Path) -> None:
    """Whoever can write it decides where the keys go."""
    file = tmp_path / "accounts.toml"
    with pytest.raises(ConfigError, match="cannot be read as text"):
        read_rows(file)
    keep(file, NORTH)
    assert list(read_rows(file)) == ["north"]
    for mode in (0o604, 0o620, 0o666):
        file.chmod(mode)
        with pytest.raises(ConfigError) as refused:
            read_rows(file)
        assert refused.value.reason is Reason.UNSAFE_SETTING


@pytest.mark.shows_keys("it keeps keys in files")
def test_what_could_not_be_opened_for_a_moment_is_read_again(tmp_path: Path) -> None:
    """Promise: an account that was taken out ends; neither file changes again."""
    file, web = tmp_path / "accounts.toml", tmp_path / "web"
    text = '[north]\nweb_api_key_file = "web"\napp_key_env = "NORTH_APP"\n'
    keep(file, text)
    web.write_text("canary-web", encoding="utf-8")
    found = Accounts(file, SERVER, ENVIRON, lambda _: None)

    def key() -> str:
        north = found.find("north")
        return secrets_of(north, {})[0] if north else ""

    web.write_text("canary-web-2", encoding="utf-8")
    with no_more_open_files():
        assert key() == "canary-web"
    assert key() == "canary-web-2"
    keep(file, text.replace("north", "south"))
    with no_more_open_files():
        assert key() == "canary-web-2"
    assert key() == ""


@pytest.mark.shows_keys("it keeps keys in files")
def test_the_file_and_its_keys_are_read_again_when_they_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Promise: changed to nonsense while running, the old one stays, with one line in the log."""
    caplog.set_level(logging.INFO, "fw_mcp.accounts")
    file, web = tmp_path / "accounts.toml", tmp_path / "web"
    text = '[north]\nweb_api_key_file = "web"\napp_key_env = "NORTH_APP"\n'
    keep(file, text)
    web.write_text("canary-web", encoding="utf-8")
    hidden: list[str] = []
    found = Accounts(file, SERVER, ENVIRON, hidden.extend)

    def keys() -> list[str]:
        north = found.find("north")
        return secrets_of(north, {}) if north else []

    assert keys() == hidden == ["canary-web", "canary-app"]
    web.write_text("canary-web-2", encoding="utf-8")
    assert keys() == hidden[2:] == ["canary-web-2", "canary-app"]
    web.unlink()
    assert (keys(), keys()) == (["canary-web-2", "canary-app"],) * 2
    web.write_text("canary-web-3", encoding="utf-8")
    assert keys() == ["canary-web-3", "canary-app"]
    keep(file, "[north")
    assert (keys(), keys()) == (["canary-web-3", "canary-app"],) * 2
    keep(file, f"{NORTH}")
    assert (keys(), found.find("south")) == (["canary-web", "canary-app"], None)
    told = [one.getMessage() for one in caplog.records]
    first, second = [one for one in told if one.endswith("What was read before is still used.")]
    assert 'fault in account "north": the file of web_api_key_file cannot be read' in first
    assert "is not TOML, at end of document." in second
    assert "canary" not in "".join(told)


def test_a_command_works_on_the_account_that_is_named(tmp_path: Path) -> None:
    """Named by nobody, none is chosen."""
    file = tmp_path / "accounts.toml"
    keep(file, NORTH)
    chosen = one_account(Settings(accounts_file=file, account="north"), ENVIRON)
    assert secrets_of(chosen, {}) == ["canary-web", "canary-app"]
    assert (chosen.accounts_file, chosen.account) == (None, None)
    assert one_account(SERVER, ENVIRON) is SERVER
    for settings, said in (
        (Settings(accounts_file=file), "Say which: --account north."),
        (Settings(accounts_file=file, account="south"), 'no account "south"'),
        (Settings(account="north"), "needs --accounts-file"),
    ):
        with pytest.raises(ConfigError) as refused:
            one_account(settings, ENVIRON)
        assert said in str(refused.value)


@pytest.mark.shows_keys("it keeps a key in a file")
def test_an_account_that_is_removed_is_gone_whatever_is_wrong_with_another(tmp_path: Path) -> None:
    """Promise: a key that cannot be read keeps no door open."""
    file, web = tmp_path / "accounts.toml", tmp_path / "web"
    south = '[south]\nweb_api_key_file = "web"\napp_key_env = "NORTH_APP"\n'
    keep(file, f"{NORTH}{south}")
    web.write_text("canary-web-2", encoding="utf-8")
    found = Accounts(file, SERVER, ENVIRON, lambda _: None)
    web.unlink()
    keep(file, south)
    assert (found.find("north"), found.find("south") is None) == (None, False)


ODD_KEYS: Mapping[str, Callable[[Path], object]] = MappingProxyType(
    {
        "a pipe": os.mkfifo,
        "a folder": Path.mkdir,
        "a link to itself": lambda file: file.symlink_to(file),
        "a device": lambda file: file.symlink_to("/dev/zero"),
        "long": lambda file: file.write_text("canary" * 1000, "ascii"),
        "empty": Path.touch,
        "no text": lambda file: file.write_bytes(b"canary-\xff"),
        "two lines": lambda file: file.write_text("canary-1\ncanary-2", "ascii"),
        "not ASCII": lambda file: file.write_text("canary-\u00e9", "utf-8"),
        "a zero": lambda file: file.write_text("canary\0", "ascii"),
    }
)


@pytest.mark.shows_keys("it keeps what is no key in a file")
@pytest.mark.parametrize("odd", ODD_KEYS)
def test_a_file_that_holds_no_key_is_refused_and_not_waited_for(tmp_path: Path, odd: str) -> None:
    """Promise: whatever it is; a server that runs goes on with what it read before."""
    file, web = tmp_path / "accounts.toml", tmp_path / "web"
    keep(file, '[north]\nweb_api_key_file = "web"\napp_key_env = "NORTH_APP"\n')
    web.write_text("\ufeffcanary-web\r\n", "utf-8")
    found = Accounts(file, SERVER, ENVIRON, lambda _: None)
    web.unlink()
    ODD_KEYS[odd](web)
    north = found.find("north")
    assert north is not None
    assert secrets_of(north, {}) == ["canary-web", "canary-app"]
    with pytest.raises(ConfigError, match='fault in account "north"') as refused:
        Accounts(file, SERVER, ENVIRON, lambda _: None)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("odd", ["a pipe", "a folder", "a link to itself", "a device", "no text"])
def test_what_is_no_accounts_file_any_more_leaves_what_there_was(tmp_path: Path, odd: str) -> None:
    """And holds no request up."""
    file = tmp_path / "accounts.toml"
    keep(file, f"\ufeff{NORTH}".replace("\n", "\r\n"))
    found = Accounts(file, SERVER, ENVIRON, lambda _: None)
    file.unlink()
    ODD_KEYS[odd](file)
    opened = open_files()
    assert found.find("north") is not None
    with pytest.raises(ConfigError, match="cannot be read as text"):
        read_rows(file)
    with pytest.raises(ConfigError, match="cannot be read as text"):
        read_tokens(file)
    assert open_files() == opened


def open_files() -> int:
    """How many files this process has open; 0 where that is not told."""
    return sum(1 for _ in Path("/proc/self/fd").glob("*"))


def test_a_file_of_any_length_is_read_to_a_limit(tmp_path: Path) -> None:
    """It may grow without end."""
    file = tmp_path / "accounts.toml"
    keep(file, f"{NORTH}#{'x' * 3_999_000}")
    assert list(read_rows(file)) == ["north"]
    keep(file, f"{NORTH}#{'x' * 4_000_000}")
    with pytest.raises(ConfigError, match="at most 4,000,000 bytes"):
        read_rows(file)


def test_what_is_wrong_with_one_account_holds_no_other_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Promise: the others are narrowed, added and given new keys all the same."""
    file = tmp_path / "accounts.toml"
    south = '[south]\nsandbox_file = "south"\n'
    keep(file, f"{NORTH}{south}")
    found = Accounts(file, SERVER, ENVIRON, lambda _: None)
    east = "[east]\nsandbox = true\n[west]\nsandbox = 1\n"
    keep(file, f"{NORTH}max_items = 0\n{south}read_only = true\n{east}")
    north, narrowed, added = (found.find(name) for name in ("north", "south", "east"))
    assert north is not None
    assert narrowed is not None
    assert (north.max_items, narrowed.read_only, added is None) == (40, True, False)
    assert found.find("west") is None
    assert [one.getMessage().split(": ")[0].rpartition(" ")[2] for one in caplog.records] == [
        '"north"',
        '"west"',
    ]


@pytest.mark.shows_keys("it keeps a key in a file")
def test_a_command_needs_the_keys_of_no_other_account(tmp_path: Path) -> None:
    """They may be out of its reach."""
    file = tmp_path / "accounts.toml"
    keep(file, f'{NORTH}[south]\nweb_api_key_file = "away"\napp_key_env = "AWAY"\n')
    chosen = one_account(Settings(accounts_file=file, account="north"), ENVIRON)
    assert secrets_of(chosen, {}) == ["canary-web", "canary-app"]
