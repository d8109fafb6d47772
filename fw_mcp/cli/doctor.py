"""`fw-mcp doctor`: what works, what does not, and what to do about it."""

import asyncio
import json
import locale
import logging
import os
import platform
import secrets
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from fw_mcp import __version__
from fw_mcp.assembly import NO_HOME, assemble, required_keys, secrets_of
from fw_mcp.cli.contract import compare
from fw_mcp.cli.main import exit_code
from fw_mcp.cli.output import MaskingFormatter
from fw_mcp.config import IN_MEMORY, Settings, option, variable
from fw_mcp.errors import FwError, Reason, StoreError
from fw_mcp.server.tokens import read_tokens
from fw_mcp.store.database import session_id
from fw_mcp.text import counted, quoted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from fw_mcp.assembly import Assembly
    from fw_mcp.store.journal import Unsettled

_log = logging.getLogger(__name__)

_UNSETTLED = 7
_NAMED = 5
_DRIFT_S = 120
_UNEXPECTED, _UNREACHABLE, _UPSTREAM = 1, 4, 5
_ENDS_SOON_S = 14 * 86_400
# One white pixel.
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8ffff3f0005fe02fe0dc648e60000000049454e44ae426082"
)
_PROXIES = ("https_proxy", "all_proxy", "no_proxy", "http_proxy")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        exit_code: 0 when all is well.
        next_step: what to do; "" when all is well.
    """

    check: str
    exit_code: int
    found: str
    next_step: str = ""


def examine(assembly: "Assembly", own: "Mapping[str, object]") -> int:
    """Run every check and print what was found, or compare the service's answers.

    Returns:
        The exit code of the first check that failed.
    """
    if file := own.get("contract"):
        return compare(_only_looking(assembly), Path(str(file)))
    assembly.mean_the_stores_account()
    findings = anyio.run(_findings, _only_looking(assembly))
    if own["json"]:
        told = json.dumps([asdict(finding) for finding in findings], indent=2)
    else:
        told = "\n".join(map(_line, findings))
    # What broke a check may quote a key.
    print(MaskingFormatter(secrets_of(assembly.settings, os.environ)).masked(told))
    return next((one.exit_code for one in findings if one.exit_code), 0)


def _only_looking(assembly: "Assembly") -> "Assembly":
    """The same without a reason to make a store: with a session id that is not kept."""
    settings = assembly.settings
    if settings.sandbox is not None or settings.session_id or not _is_unmade(assembly):
        return assembly
    return assemble(settings.model_copy(update={"session_id": secrets.token_hex(16)}), os.environ)


async def _findings(assembly: "Assembly") -> list[Finding]:
    findings: dict[str, Finding] = {}
    try:
        for name, needs, check in _CHECKS:
            findings[name] = await _finding(name, findings.get(needs), check, assembly)
    finally:
        await assembly.aclose()
    return list(findings.values())


async def _finding(
    name: str,
    needed: Finding | None,
    check: "Callable[[Assembly], Awaitable[Finding]]",
    assembly: "Assembly",
) -> Finding:
    if needed is not None and needed.exit_code:
        return Finding(name, needed.exit_code, f"skipped: {needed.check} failed")
    # Gathered, a check that breaks, however, ends nothing but itself.
    (found,) = await asyncio.gather(check(assembly), return_exceptions=True)
    match found:
        case Finding():
            return found
        case FwError() as error:
            told = next_step(error, assembly.settings.base_url)
            return Finding(name, exit_code(error), error.what, told)
        case Exception() as fault:
            _log.debug("the check %s broke", name, exc_info=fault)
            return Finding(
                name,
                _UNEXPECTED,
                f"could not be checked: {type(fault).__name__}: {quoted(str(fault), 200)}",
                "Report this line; the other checks are not affected.",
            )
        case _:
            raise found


def next_step(error: FwError, base_url: str) -> str:
    """What a person is to do about an error on the way to FinerWorks."""
    from fw_mcp.api.connection import KNOWN_HOSTS, BaseUrl  # noqa: PLC0415  with its user only

    if error.reason is Reason.KEYS_REFUSED and BaseUrl.parse(base_url).host not in KNOWN_HOSTS:
        return (
            f"{error.next_step} A proxy at {variable('base_url')} may have dropped them: their "
            "headers have underscores, and nginx passes those on only with "
            "underscores_in_headers on."
        )
    if error.reason is not Reason.UNREACHABLE:
        return error.next_step
    return (
        f"Check this machine's network, {variable('base_url')}, and HTTPS_PROXY and NO_PROXY where "
        "a proxy is needed."
    )


async def _versions(_: "Assembly") -> Finding:
    found = f"fw-mcp {__version__}, mcp {version('mcp')}, Python {platform.python_version()}"
    return Finding("versions", 0, found)


async def _variables(_: "Assembly") -> Finding:
    """Names only: values may be secrets."""
    known = {variable(name) for name in Settings.model_fields}
    set_ = sorted(name for name, value in os.environ.items() if value and name.upper() in known)
    others = sorted(
        name for name in os.environ if name.startswith("FINERWORKS_") and name not in known
    )
    unread = f"; not read: {', '.join(others)}" if others else ""
    return Finding("settings", 0, f"set in the environment: {', '.join(set_) or 'none'}{unread}")


async def _limits(assembly: "Assembly") -> Finding:
    settings = assembly.settings
    limits = assembly.parts.guard.limits
    writes = ", ".join(limits.writes) or "none"
    found = [
        "read only" if settings.read_only else f"writes {writes}",
        f"{counted(settings.max_items, 'image')} per call",
        f"{counted(settings.deletions_per_hour, 'deletion')} per hour",
        f"confirm {settings.confirm}",
        "fetching off"
        if settings.no_fetch
        else f"fetching from {settings.fetch_hosts or 'any host'}",
    ]
    return Finding("limits", 0, "; ".join(found))


async def _encodings(_: "Assembly") -> Finding:
    streams = [sys.stdin, sys.stdout, sys.stderr]
    names = [getattr(stream, "encoding", None) or "none" for stream in streams]
    files = f"{sys.getfilesystemencoding()}, text {locale.getpreferredencoding(do_setlocale=False)}"
    found = f"stdin {names[0]}, stdout {names[1]}, stderr {names[2]}; file names {files}"
    return Finding("encoding", 0, found)


async def _proxies(assembly: "Assembly") -> Finding:
    set_ = sorted(name for name in os.environ if name.lower() in _PROXIES and os.environ[name])
    if not set_:
        return Finding("proxy", 0, "none is set")
    if assembly.settings.sandbox is not None:
        return Finding("proxy", 0, f"{', '.join(set_)} set; not needed for the sandbox")
    from fw_mcp.api.connection import BaseUrl  # noqa: PLC0415  with its user only
    from fw_mcp.api.transport import proxy_for  # noqa: PLC0415  brings the HTTP library

    host = BaseUrl.parse(assembly.settings.base_url)
    used = "is reached through a proxy" if proxy_for(host) else "is reached without one"
    return Finding("proxy", 0, f"{', '.join(set_)} set; {host.host} {used}")


async def _folders(assembly: "Assembly") -> Finding:
    folders = assembly.settings.read_folders
    away = [quoted(str(folder), 200) for folder in folders if not _may(folder, os.R_OK | os.X_OK)]
    if away:
        return Finding(
            "folders",
            1,
            f"cannot be read: {', '.join(away)}",
            f"Connect them or correct {option('file_folders')} ({variable('file_folders')}); the "
            "server runs without them.",
        )
    return Finding("folders", 0, f"local files may be read from {counted(len(folders), 'folder')}")


async def _pictures(assembly: "Assembly") -> Finding:
    workshop = assembly.parts.viewer.workshop
    if not workshop.available:
        return Finding(
            "pictures", 1, "Pillow is missing", "Reinstall fw-mcp with all its dependencies."
        )
    (made,) = await workshop.fitted([_PIXEL], side=16, most_bytes=10_000)
    if made is None:
        return Finding(
            "pictures",
            1,
            "the process that decodes pictures does not work",
            "Run with --log-level debug for details; everything but pictures works without it.",
        )
    return Finding("pictures", 0, f"Pillow {version('pillow')} decodes them in its own process")


async def _keys(assembly: "Assembly") -> Finding:
    if assembly.settings.sandbox is not None:
        return Finding("keys", 0, "not needed for the sandbox")
    required_keys(assembly.settings)
    return Finding("keys", 0, "both are set")


async def _service(assembly: "Assembly") -> Finding:
    """Host, TLS and keys at once: the one read-only call that proves all three."""
    client = await assembly.parts.account.client()
    sandbox = assembly.settings.sandbox
    if sandbox is not None and _is_away(sandbox):
        return Finding("service", 0, f"the sandbox {sandbox} does not exist yet and can be made")
    answer = await client.test_my_credentials()
    # Whether the store can keep whose the keys are, its own check tells.
    if not _is_unmade(assembly):
        with suppress(StoreError):
            await assembly.parts.writes.identify()
    mode = {True: "live", False: "test", None: "unknown"}[answer.app_live_mode]
    name = answer.masked_user_name or "unnamed"
    if assembly.settings.sandbox is not None:
        return Finding("service", 0, "the sandbox answers")
    found = f"{assembly.settings.base_url} accepts the keys; user {name}, app mode {mode}"
    return Finding("service", 0, f"{found} (image writes are real in either mode)")


async def _clock(assembly: "Assembly") -> Finding:
    """Plans expire by this machine's clock, and TLS believes it."""
    ahead = (await assembly.parts.account.client()).clock_ahead_s
    if ahead is None:
        return Finding("clock", 0, "not compared: no time was sent")
    if abs(ahead) <= _DRIFT_S:
        return Finding("clock", 0, f"within {_DRIFT_S} s of FinerWorks' clock")
    return Finding(
        "clock",
        1,
        f"differs by {ahead:+.0f} s from FinerWorks' clock",
        "Set this machine's clock to network time.",
    )


