"""Help that fits a screen, and misspelt command lines that are answered with the nearest word."""

import shlex

import pytest

from fw_mcp.cli.commands import COMMANDS
from fw_mcp.cli.main import main
from fw_mcp.cli.options import parse
from fw_mcp.config import Settings, option

FOREIGN = ("invalid choice", "unrecognized", "expected one", "the following arguments", "explicit")


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The help that a command line prints."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code in {0, None}
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_s_help_is_its_own(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What it does, what it takes, an example; no option of the others."""
    text = printed(capsys, command, "--help")
    assert text.startswith(f"usage: fw-mcp {command} ")
    assert len(text.splitlines()) <= 25
    assert f"Example: {COMMANDS[command].example}\n" in text
    assert text.endswith("Global options, which every command takes: fw-mcp --help\n")
    named = set(text.split())
    assert not named & {option(name) for name in Settings.model_fields if name != "store"}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_is_a_command_line_that_is_understood(command: str) -> None:
    """Whoever copies it gets what it says."""
    program, *arguments = shlex.split(COMMANDS[command].example)
    assert (program, parse(arguments)[0]) == ("fw-mcp", command)


@pytest.mark.parametrize(
    ("arguments", "same"),
    [
        (["help"], ["--help"]),
        (["help", "help"], ["--help"]),
        (["--read-only", "help"], ["--help"]),
        (["--sandbox", "help"], ["--help"]),
        (["help", "doctor"], ["doctor", "--help"]),
        (["help", "plan"], ["preview", "--help"]),
    ],
)
def test_help_is_a_word_too(
    arguments: list[str], same: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """`fw-mcp help COMMAND`, as people type it."""
    assert printed(capsys, *arguments) == printed(capsys, *same)


def test_the_whole_help_names_every_command_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    """The commands first, then what all of them take."""
    text = printed(capsys, "--help")
    commands, _, options = text.partition("\nglobal options")
    assert [name for name in COMMANDS if f"    {name}" not in commands] == []
    assert "--http HOST:PORT" in options


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dcotor"], 'There is no command "dcotor". Did you mean doctor? Nothing was started.'),
        (["nonsense"], 'There is no command "nonsense". Nothing was started.'),
        (["version"], 'There is no command "version". Did you mean --version?'),
        (["help", "undoo"], 'There is no command "undoo". Did you mean undo?'),
        (["--versoin"], 'There is no option "--versoin". Did you mean --version?'),
        (["--read-onyl=1"], 'There is no option "--read-onyl". Did you mean --read-only?'),
        (["doctor", "--jsn"], 'There is no option "--jsn". Did you mean --json?'),
        (["plans", "--stroe", "x"], 'There is no option "--stroe". Did you mean --store?'),
        (["doctor", "x"], '"x" is one word too many. Nothing was started. fw-mcp doctor --help'),
        (["approve"], "PLAN is missing. Nothing was started. fw-mcp approve --help"),
        (["--http"], "--http needs a value."),
        (["sandbox", "--faults=3"], "--faults takes no value."),
        (["--http-all", "x"], "--http-all could mean --http-allowed-hosts, --http-allowed-o"),
        (["sandbox", "--port", "99999"], "--port must be a whole number from 0 to 65535."),
        (["changes", "--page=x"], "--page must be a whole number from 1 to 1000000."),
        (["changes", "--page=2", "--export"], "--export and --page cannot be given together."),
        (["\x1b[2J"], 'There is no command "'),
    ],
)
def test_what_is_misspelt_is_told_with_the_nearest_word(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In our words, in one line, with exit code 2."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr().err
    assert (ended.value.code, told.count("\n")) == (2, 1)
    assert told.startswith(f"fw-mcp: {said}")
    assert not any(words in told for words in FOREIGN)
    assert "\x1b" not in told


def test_a_misspelt_command_after_the_sandbox_s_switch_is_no_file(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`fw-mcp --sandbox dcotor` would make a file of that name, and serve."""
    assert main(["--sandbox", "dcotor"]) == 2
    assert "Did you mean doctor?" in capsys.readouterr().err
