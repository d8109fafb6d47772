"""The command line: argv and environment become settings, settings become parts, parts run.

The only reader of either. What is heavy is imported when a command needs it, so that `--version`
answers at once and `--help` without the SDK.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import MappingProxyType

from fw_mcp import __version__
from fw_mcp.errors import ApiError, FwError, Reason
from fw_mcp.text import visible

# Each is called with the parts and the command's own arguments, and gives the exit code.
_COMMANDS = MappingProxyType(
    {
        "": ("fw_mcp.cli.serve", "serve"),
        "sandbox": ("fw_mcp.cli.serve", "serve_sandbox"),
        "doctor": ("fw_mcp.cli.doctor", "examine"),
        "plans": ("fw_mcp.cli.plans", "list_plans"),
        "approve": ("fw_mcp.cli.plans", "approve"),
        "changes": ("fw_mcp.cli.changes", "show_changes"),
        "export": ("fw_mcp.cli.spreadsheet.export", "export"),
        "preview": ("fw_mcp.cli.spreadsheet.preview", "preview"),
        "apply": ("fw_mcp.cli.spreadsheet.apply", "apply"),
        "reconcile": ("fw_mcp.cli.changes", "reconcile_changes"),
        "demo": ("fw_mcp.cli.demo", "play"),
    }
)
_EXIT_CODES = MappingProxyType(
    {
        Reason.INVALID_SETTING: 2,
        Reason.INVALID_ARGUMENTS: 2,
        Reason.KEYS_MISSING: 3,
        Reason.KEYS_REFUSED: 3,
        Reason.UNREACHABLE: 4,
        Reason.TIMED_OUT: 4,
        Reason.CIRCUIT_OPEN: 4,
        Reason.UNSAFE_SETTING: 6,
    }
)
_UPSTREAM = 5
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments after the program's name; None takes the process's own.

    Returns:
        The exit code.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["--version"], ["-V"]):
        print(f"fw-mcp {__version__}")
        return 0
    from fw_mcp.cli.output import told_to_a_person  # noqa: PLC0415  not for --version

    code = 0
    try:
        with told_to_a_person():
            code = _ended(arguments)
    except FwError as error:
        return _told(error)
    return code


def exit_code(error: FwError) -> int:
    """The exit code that tells a script what kind of error it was."""
    default = _UPSTREAM if isinstance(error, ApiError) else 1
    return _EXIT_CODES.get(error.reason, default)


def _ended(arguments: Sequence[str]) -> int:
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except FwError as error:
        return _told(error)


def _told(error: FwError) -> int:
    # It may hold what was typed.
    print(f"fw-mcp: {visible(str(error))}", file=sys.stderr)
    return exit_code(error)


def _run(arguments: Sequence[str]) -> int:
    from fw_mcp.server.fast_imports import quick_imports  # noqa: PLC0415  pydantic, not for --version

    with quick_imports():
        from fw_mcp.cli.options import parse  # noqa: PLC0415  as above
        from fw_mcp.config import check_variables  # noqa: PLC0415  as above
    command, settings, own = parse(arguments)
    check_variables(os.environ)
    with quick_imports():
        from fw_mcp.assembly import assemble, secrets_of  # noqa: PLC0415  not for --help
        from fw_mcp.cli.output import log_to_stderr  # noqa: PLC0415  as above

        module, function = _COMMANDS[command]
        run = getattr(import_module(module), function)
    log_to_stderr(settings.log_level, secrets_of(settings))
    return int(run(assemble(settings, os.environ), own))
