"""The accounts file: several FinerWorks accounts of one server, each with its own settings."""

import logging
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from fw_mcp.assembly import account_name, check_base_url, limits, required_keys, secrets_of
from fw_mcp.config import IN_MEMORY, Settings, both_names, expanded, is_placeholder
from fw_mcp.errors import ConfigError, Reason
from fw_mcp.guard.effects import WRITES
from fw_mcp.server.parts import is_only_account
from fw_mcp.server.private_file import may_pass, read_private, read_text, state_of, unusable
from fw_mcp.server.tokens import NAME
from fw_mcp.text import quoted

_KIND = "accounts"
_NAME = re.compile(NAME)
_LONGEST_SECRET = 4_096
_KEYS = ("web_api_key", "app_key")
_MUST_BE = MappingProxyType(
    {
        **{f"{key}_env": "must name an environment variable" for key in _KEYS},
        **{f"{key}_file": "must name a file" for key in _KEYS},
        "base_url": "must be a URL",
        "account_key": "must be text",
        "session_id": "must be text of 8 to 50 characters",
        "site_id": "must be a whole number, 1 or more",
        "sandbox": "must be true or false",
        "sandbox_file": "must name a file",
        "read_only": "must be true or false",
        "show_hires": "must be true or false",
        "writes": f"must list write tools, of {', '.join(WRITES)}",
        "max_items": "must be a whole number from 1 to 500",
        "deletions_per_hour": "must be a whole number, 0 or more",
    }
)

_log = logging.getLogger(__name__)

Hide = Callable[[Iterable[str]], None]
_State = tuple[int, ...]


class Row(BaseModel):
    """An account of the file, as it stands there.

    Attributes:
        web_api_key_env: the variable that holds its key; or else
        web_api_key_file: the file that does. The same for `app_key`.
        base_url: where its FinerWorks is; None for where the server's is.
        account_key: of a customer whose library it is.
        session_id: scopes its temporary images.
        site_id: lists its images.
        sandbox: whether it is a fictional studio, in memory, without keys.
        sandbox_file: where that is kept.
        read_only: refuses every write.
        show_hires: whether print masters' URLs are shown, where the server shows them at all.
        writes: write tools that are on.
        max_items: images a call may delete.
        deletions_per_hour: images an hour may delete.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    web_api_key_env: str | None = Field(None, min_length=1)
    web_api_key_file: str | None = Field(None, min_length=1)
    app_key_env: str | None = Field(None, min_length=1)
    app_key_file: str | None = Field(None, min_length=1)
    base_url: str | None = Field(None, min_length=1)
    account_key: str | None = Field(None, min_length=1)
    session_id: str | None = Field(None, min_length=8, max_length=50)
    site_id: int | None = Field(None, ge=1)
    sandbox: bool = False
    sandbox_file: str | None = Field(None, min_length=1)
    read_only: bool = False
    show_hires: bool = True
    writes: list[str] | None = None
    max_items: int | None = Field(None, ge=1, le=500)
    deletions_per_hour: int | None = Field(None, ge=0)

    @field_validator("*")
    @classmethod
    def _can_be_seen(cls, value: object) -> object:
        if isinstance(value, str) and not value.isprintable():
            raise ValueError("contains invisible characters")
        return value

    @model_validator(mode="after")
    def _opens_one_library(self) -> Self:
        is_sandbox = self.sandbox or self.sandbox_file is not None
        for key in _KEYS:
            places = [getattr(self, f"{key}_{kind}") for kind in ("env", "file")]
            given = [one for one in places if one is not None]
            if is_sandbox and given:
                raise ValueError("a sandbox has no keys")
            if not is_sandbox and len(given) != 1:
                raise ValueError(f"give either {key}_env or {key}_file")
        unknown = [one for one in self.writes or () if one not in WRITES]
        if unknown:
            raise ValueError(f"{quoted(unknown[0], 40)} is not a write tool")
        return self

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that it names."""
        return tuple(filter(None, (self.web_api_key_env, self.app_key_env)))

    def files(self, folder: Path) -> tuple[Path, ...]:
        """The files with its keys; a relative one is looked for beside the accounts file."""
        named = filter(None, (self.web_api_key_file, self.app_key_file))
        return tuple(folder / expanded(one) for one in named)

    def settings(self, server: Settings, folder: Path, environ: Mapping[str, str]) -> Settings:
        """The settings of the account: none of its limits is wider than the server's.

        Raises:
            ValueError: what is wrong with it.
            ConfigError: as above.
        """
        sandbox = str(folder / expanded(self.sandbox_file)) if self.sandbox_file else None
        own = {
            "accounts_file": None,
            "account": None,
            "sandbox": sandbox or (IN_MEMORY if self.sandbox else None),
            "sandbox_file": sandbox,
            "base_url": self.base_url or server.base_url,
            "account_key": self.account_key,
            "session_id": self.session_id,
            "site_id": self.site_id or server.site_id,
            "read_only": self.read_only or server.read_only,
            "show_hires": self.show_hires and server.show_hires,
            "writes": _both(self.writes, server.writes),
            "max_items": _least(self.max_items, server.max_items),
            "deletions_per_hour": _least(self.deletions_per_hour, server.deletions_per_hour),
            **{key: self._key(key, folder, environ) for key in _KEYS},
        }
        settings = server.model_copy(update=own)
        check_base_url(settings)
        limits(settings)
        if settings.sandbox is None:
            required_keys(settings)
        return settings

    def _key(self, key: str, folder: Path, environ: Mapping[str, str]) -> SecretStr | None:
        variable, file = getattr(self, f"{key}_env"), getattr(self, f"{key}_file")
        if variable is None and file is None:
            return None
        if file is not None:
            try:
                text, _ = read_text(folder / expanded(file), _LONGEST_SECRET)
            except (OSError, ValueError) as unread:
                raise ValueError(f"the file of {key}_file cannot be read as text") from unread
        else:
            text = environ.get(variable, "")
        if not text.strip() or is_placeholder(text):
            place = f"the file of {key}_file" if file else f"the variable {variable}"
            raise ValueError(f"{place} holds no key")
        return SecretStr(text.strip())


