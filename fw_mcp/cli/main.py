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
from fw_mcp.cli.commands import COMMANDS, SERVE
from fw_mcp.cli.output import (
    never_wait_for_stderr,
    tell,
    tell_the_unforeseen,
    told_to_a_person,
)
from fw_mcp.cli.refusals import for_a_person
from fw_mcp.errors import ApiError, FwError, Reason
from fw_mcp.text import visible

_EXIT_CODES = MappingProxyType(
    {
        Reason.INVALID_SETTING: 2,
        Reason.INVALID_ARGUMENTS: 2,
        Reason.UPLOAD_OFF: 2,
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

    if argv is None:
        sys.excepthook = tell_the_unforeseen
        never_wait_for_stderr()
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
    tell(f"fw-mcp: {visible(for_a_person(error))}")
    return exit_code(error)


def _run(arguments: Sequence[str]) -> int:
    if arguments in (["--version"], ["-V"]):
        print(f"fw-mcp {__version__}")
        return 0
    from fw_mcp.server.fast_imports import quick_imports  # noqa: PLC0415  pydantic, not for --version

    with quick_imports():
        from fw_mcp.cli.options import parse  # noqa: PLC0415  as above
        from fw_mcp.config import check_variables  # noqa: PLC0415  as above
    command, settings, own = parse(arguments)
    row = COMMANDS.get(command, SERVE)
    named: Sequence[str] = ()
    with quick_imports():
        from fw_mcp.assembly import assemble, secrets_of  # noqa: PLC0415  not for --help
        from fw_mcp.cli.output import log_to_stderr  # noqa: PLC0415  as above
        from fw_mcp.writes.audit import AUDIT  # noqa: PLC0415  as above

        if settings.accounts_file is not None or settings.account is not None:
            from fw_mcp.accounts.file import one_account, variables_named  # noqa: PLC0415  only then

            named = variables_named(settings)
            if not (row.of_no_account or (row is SERVE and settings.http)):
                settings = one_account(settings, os.environ)
        module, function = row.place
        run = getattr(import_module(module), function)
    check_variables(os.environ, named)
    as_json = settings.log_format == "json"
    log_to_stderr(
        settings.log_level,
        secrets_of(settings, os.environ),
        as_json=as_json,
        # Who serves others, or collects logs, is to know who wrote; at a terminal they know.
        always=[AUDIT] if settings.http or as_json else [],
    )
    return int(run(assemble(settings, os.environ), own))