async def _tokens(assembly: "Assembly") -> Finding:
    """Who may connect over HTTP, and whose token is to be replaced."""
    path, now = assembly.settings.tokens_file, time.time()
    if path is None:
        return Finding("tokens", 0, f"{option('tokens_file')} is not set")
    tokens = read_tokens(path)
    expired = [one.name for one in tokens if one.is_expired(now)]
    ending = [
        one.name for one in tokens if one.is_expired(now + _ENDS_SOON_S) and not one.is_expired(now)
    ]
    parts = [
        counted(len(tokens), "token"),
        f"expired: {', '.join(expired)}" if expired else "",
        f"ending within 14 days: {', '.join(ending)}" if ending else "",
    ]
    next_step = "Make new ones with fw-mcp token new." if expired or ending else ""
    return Finding("tokens", 0, "; ".join(part for part in parts if part), next_step)


async def _login(assembly: "Assembly") -> Finding:
    """Whether the tokens of an OAuth issuer can be checked: its metadata and keys are read."""
    from fw_mcp.cli.serve import issuer_of  # noqa: PLC0415  brings the server

    issuer = issuer_of(assembly)
    if issuer is None:
        return Finding("login", 0, f"{option('oauth_issuer')} is not set")
    from httpx import TransportError  # noqa: PLC0415  with its user only

    from fw_mcp.server.oauth import UNREADABLE  # noqa: PLC0415  as above

    try:
        keys = len(await issuer.keys.read())
        code = 0 if keys else _UPSTREAM
        found = f"has {counted(keys, 'usable key')}" if keys else "has no key that can be used"
    except UNREADABLE as fault:
        code = _UNREACHABLE if isinstance(fault, TransportError) else _UPSTREAM
        found = f"cannot be read: {type(fault).__name__}: {quoted(str(fault), 200)}"
    next_step = (
        f"Check that {option('oauth_issuer')} is the issuer in the provider's own metadata, and "
        "that this machine reaches it."
    )
    told = f"{issuer.issuer} {found}; tokens must be for {issuer.resource}"
    return Finding("login", code, told, next_step if code else "")


