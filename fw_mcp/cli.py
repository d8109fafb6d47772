"""The command line: argv and environment become settings, settings become parts, parts run.

The only reader of either. Heavy imports wait until a command needs them, so that `--version` and
`--help` answer without the SDK.
"""

import argparse
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, NoReturn, get_args, get_origin

from fw_mcp import __version__
from fw_mcp.errors import ApiError, ConfigError, FwError, Reason

if TYPE_CHECKING:
    import socket

    from pydantic.fields import FieldInfo

    from fw_mcp.assembly import Assembly
    from fw_mcp.config import Settings

_COMMANDS = {
    "sandbox": "serve the sandbox over HTTP",
    "doctor": "check keys, host, TLS, clock, store and unfinished writes",
    "plans": "list the plans that wait for an answer",
    "approve": "approve a plan, as a person in a terminal",
    "demo": "play a session against the sandbox and print it",
}
_EXIT_CODES = {
    Reason.INVALID_SETTING: 2,
    Reason.INVALID_ARGUMENTS: 2,
    Reason.KEYS_MISSING: 3,
    Reason.KEYS_REFUSED: 3,
    Reason.UNREACHABLE: 4,
    Reason.TIMED_OUT: 4,
    Reason.UNSAFE_SETTING: 6,
}
_UPSTREAM = 5
_METAVARS = {
    "http": "HOST:PORT",
    "http_allowed_hosts": "HOSTS",
    "http_allowed_origins": "ORIGINS",
    "store": "FILE",
    "writes": "TOOLS",
    "max_items": "N",
    "deletions_per_hour": "N",
    "plan_ttl_s": "SECONDS",
    "base_url": "URL",
}
_EPILOG = """\
The secrets are variables only: FINERWORKS_WEB_API_KEY, FINERWORKS_APP_KEY, FW_MCP_HTTP_TOKEN.
Exit codes: 0 fine, 1 unexpected, 2 usage, 3 keys, 4 unreachable, 5 upstream error,
6 unsafe configuration, 7 unfinished writes.
"""


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
    try:
        return _run(vars(_parser().parse_args(arguments)))
    except FwError as error:
        print(f"fw-mcp: {error}", file=sys.stderr)
        return exit_code(error)


def exit_code(error: FwError) -> int:
    """The exit code that tells a script what kind of error it was."""
    default = _UPSTREAM if isinstance(error, ApiError) else 1
    return _EXIT_CODES.get(error.reason, default)


def _run(options: dict[str, object]) -> int:
    from fw_mcp.config import Settings, load_settings  # noqa: PLC0415  not for --version
    from fw_mcp.logs import log_to_stderr  # noqa: PLC0415

    command = options.pop("command", None)
    if command == "demo":
        from fw_mcp.demo import play  # noqa: PLC0415  needs no settings

        return play()
    own = {name: options.pop(name) for name in list(options) if name not in Settings.model_fields}
    settings = load_settings(options)
    _check_sandbox_file(settings.sandbox)
    from fw_mcp.assembly import assemble, secrets_of  # noqa: PLC0415

    log_to_stderr(settings.log_level, secrets_of(settings))
    return _command(str(command or "serve"), settings, own)(assemble(settings, os.environ))


def _command(
    name: str, settings: "Settings", own: dict[str, object]
) -> "Callable[[Assembly], int]":
    match name:
        case "sandbox":
            return partial(_sandbox, port=int(str(own["port"])), file=own["file"])
        case "doctor":
            return partial(_doctor, as_json=bool(own["json"]))
        case "plans":
            return _plans
        case "approve":
            return partial(_approve, plan_id=str(own["plan"]))
        case _:
            return _http if settings.http else _stdio


def _stdio(assembly: "Assembly") -> int:
    from fw_mcp.server.sdk import quick_imports  # noqa: PLC0415  before the SDK is imported

    with quick_imports():
        from fw_mcp.server.stdio import serve_stdio  # noqa: PLC0415
    return _serve(assembly, serve_stdio)


def _http(assembly: "Assembly") -> int:
    from fw_mcp.server.http import serve_http  # noqa: PLC0415  brings the web server

    settings = assembly.settings
    host, port = _address(settings.http or "")
    token = settings.http_token.get_secret_value() if settings.http_token else None
    serve = partial(
        serve_http,
        host=host,
        port=port,
        token=token,
        ready=partial(_ready, assembly),
        allowed_hosts=_listed(settings.http_allowed_hosts),
        allowed_origins=_listed(settings.http_allowed_origins),
        listening=lambda url: print(f"fw-mcp listens on {url}", file=sys.stderr),
    )
    return _serve(assembly, serve)


