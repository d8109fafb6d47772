"""The command line: what it answers, with which exit code, and what it never imports or shows."""

import subprocess
import sys

import pytest

from fw_mcp import __version__
from fw_mcp.cli.main import exit_code, main
from fw_mcp.errors import ConfigError, FwError, Reason, ShapeError
from tests.support.process import environment


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_version_and_help_do_not_import_the_sdk(argument: str) -> None:
    """Promise: `--version` and `--help` answer without the SDK."""
    script = (
        "import sys; from fw_mcp.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit:\n    pass\n"
        "print('mcp' in sys.modules, 'httpx' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, argument],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "False False"


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    """`fw-mcp --version` names the version."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"fw-mcp {__version__}\n"


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.INVALID_SETTING, 2),
        (Reason.KEYS_MISSING, 3),
        (Reason.KEYS_REFUSED, 3),
        (Reason.UNREACHABLE, 4),
        (Reason.UNSAFE_SETTING, 6),
        (Reason.UNEXPECTED, 1),
    ],
)
def test_each_reason_has_its_exit_code(reason: Reason, code: int) -> None:
    """Promise: the exit codes of the help text."""
    assert exit_code(ConfigError("a", state="b", next_step="c", reason=reason)) == code


def test_an_upstream_error_is_five() -> None:
    """An answer of the service that cannot be used is told apart from its absence."""
    fault: FwError = ShapeError("a", state="b", next_step="c", reason=Reason.UNREADABLE_ANSWER)
    assert exit_code(fault) == 5


def test_a_circuit_that_is_open_is_a_service_out_of_reach() -> None:
    """Exit code 4, as when it could not be reached at once."""
    fault = ConfigError("a", state="b", next_step="c", reason=Reason.CIRCUIT_OPEN)
    assert exit_code(fault) == 4