async def _store(assembly: "Assembly") -> Finding:
    """A store that is there is written to; one that is not is not made for looking."""
    path = assembly.database.path
    if not assembly.database.shared:
        return Finding("store", 0, "in memory: it is lost when the process ends")
    if path is None:
        await session_id(assembly.database)
        return Finding("store", 0, f"{assembly.database.name} can be written")
    if path.is_relative_to(NO_HOME):
        return Finding(
            "store",
            1,
            "this user has no home folder for it",
            f"Name one with {option('store')} FILE ({variable('store')}); until then nothing is "
            "written.",
        )
    if not _is_unmade(assembly):
        await session_id(assembly.database)
        return Finding("store", 0, f"{path} can be written{_rights(path)}")
    nearest = _nearest_of(path)
    if _may(nearest, os.W_OK | os.X_OK):
        return Finding("store", 0, f"{path} does not exist yet and can be made")
    return Finding(
        "store",
        1,
        f"Cannot use the store {path}: {nearest} cannot be written",
        f"Give this user write access, or name another with {option('store')} FILE.",
    )


def _rights(path: "Path") -> str:
    return "" if os.name == "nt" else f", rights {path.stat().st_mode & 0o777:o}"


def _is_away(file: str) -> bool:
    return file != IN_MEMORY and not os.path.lexists(file)


