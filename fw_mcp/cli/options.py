"""Argv as a command, its own arguments, and settings."""

import argparse
from collections.abc import Mapping, Sequence
from typing import Literal, NoReturn, get_args, get_origin

from pydantic.fields import FieldInfo

from fw_mcp import __version__
from fw_mcp.cli.output import STDOUT
from fw_mcp.config import (
    ENVIRONMENT_ONLY,
    IN_MEMORY,
    NO,
    YES,
    Settings,
    load_settings,
    option,
    variable,
)
from fw_mcp.errors import ConfigError, Reason

COMMANDS = {
    "sandbox": "serve the sandbox over HTTP",
    "doctor": "check keys, host, TLS, clock, store and unfinished writes",
    "plans": "list the plans that wait for an answer",
    "approve": "approve a plan, as a person in a terminal",
    "changes": "list what was done, newest first, or export it",
    "export": "write titles and descriptions to a spreadsheet",
    "preview": "say what a spreadsheet would change; sends nothing",
    "apply": "send what was changed in a spreadsheet",
    "reconcile": "settle writes without a known outcome, by reading the service",
    "demo": "play a session against the sandbox and print it",
}
# Former words: of the first the command is carried out, of the second it is named.
_ALIASES = {"plan": "preview"}
_GONE = {"export-changes": "changes --export"}
_LAST_PAGE = 1_000_000
_METAVARS = {
    "http": "HOST:PORT",
    "http_allowed_hosts": "HOSTS",
    "http_allowed_origins": "ORIGINS",
    "store": "FILE",
    "sandbox_file": "FILE",
    "journal_days": "DAYS",
    "writes": "TOOLS",
    "max_items": "N",
    "deletions_per_hour": "N",
    "plan_ttl_s": "SECONDS",
    "base_url": "URL",
    "fetch_hosts": "HOSTS",
    "file_folders": "FOLDERS",
}
_DESCRIPTION = """\
MCP server that gives an AI assistant safe hands on a FinerWorks image library.
Without a command it serves over stdio."""
_EPILOG = """\
The secrets are variables only: FINERWORKS_WEB_API_KEY, FINERWORKS_APP_KEY, FW_MCP_HTTP_TOKEN.
Exit codes: 0 fine, 1 unexpected, 2 usage, 3 keys, 4 unreachable, 5 upstream error,
6 unsafe configuration, 7 unfinished writes or rows left out."""
_MISSED = "Exit code 7: images went away meanwhile, so others may be missing in the file."
_LEFT_OUT = """\
Columns: guid, title, description, exported; others are not read. An empty cell keeps the text.
Exit code 7: rows are left out or left undone; they are named."""


