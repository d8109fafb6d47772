"""The commands that serve: the MCP server over stdio or HTTP, and the sandbox over HTTP."""

import gc
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import urlsplit

import anyio

from fw_mcp.assembly import NO_HOME, Assembly, assemble, is_shared_store
from fw_mcp.cli.otel import exporting
from fw_mcp.cli.output import mask_in_log, tell
from fw_mcp.config import Settings, both_names, option, variable
from fw_mcp.errors import ConfigError, FwError, Reason, StoreError
from fw_mcp.guard.effects import EFFECTS, Scope, implied_by
from fw_mcp.server.app import FwServer, build_server
from fw_mcp.server.parts import is_only_account
from fw_mcp.server.stdio import occupy_standard_descriptors, serve_stdio
from fw_mcp.text import quoted
from fw_mcp.writes.former import HANDLE_S, REPLAY_S
from fw_mcp.writes.operation import ONLY_ACCOUNT
from fw_mcp.writes.outcomes import MAY_STILL_HAPPEN_S

if TYPE_CHECKING:
    from fw_mcp.accounts.libraries import Libraries
    from fw_mcp.server.identity import Tokens
    from fw_mcp.server.oauth import Issuer
    from fw_mcp.server.state_keys import StateKeys

_log = logging.getLogger(__name__)

_YOUNG_OBJECTS = 20_000
_DAY_S = 86_400
_LAST_PORT = 65535
# A handle's hour, and the time of a call that goes on at the end of it.
_READ_AGAIN_S = HANDLE_S + REPLAY_S

# What a machine, and rows that nobody here wrote, make of the look at a journal.
_FOUND = (FwError, OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError)

Serve = Callable[[FwServer], Awaitable[None]]


def serve(assembly: Assembly, _: Mapping[str, object]) -> int:
    """Serve MCP until the client leaves or a signal comes."""
    # A page of images makes more objects than the default threshold: the collector would run
    # several times in each call and find nothing.
    gc.set_threshold(_YOUNG_OBJECTS)
    if not assembly.settings.http:
        greet(sys.stdin)
    occupy_standard_descriptors()
    warn_of_what_is_away(assembly)
    several = libraries_of(assembly.settings)
    serve_over = over_http(assembly, several) if assembly.settings.http else serve_stdio
    seal = seal_of(assembly.settings)
    with exporting(os.environ):
        anyio.run(_run, assembly, serve_over, several, seal)
    return 0


def serve_sandbox(_: Assembly, own: Mapping[str, object]) -> int:
    """Serve the sandbox's HTTP API on loopback.

    Raises:
        ConfigError: the port or the file cannot be used.
    """
    import uvicorn  # noqa: PLC0415  serving over stdio needs neither

    from fw_mcp.sandbox.app import create_app  # noqa: PLC0415
    from fw_mcp.sandbox.faults.plan import ConnectionDropped  # noqa: PLC0415
    from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_WEB_API_KEY  # noqa: PLC0415

    file = own["file"]
    app = create_app(str(file) if file else None, fault_control=bool(own["faults"]))
    with _listener(int(str(own["port"]))) as listener:
        where = f"http://127.0.0.1:{listener.getsockname()[1]}"
        tell(f"The sandbox listens on {where}: open it in a browser. /openapi.json has its API.")
        tell(f"Its keys: web_api_key {SANDBOX_WEB_API_KEY}, app_key {SANDBOX_APP_KEY}")
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        # It writes the traceback of whatever breaks a connection, also where that was planned.
        logging.getLogger("uvicorn.error").addFilter(
            lambda record: not isinstance(record.exc_info and record.exc_info[1], ConnectionDropped)
        )
        server.run(sockets=[listener])
    return 0


def greet(stdin: TextIO | None) -> None:
    """Tell a person who typed the command that it waits for a program; hosts are told nothing."""
    if stdin is not None and stdin.isatty():
        tell(
            "fw-mcp waits for an MCP client, which normally starts it. Ctrl-C ends it; try "
            "fw-mcp demo, fw-mcp doctor or fw-mcp --help."
        )


