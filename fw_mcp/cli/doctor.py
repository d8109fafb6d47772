"""`fw-mcp doctor`: what works, what does not, and what to do about it."""

import json
import platform
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import anyio

from fw_mcp import __version__
from fw_mcp.assembly import required_keys
from fw_mcp.cli.main import exit_code
from fw_mcp.errors import FwError, StoreError
from fw_mcp.store.sqlite import session_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from fw_mcp.assembly import Assembly
    from fw_mcp.store.journal import Unsettled

_UNSETTLED = 7
_NAMED = 5
_DRIFT_S = 120


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
    """Run every check and print what was found.

    Returns:
        The exit code of the first check that failed.
    """
    assembly.mean_the_stores_account()
    findings = anyio.run(_findings, assembly)
    if own["json"]:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        print("\n".join(map(_line, findings)))
    return next((one.exit_code for one in findings if one.exit_code), 0)


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
        return Finding(name, needed.exit_code, f"not tried: see {needed.check}")
    try:
        return await check(assembly)
    except FwError as error:
        return Finding(name, exit_code(error), error.what, error.next_step)


async def _versions(_: "Assembly") -> Finding:
    found = f"fw-mcp {__version__}, mcp {version('mcp')}, Python {platform.python_version()}"
    return Finding("versions", 0, found)


async def _keys(assembly: "Assembly") -> Finding:
    if assembly.settings.sandbox is not None:
        return Finding("keys", 0, "the sandbox needs none")
    required_keys(assembly.settings)
    return Finding("keys", 0, "both are set")


async def _service(assembly: "Assembly") -> Finding:
    """Host, TLS and keys at once: the one read-only call that proves all three."""
    client = await assembly.parts.account.client()
    answer = await client.test_my_credentials()
    # Whether the store can keep whose the keys are, its own check tells.
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
        return Finding("clock", 0, "not compared: the service did not tell its time")
    if abs(ahead) <= _DRIFT_S:
        return Finding("clock", 0, f"within {_DRIFT_S} s of the service's")
    return Finding(
        "clock", 1, f"{ahead:+.0f} s off the service's", "Set this machine's clock to network time."
    )


async def _store(assembly: "Assembly") -> Finding:
    await session_id(assembly.database)
    return Finding("store", 0, f"{assembly.database.path or 'in memory'} can be written")


async def _accounts(assembly: "Assembly") -> Finding:
    """Whose changes and plans the checks after it are about."""
    known = await assembly.database.is_known()
    others = await assembly.parts.writes.journal.others()
    parts = [
        f"of {assembly.database.account or 'no account'}"
        if known
        else "not known yet whose the keys are: the first write asks",
        f"{others.accounts} others are on this store" if others.accounts else "",
        f"{others.open} changes of theirs are open" if others.open else "",
    ]
    next_step = "Run this with their keys, too." if others.open else ""
    return Finding("account", 0, "; ".join(part for part in parts if part), next_step)


async def _plans(assembly: "Assembly") -> Finding:
    waiting = await assembly.plans.pending(time.time())
    return Finding("plans", 0, f"{len(waiting)} wait for an answer")


async def _unfinished(assembly: "Assembly") -> Finding:
    writes = assembly.parts.writes
    unsettled = await writes.journal.unsettled()
    under_way = {one.change_id for one in unsettled if await writes.is_under_way(one.change_id)}
    left = [one for one in unsettled if one.change_id not in under_way]
    parts = [
        _named("unfinished", [one for one in left if not one.finished]),
        _named("of unknown outcome", [one for one in left if one.finished]),
        _named("under way", [one for one in unsettled if one.change_id in under_way]),
    ]
    found = "; ".join(part for part in parts if part) or "every write has its outcome"
    if not left:
        return Finding("journal", 0, found)
    return Finding("journal", _UNSETTLED, found, "fw-mcp reconcile settles them by reading.")


def _named(what: str, changes: "Sequence[Unsettled]") -> str:
    if not changes:
        return ""
    first = [f"{one.change_id} {one.tool} ({one.items})" for one in changes[:_NAMED]]
    more = f" and {len(changes) - _NAMED} more" if len(changes) > _NAMED else ""
    return f"{len(changes)} {what}: {', '.join(first)}{more}"


# Each check with the one it makes no sense without.
_CHECKS: "tuple[tuple[str, str, Callable[[Assembly], Awaitable[Finding]]], ...]" = (
    ("versions", "", _versions),
    ("keys", "", _keys),
    ("service", "keys", _service),
    ("clock", "service", _clock),
    ("store", "", _store),
    ("account", "store", _accounts),
    ("plans", "store", _plans),
    ("journal", "store", _unfinished),
)


def _line(finding: Finding) -> str:
    mark = "FAIL" if finding.exit_code else "ok"
    text = f"{mark:<4}  {finding.check:<8}  {finding.found}"
    return f"{text}\n                {finding.next_step}" if finding.next_step else text
