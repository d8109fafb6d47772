"""The tokens file: a line of JSON for each token, with its SHA-256 in place of the token itself."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from fw_mcp.guard.effects import Scope
from fw_mcp.server.private_file import read_private, unusable
from fw_mcp.text import quoted
from fw_mcp.writes.operation import ONLY_ACCOUNT

NAME = "[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"
_KIND = "tokens"
_SCOPES = ", ".join(Scope)
_MUST_BE = MappingProxyType(
    {
        "name": "must be 1 to 64 letters, digits, dots, dashes, underscores or @",
        "sha256": "must be 64 hexadecimal digits",
        "scopes": f"must list one or more of {_SCOPES}",
        "account": "must be the name of an account",
        "expires": "must be a time such as 2027-02-28T00:00:00Z",
    }
)


class Token(BaseModel):
    """A token of the file.

    Attributes:
        name: whose it is; what plans and the history name.
        sha256: of the token, in hexadecimal digits.
        scopes: what it may be used for.
        account: whose library it opens.
        expires: when it ends.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=f"^{NAME}$")
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    scopes: tuple[Scope, ...] = Field(min_length=1)
    account: str = Field(ONLY_ACCOUNT, pattern=f"^{NAME}$")
    expires: AwareDatetime

    def is_expired(self, now: float) -> bool:
        """Whether it is over, `now` being seconds since the epoch."""
        return self.expires.timestamp() <= now

    def line(self) -> str:
        """The line of it in the file."""
        return self.model_dump_json()


def digest_of(token: bytes) -> str:
    """What stands for a token in the file."""
    return hashlib.sha256(token).hexdigest()


def read_tokens(path: Path) -> tuple[Token, ...]:
    """The tokens of a file, in its order.

    Raises:
        ConfigError: it cannot be read, others can read it, or a line is no token.
    """
    text = read_private(path, _KIND)
    found: dict[str, Token] = {}
    names: set[str] = set()
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                token = _token(line, names, found)
            except ValueError as wrong:
                fault = f"has a fault in line {number}: {wrong}"
                raise unusable(path, _KIND, fault, "Correct the line.") from wrong
            names.add(token.name.lower())
            found[token.sha256] = token
    return tuple(found.values())


def _token(line: str, names: AbstractSet[str], found: Mapping[str, Token]) -> Token:
    try:
        given = json.loads(line, object_pairs_hook=_each_once)
    except (json.JSONDecodeError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004  told with the other faults
    try:
        token = Token.model_validate(given)
    except ValidationError as invalid:
        raise ValueError("; ".join(_faults(invalid))) from invalid
    if token.name.lower() in names:
        raise ValueError(f"the name {quoted(token.name)} appears twice")
    if other := found.get(token.sha256):
        raise ValueError(f"it is the same token as that of {quoted(other.name)}")
    return token


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    given = dict(pairs)
    if len(given) < len(pairs):
        raise ValueError("a member appears twice")
    return given


def _faults(invalid: ValidationError) -> Iterator[str]:
    for fault in invalid.errors(include_url=False, include_input=False, include_context=False):
        name = str(fault["loc"][0])
        if fault["type"] == "missing":
            yield f"{name} is missing"
        else:
            yield f"{name} {_MUST_BE[name]}" if name in _MUST_BE else f"unknown {quoted(name, 40)}"


def by_digest(tokens: tuple[Token, ...]) -> Mapping[str, Token]:
    """The tokens by what is kept of each."""
    return MappingProxyType({one.sha256: one for one in tokens})
