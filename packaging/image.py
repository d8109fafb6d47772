"""The image of the Dockerfile, built by buildah where root and the tools are there.

No registry of images is asked: debootstrap makes a base with Python in place of `python:slim`.
Both are kept for the next time in a folder of the user's cache, apart from all other images;
removing that folder costs time and nothing else.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checking import Refused, Skipped, output
from make import ROOT

from fw_mcp import __version__

BUILDING = ("buildah", "debootstrap")
STARTING = (*BUILDING, "runc")
_SUITE = "trixie"
_PACKAGES = "python3,python3-venv,ca-certificates"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# As in the image that it stands for: `python`, and a pip that may replace what it installed.
_PREPARED = """\
rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/* /var/log/*
rm /usr/lib/python3*/EXTERNALLY-MANAGED
ln -s python3 /usr/bin/python
pip=$(echo /usr/share/python-wheels/pip-*.whl)
PYTHONPATH=$pip python -m pip install --quiet --root-user-action=ignore --no-index $pip
"""
_RECIPE = hashlib.sha256(f"{_PACKAGES} {_PATH} {_PREPARED}".encode()).hexdigest()[:8]
_BASE = f"localhost/fw-mcp-base:{_SUITE}-{_RECIPE}"
_STAGE = "localhost/fw-mcp-build:latest"
IMAGE = f"localhost/fw-mcp:{__version__}"
# Where this host's certificates are, if it has more of them than the base.
_NAMES_OF_CA = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_CA = Path("/etc/ssl/certs/ca-certificates.crt")
_LONGEST_S = 900


class Missing(Skipped):
    """It cannot be made here, and why."""


@dataclass(frozen=True, slots=True)
class Image:
    """What was built.

    Attributes:
        name: what buildah knows it by.
        base: what it was built on.
        labels: those that the build was given.
        config: the part of its configuration that says how it is started.
        base_s: seconds that the base took; 0 where it was kept.
        build_s: seconds that the build took.
    """

    name: str
    base: str
    labels: Mapping[str, str]
    config: Mapping[str, Any]
    base_s: float
    build_s: float


def why_not(tools: Sequence[str], path: str, *, is_root: bool) -> str:
    """What is missing here, or "".

    Args:
        tools: the programs that it takes.
        path: where they are looked for.
        is_root: whether this process may mount.
    """
    if absent := [tool for tool in tools if not shutil.which(tool, path=path)]:
        return f"{', '.join(absent)} not on the PATH"
    return "" if is_root else "it needs root"


@dataclass(frozen=True, slots=True)
class Builder:
    """Buildah, with images of its own.

    Attributes:
        cache: the folder that keeps them.
    """

    cache: Path

    def run(self, *arguments: str | Path) -> str:
        """What it prints.

        Raises:
            Refused: it ended with another code than 0.
        """
        kept = ("--root", self.cache / "images", "--runroot", self.cache / "run")
        return _output("buildah", *kept, *arguments)

    def image(self) -> Image:
        """Build the image of the Dockerfile.

        Raises:
            Missing: the base cannot be made here.
            Refused: the build ended with a fault.
        """
        base_s = self._base()
        labels = _labels()
        started = time.monotonic()
        self.build(labels, "--target", "build", "--tag", _STAGE)
        # It compares a LABEL as written, and would take this one for an image with other labels.
        if self._has(IMAGE):
            self.run("rmi", IMAGE)
        self.build(labels, "--tag", IMAGE)
        build_s = time.monotonic() - started
        # Those of former builds, which have no name any longer.
        self.run("rmi", "--prune")
        found = json.loads(self.run("inspect", "--type", "image", IMAGE))
        return Image(IMAGE, _BASE, labels, found["Docker"]["config"], base_s, build_s)

    def build(self, labels: Mapping[str, str], *more: str) -> None:
        """Build what the Dockerfile says.

        Raises:
            Refused: it ended with a fault.
        """
        ca = next((Path(os.environ[one]) for one in _NAMES_OF_CA if os.environ.get(one)), _CA)
        secret = ["--secret", f"id=ca,src={ca}"] if ca.is_file() else []
        given = {"PYTHON_IMAGE": _BASE, **labels}
        arguments = [f"--build-arg={name}={value}" for name, value in given.items()]
        form = ("--layers", "--isolation", "chroot", "--format", "docker")
        self.run("build", *form, *secret, *arguments, *more, ROOT)

    @contextmanager
    def mounted(self, name: str) -> Iterator[Path]:
        """The files of an image, for as long as they are read."""
        container = self.run("from", "--pull-never", name).strip()
        try:
            yield Path(self.run("mount", container).strip())
        finally:
            self.run("rm", container)

    def _has(self, name: str) -> bool:
        return name in self.run("images", "--format", "{{.Name}}:{{.Tag}}").split()

    def _base(self) -> float:
        """Make the base where it is not there yet; the seconds it took."""
        if self._has(_BASE):
            return 0
        started = time.monotonic()
        with tempfile.TemporaryDirectory(dir=self.cache, prefix="base-") as name:
            try:
                _bootstrap(Path(name))
            except Refused as why:
                raise Missing(f"the base cannot be made: {str(why)[-300:]}") from why
            # Another base makes all that was kept useless.
            self.run("rmi", "--all", "--force")
            container = self.run("from", "scratch").strip()
            self.run("copy", "--quiet", container, name, "/")
        self.run("config", "--env", f"PATH={_PATH}", container)
        self.run("commit", "--quiet", "--rm", "--format", "docker", container, _BASE)
        return time.monotonic() - started


@contextmanager
def builder(tools: Sequence[str] = BUILDING) -> Iterator[Builder]:
    """Buildah with the images it kept, for one process at a time.

    Args:
        tools: the programs that are needed.

    Raises:
        Missing: a tool or the rights are not there.
    """
    if reason := why_not(tools, os.environ.get("PATH", ""), is_root=os.geteuid() == 0):
        raise Missing(reason)
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    cache = Path(caches) / "fw-mcp-release"
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        buildah = Builder(cache)
        try:
            yield buildah
        finally:
            # A build that failed leaves what it was at, mounted.
            buildah.run("rm", "--all")


def save(file: Path) -> None:
    """Write the image as an archive that `docker load` reads.

    Raises:
        Missing: it cannot be made here.
        Refused: the build ended with a fault.
    """
    with builder() as buildah:
        image = buildah.image()
        file.unlink(missing_ok=True)
        name = image.name.removeprefix("localhost/")
        buildah.run("push", "--quiet", image.name, f"docker-archive:{file.absolute()}:{name}")


def _bootstrap(folder: Path) -> None:
    """A Debian with Python in it."""
    _output("debootstrap", "--variant=minbase", f"--include={_PACKAGES}", _SUITE, folder)
    _output("chroot", folder, "/usr/bin/env", "-i", f"PATH={_PATH}", "sh", "-ec", _PREPARED)


def _labels() -> dict[str, str]:
    """What a release says of itself; a copy without its history says less."""
    log = ["git", "-C", str(ROOT), "log", "-1", "--format=%H %cI"]
    done = subprocess.run(log, capture_output=True, encoding="utf-8", check=False)
    revision, _, created = done.stdout.strip().partition(" ")
    return {"VERSION": __version__, "REVISION": revision, "CREATED": created}


def _output(program: str, *arguments: str | Path) -> str:
    return output([program, *arguments], os.environ, longest_s=_LONGEST_S)
