"""Argv as a command, its own arguments, and settings."""

import argparse
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from fw_mcp import __version__
from fw_mcp.api.models import LibraryName
from fw_mcp.cli.commands import ALIASES, COMMANDS, GONE, HELP, HOST_WORDS
from fw_mcp.cli.output import STDOUT
from fw_mcp.cli.usage import Parser, near
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
from fw_mcp.text import quoted

_LAST_PAGE = 1_000_000
_LAST_PORT = 65_535
_LAST_DAY = 3_650
_DIGITS = 10
METAVARS = {
    "http": "HOST:PORT",
    "tokens_file": "FILE",
    "accounts_file": "FILE",
    "state_keys_file": "FILE",
    "account": "NAME",
    "public_url": "URL",
    "oauth_issuer": "URL",
    "oauth_scopes": "SCOPES",
    "oauth_account_claim": "NAME",
    "http_allowed_hosts": "HOSTS",
    "http_allowed_origins": "ORIGINS",
    "store": "PLACE",
    "sandbox_file": "FILE",
    "journal_days": "DAYS",
    "writes": "TOOLS",
    "max_items": "N",
    "deletions_per_hour": "N",
    "plan_ttl_s": "SECONDS",
    "base_url": "URL",
    "fetch_hosts": "HOSTS",
    "file_folders": "FOLDERS",
    "upload_to": "URL",
    "upload_public_url": "URL",
    "upload_mb_per_hour": "N",
    "upload_preview_side": "PIXELS",
}
_DESCRIPTION = """\
MCP server that lets an AI assistant manage a FinerWorks image library safely.
Without a command it serves over stdio."""
_EPILOG = """\
Secrets are variables only: FINERWORKS_WEB_API_KEY, FINERWORKS_APP_KEY, FW_MCP_HTTP_TOKEN.
Exit codes: 0 fine, 1 unexpected, 2 usage, 3 keys, 4 unreachable, 5 FinerWorks error,
6 unsafe configuration, 7 something is unfinished or was skipped."""
_GLOBAL = "Global options, which every command takes: fw-mcp --help"


def parse(arguments: Sequence[str]) -> tuple[str, Settings, Mapping[str, object]]:
    """Read the command line.

    Returns:
        The command, "" for none; the settings, with the environment's; the command's arguments.

    Raises:
        ConfigError: a setting cannot be used.
        SystemExit: after `--help`, or with 2 for a usage that argparse refuses.
    """
    if list(arguments[:1]) == [HELP]:
        arguments = [*(word for word in arguments[1:2] if word != HELP), "--help"]
    parser, subparsers = _parser()
    rest, sandbox = _sandbox_taken_out(arguments)
    known, unknown = parser.parse_known_args(rest)
    given = vars(known) | ({"sandbox": sandbox} if sandbox else {})
    command = str(given.pop("command") or "")
    if command == HELP:
        parser.parse_args(["--help"])
    if command in GONE:
        raise _gone(command)
    if unknown:
        subparsers.get(command, parser).refuse(unknown)
    command = ALIASES.get(command, command)
    own = {name: given.pop(name) for name in list(given) if name not in Settings.model_fields}
    return command, load_settings(given), own


def _parser() -> tuple[Parser, Mapping[str, Parser]]:
    parser = Parser(
        prog="fw-mcp",
        description=_DESCRIPTION,
        usage="%(prog)s [OPTION ...] [COMMAND ...]",
        epilog=_EPILOG,
        argument_default=argparse.SUPPRESS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-V", "--version", action="version", version=f"fw-mcp {__version__}")
    commands = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", prog=parser.prog
    )
    _add_options(parser)
    commands.add_parser(HELP, help="show this help, or that of a command: fw-mcp help COMMAND")
    hidden = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    _add_options(hidden, hidden=True)
    subparsers = {
        name: commands.add_parser(
            name,
            help=command.does,
            description=_sentence(command.does),
            epilog="\n".join(filter(None, [command.note, f"Example: {command.example}", _GLOBAL])),
            parents=[hidden],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for name, command in COMMANDS.items()
    }
    _add_own_arguments(subparsers)
    # Words that help does not list.
    for word, name in ALIASES.items():
        commands.choices[word] = subparsers[name]
    for word in GONE:
        commands.choices[word] = Parser(add_help=False, argument_default=argparse.SUPPRESS)
    return parser, subparsers


def _sentence(clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:]}."