def _least(own: int | None, ceiling: int) -> int:
    return ceiling if own is None else min(own, ceiling)


def _both(own: list[str] | None, ceiling: str | None) -> str | None:
    if own is None:
        return ceiling
    allowed = WRITES if ceiling is None else {name.strip() for name in ceiling.split(",")}
    return ",".join(name for name in own if name in allowed) or "none"


def read_rows(path: Path) -> Mapping[str, Row]:
    """The accounts of a file, by name.

    Raises:
        ConfigError: it cannot be read, others can read it, or an account in it is wrong.
    """
    return {name: _row(path, name, given) for name, given in _tables(path).items()}


def _tables(path: Path) -> Mapping[str, object]:
    text = read_private(path, _KIND)
    try:
        given = tomllib.loads(text)
    except (ValueError, RecursionError) as wrong:
        # Its words may repeat what stands there; they end with the place.
        place = str(wrong).rpartition("(")[2].rstrip(")")
        place = place if place.startswith("at ") else "somewhere"
        raise unusable(path, _KIND, f"is not TOML, {place}", "Correct it.") from wrong
    if not given:
        raise unusable(path, _KIND, "lists no account", "Add one: docs/teams.md shows how.")
    return given


def _row(path: Path, name: str, given: object) -> Row:
    if not _NAME.fullmatch(name):
        raise _wrong(path, name, "its name must be 1 to 64 letters, digits, dots, dashes, _ or @")
    if is_only_account(name):
        raise _wrong(path, name, "its name is reserved; choose another")
    if not isinstance(given, dict):
        raise _wrong(path, name, "it must be a table")
    try:
        return Row.model_validate(given)
    except ValidationError as invalid:
        raise _wrong(path, name, "; ".join(_faults(invalid))) from invalid


def _faults(invalid: ValidationError) -> Iterator[str]:
    for fault in invalid.errors(include_url=False, include_input=False):
        if not fault["loc"]:
            yield fault["msg"].removeprefix("Value error, ")
            continue
        name = str(fault["loc"][0])
        yield f"{name} {_MUST_BE[name]}" if name in _MUST_BE else f"unknown {quoted(name, 40)}"


def _settings(
    path: Path, name: str, row: Row, server: Settings, environ: Mapping[str, str]
) -> Settings:
    """The settings of an account of the file, its keys included.

    Raises:
        ConfigError: it cannot be used.
    """
    try:
        return row.settings(server, path.parent, environ)
    except ValueError as wrong:
        raise _wrong(path, name, str(wrong)) from wrong
    except ConfigError as wrong:
        raise _wrong(path, name, wrong.what, wrong.reason) from wrong


def _library(settings: Settings) -> str:
    """The library that it opens, whatever its temporary images are scoped by."""
    known_as = account_name(settings.model_copy(update={"session_id": None}))
    return known_as if isinstance(known_as, str) else known_as.digest


