"""What the command line does not understand is refused in a sentence, before anything starts."""

import re
from pathlib import Path

import pytest

from fw_mcp.cli.main import main
from fw_mcp.cli.options import parse
from fw_mcp.config import KEYS, Settings, check_variables, load_settings, variable
from tests.cli.conftest import InProcess
from tests.support.process import fw_mcp
from tests.support.products import first_of
from tests.support.readme import example_of

CODE = "\x1b[2J"


@pytest.mark.parametrize(
    ("arguments", "env", "code", "said"),
    first_of(
        (["--nonsense"], {}, 2, "There is no option"),
        (["--confirm", "maybe"], {}, 2, "--confirm (FW_MCP_CONFIRM)"),
        (["--max-items", "0"], {}, 2, "--max-items (FW_MCP_MAX_ITEMS)"),
        (["--writes", "delete_image"], {}, 2, '"delete_image", which is not a write tool'),
        (
            ["--http", "8000"],
            {},
            2,
            '--http (FW_MCP_HTTP) is "8000", which is not in HOST:PORT form',
        ),
        ([], {"FINERWORKS_SESSION_ID": "short"}, 2, "--session-id (FINERWORKS_SESSION_ID)"),
        (["--sandbox", "--confirm", "approve"], {}, 2, "give --store (FW_MCP_STORE) a file"),
        (["--sandbox"], {"FW_MCP_READONLY": "1"}, 2, "Did you mean FW_MCP_READ_ONLY?"),
        (["--sandbox"], {"FW_MCP_SURPRISE": "1"}, 2, "Unknown setting: FW_MCP_SURPRISE"),
        (["--base-url", "http://api.finerworks.com"], {}, 6, "plain http"),
        (["--base-url", "https://api.example.com"], {}, 6, "not a known FinerWorks host"),
        (["--sandbox", "--http", "0.0.0.0:8000"], {}, 6, "Set a token with FW_MCP_HTTP_TOKEN"),
        (
            ["--sandbox", "--http", "127.0.0.1:0"],
            {"FW_MCP_HTTP_TOKEN": " " * 20},
            6,
            "is shorter than 16 characters",
        ),
        (["approve", "0123456789abcdef", "--sandbox"], {}, 1, "Nothing was approved"),
        (["export", "--sandbox", "library.csv"], {}, 2, "--sandbox-file FILE"),
        (["export", "library.csv", "--sandbox=studio.db"], {}, 2, "--sandbox-file FILE"),
        (["--sandbox", "studio.db", "export", "library.csv"], {}, 2, "--sandbox-file FILE"),
        (["approve", "--sandbox", "0123456789abcdef"], {}, 2, "--sandbox-file FILE"),
        (["plan", "--sandbox", "library.csv"], {}, 2, "--sandbox-file FILE"),
        (["--max-items", "ten"], {}, 2, "must be a whole number from 1 to 500"),
        (["--plan-ttl-s", "0"], {}, 2, "must be a number over 0 to 3600"),
        (["--log-level", "loud"], {}, 2, "must be debug, info, warning or error"),
        ([], {"FW_MCP_READ_ONLY": "perhaps"}, 2, "--read-only (FW_MCP_READ_ONLY) must be true or"),
        ([], {"FW_MCP_READ_ONLY": " "}, 2, "--read-only (FW_MCP_READ_ONLY) must be true or false"),
        ([], {"FW_MCP_HTTP_TOKEN": "${TOKEN}"}, 2, "FW_MCP_HTTP_TOKEN is a placeholder"),
        ([], {"FW_MCP_STORE": "${user_config.store}"}, 2, "--store (FW_MCP_STORE) is a placeh"),
        (["--fetch-hosts", "img"], {}, 2, '--fetch-hosts (FW_MCP_FETCH_HOSTS) names "img"'),
        ([], {"FINERWORKS_WEBAPI_KEY": "x"}, 2, "Did you mean FINERWORKS_WEB_API_KEY?"),
        ([], {"FINERWORKS_BASEURL": "x"}, 2, "Did you mean FINERWORKS_BASE_URL?"),
        (
            [],
            {"FW_MCP_SANDBOX": "a.db", "FW_MCP_SANDBOX_FILE": "b.db"},
            2,
            "--sandbox (FW_MCP_SANDBOX) and --sandbox-file (FW_MCP_SANDBOX_FILE) name two places",
        ),
        first=13,
    ),
)
def test_what_cannot_be_started_is_told_in_one_sentence_with_its_exit_code(
    arguments: list[str],
    env: dict[str, str],
    code: int,
    said: str,
    in_process: InProcess,
) -> None:
    """Promise: usage is 2, unsafe configuration is 6, and the message says what to do."""
    done = in_process(arguments, env=env)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert list(Path.cwd().iterdir()) == []
    assert not re.search("Traceback|Input should|unable to parse|pydantic", done.stderr)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--nonsense"], 2), (["--base-url", "http://api.finerworks.com"], 6)],
)
def test_the_exit_code_is_that_of_the_process(
    arguments: list[str], code: int, tmp_path: Path
) -> None:
    """And what it says goes to stderr alone."""
    done = fw_mcp(arguments, env={"XDG_STATE_HOME": str(tmp_path)}, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr[:8]) == (code, "", "fw-mcp: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--http", f"{CODE}:80"],
        ["--http", CODE],
        ["--writes", CODE],
        ["--fetch-hosts", CODE],
        ["--confirm", CODE],
        ["--sandbox-file", f"none/{CODE}", "export"],
        ["--base-url", f"https://{CODE}.example", "plans"],
        ["approve", CODE],
        ["changes", "--page", CODE],
        [CODE],
    ],
)
def test_no_refusal_sends_a_terminal_what_was_typed(
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A copied line may hold codes that clear the screen, or write on it."""
    monkeypatch.setenv("FW_MCP_SANDBOX", "true")
    monkeypatch.chdir(tmp_path)
    try:
        code: object = main(arguments)
    except SystemExit as ended:
        code = ended.code
    said = capsys.readouterr()
    assert code not in {None, 0}
    assert CODE not in said.err + said.out


def test_a_variable_that_nobody_reads_is_named_without_its_codes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name may hold some, too."""
    monkeypatch.setenv(f"FW_MCP_{CODE}", "1")
    assert main(["plans", "--sandbox"]) == 2
    assert f"Unknown setting: FW_MCP_{CODE!r}".replace("'", "") in capsys.readouterr().err


@pytest.mark.parametrize("days", ["0", "-1", "many", "36501"])
def test_the_journal_is_kept_for_a_number_of_days(
    days: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a day to a century; anything else is a wrong usage."""
    assert main(["changes", "--sandbox", f"--journal-days={days}"]) == 2
    assert "--journal-days (FW_MCP_JOURNAL_DAYS)" in capsys.readouterr().err


@pytest.mark.parametrize("page", ["0", "-1", "two", "1000001", "9" * 5000])
def test_a_page_that_is_no_number_of_one_is_a_wrong_usage(
    page: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2."""
    with pytest.raises(SystemExit) as ended_:
        main(["changes", "--sandbox", f"--page={page}"])
    assert ended_.value.code == 2
    assert "--page" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["mine"], ["--sandbox", "--page=2"], ["--nonsense", "mine", "more"]]
)
def test_a_command_that_is_gone_names_the_one_that_took_its_place(
    arguments: list[str], in_process: InProcess, tmp_path: Path
) -> None:
    """Whatever it is given; nothing is written."""
    done = in_process(["export-changes", *arguments])
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (2, "", [])
    assert done.stderr == (
        "fw-mcp: The command export-changes no longer exists. Nothing was started. Use fw-mcp "
        "changes --export with the same file and options. (reason: invalid_arguments)\n"
    )


