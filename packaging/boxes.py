"""A container of an image, as runc starts it: with as little as docs/container.md says it needs."""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

_RUN_S = 120
_HOSTS = "127.0.0.1 localhost\n::1 localhost\n"
_QUIET = ("nosuid", "noexec", "nodev")
_MOUNTS = (
    ("/proc", "proc", ()),
    ("/dev", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=65536k")),
    ("/dev/pts", "devpts", ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620")),
    ("/dev/shm", "tmpfs", (*_QUIET, "mode=1777", "size=65536k")),  # noqa: S108  the container's
    ("/sys", "sysfs", (*_QUIET, "ro")),
    ("/tmp", "tmpfs", ("nosuid", "nodev", "mode=1777")),  # noqa: S108  the container's
)
_HIDDEN = ("/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware")
_FIXED = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


@dataclass(frozen=True, slots=True)
class Start:
    """How a container is started, where it is not as the image says.

    Attributes:
        arguments: for the image's entry point.
        entry: in place of the entry point.
        user: its user, as in `docker run --user`.
        environment: more of it.
        volume: the folder that becomes the image's volume.
        given: files that it may read, by where they are in it.
        is_alone: whether it has a network of its own, where nobody else is.
    """

    arguments: Sequence[str] = ()
    entry: Sequence[str] = ()
    user: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    volume: Path | None = None
    given: Mapping[str, Path] = field(default_factory=dict)
    is_alone: bool = True


def ids(user: str, accounts: str) -> tuple[int, int]:
    """User and group by number, as a container's host finds them.

    Args:
        user: `UID` or `UID:GID`.
        accounts: the image's `/etc/passwd`.
    """
    uid, _, gid = user.partition(":")
    groups = {line.split(":")[2]: line.split(":")[3] for line in accounts.splitlines() if line}
    return int(uid), int(gid or groups.get(uid, "0"))


def configuration(
    image: Mapping[str, Any], root: Path, accounts: str, start: Start
) -> dict[str, Any]:
    """What runc reads: a root that is only read, no capability, and no new rights.

    Args:
        image: how the image says that it is started.
        root: its files.
        accounts: its `/etc/passwd`.
        start: what is asked for.
    """
    uid, gid = ids(start.user or image["User"], accounts)
    environment = [f"{name}={value}" for name, value in start.environment.items()]
    mounts = [_mount(place, kind, kind, options) for place, kind, options in _MOUNTS]
    if start.volume is not None:
        mounts += [_bound(place, start.volume, "rw") for place in image["Volumes"]]
    mounts += [_bound(place, file, "ro") for place, file in start.given.items()]
    namespaces = ("pid", "ipc", "uts", "mount", *(("network",) if start.is_alone else ()))
    return {
        "ociVersion": "1.0.0",
        "process": {
            "terminal": False,
            "user": {"uid": uid, "gid": gid},
            "args": [*(start.entry or image["Entrypoint"]), *start.arguments],
            "env": [*image["Env"], *environment],
            "cwd": image["WorkingDir"],
            "capabilities": {},
            "noNewPrivileges": True,
        },
        "root": {"path": str(root), "readonly": True},
        "hostname": "fw-mcp",
        "mounts": mounts,
        "linux": {
            "namespaces": [{"type": one} for one in namespaces],
            "maskedPaths": list(_HIDDEN),
            "readonlyPaths": list(_FIXED),
        },
    }


def _mount(place: str, kind: str, source: str, options: Sequence[str]) -> dict[str, Any]:
    return {"destination": place, "type": kind, "source": source, "options": list(options)}


def _bound(place: str, source: Path, right: str) -> dict[str, Any]:
    return _mount(place, "bind", str(source), ("bind", right))


@dataclass(frozen=True, slots=True)
class Box:
    """A container that can be started once.

    Attributes:
        folder: what runc reads; its name is the container's.
        state: where runc keeps what runs.
    """

    folder: Path
    state: Path

    @property
    def command(self) -> list[str]:
        """What starts it and ends with it."""
        return [*self._runc, "run", "--bundle", str(self.folder), self.folder.name]

    def inside(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in it while it runs."""
        return _done([*self._runc, "exec", self.folder.name, *command])

    def run(self) -> "subprocess.CompletedProcess[str]":
        """Start it and wait for its end."""
        return _done(self.command)

    def end(self) -> None:
        """End it at once if it still runs."""
        _done([*self._runc, "delete", "--force", self.folder.name])

    @property
    def _runc(self) -> list[str]:
        return ["runc", "--root", str(self.state)]


def box(image: Mapping[str, Any], root: Path, start: Start, place: Path) -> Box:
    """Make ready what runc reads.

    Args:
        image: how the image says that it is started.
        root: its files.
        start: what is asked for.
        place: a folder for containers.
    """
    folder = Path(tempfile.mkdtemp(prefix="fw-mcp-", dir=place))
    hosts = folder / "hosts"
    hosts.write_text(_HOSTS, encoding="utf-8")
    hosts.chmod(0o644)
    given = replace(start, given={"/etc/hosts": hosts, **start.given})
    accounts = (root / "etc" / "passwd").read_text(encoding="utf-8")
    told = json.dumps(configuration(image, root, accounts, given))
    (folder / "config.json").write_text(told, encoding="utf-8")
    return Box(folder, place / "runc")


def _done(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=_RUN_S,
        check=False,
    )
