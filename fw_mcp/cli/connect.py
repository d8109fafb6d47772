"""`fw-mcp connect`: shows how a host is told about the server, and puts it into the host's file."""

import difflib
import glob
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pydantic import SecretStr

from fw_mcp.assembly import Assembly
from fw_mcp.cli.host_files import AlreadyThere, Unplaced, placed
from fw_mcp.cli.hosts import (
    BY_WORD,
    KEYS,
    LINUX,
    MACOS,
    NAME,
    TOKEN,
    WINDOWS,
    Connection,
    Host,
    Served,
    Stdio,
)
from fw_mcp.cli.output import new_file, tell
from fw_mcp.config import ENVIRONMENT_ONLY, IN_MEMORY, Settings, option, variable
from fw_mcp.errors import ConfigError, Reason
from fw_mcp.text import quoted

COMMAND = "fw-mcp"
# What a program with windows is started with there, whatever a terminal has.
_WINDOWED_PATH = {MACOS: "/usr/bin:/bin:/usr/sbin:/sbin", LINUX: "/usr/local/bin:/usr/bin:/bin"}
# Of uv's cache, which it clears: a command there does not stay.
_PASSING = ("archive-v0", "environments-v2", "builds-v0")
_TEXT_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|/[/*].*')
_NOT_OVER_STDIO = ("http", "oauth", "public_url", "tokens_file", "state_keys_file")


@dataclass(frozen=True, slots=True)
class System:
    """Where the command is run.

    Attributes:
        platform: as `sys.platform` names it.
        environ: the environment.
        executable: the Python that runs this.
        source: what uv installs this from; "" for the package index.
    """

    platform: str
    environ: Mapping[str, str]
    executable: str
    source: str = ""

    @property
    def kind(self) -> str:
        """One of the systems that hosts have files for."""
        return self.platform if self.platform in {MACOS, WINDOWS} else LINUX

    def file_of(self, host: Host) -> Path:
        """Where the host keeps its servers."""
        home = self.environ.get("USERPROFILE" if self.kind == WINDOWS else "HOME", "")
        home = home or str(Path.home())
        folders = {
            "home": home,
            "appdata": self.environ.get("APPDATA") or f"{home}/AppData/Roaming",
            "localappdata": self.environ.get("LOCALAPPDATA") or f"{home}/AppData/Local",
            "config": self.environ.get("XDG_CONFIG_HOME") or f"{home}/.config",
        }
        file = Path(host.files[self.kind].format(**folders))
        variable_of_it, _, below = host.own_folder.partition("/")
        own = self.environ.get(variable_of_it) or _named_in(host.pointer.format(**folders))
        if own:
            return Path(own, below, file.name)
        literal = {name: glob.escape(folder) for name, folder in folders.items()}
        there = sorted(glob.glob(host.instead.get(self.kind, "").format(**literal)))  # noqa: PTH207  an absolute pattern
        return Path(there[0]) / file.name if there else file

    def command_for(self, host: Host) -> tuple[str, ...]:
        """What starts this very installation, as the host finds it."""
        uv = self.environ.get("UV")
        ending = ".exe" if self.kind == WINDOWS else ""
        if uv and set(_PASSING) & set(Path(self.executable).parts):
            source = ("--from", self.source) if self.source else ()
            return self.found(Path(uv).with_name(f"uvx{ending}"), host), *source, COMMAND
        beside = Path(self.executable).with_name(f"{COMMAND}{ending}")
        if not beside.exists():
            return self.executable, "-m", "fw_mcp"
        return (self.found(beside, host),)

    def found(self, program: Path, host: Host) -> str:
        """The program's name where the host finds it by that, and its absolute path elsewhere."""
        path = self.environ.get("PATH", "")
        if host.has_window:
            path = _WINDOWED_PATH.get(self.kind, path)
        # An environment that is active now is not when the host starts.
        active = self.environ.get("VIRTUAL_ENV")
        parts = [one for one in path.split(os.pathsep) if not active or not one.startswith(active)]
        name = program.stem if self.kind == WINDOWS else program.name
        found = shutil.which(name, path=os.pathsep.join(parts))
        is_it = found is not None and Path(found).resolve() == program.resolve()
        return name if is_it else str(program)


def connect(assembly: Assembly, own: Mapping[str, object], system: System | None = None) -> int:
    """Show a host's configuration, or put it in place.

    Args:
        assembly: whose settings the server shall have.
        own: `host`, `url`, `login` and `write`.
        system: where, instead of here.

    Raises:
        ConfigError: it cannot be put in place, or makes no sense.
    """
    system = system or System(sys.platform, os.environ, sys.executable, installed_from())
    host = BY_WORD[str(own["host"])]
    connection = _connection(assembly.settings, own, system, host)
    file = system.file_of(host)
    if own["write"]:
        _write(file, host, connection)
    else:
        _show(file, host, connection)
    _tell_what_is_not_in_it(assembly.settings, connection)
    return 0


def _named_in(pointer: str) -> str:
    """The folder that a file names; "" where there is none."""
    try:
        return Path(pointer).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def installed_from(package: str = COMMAND) -> str:
    """The folder, file or repository that a package was installed from; "" for an index."""
    try:
        told = json.loads(distribution(package).read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        return ""
    url = str(told.get("url", ""))
    if "vcs_info" in told:
        return f"{told['vcs_info']['vcs']}+{url}@{told['vcs_info']['commit_id']}"
    parts = urlsplit(url)
    return url2pathname(parts.path) if parts.scheme == "file" else url


def _connection(
    settings: Settings, own: Mapping[str, object], system: System, host: Host
) -> Connection:
    if own["url"] is None:
        if own["login"]:
            raise _refusal("--login is for a server over HTTP.", "Give its URL with --url.")
        command, *first = system.command_for(host)
        options = _options(settings)
        return Stdio(command, (*first, *options), with_keys=settings.sandbox is None)
    url = str(own["url"])
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or "@" in parts.netloc:
        raise _refusal(f"{quoted(url, 100)} is not the URL of a server.", "Give https://NAME/mcp.")
    npx = shutil.which("npx", path=system.environ.get("PATH", ""))
    return Served(url, bool(own["login"]), system.found(Path(npx), host) if npx else "npx")


def _options(settings: Settings) -> Iterator[str]:
    """The settings that differ from what the server does by itself, as options."""
    if settings.sandbox == IN_MEMORY:
        yield option("sandbox")
    elif settings.sandbox is not None:
        yield from (option("sandbox_file"), str(Path(settings.sandbox).absolute()))
    for name in _changed(settings):
        value = getattr(settings, name)
        if name.startswith(("sandbox", *_NOT_OVER_STDIO)):
            continue
        if isinstance(value, SecretStr):
            raise _refusal(
                f"What {option(name)} names is not written into a client's file.",
                f"Omit it, and set {variable(name)} where the client is started.",
            )
        yield option(name)
        if value is not True:
            yield str(value.absolute() if isinstance(value, Path) else value)


def _changed(settings: Settings) -> list[str]:
    """The names of the settings that have an option and another value than by default."""
    fields = type(settings).model_fields.items()
    return [
        name
        for name, field in fields
        if name not in ENVIRONMENT_ONLY and getattr(settings, name) not in {field.default, None}
    ]


def _tell_what_is_not_in_it(settings: Settings, connection: Connection) -> None:
    """A setting that does not reach the server must not seem to."""
    is_served = isinstance(connection, Served)
    names = [
        option(name) for name in _changed(settings) if is_served or name.startswith(_NOT_OVER_STDIO)
    ]
    why = (
        "The server at that URL has settings of its own."
        if is_served
        else "The client starts a server over stdio; --url URL is for one that serves HTTP."
    )
    if names:
        tell(f"Not in it: {', '.join(names)}. {why}")


def _show(file: Path, host: Host, connection: Connection) -> None:
    tell(f"{host.name} reads this from {file}:")
    print(host.snippet(connection))
    command = host.command(connection)
    if command:
        tell(f"Or run this command instead: {command}")
    tell(f"With --write, fw-mcp puts it there. {_to_fill_in(host, connection)}".rstrip())


def _write(file: Path, host: Host, connection: Connection) -> None:
    target = Path(os.path.realpath(file))
    before = _read(target)
    try:
        after = placed(before or "", host, host.document(connection))
    except AlreadyThere as why:
        raise _kept(target, why, "Edit that entry by hand, or remove it first") from why
    except Unplaced as why:
        raise _kept(target, why, f"Add it by hand: fw-mcp connect {host.word} shows it") from why
    for line in _difference(target, before or "", after):
        print(line)
    copy = _replace(target, before, after)
    tell(f"Written to {target}." + (f" The former file is kept as {copy}." if copy else ""))
    tell(f"{_to_fill_in(host, connection)} {host.afterwards}".strip())


def _to_fill_in(host: Host, connection: Connection) -> str:
    """Where a person puts what is secret, or logs in."""
    snippet = host.snippet(connection)
    words = [word for word in KEYS.values() if word in snippet]
    if isinstance(connection, Served) and f"Bearer {TOKEN}" in snippet:
        words = [TOKEN]
    if words:
        return f"Replace {' and '.join(words)} with your own."
    if isinstance(connection, Served) and connection.login:
        return f"To log in: {host.login}." if host.login else ""
    return host.asks if isinstance(connection, Served) or connection.with_keys else ""


def _read(target: Path) -> str | None:
    try:
        return target.read_bytes().decode()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as fault:
        raise _kept(target, "cannot be read", "Add the entry by hand") from fault


def _difference(target: Path, before: str, after: str) -> Iterator[str]:
    """The lines that differ, without those around them: they may hold other servers' keys.

    So may a line that is broken up for the entry: of its parts, texts and comments are not shown.
    """
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), str(target), str(target), n=0, lineterm=""
    )
    head, changed = [*islice(lines, 2)], [*lines]
    broken = [line[1:] for line in changed if line.startswith("-")]
    yield from head
    for line in changed:
        is_of_broken = any(line[1:].strip() in one for one in broken)
        yield _TEXT_OR_COMMENT.sub("…", line) if is_of_broken else line


def _replace(target: Path, before: str | None, after: str) -> Path | None:
    """Put the text in place as a whole; give the copy of the former one."""
    written = target.with_name(f"{target.name}.{os.getpid()}.new")
    copy = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if before is not None:
            copy = _free(target)
            shutil.copy2(target, copy)
        with new_file(written, newline="") as out:
            out.write(after)
        if before is not None:
            shutil.copymode(target, written)
        written.replace(target)
    except (OSError, UnicodeEncodeError, ConfigError) as fault:
        for left in filter(None, (written, copy)):
            # Where nothing can be written, nothing can be removed either.
            with suppress(OSError):
                left.unlink()
        raise _kept(target, "cannot be written", "Add the entry by hand") from fault
    return copy


def _free(target: Path) -> Path:
    """A name for the copy that nothing has yet."""
    numbers = ("", *range(2, 10_000))
    copies = (target.with_name(f"{target.name}.before-{NAME}{number}") for number in numbers)
    return next(copy for copy in copies if not copy.exists())


def _kept(target: Path, why: object, next_step: str) -> ConfigError:
    return ConfigError(
        f"{quoted(str(target), 200)} {why}.",
        state="It was not changed.",
        next_step=f"{next_step}.",
        reason=Reason.INVALID_ARGUMENTS,
    )


def _refusal(what: str, next_step: str) -> ConfigError:
    return ConfigError(
        what, state="Nothing was written.", next_step=next_step, reason=Reason.INVALID_ARGUMENTS
    )
