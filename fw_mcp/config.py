"""Settings: each option with its environment variable, default, unit and sentence.

Every setting is an option of the command line and an environment variable. The secrets are only
environment variables: a command line is visible to every process of the machine.
"""

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Self, get_args, get_origin
from urllib.parse import unquote, urlsplit

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from fw_mcp.errors import ConfigError, Reason
from fw_mcp.text import quoted

_PREFIX = "FW_MCP_"
_ACCOUNT_PREFIX = "FINERWORKS_"
# Others may have variables of that name too: only what is nearly ours is taken for a slip.
_NEARLY = 0.75
IN_MEMORY = ":memory:"
ENVIRONMENT_ONLY = frozenset({"web_api_key", "app_key", "http_token"})
KEYS = ("web_api_key", "app_key")
YES = frozenset({"1", "true", "yes", "on", "y", "t"})
NO = frozenset({"0", "false", "no", "off", "n", "f"})

_HOST = re.compile(r"[^\s/:@*?#\[\]\\]+\.[^\s/:@*?#\[\]\\]+\Z")
# What a host or a person left standing where a value belongs.
_NOT_FILLED_IN = re.compile(
    r"""\$\{.*\} | \$\(.*\) | \$[A-Z_]+ | %[A-Z_]+% | \{\{.*\}\} | <.*> | \[.*\]
    | \.{3,} | …+ | x{4,} | \*+
    | (your|my|the|enter|insert|paste|replace|change)[ _-]?.*(key|here|me|this)
    | FINERWORKS_[A-Z_]+""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_UNFILLED_PART = re.compile(r"\$\{[^}]*\}|\{\{.*\}\}")
_QUOTES = ('""', "''", "``", "\u201c\u201d", "\u2018\u2019")
_SPELLINGS = MappingProxyType(
    {"warn": "warning", "err": "error", "critical": "error", "fatal": "error", "trace": "debug"}
)
# A bucket by the rules that all stores share, and a path that needs no escape in a URL.
_STORE = re.compile(
    r"""s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9] (/+[A-Za-z0-9_~-][A-Za-z0-9._~-]*)* /*\Z
    | file://(localhost)?/[^?#]+\Z""",
    re.VERBOSE,
)
_LOOPBACK = re.compile(r"localhost|127\.[0-9]+\.[0-9]+\.[0-9]+|::1")
_DATABASES = ("postgresql://", "postgres://")
# Of whatever scheme: a password in it is none less. One letter is a drive.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_HALF_ENCODED = re.compile("%(?![0-9A-Fa-f]{2})")
_PATHS = ("store", "sandbox", "sandbox_file", "tokens_file", "accounts_file", "state_keys_file")
# A blank one must not turn off what it would have restricted.
_NEVER_BLANK = frozenset(
    {"writes", "http_token", "tokens_file", "accounts_file", "account", "state_keys_file"}
)


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
        None,
        validation_alias="FINERWORKS_WEB_API_KEY",
        description="The web_api_key of your FinerWorks account.",
        examples=["YOUR_WEB_API_KEY"],
    )
    app_key: SecretStr | None = Field(
        None,
        validation_alias="FINERWORKS_APP_KEY",
        description="The app_key of an app in your FinerWorks account.",
        examples=["YOUR_APP_KEY"],
    )
    base_url: str = Field(
        "https://api.finerworks.com",
        validation_alias="FINERWORKS_BASE_URL",
        description="Base URL of the API.",
        examples=["https://api.finerworks.com"],
    )
    account_key: str | None = Field(
        None,
        validation_alias="FINERWORKS_ACCOUNT_KEY",
        description="Account key of a customer whose library to use. FinerWorks ignores it and "
        "uses your own if the app key lacks permission.",
        examples=["ACCOUNT_KEY"],
    )
    session_id: str | None = Field(
        None,
        min_length=8,
        max_length=50,
        validation_alias="FINERWORKS_SESSION_ID",
        description="8-50 characters that scope temporary images. Default: generated, then kept.",
        examples=["studio-session-1"],
    )
    site_id: int = Field(
        2,
        ge=1,
        validation_alias="FINERWORKS_SITE_ID",
        description="FinerWorks site that images are listed for. Change it only if FinerWorks "
        "gave you another number.",
        examples=["2"],
    )
    allow_other_host: bool = Field(
        default=False, description="Allow a base URL that is not a FinerWorks host (https only)."
    )
    sandbox: str | None = Field(
        None,
        description="Use the embedded sandbox, a fictional studio that needs no keys.",
        examples=["true"],
    )
    sandbox_file: str | None = Field(
        None,
        description="Use the sandbox and keep it in FILE. Default: in memory.",
        examples=["studio.db"],
    )
    http: str | None = Field(
        None,
        description="Serve Streamable HTTP on HOST:PORT instead of stdio.",
        examples=["127.0.0.1:8000"],
    )
    http_token: SecretStr | None = Field(
        None,
        description="Bearer token of HTTP clients; required on "
        "non-loopback addresses, at least 16 characters.",
        examples=["YOUR_HTTP_TOKEN_OF_16_OR_MORE"],
    )
    tokens_file: Path | None = Field(
        None,
        description="File of tokens for HTTP, one for each person; see docs/teams.md.",
        examples=["/etc/fw-mcp/tokens.jsonl"],
    )
    accounts_file: Path | None = Field(
        None,
        description="File of several accounts; each token opens one of them; see docs/teams.md.",
        examples=["/etc/fw-mcp/accounts.toml"],
    )
    state_keys_file: Path | None = Field(
        None,
        description="File of the keys that seal questions over HTTP; replicas share it; see "
        "docs/teams.md.",
        examples=["/etc/fw-mcp/state-keys"],
    )
    account: str | None = Field(
        None,
        description="Account of --accounts-file that a command, or a server over stdio, uses.",
        examples=["north"],
    )
    public_url: str | None = Field(
        None,
        description="URL at which clients reach this server over HTTP; allows its host and origin.",
        examples=["https://fw.example.com/mcp"],
    )
    oauth_issuer: str | None = Field(
        None,
        description="URL of the OAuth issuer whose access tokens are accepted over HTTP; needs "
        "--public-url.",
        examples=["https://login.example.com/realms/prints"],
    )
    oauth_scopes: str = Field(
        "images:read,images:write,images:delete",
        description="Scopes that OAuth clients may ask for and be granted, comma-separated.",
        examples=["images:read,images:write"],
    )
    oauth_account_claim: str = Field(
        "fw_account",
        min_length=1,
        max_length=100,
        description="Claim of an OAuth token that names its account.",
        examples=["fw_account"],
    )
    http_allowed_hosts: str = Field(
        "",
        description="More host names by which clients reach this server, comma-separated: NAME "
        "behind a TLS proxy, otherwise NAME:PORT. Any other name gets 421.",
        examples=["fw.example.com"],
    )
    http_allowed_origins: str = Field(
        "",
        description="Origins of browser pages that may use this server over HTTP, comma-separated.",
        examples=["https://app.example.com"],
    )
    store: Path | SecretStr | None = Field(
        None,
        description="File that keeps plans, journal and session id, or the postgresql:// URL that "
        "replicas share. Default: a file in the user's state folder.",
        examples=["/var/lib/fw-mcp/store.sqlite3"],
    )
    journal_days: int = Field(
        365, ge=1, le=36_500, description="Days to keep the journal of changes."
    )
    read_only: bool = Field(default=False, description="Refuse every write.")
    writes: str | None = Field(
        None,
        description="Write tools to enable, comma-separated, or none. Default: all.",
        examples=["add_images,set_selection"],
    )
    max_items: int = Field(
        50, ge=1, le=500, description="Images one call may delete or strip of products."
    )
    deletions_per_hour: int = Field(
        200, ge=0, description="Images per hour that may be deleted or stripped of products."
    )
    plan_ttl_s: float = Field(
        600, gt=0, le=3600, description="Seconds within which a question must be answered."
    )
    confirm: Literal["auto", "plan", "approve"] = Field(
        "auto",
        description="Who confirms: the client's own dialog if it has one, a second call, or a "
        "person in a terminal.",
    )
    show_hires: bool = Field(
        default=False, description="Show private_hires_uri, the print master's URL."
    )
    no_fetch: bool = Field(
        default=False, description="Never fetch pictures or files from their URLs."
    )
    fetch_hosts: str = Field(
        "",
        description="The only hosts to fetch pictures and files from, comma-separated.",
        examples=["images.example.com"],
    )
    file_folders: str = Field(
        "",
        description="Folders that inspect_files and add_images may read over stdio, separated "
        "as in PATH.",
        examples=["/home/you/prints"],
    )
    upload_to: str | None = Field(
        None,
        description="Where add_images uploads local files: s3://BUCKET/PREFIX, in an S3-compatible "
        "store with keys in AWS_* variables, or file:///FOLDER, a folder that is published.",
        examples=["s3://my-prints/fw"],
    )
    upload_public_url: str | None = Field(
        None,
        description="Public https URL of what --upload-to names; fetching from its host is always "
        "allowed.",
        examples=["https://images.example.com/fw"],
    )
    upload_without_asking: bool = Field(
        default=False, description="Do not ask before the first upload from a folder."
    )
    upload_mb_per_hour: int = Field(
        5000, ge=0, description="Megabytes per hour that may be uploaded."
    )
    upload_preview_side: int = Field(
        1600, ge=400, le=4000, description="Longest side of uploaded previews, in pixels."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="Log level on stderr."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Log as text for people, or as one JSON object per line."
    )

    @property
    def fetched_hosts(self) -> list[str]:
        """The only hosts to fetch from; none for any."""
        return [part.strip() for part in self.fetch_hosts.split(",") if part.strip()]

    @property
    def read_folders(self) -> list[Path]:
        """Where local files may be read; one that is away may come back."""
        return _folders_in(self.file_folders)

    @property
    def unfilled(self) -> list[str]:
        """The variables of keys whose value is a placeholder."""
        values = {name: getattr(self, name) for name in KEYS}
        return [
            variable(name)
            for name, value in values.items()
            if value and is_placeholder(value.get_secret_value())
        ]

    @model_validator(mode="before")
    @classmethod
    def _as_people_write_them(cls, given: dict[str, Any]) -> dict[str, Any]:
        """White space and quotes around a value, words in any case, `~` and variables in paths."""
        fields = {variable(name): name for name in cls.model_fields}
        found = {fields.get(name, name): _cleaned(value) for name, value in given.items()}
        for name, field in cls.model_fields.items():
            value = found.get(name)
            if not isinstance(value, str):
                continue
            if not value and field.default is None and name not in _NEVER_BLANK:
                del found[name]
            elif get_origin(field.annotation) is Literal:
                found[name] = _SPELLINGS.get(value.lower(), value.lower())
        return found | _place_of_sandbox(found)

    @field_validator("*", mode="before")
    @classmethod
    def _are_filled_in(cls, value: object, info: ValidationInfo) -> object:
        """A key that is none is told when it is needed; the other settings decide too much."""
        if isinstance(value, str | Path) and info.field_name not in KEYS:
            if info.field_name == "store" and _ADDRESS.match(str(value)):
                value = SecretStr(_checked_address(str(value)))
            elif info.field_name in _PATHS:
                value = expanded(str(value))
            if _UNFILLED_PART.search(str(value)):
                raise ValueError("is a placeholder that was not filled in")
            if info.field_name == "store" and isinstance(value, str):
                return Path(value)
        return value

    @field_validator("fetch_hosts")
    @classmethod
    def _hosts_are_hosts(cls, text: str) -> str:
        # A list that holds nothing must not mean every host.
        hosts = [part.strip() for part in text.split(",") if part.strip()]
        wrong = [host for host in hosts or [text] if not _HOST.match(host)]
        if wrong and text:
            raise ValueError(
                f"names {quoted(wrong[0])}, which is not a host such as images.example.com"
            )
        return text

    @field_validator("file_folders")
    @classmethod
    def _folders_are_whole(cls, text: str) -> str:
        wrong = [path for path in _folders_in(text) if not path.is_absolute()]
        if wrong:
            raise ValueError(
                f"names {quoted(str(wrong[0]), 200)}, which is not an absolute path such as "
                f"{os.sep}pictures"
            )
        return text

    @field_validator("upload_to")
    @classmethod
    def _uploads_have_a_store(cls, text: str | None) -> str | None:
        # What it says is not repeated: it may hold a key that belongs elsewhere.
        if text and not _STORE.match(text):
            raise ValueError(
                "must be s3://bucket, s3://bucket/prefix or file:///folder, without keys or a query"
            )
        return text

    @field_validator("upload_public_url")
    @classmethod
    def _uploads_are_public(cls, text: str | None) -> str | None:
        if text and not _is_public_place(text):
            raise ValueError(
                "must be an https URL such as https://images.example.com/fw, without a user, a "
                "query or a port of its own"
            )
        return text and text.rstrip("/")

    @field_validator("public_url")
    @classmethod
    def _is_where_clients_go(cls, text: str | None) -> str | None:
        if text and not _is_endpoint(text):
            raise ValueError(
                "must be an https URL that ends in /mcp, such as https://fw.example.com/mcp, "
                "without a user or a query"
            )
        return text

    @field_validator("oauth_issuer")
    @classmethod
    def _issuer_is_safe(cls, text: str | None) -> str | None:
        if text and not _is_url(text):
            raise ValueError("must be an https URL without a user or a query")
        return text

    @model_validator(mode="after")
    def _approval_needs_a_file(self) -> Self:
        in_memory = str(self.store or self.sandbox) == IN_MEMORY
        if self.confirm == "approve" and in_memory:
            raise ValueError(
                f"{both_names('confirm')} approve needs a store that a terminal can open: give "
                f"{both_names('store')} a file"
            )
        return self


def secrets_in(address: str) -> list[str]:
    """The passwords in the address of a database, as they stand there and as they are meant."""
    if not _ADDRESS.match(address):
        return []
    # As libpq takes it apart: a user's words end at the first slash, and may hold a question mark.
    place, _, rest = address.partition("://")[2].partition("/")
    user, _, _ = place.rpartition("@")
    found = [user.partition(":")[2]]
    for pair in (rest or place).partition("?")[2].split("&"):
        name, _, value = pair.partition("=")
        if unquote(name).endswith("password"):
            found.append(value)
    return [*dict.fromkeys(form for one in found if one for form in (one, unquote(one)))]


def _checked_address(text: str) -> str:
    # What it says is not repeated: it may hold a password.
    try:
        parts = urlsplit(text)
        for one in parts.netloc.rpartition("@")[2].split(","):
            _ = urlsplit(f"//{one}").port
    except ValueError:
        parts = urlsplit("")
    is_whole = text.startswith(_DATABASES) and parts.path.strip("/") and not parts.fragment
    # libpq takes a password apart at the first sign that is not percent-encoded, and repeats it.
    is_plain = text.isprintable() and " " not in text and parts.netloc.count("@") <= 1
    if not is_whole or not is_plain or _HALF_ENCODED.search(text):
        raise ValueError(
            "must be a file, or postgresql://USER@HOST:PORT/DATABASE with what libpq takes, "
            "percent-encoded"
        )
    return text


def _is_public_place(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    is_here = _LOOPBACK.fullmatch(host) is not None
    is_bare = not set("?#@\\ ") & set(text) and text.isascii() and text.isprintable()
    return is_bare and (
        (is_here and parts.scheme in {"http", "https"})
        or (_HOST.match(host) is not None and parts.scheme == "https" and port in {None, 443})
    )


def _is_endpoint(text: str) -> bool:
    return _is_url(text) and urlsplit(text).path.rstrip("/") == "/mcp"


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    is_here = _LOOPBACK.fullmatch(host) is not None
    is_bare = not set("?#@\\* ") & set(text) and text.isascii() and text.isprintable()
    schemes = {"http", "https"} if is_here else {"https"}
    return is_bare and host != "" and parts.scheme in schemes


def is_placeholder(text: str) -> bool:
    """Whether a key is what stands in examples, or what a host failed to replace."""
    return _NOT_FILLED_IN.fullmatch(_cleaned(text)) is not None


def expanded(path: str) -> str:
    """A path with `~` and variables replaced, as far as they are known."""
    return os.path.expandvars(Path(path).expanduser()) if _home_is_known(path) else path


def option(name: str) -> str:
    """The command line's name of a setting."""
    return "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """The environment variable of a setting."""
    alias = Settings.model_fields[name].validation_alias
    return alias if isinstance(alias, str) else f"{_PREFIX}{name.upper()}"


def check_variables(environ: Mapping[str, str], named: Iterable[str] = ()) -> None:
    """Refuse a variable nobody reads: a misspelt FW_MCP_READ_ONLY would leave writes on.

    Of the account's variables only a near miss is refused, and only while the right one is not set.

    Args:
        environ: the environment.
        named: variables that the operator chose for keys.

    Raises:
        ConfigError: naming the nearest real one.
    """
    known = {variable(name) for name in Settings.model_fields}
    # The settings are read in any case of letters.
    given = {name.upper(): name for name in environ}
    unknown = sorted(given.keys() - known - {name.upper() for name in named})
    ours = [name for name in unknown if name.startswith(_PREFIX)]
    meant = {name: _nearest(name, known, _PREFIX) for name in ours}
    for name in unknown:
        near = _nearest(name, known - given.keys(), _ACCOUNT_PREFIX, _NEARLY)
        meant |= {name: near} if near else {}
    if not meant:
        return
    near = next(iter(meant.values()))
    raise ConfigError(
        f"Unknown setting: {', '.join(given[name] for name in meant)}.",
        state="Nothing was started.",
        next_step=f"Did you mean {near}?" if near else "fw-mcp --help lists all.",
        reason=Reason.INVALID_SETTING,
    )


def _nearest(name: str, known: AbstractSet[str], prefix: str, cutoff: float = 0.6) -> str:
    """The known variable that `name` nearly is; "" for none, or when it begins otherwise."""
    if not name.startswith(prefix):
        return ""
    # Without what all have in common, so that only a near miss is near.
    rests = {one.removeprefix(prefix): one for one in known}
    near = difflib.get_close_matches(name.removeprefix(prefix), rests, n=1, cutoff=cutoff)
    return rests[near[0]] if near else ""


def load_settings(given: dict[str, object]) -> Settings:
    """Settings from the command line's values, over the environment's, over the defaults.

    Args:
        given: setting → text or true, as the command line gave it.

    Raises:
        ConfigError: naming every setting that cannot be used.
    """
    if secrets_in(str(given.get("store") or "")):
        raise ConfigError(
            "The address of the store has a password, which every process of this machine sees.",
            state="Nothing was started.",
            next_step=f"Set {variable('store')} instead, or name a password file in it: "
            "?passfile=FILE.",
            reason=Reason.UNSAFE_SETTING,
        )
    if "sandbox_file" in given:
        given = {"sandbox": "true", **given}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # text, validated here
    except ValidationError as invalid:
        raise ConfigError(
            f"These settings cannot be used: {'; '.join(_faults(invalid))}.",
            state="Nothing was started.",
            next_step="Correct them; fw-mcp --help lists all.",
            reason=Reason.INVALID_SETTING,
        ) from invalid


def _faults(invalid: ValidationError) -> Iterator[str]:
    by_variable = {variable(field): field for field in Settings.model_fields}
    for fault in invalid.errors(include_url=False, include_input=False):
        said = fault["msg"].removeprefix("Value error, ")
        if not fault["loc"]:
            yield said
            continue
        place = str(fault["loc"][0])
        name = by_variable.get(place, place)
        if name not in Settings.model_fields:
            yield f"{name} is not a setting"
            continue
        ours = fault["type"] == "value_error"
        wanted = f"must be {allowed(name)}"
        yield f"{both_names(name)} {said if ours else wanted}"


def both_names(name: str) -> str:
    """A setting as a person may have written it: its option and its variable."""
    return variable(name) if name in ENVIRONMENT_ONLY else f"{option(name)} ({variable(name)})"


def allowed(name: str) -> str:
    """What a setting must be, in a person's words."""
    field = Settings.model_fields[name]
    annotation = field.annotation
    if annotation is bool or name == "sandbox":
        return "true or false"
    if get_origin(annotation) is Literal:
        *first, last = get_args(annotation)
        return f"{', '.join(first)} or {last}"
    number = "a whole number" if annotation is int else "a number"
    kind = number if annotation in {int, float} else "text"
    return f"{kind}{_range(field)}"


def _range(field: FieldInfo) -> str:
    names = ("ge", "gt", "le", "min_length", "max_length")
    bound = {
        name: getattr(one, name) for one in field.metadata for name in names if hasattr(one, name)
    }
    if "max_length" in bound:
        return f" of {bound['min_length']} to {bound['max_length']} characters"
    if bound.keys() == {"ge"}:
        return f", {bound['ge']} or more"
    words = {"ge": "from", "gt": "over", "le": "to"}
    return "".join(f" {word} {bound[name]}" for name, word in words.items() if name in bound)


def _cleaned(value: Any) -> Any:  # noqa: ANN401  whatever a setting was given
    if not isinstance(value, str):
        return value
    text = value.strip()
    while len(text) > 1 and text[0] + text[-1] in _QUOTES:
        text = text[1:-1].strip()
    return text


def _place_of_sandbox(found: dict[str, Any]) -> dict[str, Any]:
    """Where the sandbox is: `sandbox` says whether, and in former notations also where."""
    wanted, file = found.get("sandbox"), found.get("sandbox_file")
    word = str(wanted).lower()
    if wanted is None or word in YES:
        return {"sandbox": file or (None if wanted is None else IN_MEMORY)}
    if word in NO:
        return {"sandbox": None}
    if file and file != wanted:
        raise ValueError(
            f"{both_names('sandbox')} and {both_names('sandbox_file')} name two places"
        )
    return {}


def _folders_in(text: str) -> list[Path]:
    parts = (part.strip() for part in text.split(os.pathsep))
    return [Path(expanded(part)) for part in parts if part]


def _home_is_known(path: str) -> bool:
    try:
        Path(path).expanduser()
    except RuntimeError:
        return False
    return True
