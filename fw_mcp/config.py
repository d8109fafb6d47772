"""Settings: each option with its environment variable, default, unit and sentence.

Every setting is an option of the command line and an environment variable. The secrets are only
environment variables: a command line is visible to every process of the machine.
"""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from fw_mcp.errors import ConfigError, Reason
from fw_mcp.text import quoted

_PREFIX = "FW_MCP_"
IN_MEMORY = ":memory:"
_HOST = re.compile(r"[^\s/:@*?#\[\]\\]+\.[^\s/:@*?#\[\]\\]+\Z")
ENVIRONMENT_ONLY = frozenset({"web_api_key", "app_key", "http_token"})


class Settings(BaseSettings):
    """What the operator decides."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    web_api_key: SecretStr | None = Field(
        None, validation_alias="FINERWORKS_WEB_API_KEY", description="The account's key."
    )
    app_key: SecretStr | None = Field(
        None, validation_alias="FINERWORKS_APP_KEY", description="The app's key."
    )
    base_url: str = Field(
        "https://api.finerworks.com",
        validation_alias="FINERWORKS_BASE_URL",
        description="Where the API is.",
    )
    account_key: str | None = Field(
        None,
        validation_alias="FINERWORKS_ACCOUNT_KEY",
        description="Act for another account; ignored by FinerWorks without the permission.",
    )
    session_id: str | None = Field(
        None,
        min_length=8,
        max_length=50,
        validation_alias="FINERWORKS_SESSION_ID",
        description="8-50 characters that scope temporary images. Default: made once, kept.",
    )
    site_id: int = Field(
        2, ge=1, validation_alias="FINERWORKS_SITE_ID", description="2 unless told otherwise."
    )
    allow_other_host: bool = Field(
        default=False, description="Allow a base URL that is no FinerWorks host (https only)."
    )
    sandbox: str | None = Field(
        None, description="Use the embedded sandbox, kept in FILE or :memory:. Needs no keys."
    )
    http: str | None = Field(
        None, description="Serve Streamable HTTP on HOST:PORT instead of stdio."
    )
    http_token: SecretStr | None = Field(
        None, description="Bearer token of HTTP clients; needed off loopback, 16 characters."
    )
    http_allowed_hosts: str = Field(
        "", description="More Host headers to accept over HTTP, with commas between."
    )
    http_allowed_origins: str = Field(
        "", description="More Origin headers to accept over HTTP, with commas between."
    )
    store: Path | None = Field(
        None,
        description="File of plans, journal and session id. Default: in the user's state folder.",
    )
    journal_days: int = Field(
        365, ge=1, le=36_500, description="Days that the journal of changes is kept."
    )
    read_only: bool = Field(default=False, description="Refuse every write.")
    writes: str | None = Field(
        None, description="Write tools that are on, with commas between, or none. Default: all."
    )
    max_items: int = Field(
        50, ge=1, le=500, description="Images one call may delete or strip of products."
    )
    deletions_per_hour: int = Field(
        200, ge=0, description="Images an hour that may be deleted or stripped of products."
    )
    plan_ttl_s: float = Field(
        600, gt=0, le=3600, description="Seconds in which a question can be answered."
    )
    confirm: Literal["auto", "plan", "approve"] = Field(
        "auto",
        description="Who answers: the client's own dialogue if it has one, a second call, or a "
        "person in a terminal.",
    )
    show_hires: bool = Field(
        default=False, description="Show private_hires_uri, the print master's address."
    )
    no_fetch: bool = Field(
        default=False, description="Never fetch pictures or files from their URLs."
    )
    fetch_hosts: str = Field(
        "", description="Only hosts to fetch pictures and files from, with commas between."
    )
    file_folders: str = Field(
        "", description="Folders of files that inspect_files may read over stdio, as PATH has them."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="What goes to stderr."
    )

    @property
    def fetched_hosts(self) -> list[str]:
        """The only hosts to fetch from; none for any."""
        return [part.strip() for part in self.fetch_hosts.split(",") if part.strip()]

    @property
    def read_folders(self) -> list[Path]:
        """Where local files may be read."""
        return [Path(part) for part in self.file_folders.split(os.pathsep) if part.strip()]

    @model_validator(mode="after")
    def _hosts_are_hosts(self) -> Self:
        # A list that holds nothing must not mean every host.
        wrong = [host for host in self.fetched_hosts or [self.fetch_hosts] if not _HOST.match(host)]
        if wrong and self.fetch_hosts:
            raise ValueError(
                f"fetch_hosts names {quoted(wrong[0])}, which is no host such as images.example.com"
            )
        return self

    @model_validator(mode="after")
    def _folders_are_folders(self) -> Self:
        wrong = [path for path in self.read_folders if not (path.is_absolute() and path.is_dir())]
        if wrong:
            raise ValueError(
                f"file_folders names {quoted(str(wrong[0]), 200)}, which is no folder's whole path"
            )
        return self

    @model_validator(mode="after")
    def _approval_needs_a_file(self) -> Self:
        if self.confirm == "approve" and self.sandbox == IN_MEMORY and self.store is None:
            raise ValueError("confirm approve needs a store that a terminal can open: give store")
        return self


def option(name: str) -> str:
    """The command line's name of a setting."""
    return "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """The environment variable of a setting."""
    alias = Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else f"{_PREFIX}{name.upper()}"


def check_variables(environ: Mapping[str, str]) -> None:
    """Refuse a variable nobody reads: a misspelt FW_MCP_READ_ONLY would leave writes on.

    Raises:
        ConfigError: naming the nearest real one.
    """
    known = {variable(name) for name in Settings.model_fields}
    unknown = sorted(name for name in environ if name.startswith(_PREFIX) and name not in known)
    if not unknown:
        return
    # Without what all have in common, so that only a near miss is near.
    names = {name.removeprefix(_PREFIX): name for name in known}
    near = difflib.get_close_matches(unknown[0].removeprefix(_PREFIX), names, n=1)
    raise ConfigError(
        f"There is no setting {', '.join(unknown)}.",
        state="Nothing was started.",
        next_step=f"Did you mean {names[near[0]]}?" if near else "fw-mcp --help lists all.",
        reason=Reason.INVALID_SETTING,
    )


def load_settings(given: dict[str, object]) -> Settings:
    """Settings from the command line's values, over the environment's, over the defaults.

    Args:
        given: setting → text or true, as the command line gave it.

    Raises:
        ConfigError: naming every setting that cannot be used.
    """
    try:
        return Settings(**given)  # type: ignore[arg-type]  # text, validated here
    except ValidationError as invalid:
        faults = "; ".join(
            f"{_named(fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in invalid.errors(include_url=False, include_input=False)
        )
        raise ConfigError(
            f"These settings cannot be used: {faults}.",
            state="Nothing was started.",
            next_step="Correct them; fw-mcp --help lists all.",
            reason=Reason.INVALID_SETTING,
        ) from invalid


def _named(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "settings"
    by_variable = {variable(field): field for field in Settings.model_fields}
    field = by_variable.get(name, name)
    if field not in Settings.model_fields:
        return name
    return variable(field) if field in ENVIRONMENT_ONLY else f"{option(field)} ({variable(field)})"