def _nearest_of(path: "Path") -> "Path":
    """The nearest folder above `path` that is there."""
    return next(folder for folder in path.absolute().parents if os.path.lexists(folder))


def _may(folder: "Path", rights: int) -> bool:
    return os.path.isdir(folder) and os.access(folder, rights)  # noqa: PTH112  it never raises


def _is_unmade(assembly: "Assembly") -> bool:
    return assembly.database.path is not None and not os.path.lexists(assembly.database.path)


async def _accounts(assembly: "Assembly") -> Finding:
    """Whose changes and plans the checks after it are about."""
    if _is_unmade(assembly):
        return Finding("account", 0, "not known yet: the store is empty")
    known = await assembly.database.is_known()
    others = await assembly.parts.writes.journal.others()
    parts = [
        assembly.database.account or "none, on the sandbox"
        if known
        else "the keys' account is not known yet: the first write finds out",
        f"other accounts on this store: {others.accounts}" if others.accounts else "",
        f"their unfinished changes: {others.open}" if others.open else "",
    ]
    next_step = "Run this with their keys too." if others.open else ""
    return Finding("account", 0, "; ".join(part for part in parts if part), next_step)


async def _plans(assembly: "Assembly") -> Finding:
    if _is_unmade(assembly):
        return Finding("plans", 0, "pending plans: 0")
    waiting = await assembly.plans.pending(time.time())
    return Finding("plans", 0, f"pending plans: {len(waiting)}")


async def _unfinished(assembly: "Assembly") -> Finding:
    if _is_unmade(assembly):
        return Finding("journal", 0, "no unfinished writes")
    writes = assembly.parts.writes
    unsettled = await writes.journal.unsettled()
    under_way = {one.change_id for one in unsettled if await writes.is_under_way(one.change_id)}
    left = [one for one in unsettled if one.change_id not in under_way]
    parts = [
        _named("unfinished", [one for one in left if not one.finished]),
        _named("with unknown outcome", [one for one in left if one.finished]),
        _named("running", [one for one in unsettled if one.change_id in under_way]),
    ]
    found = "; ".join(part for part in parts if part) or "no unfinished writes"
    if not left:
        return Finding("journal", 0, found)
    return Finding("journal", _UNSETTLED, found, "fw-mcp reconcile resolves them (reads only).")


def _named(what: str, changes: "Sequence[Unsettled]") -> str:
    if not changes:
        return ""
    first = [f"{one.change_id} {one.tool} ({one.items})" for one in changes[:_NAMED]]
    more = f" and {len(changes) - _NAMED} more" if len(changes) > _NAMED else ""
    return f"{len(changes)} {what}: {', '.join(first)}{more}"


# Each check with the one it makes no sense without.
_CHECKS: "tuple[tuple[str, str, Callable[[Assembly], Awaitable[Finding]]], ...]" = (
    ("versions", "", _versions),
    ("settings", "", _variables),
    ("limits", "", _limits),
    ("encoding", "", _encodings),
    ("folders", "", _folders),
    ("pictures", "", _pictures),
    ("proxy", "", _proxies),
    ("keys", "", _keys),
    ("service", "keys", _service),
    ("clock", "service", _clock),
    ("tokens", "", _tokens),
    ("login", "", _login),
    ("store", "", _store),
    ("account", "store", _accounts),
    ("plans", "store", _plans),
    ("journal", "store", _unfinished),
)


def _line(finding: Finding) -> str:
    mark = "FAIL" if finding.exit_code else "ok"
    text = f"{mark:<4}  {finding.check:<8}  {finding.found}"
    return f"{text}\n                {finding.next_step}" if finding.next_step else text