def warn_of_what_is_away(assembly: Assembly) -> None:
    """Tell the log what the settings name and is not there; serving does without."""
    path = assembly.database.path
    if path is not None and path.is_relative_to(NO_HOME):
        _log.warning(
            "This user has no home folder: images can be read, but nothing can be written until "
            "%s (%s) names a file.",
            option("store"),
            variable("store"),
        )
    for folder in assembly.settings.read_folders:
        if not os.path.isdir(folder):  # noqa: PTH112  Path.is_dir raises where it may not look
            _log.warning(
                "%s (%s) names %s, which does not exist: it is skipped until it does.",
                option("file_folders"),
                variable("file_folders"),
                quoted(str(folder), 200),
            )


async def _run(
    assembly: Assembly,
    serve_over: Serve,
    several: "Libraries | None" = None,
    seal: "StateKeys | None" = None,
) -> None:
    work = assembly.uploads.work if several is None else partial(several.work, tend, anyio.sleep)
    try:
        async with anyio.create_task_group() as beside:
            # They get their turn once the transport waits for the first message.
            if several is None:
                beside.start_soon(tend, assembly)
            beside.start_soon(work)
            await serve_over(build_server(assembly.parts, several, seal))
            beside.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        # What ended the serving, as it is.
        raise group.exceptions[0] from None
    finally:
        with anyio.CancelScope(shield=True):
            if several is not None:
                await several.aclose()
            await assembly.aclose()


async def tend(assembly: Assembly) -> None:
    """Look after the journal of one library, until cancelled."""
    async with anyio.create_task_group() as beside:
        beside.start_soon(look_after_journal_daily, assembly, anyio.sleep)
        beside.start_soon(settle_what_is_open, assembly, anyio.sleep)