def _add_own_arguments(subparsers: Mapping[str, Parser]) -> None:
    sandbox = subparsers["sandbox"]
    port = sandbox.add_argument("--port", type=_whole(0, _LAST_PORT), default=8321, metavar="N")
    port.help = "port to listen on; default 8321; 0 takes a free one"
    faults = sandbox.add_argument("--faults", action="store_true")
    faults.help = "also serve /_sandbox/faults and /_sandbox/switches, to make it fail on request"
    file = sandbox.add_argument("file", nargs="?", metavar="FILE")
    file.help = "keep the sandbox in FILE; default: in memory"
    subparsers["doctor"].add_argument("--json", action="store_true", help="print it as JSON")
    contract = subparsers["doctor"].add_argument("--contract", metavar="FILE")
    contract.help = (
        "instead, compare FinerWorks' answers with what fw-mcp expects (reads only) and write a "
        "report to a new file: types and counts, no text of the library"
    )
    subparsers["approve"].add_argument("plan", metavar="PLAN", help="the plan_id")
    changes = subparsers["changes"].add_mutually_exclusive_group()
    page = changes.add_argument("--page", type=_whole(1, _LAST_PAGE), default=1, metavar="N")
    page.help = "which page, of 25 changes each; default 1"
    every = changes.add_argument("--export", nargs="?", const=STDOUT, metavar="FILE")
    every.help = "write every change to a new file, one line of JSON each; default: stdout"
    subparsers["undo"].add_argument("change", metavar="CHANGE", help="the change_id")
    dry_run = subparsers["undo"].add_argument("--dry-run", action="store_true")
    dry_run.help = "show what it would do; sends nothing"
    _add_arguments_of_add(subparsers["add"])
    _add_arguments_of_uploads(subparsers["uploads"])
    _add_arguments_of_token(subparsers["token"])
    _add_arguments_of_store(subparsers["store"])
    _add_arguments_of_connect(subparsers["connect"])
    for name in ("approve", "undo", "add", "uploads"):
        agreed = subparsers[name].add_argument("--yes", action="store_true")
        agreed.help = "skip the question; needed without a terminal"
    new = subparsers["export"].add_argument("file", nargs="?", metavar="FILE.csv")
    new.help = "a new file; default: stdout"
    former = subparsers["reconcile"].add_argument("--adopt", metavar="ACCOUNT")
    former.help = "first take over the changes of a former key of this library; asks, in a terminal"
    for name in ("preview", "apply"):
        sheet = subparsers[name].add_argument("file", metavar="FILE.csv")
        sheet.help = "from fw-mcp export, edited; comma, semicolon or tab"