@pytest.mark.parametrize("word", ["doctor", "plans", "plan", "export-changes"])
def test_the_sandbox_is_not_kept_in_a_file_named_as_a_command_is_or_was(
    word: str, in_process: InProcess, tmp_path: Path
) -> None:
    """`fw-mcp --sandbox doctor` is that command on the sandbox."""
    before, after = (in_process(one) for one in (["--sandbox", word], [word, "--sandbox"]))
    assert (before.returncode, before.stdout) == (after.returncode, after.stdout)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "environ", "place"),
    [
        ([], {}, None),
        (["--sandbox"], {}, ":memory:"),
        (["--sandbox=true"], {}, ":memory:"),
        (["--sandbox", "studio.db"], {}, "studio.db"),
        (["--sandbox=studio.db"], {}, "studio.db"),
        (["--sandbox-file", "studio.db"], {}, "studio.db"),
        (["--sandbox", "--sandbox-file=studio.db"], {}, "studio.db"),
        (["export", "--sandbox-file", "studio.db", "library.csv"], {}, "studio.db"),
        (["export", "library.csv", "--sandbox"], {}, ":memory:"),
        (["--sandbox", "--read-only"], {}, ":memory:"),
        (["--sandbox", "export", "library.csv"], {}, ":memory:"),
        ([], {"FW_MCP_SANDBOX": "true"}, ":memory:"),
        ([], {"FW_MCP_SANDBOX": "1"}, ":memory:"),
        ([], {"FW_MCP_SANDBOX": " Yes\n"}, ":memory:"),
        ([], {"FW_MCP_SANDBOX": "ON"}, ":memory:"),
        ([], {"FW_MCP_SANDBOX": ":memory:"}, ":memory:"),
        ([], {"FW_MCP_SANDBOX": "false"}, None),
        ([], {"FW_MCP_SANDBOX": "0"}, None),
        ([], {"FW_MCP_SANDBOX": "No"}, None),
        ([], {"FW_MCP_SANDBOX": "off"}, None),
        ([], {"FW_MCP_SANDBOX": ""}, None),
        ([], {"FW_MCP_SANDBOX": "studio.db"}, "studio.db"),
        (["plans"], {"FW_MCP_SANDBOX": "studio.db"}, "studio.db"),
        ([], {"FW_MCP_SANDBOX": "~/studio.db"}, "/home/a/studio.db"),
        ([], {"FW_MCP_SANDBOX_FILE": "studio.db"}, "studio.db"),
        ([], {"FW_MCP_SANDBOX_FILE": "$HOME/studio.db"}, "/home/a/studio.db"),
        ([], {"FW_MCP_SANDBOX": "true", "FW_MCP_SANDBOX_FILE": "studio.db"}, "studio.db"),
        ([], {"FW_MCP_SANDBOX": "false", "FW_MCP_SANDBOX_FILE": "studio.db"}, None),
        (["--sandbox-file=a.db"], {"FW_MCP_SANDBOX": "false"}, "a.db"),
        (["--sandbox"], {"FW_MCP_SANDBOX_FILE": "studio.db"}, "studio.db"),
    ],
)
def test_the_sandbox_is_a_switch_and_its_file_another_option(
    arguments: list[str],
    environ: dict[str, str],
    place: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Words for yes and no are no files; without a command the file may still stand after it."""
    for name, value in ({"HOME": "/home/a"} | environ).items():
        monkeypatch.setenv(name, value)
    assert parse(arguments)[1].sandbox == place


@pytest.mark.parametrize(
    ("environ", "name", "value"),
    [
        ({"FW_MCP_LOG_LEVEL": "INFO"}, "log_level", "info"),
        ({"FW_MCP_LOG_LEVEL": "warn"}, "log_level", "warning"),
        ({"FW_MCP_LOG_LEVEL": " Critical "}, "log_level", "error"),
        ({"FW_MCP_CONFIRM": "Auto"}, "confirm", "auto"),
        ({"FW_MCP_CONFIRM": "PLAN\r\n"}, "confirm", "plan"),
        ({"FW_MCP_READ_ONLY": "TRUE "}, "read_only", True),
        ({"FW_MCP_READ_ONLY": "'yes'"}, "read_only", True),
        ({"FW_MCP_NO_FETCH": "On"}, "no_fetch", True),
        ({"FW_MCP_SHOW_HIRES": "0"}, "show_hires", False),
        ({"FW_MCP_MAX_ITEMS": "'20'"}, "max_items", 20),
        ({"FW_MCP_FILE_FOLDERS": "/pics/\n"}, "read_folders", [Path("/pics")]),
        (
            {"FW_MCP_FILE_FOLDERS": "~/pics:$HOME/more"},
            "read_folders",
            ["/home/a/pics", "/home/a/more"],
        ),
        ({"FW_MCP_STORE": "~/s.db"}, "store", Path("/home/a/s.db")),
        ({"FW_MCP_STORE": "${HOME}/s.db"}, "store", Path("/home/a/s.db")),
        ({"FW_MCP_STORE": " "}, "store", None),
        ({"fw_mcp_read_only": "true"}, "read_only", True),
    ],
)
def test_settings_are_read_as_people_write_them(
    environ: dict[str, str], name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any case, stray white space and quotes, `~` and variables in paths."""
    for one, text in ({"HOME": "/home/a"} | environ).items():
        monkeypatch.setenv(one, text)
    check_variables(environ)
    found = getattr(load_settings({}), name)
    assert found == ([Path(one) for one in value] if isinstance(value, list) else value)


@pytest.mark.parametrize(
    "environ",
    [
        {"FINERWORKS_WEBHOOK_URL": "x"},
        {"FINERWORKS_APP_KEY": "x", "FINERWORKS_APP_KEYS": "x"},
        {"FINERWORKS_SHOP": "x"},
    ],
)
def test_another_program_s_variable_is_none_of_ours(environ: dict[str, str]) -> None:
    """Only what is nearly one of ours, which is not set, is a slip."""
    check_variables(environ)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_example_of_each_setting_is_one_that_it_takes(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As docs/settings.md shows it; of a key it is a placeholder, and told as one."""
    monkeypatch.setenv(variable(name), example_of(name))
    settings = load_settings({})
    assert getattr(settings, name) is not None
    assert settings.unfilled == ([variable(name)] if name in KEYS else [])


def test_the_former_word_for_a_preview_is_understood_and_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`fw-mcp plan FILE` is in people's notes; help tells the word that is not like `plans`."""
    sheet = str(tmp_path / "none.csv")
    said = [(main([word, sheet, "--sandbox"]), capsys.readouterr()) for word in ("preview", "plan")]
    assert said[0] == said[1]
    assert "The spreadsheet cannot be used." in said[0][1].err
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = capsys.readouterr().out.partition("\ncommands:\n")[2]
    words = [line.split()[0] for line in commands.splitlines() if line.strip()]
    assert "preview" in words
    assert {"plan", "export-changes"}.isdisjoint(words)


def test_a_page_of_changes_is_not_exported(capsys: pytest.CaptureFixture[str]) -> None:
    """All of them are."""
    with pytest.raises(SystemExit) as ended:
        main(["changes", "--sandbox", "--page=2", "--export"])
    assert ended.value.code == 2
    assert "--export and --page cannot be given together" in capsys.readouterr().err
