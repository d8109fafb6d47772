"""`fw-mcp token`: makes a token for the tokens file of a served instance, and lists those in it."""

import re
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from fw_mcp.accounts.file import read_rows
from fw_mcp.assembly import Assembly
from fw_mcp.config import Settings, both_names
from fw_mcp.errors import ConfigError, Reason
from fw_mcp.guard.effects import Scope
from fw_mcp.server.tokens import NAME, Token, digest_of, read_tokens
from fw_mcp.text import quoted, timed
from fw_mcp.writes.operation import ONLY_ACCOUNT

NEW, LIST = "new", "list"
_PREFIX = "fwmcp_"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def tokens(
    assembly: Assembly, own: Mapping[str, object], now: Callable[[], float] = time.time
) -> int:
    """Make a token, or list those of the file.

    Args:
        assembly: whose settings name the file, and the account of a new one.
        own: `action`, and for a new one `name`, `scopes` and `days`.
        now: seconds since the epoch.

    Raises:
        ConfigError: the file cannot be used, or no such token can be made.
    """
    path = assembly.settings.tokens_file
    kept = (
        read_tokens(path) if path is not None and (own["action"] == LIST or path.exists()) else ()
    )
    if own["action"] == NEW:
        return _make(own, kept, _account(assembly.settings), now())
    if path is None:
        raise _refusal("No tokens file is named.", f"Name it with {both_names('tokens_file')}.")
    for one in kept:
        ended = "expired" if one.is_expired(now()) else "expires"
        until = f"{ended} {timed(one.expires.timestamp())}"
        print(f"{one.name}  {','.join(one.scopes)}  account {one.account}  {until}")
    if not kept:
        print("There are no tokens in the tokens file.")
    return 0


def _account(settings: Settings) -> str:
    """The account that a new token opens."""
    known = (
        [ONLY_ACCOUNT] if settings.accounts_file is None else [*read_rows(settings.accounts_file)]
    )
    if settings.account is None and settings.accounts_file is not None:
        raise _refusal("The accounts file has several accounts.", _one_of(known))
    account = settings.account or ONLY_ACCOUNT
    if account not in known:
        raise _refusal(f"There is no account {quoted(account, 40)}.", _one_of(known))
    return account


def _one_of(accounts: Sequence[str]) -> str:
    return f"Name one with --account: {', '.join(accounts)}."


def _make(own: Mapping[str, object], kept: tuple[Token, ...], account: str, now: float) -> int:
    name = str(own["name"] or "")
    if not re.fullmatch(NAME, name):
        raise _refusal(
            f"{quoted(name, 40)} cannot be the name of a token.",
            "Name the person or program, in 1 to 64 letters, digits, dots, dashes, underscores or "
            "@: fw-mcp token new NAME.",
        )
    if name.lower() in {one.name.lower() for one in kept}:
        raise _refusal(
            f"The tokens file already has a token of {quoted(name)}.",
            "Choose another name, or remove that line first.",
        )
    token = f"{_PREFIX}{secrets.token_urlsafe(32)}"
    row = Token(
        name=name,
        sha256=digest_of(token.encode()),
        scopes=_scopes(str(own["scopes"])),
        account=account,
        expires=_EPOCH + timedelta(days=int(str(own["days"])), seconds=int(now)),
    )
    print(f"The token of {name}, shown only this once:\n{token}")
    print(f"Add this line to the tokens file:\n{row.line()}")
    return 0


def _scopes(text: str) -> tuple[Scope, ...]:
    named = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [one for one in named if one not in list(Scope)]
    if unknown or not named:
        raise _refusal(
            f"{quoted(unknown[0], 40) if unknown else 'Nothing'} is not a scope.",
            f"The scopes are {', '.join(Scope)}; each includes those before it.",
        )
    return tuple(Scope(one) for one in named)


def _refusal(what: str, next_step: str) -> ConfigError:
    return ConfigError(
        what, state="No token was made.", next_step=next_step, reason=Reason.INVALID_ARGUMENTS
    )