async def look_after_journal_daily(
    assembly: Assembly, sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Look after the journal now and once a day, until cancelled.

    Args:
        assembly: whose journal.
        sleep: waits for so many seconds.
    """
    while True:
        try:
            await look_after_journal(assembly)
        except _FOUND as fault:
            # Nothing found in the journal may end serving.
            _log.warning("The journal could not be checked: %s", type(fault).__name__)
        await sleep(_DAY_S)


async def settle_what_is_open(
    assembly: Assembly, sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Settle what former runs left without a known outcome, by reading alone.

    What may still be carried out is read once more when that is over. What cannot be read stays
    open, for the next call, the next start or fw-mcp reconcile.

    Args:
        assembly: whose journal.
        sleep: waits for so many seconds.
    """
    if not _has_journal(assembly):
        return
    writes = assembly.parts.writes
    longest_s = MAY_STILL_HAPPEN_S + assembly.parts.account.pace.start_chunks_s
    try:
        before = {one.change_id for one in await writes.journal.unsettled()}
        await writes.settle_each(before)
        if before & {one.change_id for one in await writes.journal.unsettled()}:
            await sleep(longest_s)
            await writes.settle_each(before)
    except _FOUND as fault:
        # Nothing found in the journal may end serving.
        _log.warning("Unfinished writes could not be resolved: %s", type(fault).__name__)


async def look_after_journal(assembly: Assembly) -> None:
    """Let go of what is older than the journal is kept, and warn of writes left open.

    Of what is older than a call can be gone on with, only what each write did is kept.

    A store that is not there yet has nothing of either, and is not made for it.
    """
    if not _has_journal(assembly):
        return
    writes = assembly.parts.writes
    now = writes.journal.now()
    try:
        open_ = [
            one
            for one in await writes.journal.unsettled()
            if not await writes.is_under_way(one.change_id)
        ]
        if open_:
            tools = ", ".join(sorted({one.tool for one in open_}))
            count = sum(one.items for one in open_)
            _log.warning("writes with unknown outcome: %d (%s); run fw-mcp reconcile", count, tools)
        await writes.history.forget(now - assembly.settings.journal_days * _DAY_S)
        await writes.history.slim(now - _READ_AGAIN_S)
    except StoreError as fault:
        _log.warning("The journal could not be checked: %s", fault.what)


def _has_journal(assembly: Assembly) -> bool:
    """Whether other processes, or former ones, may have written there."""
    path = assembly.database.path
    return assembly.database.shared and (path is None or _is_there(path))


def _is_there(path: Path) -> bool:
    # `Path.exists` raises where the folder may not be entered.
    return os.path.exists(path)  # noqa: PTH110


def libraries_of(settings: Settings) -> "Libraries | None":
    """The libraries of the accounts file; None where none is named."""
    path = settings.accounts_file
    if path is None:
        return None
    from fw_mcp.accounts.file import Accounts  # noqa: PLC0415  most servers have one account
    from fw_mcp.accounts.libraries import Libraries  # noqa: PLC0415  as above
    from fw_mcp.pictures.sharing import Shared  # noqa: PLC0415  as above

    wrong = ""
    if settings.account is not None:
        wrong = f"{both_names('account')} is for commands and for a server over stdio."
    elif settings.http_token is not None:
        wrong = f"{both_names('http_token')} cannot name an account."
    elif settings.tokens_file is None and settings.oauth_issuer is None:
        wrong = f"{both_names('accounts_file')} needs tokens that name the accounts."
    if wrong:
        raise ConfigError(
            wrong,
            state="Nothing was started.",
            next_step=f"Over HTTP, give {both_names('accounts_file')} together with "
            f"{both_names('tokens_file')} or {both_names('oauth_issuer')}.",
            reason=Reason.INVALID_SETTING,
        )
    accounts = Accounts(path, settings, os.environ, mask_in_log)
    shared = Shared()
    _allow_open_files()

    def opened(name: str, own: Settings) -> Assembly:
        return assemble(own, os.environ, name=name, shared=shared)

    return Libraries(accounts, opened)


def _allow_open_files() -> None:
    """As many as the system lets this process have: each open account has two, and connections."""
    if os.name != "posix":
        return
    import resource  # noqa: PLC0415  not on Windows

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Some systems say that there is no limit, and take none all the same.
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def over_http(
    assembly: Assembly, several: "Libraries | None" = None
) -> partial[Coroutine[Any, Any, None]]:
    """What serves over HTTP as the settings say.

    Args:
        assembly: the settings; and the library, where it is the only one.
        several: the libraries, where there are several.

    Raises:
        ConfigError: a setting of it cannot be used.
    """
    from fw_mcp.server.http import serve_http  # noqa: PLC0415  brings the web server

    settings = assembly.settings
    host, port = _address(settings.http or "")
    public = urlsplit(settings.public_url or "")
    return partial(
        serve_http,
        host=host,
        port=port,
        # A blank one is too short, and not none.
        token=None if settings.http_token is None else settings.http_token.get_secret_value(),
        ready=partial(_ready, assembly),
        tokens=_tokens(settings, several),
        knows=is_only_account if several is None else several.knows,
        issuer=issuer_of(assembly),
        stateless=is_shared_store(settings),
        allowed_hosts=[*filter(None, [public.netloc]), *_listed(settings.http_allowed_hosts)],
        allowed_origins=[
            *([f"{public.scheme}://{public.netloc}"] if public.netloc else ()),
            *_listed(settings.http_allowed_origins),
        ],
        listening=lambda url: tell(f"fw-mcp listens on {url}"),
    )


def seal_of(settings: Settings) -> "StateKeys | None":
    """What seals questions; None where they are answered by the process that asked.

    Raises:
        ConfigError: the keys cannot be used, or are missing where there may be replicas.
    """
    if settings.http is None:
        return None
    path = settings.state_keys_file
    if path is not None:
        from fw_mcp.server.state_keys import StateKeys  # noqa: PLC0415  only over HTTP

        return StateKeys(path)
    if is_shared_store(settings):
        raise ConfigError(
            f"Over HTTP a database as {both_names('store')} needs {both_names('state_keys_file')}.",
            state="Nothing was started.",
            next_step="Name the same file on each replica, or a question that one asks could not "
            "be answered at another: docs/teams.md says how to make it.",
            reason=Reason.INVALID_SETTING,
        )
    return None


def _tokens(settings: Settings, several: "Libraries | None") -> "Tokens | None":
    """The tokens file; an account that it names and that there is not is a slip of the operator."""
    from fw_mcp.server.identity import Tokens  # noqa: PLC0415  only over HTTP

    if settings.tokens_file is None:
        return None
    tokens = Tokens(settings.tokens_file)
    knows = is_only_account if several is None else several.knows
    if lost := [one for one in tokens.accounts if not knows(one)]:
        raise ConfigError(
            f"{both_names('tokens_file')} names the account {quoted(lost[0], 40)}, which does not "
            "exist.",
            state="Nothing was started.",
            next_step=f"Correct it, or add the account to {both_names('accounts_file')}.",
            reason=Reason.INVALID_SETTING,
        )
    return tokens


def issuer_of(assembly: Assembly) -> "Issuer | None":
    """Where people log in, if the settings name it.

    Raises:
        ConfigError: they do not name what the tokens must be for.
    """
    issuer, guard = assembly.settings.oauth_issuer, assembly.parts.guard
    if issuer is None:
        return None
    from fw_mcp.server.oauth import Issuer, KeySet, fetched  # noqa: PLC0415  only over HTTP

    if assembly.settings.public_url is None:
        raise ConfigError(
            f"{both_names('oauth_issuer')} needs {both_names('public_url')}.",
            state="Nothing was started.",
            next_step="Name the URL that clients use: only tokens issued for it are taken.",
            reason=Reason.INVALID_SETTING,
        )
    offered = {row.scope for tool, row in EFFECTS.items() if guard.offered(tool)}
    named = implied_by(_scopes(assembly.settings.oauth_scopes))
    return Issuer(
        issuer,
        assembly.settings.public_url,
        KeySet(issuer, fetched),
        tuple(one for one in Scope if one in offered and one in named),
        assembly.settings.oauth_account_claim,
        "" if assembly.settings.accounts_file else ONLY_ACCOUNT,
    )


def _scopes(text: str) -> list[str]:
    named = _listed(text)
    unknown = [one for one in named if one not in list(Scope)]
    if unknown or not named:
        raise ConfigError(
            f"{both_names('oauth_scopes')} names {quoted(unknown[0], 40) if unknown else 'none'}, "
            "which is not a scope.",
            state="Nothing was started.",
            next_step=f"The scopes are {', '.join(Scope)}.",
            reason=Reason.INVALID_SETTING,
        )
    return named


async def _ready(assembly: Assembly) -> None:
    """Ready when the keys are there and the store can be written."""
    # Those of several accounts were read at the start.
    if assembly.settings.accounts_file is None:
        await assembly.parts.account.client()
    await assembly.parts.writes.journal.unsettled()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= _LAST_PORT and host):
        raise ConfigError(
            f"{both_names('http')} is {quoted(text)}, which is not in HOST:PORT form.",
            state="Nothing was started.",
            next_step="Write for example --http 127.0.0.1:8000.",
            reason=Reason.INVALID_SETTING,
        )
    return host.strip("[]"), int(port)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _listener(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except (OSError, OverflowError) as taken:
        raise ConfigError(
            f"Cannot listen on port {port}.",
            state="Nothing was started.",
            next_step="Name a free one with --port; 0 takes any.",
            reason=Reason.INVALID_SETTING,
        ) from taken