def _add_arguments_of_add(parser: Parser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a picture, or a folder of them")
    library = parser.add_argument("--library", choices=get_args(LibraryName), default="inventory")
    library.help = "temporary is deleted after about 14 days; default inventory"
    titles = parser.add_argument("--titles", metavar="FILE.csv")
    titles.help = "CSV with columns file_name, title, description; default: file names as titles"
    result = parser.add_mutually_exclusive_group()
    dry_run = result.add_argument("--dry-run", action="store_true")
    dry_run.help = "show what it would do; sends nothing"
    sheet = result.add_argument("--csv", metavar="FILE.csv")
    sheet.help = "write what was added to a new file, as fw-mcp export does"


def _add_arguments_of_token(parser: Parser) -> None:
    action = parser.add_argument("action", choices=("new", "list"))
    action.help = "make one, or list those in the tokens file"
    name = parser.add_argument("name", nargs="?", metavar="NAME")
    name.help = "whose token it is; the history shows this name"
    scopes = parser.add_argument("--scopes", default="images:read", metavar="SCOPES")
    scopes.help = "images:read, images:write or images:delete; default images:read"
    days = parser.add_argument("--days", type=_whole(1, _LAST_DAY), default=90, metavar="N")
    days.help = "days until it expires; default 90"


def _add_arguments_of_store(parser: Parser) -> None:
    action = parser.add_argument("action", choices=("migrate", "copy"))
    action.help = "bring its tables up to date, or copy all of FILE to an empty PostgreSQL database"
    parser.add_argument("source", nargs="?", metavar="FILE", help="the SQLite store to copy")
    target = parser.add_argument("target", nargs="?", metavar="URL")
    target.help = "the database to copy it to; default: the one that --store names"


def _add_arguments_of_connect(parser: Parser) -> None:
    host = parser.add_argument("host", choices=HOST_WORDS, metavar="CLIENT")
    host.help = f"one of {', '.join(HOST_WORDS)}"
    url = parser.add_argument("--url", metavar="URL")
    url.help = "a server over HTTP that takes a token; default: a server over stdio"
    login = parser.add_argument("--login", action="store_true")
    login.help = "with --url: people log in there instead of sending a token"
    write = parser.add_argument("--write", action="store_true")
    write.help = "put it into the client's file; shows the difference, keeps a copy"


def _add_arguments_of_uploads(parser: Parser) -> None:
    work = parser.add_mutually_exclusive_group()
    check = work.add_argument("--check", action="store_true")
    check.help = "name images whose print master can no longer be fetched from its public URL"
    remove = work.add_argument("--remove-unused", action="store_true")
    remove.help = "remove what no image of either library uses, asking first"
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def _add_options(parser: Parser, *, hidden: bool = False) -> None:
    group = parser.add_argument_group("global options, before or after a command")
    for name, field in Settings.model_fields.items():
        if name in ENVIRONMENT_ONLY:
            continue
        told = f"{field.description}{_default(field)} [{variable(name)}]"
        text = argparse.SUPPRESS if hidden else told
        if field.annotation is bool or name == "sandbox":
            group.add_argument(option(name), dest=name, action="store_true", help=text)
        else:
            group.add_argument(option(name), dest=name, metavar=_metavar(name, field), help=text)


def _whole(first: int, last: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
            given = int(text)
            if first <= given <= last:
                return given
        raise argparse.ArgumentTypeError(f"must be a whole number from {first} to {last}")

    return number


def _default(field: FieldInfo) -> str:
    return "" if field.default in {None, "", False} else f" Default {field.default}."


def _metavar(name: str, field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return "|".join(get_args(field.annotation))
    return METAVARS.get(name, "VALUE")


def _sandbox_taken_out(arguments: Sequence[str]) -> tuple[list[str], str]:
    """The arguments without `--sandbox`, and what it says; "" when it is not given.

    It is a switch. Only where no command is given, a word after it may name the sandbox's file.

    Raises:
        ConfigError: a command is given too, and its file would be taken for the sandbox's.
    """
    switch = option("sandbox")
    commands = {*COMMANDS, *ALIASES, *GONE, HELP}
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
            _refuse_misspelt(said, commands)
        else:
            rest.append(word)
            continue
        if is_file and has_command:
            raise _file_of_what()
    return rest, said


def _refuse_misspelt(word: str, commands: Iterable[str]) -> None:
    """A word after `--sandbox` that nearly is a command is no name of a file."""
    meant = near(word, commands)
    if word == "true" or not meant or os.path.lexists(word):
        return
    raise ConfigError(
        f"There is no command {quoted(word)}{meant}",
        state="Nothing was started.",
        next_step=f"To keep the sandbox in a file of that name, write {option('sandbox_file')}.",
        reason=Reason.INVALID_ARGUMENTS,
    )


def _file_of_what() -> ConfigError:
    return ConfigError(
        f"Beside a command {option('sandbox')} is a switch and takes no file.",
        state="Nothing was started.",
        next_step=f"Write {option('sandbox')} last; to keep the sandbox in a file, write "
        f"{option('sandbox_file')} FILE instead.",
        reason=Reason.INVALID_SETTING,
    )


def _gone(command: str) -> ConfigError:
    return ConfigError(
        f"The command {command} no longer exists.",
        state="Nothing was started.",
        next_step=f"Use fw-mcp {GONE[command]} with the same file and options.",
        reason=Reason.INVALID_ARGUMENTS,
    )