def _serve(assembly: "Assembly", serve: "Callable[..., Awaitable[None]]") -> int:
    import anyio  # noqa: PLC0415

    from fw_mcp.server.sdk import quick_imports  # noqa: PLC0415

    with quick_imports():
        from fw_mcp.server.app import build_server  # noqa: PLC0415
        from fw_mcp.server.parts import Parts  # noqa: PLC0415

    parts = Parts(
        library=assembly.library,
        guard=assembly.guard,
        show_hires=assembly.settings.show_hires,
        note=assembly.note,
    )

    async def run() -> None:
        try:
            await serve(build_server(parts))
        finally:
            with anyio.CancelScope(shield=True):
                await assembly.aclose()

    anyio.run(run)
    return 0


async def _ready(assembly: "Assembly") -> None:
    """Ready when the keys are there and the store can be written."""
    await assembly.library.client()
    await assembly.journal.unfinished()


def _sandbox(_: "Assembly", port: int, file: object) -> int:
    import uvicorn  # noqa: PLC0415  only this command and --http serve HTTP

    from fw_mcp.sandbox.app import create_app  # noqa: PLC0415

    app = create_app(str(file) if file else None)
    with _listener(port) as listener:
        where = f"http://127.0.0.1:{listener.getsockname()[1]}"
        print(f"The sandbox listens on {where}; its API is {where}/openapi.json", file=sys.stderr)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
    return 0


def _listener(port: int) -> "socket.socket":
    import socket  # noqa: PLC0415  only this command

    try:
        return socket.create_server(("127.0.0.1", port))
    except (OSError, OverflowError) as taken:
        raise ConfigError(
            f"Port {port} cannot be listened on.",
            state="Nothing was started.",
            next_step="Name a free one with --port; 0 takes any.",
            reason=Reason.INVALID_SETTING,
        ) from taken


def _doctor(assembly: "Assembly", *, as_json: bool) -> int:
    from fw_mcp.doctor import examine  # noqa: PLC0415

    return examine(assembly, as_json=as_json)


def _plans(assembly: "Assembly") -> int:
    from fw_mcp.approval import list_plans  # noqa: PLC0415

    return list_plans(assembly)


def _approve(assembly: "Assembly", plan_id: str) -> int:
    from fw_mcp.approval import approve  # noqa: PLC0415

    return approve(assembly, plan_id)


def _check_sandbox_file(file: str | None) -> None:
    if file not in _COMMANDS:
        return
    raise ConfigError(
        f"--sandbox {file} would keep the sandbox in a file named {file}.",
        state="Nothing was started.",
        next_step=f"For the command write fw-mcp {file} --sandbox; for a file write ./{file}.",
        reason=Reason.INVALID_SETTING,
    )


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdigit() or not host:
        raise ConfigError(
            f"--http {text} is not HOST:PORT.",
            state="Nothing was started.",
            next_step="Write for example --http 127.0.0.1:8000.",
            reason=Reason.INVALID_SETTING,
        )
    return host.strip("[]"), int(port)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where the options are; the usage alone is a page."""
        self.exit(2, f"fw-mcp: {message}. Nothing was started. fw-mcp --help lists all options.\n")


def _parser() -> _Parser:
    options = _options()
    parser = _Parser(
        prog="fw-mcp",
        description="MCP server that gives an AI assistant safe hands on a FinerWorks image "
        "library. Without a command it serves over stdio.",
        epilog=_EPILOG,
        parents=[options],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-V", "--version", action="version", version=f"fw-mcp {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    subparsers = {
        name: commands.add_parser(name, help=text, description=text, parents=[options])
        for name, text in _COMMANDS.items()
    }
    subparsers["sandbox"].add_argument("--port", type=int, default=8321, help="default 8321")
    subparsers["sandbox"].add_argument("file", nargs="?", metavar="FILE", help="keep it here")
    subparsers["doctor"].add_argument("--json", action="store_true", help="for a program")
    subparsers["approve"].add_argument("plan", metavar="PLAN", help="the plan_id")
    return parser


def _options() -> _Parser:
    from fw_mcp.config import (  # noqa: PLC0415  pydantic, not needed for --version
        ENVIRONMENT_ONLY,
        IN_MEMORY,
        Settings,
        option,
        variable,
    )

    options = _Parser(add_help=False, argument_default=argparse.SUPPRESS)
    group = options.add_argument_group("options")
    for name, field in Settings.model_fields.items():
        if name in ENVIRONMENT_ONLY:
            continue
        default = "" if field.default in {None, "", False} else f" Default {field.default}."
        text = f"{field.description}{default} [{variable(name)}]"
        if field.annotation is bool:
            group.add_argument(option(name), dest=name, action="store_true", help=text)
        elif name == "sandbox":
            group.add_argument(option(name), nargs="?", const=IN_MEMORY, metavar="FILE", help=text)
        else:
            known = _METAVARS.get(name, "VALUE")
            metavar = "|".join(get_args(field.annotation)) if _is_choice(field) else known
            group.add_argument(option(name), dest=name, metavar=metavar, help=text)
    return options


def _is_choice(field: "FieldInfo") -> bool:
    return get_origin(field.annotation) is Literal