def _check_server(server: Settings) -> None:
    if server.sandbox is not None:
        # Whoever gave it means that nothing is real.
        raise _which(
            f"{both_names('sandbox')} cannot be used with {both_names('accounts_file')}.",
            "Write sandbox = true under each account that is a sandbox.",
        )


class Accounts:
    """The accounts of a file, which may change while it is in use, as may the files of its keys.

    Once it could be used, a later fault leaves what there was: of one account, or of the file.

    Args:
        path: the file.
        server: the settings of the process, which the accounts' own narrow.
        environ: where keys may be.
        hide: told what must never be written anywhere, before anything is done with it.

    Raises:
        ConfigError: the file or an account cannot be used, or two accounts open one library.
    """

    def __init__(
        self, path: Path, server: Settings, environ: Mapping[str, str], hide: Hide
    ) -> None:
        _check_server(server)
        self._path = path
        self._server = server
        self._environ = environ
        self._hide = hide
        self._seen: _State = ()
        self._is_due = False
        self._keys: Mapping[str, Mapping[Path, _State]] = {}
        self._found: Mapping[str, Settings] = {}
        if faults := self._read():
            raise faults[0]

    def find(self, name: str) -> Settings | None:
        """The settings of an account; None where there is none of that name."""
        keys = self._keys.get(name, {}).items()
        is_other = state_of(self._path) != self._seen or any(
            state_of(file) != one for file, one in keys
        )
        if is_other or self._is_due:
            self._look_again(is_told=is_other)
        return self._found.get(name)

    def _look_again(self, *, is_told: bool) -> None:
        faults = self._read()
        self._is_due = any(map(may_pass, faults))
        for fault in faults if is_told else ():
            _log.warning("%s What was read before is still used.", fault.what)
        if not faults:
            _log.info("read %s again", quoted(str(self._path), 200))

    def _read(self) -> list[ConfigError]:
        # Looked at before it is read: what changes meanwhile is read once more.
        self._seen = state_of(self._path)
        self._keys = {name: _states(files) for name, files in self._keys.items()}
        try:
            given = _tables(self._path)
        except ConfigError as fault:
            return [fault]
        keys: dict[str, Mapping[Path, _State]] = {}
        found: dict[str, Settings] = {}
        libraries: dict[str, str] = {}
        faults = []
        for name, table in given.items():
            try:
                row = _row(self._path, name, table)
                keys[name] = _states(row.files(self._path.parent))
                settings = _settings(self._path, name, row, self._server, self._environ)
                other = libraries.setdefault(_library(settings), name)
                if other != name:
                    raise _wrong(self._path, name, f"it opens the same library as {other}")
                found[name] = settings
            except ConfigError as fault:
                faults.append(fault)
                if name in self._found:
                    found[name] = self._found[name]
        self._hide(secret for one in found.values() for secret in secrets_of(one, {}))
        self._keys, self._found = keys, found
        return faults


def _states(files: Iterable[Path]) -> Mapping[Path, _State]:
    return {file: state_of(file) for file in files}


def variables_named(settings: Settings) -> tuple[str, ...]:
    """The environment variables that the accounts file names.

    Raises:
        ConfigError: it cannot be used.
    """
    rows = read_rows(settings.accounts_file).values() if settings.accounts_file else ()
    return tuple(name for row in rows for name in row.variables)


def one_account(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """The settings of the account that a command means; those given where no file is named.

    Raises:
        ConfigError: it is not said which, or there is none of that name.
    """
    if settings.accounts_file is None:
        if settings.account is None:
            return settings
        raise _which(f"{both_names('account')} needs {both_names('accounts_file')}.", "Name both.")
    _check_server(settings)
    path = settings.accounts_file
    rows = read_rows(path)
    known = ", ".join(rows)
    if settings.account is None:
        raise _which("The accounts file has several accounts.", f"Say which: --account {known}.")
    name = settings.account
    if name not in rows:
        raise _which(
            f"The accounts file has no account {quoted(name, 40)}.",
            f"It has {known}.",
        )
    # The keys of the others are none of its business.
    return _settings(path, name, rows[name], settings, environ)


def _which(what: str, next_step: str) -> ConfigError:
    return ConfigError(
        what,
        state="Nothing was started.",
        next_step=next_step,
        reason=Reason.INVALID_SETTING,
    )


def _wrong(path: Path, name: str, why: str, reason: Reason = Reason.INVALID_SETTING) -> ConfigError:
    fault = f"has a fault in account {quoted(name, 40)}: {why.rstrip('.')}"
    return unusable(path, _KIND, fault, "Correct it.", reason)