def parse(arguments: Sequence[str]) -> tuple[str, Settings, Mapping[str, object]]:
    """Read the command line.

    Returns:
        The command, "" for none; the settings, with the environment's; the command's arguments.

    Raises:
        ConfigError: a setting cannot be used.
        SystemExit: after `--help`, or with 2 for a usage that argparse refuses.
    """
    parser = _parser()
    rest, sandbox = _sandbox_taken_out(arguments)
    known, unknown = parser.parse_known_args(rest)
    given = vars(known) | ({"sandbox": sandbox} if sandbox else {})
    command = str(given.pop("command") or "")
    if command in _GONE:
        raise _gone(command)
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    command = _ALIASES.get(command, command)
    own = {name: given.pop(name) for name in list(given) if name not in Settings.model_fields}
    return command, load_settings(given), own


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where the options are; the usage alone is a page."""
        self.exit(2, f"fw-mcp: {message}. Nothing was started. fw-mcp --help lists all options.\n")


def _parser() -> _Parser:
    options = _options()
    parser = _Parser(
        prog="fw-mcp",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        parents=[options],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-V", "--version", action="version", version=f"fw-mcp {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    subparsers = {
        name: commands.add_parser(name, help=text, description=text, parents=[options])
        for name, text in COMMANDS.items()
    }
    subparsers["sandbox"].add_argument("--port", type=int, default=8321, help="default 8321")
    faults = subparsers["sandbox"].add_argument("--faults", action="store_true")
    faults.help = "serve /_sandbox/faults and /_sandbox/switches too, for those who test"
    subparsers["sandbox"].add_argument("file", nargs="?", metavar="FILE", help="keep it here")
    subparsers["doctor"].add_argument("--json", action="store_true", help="for a program")
    contract = subparsers["doctor"].add_argument("--contract", metavar="FILE")
    contract.help = (
        "instead, compare FinerWorks' answers with what is expected of them, by reading alone, and "
        "write what they are like to a new file: types and counts, no text of the library"
    )
    subparsers["approve"].add_argument("plan", metavar="PLAN", help="the plan_id")
    agreed = subparsers["approve"].add_argument("--yes", action="store_true")
    agreed.help = "without the question; needed where nobody is at a terminal"
    changes = subparsers["changes"].add_mutually_exclusive_group()
    page = changes.add_argument("--page", type=_page_number, default=1, metavar="N")
    page.help = "25 changes a page; default 1"
    every = changes.add_argument("--export", nargs="?", const=STDOUT, metavar="FILE")
    every.help = "write every change as a line of JSON to a new file; default: stdout"
    new = subparsers["export"].add_argument("file", nargs="?", metavar="FILE.csv")
    new.help = "a new file; default: stdout"
    former = subparsers["reconcile"].add_argument("--adopt", metavar="ACCOUNT")
    former.help = "first take over what a former key of this library wrote; asks, in a terminal"
    for name in ("preview", "apply"):
        sheet = subparsers[name].add_argument("file", metavar="FILE.csv")
        sheet.help = "from fw-mcp export, edited; comma, semicolon or tab"
        subparsers[name].epilog = _LEFT_OUT
    subparsers["export"].epilog = _MISSED
    _add_former_words(commands, subparsers)
    return parser


def _add_former_words(
    commands: "argparse._SubParsersAction[_Parser]", subparsers: Mapping[str, _Parser]
) -> None:
    """Words that help does not list."""
    for word, name in _ALIASES.items():
        commands.choices[word] = subparsers[name]
    for word in _GONE:
        commands.choices[word] = _Parser(add_help=False, argument_default=argparse.SUPPRESS)


def _options() -> _Parser:
    options = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = options.add_argument_group("options")
    for name, field in Settings.model_fields.items():
        if name in ENVIRONMENT_ONLY:
            continue
        text = f"{field.description}{_default(field)} [{variable(name)}]"
        if field.annotation is bool or name == "sandbox":
            group.add_argument(option(name), dest=name, action="store_true", help=text)
        else:
            group.add_argument(option(name), dest=name, metavar=_metavar(name, field), help=text)
    return options


def _page_number(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) <= _LAST_PAGE:
        return int(text)
    raise argparse.ArgumentTypeError(f"a page is a number from 1 to {_LAST_PAGE}")


def _default(field: FieldInfo) -> str:
    return "" if field.default in {None, "", False} else f" Default {field.default}."


def _metavar(name: str, field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return "|".join(get_args(field.annotation))
    return _METAVARS.get(name, "VALUE")


def _sandbox_taken_out(arguments: Sequence[str]) -> tuple[list[str], str]:
    """The arguments without `--sandbox`, and what it says; "" when it is not given.

    It is a switch. Only where no command is given, a word after it may name the sandbox's file.

    Raises:
        ConfigError: a command is given too, and its file would be taken for the sandbox's.
    """
    switch = option("sandbox")
    commands = {*COMMANDS, *_ALIASES, *_GONE}
    has_command = not commands.isdisjoint(arguments)
    rest: list[str] = []
    said = ""
    left = list(arguments)
    while left:
        word = left.pop(0)
        if word.startswith(f"{switch}="):
            said = word.partition("=")[2]
            is_file = said.lower() not in {*YES, *NO, IN_MEMORY}
        elif word == switch:
            is_file = bool(left) and not left[0].startswith("-") and left[0] not in commands
            said = left.pop(0) if is_file and not has_command else "true"
        else:
            rest.append(word)
            continue
        if is_file and has_command:
            raise _file_of_what()
    return rest, said


def _file_of_what() -> ConfigError:
    return ConfigError(
        f"Beside a command {option('sandbox')} is a switch, and takes no file.",
        state="Nothing was started.",
        next_step=f"Write {option('sandbox')} last; to keep the sandbox in a file, write "
        f"{option('sandbox_file')} FILE instead.",
        reason=Reason.INVALID_SETTING,
    )


def _gone(command: str) -> ConfigError:
    return ConfigError(
        f"The command {command} is gone.",
        state="Nothing was started.",
        next_step=f"Write fw-mcp {_GONE[command]}, with the same file and options.",
        reason=Reason.INVALID_ARGUMENTS,
    )
