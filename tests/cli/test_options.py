"""What the command line does not understand is refused in a sentence, before anything starts."""

from pathlib import Path

import pytest

from fw_mcp.cli.main import main
from tests.support.process import fw_mcp


@pytest.mark.parametrize(
    ("arguments", "env", "code", "said"),
    [
        (["--nonsense"], {}, 2, "unrecognized arguments: --nonsense"),
        (["--confirm", "maybe"], {}, 2, "--confirm (FW_MCP_CONFIRM)"),
        (["--max-items", "0"], {}, 2, "--max-items (FW_MCP_MAX_ITEMS)"),
        (["--writes", "delete_image"], {}, 2, "delete_image, which is no write tool"),
        (["--http", "8000"], {}, 2, "not HOST:PORT"),
        ([], {"FINERWORKS_SESSION_ID": "short"}, 2, "--session-id (FINERWORKS_SESSION_ID)"),
        (["--sandbox", "--confirm", "approve"], {}, 2, "give store"),
        (["--sandbox"], {"FW_MCP_READONLY": "1"}, 2, "Did you mean FW_MCP_READ_ONLY?"),
        (["--sandbox"], {"FW_MCP_SURPRISE": "1"}, 2, "There is no setting FW_MCP_SURPRISE"),
        (["--base-url", "http://api.finerworks.com"], {}, 6, "plain http"),
        (["--base-url", "https://api.example.com"], {}, 6, "no host of FinerWorks"),
        (["--sandbox", "--http", "0.0.0.0:8000"], {}, 6, "no token is set"),
        (["approve", "0123456789abcdef", "--sandbox"], {}, 1, "Nothing was approved"),
        (["--sandbox", "doctor"], {}, 2, "fw-mcp doctor"),
    ],
)
def test_what_cannot_be_started_is_told_in_one_sentence_with_its_exit_code(
    arguments: list[str], env: dict[str, str], code: int, said: str, tmp_path: Path
) -> None:
    """Promise: usage is 2, unsafe configuration is 6, and the message says what to do."""
    done = fw_mcp(arguments, env={"XDG_STATE_HOME": str(tmp_path), **env}, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


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
    arguments: list[str], tmp_path: Path
) -> None:
    """Whatever it is given; nothing is written."""
    done = fw_mcp(["export-changes", *arguments], cwd=tmp_path)
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (2, "", [])
    assert done.stderr == (
        "fw-mcp: The command export-changes is gone. Nothing was started. Write fw-mcp changes "
        "--export, with the same file and options. (reason: invalid_arguments)\n"
    )


@pytest.mark.parametrize(
    ("word", "command"), [("plan", "preview"), ("export-changes", "changes --export")]
)
def test_the_sandbox_is_not_kept_in_a_file_named_as_a_command_was(
    word: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """`fw-mcp --sandbox plan` lacks a word or has one too many."""
    assert main(["--sandbox", word]) == 2
    assert f"For the command write fw-mcp {command} --sandbox" in capsys.readouterr().err


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
    assert "--export: not allowed with argument --page" in capsys.readouterr().err
