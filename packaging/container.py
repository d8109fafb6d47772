"""Build the image and start it as docs/container.md says: `python packaging/container.py`.

It needs root, buildah, debootstrap and runc. With `--save FILE` it writes the image instead, as an
archive that `docker load` reads.
"""

import argparse
import json
import re
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import trial as started
from checking import FAILED, SKIPPED, Place, Refused
from image import STARTING, Missing, builder, save
from make import ROOT
from trial import Trial, expect, files

_MB = 1_000_000
_TOOLS, _FILES = "tools over stdio", "files"
_MEASURED = ("built", _TOOLS, _FILES)


def described(trial: Trial) -> str:
    """Labels, user, port, volume and health check are those of the Dockerfile."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    config = trial.image.config
    given = dict(re.findall(r'([\w.]+)="([^"]*)"', text.partition("\nLABEL ")[2]))
    for name, value in trial.image.labels.items():
        given = {label: told.replace(f"${{{name}}}", value) for label, told in given.items()}
    found = {name: config["Labels"].get(name) for name in given}
    expect(found, given, "labels")
    for word, actual in {
        "USER": config["User"],
        "EXPOSE": "".join(config["ExposedPorts"]).removesuffix("/tcp"),
        "VOLUME": "".join(config["Volumes"]),
        "ENTRYPOINT": json.dumps(config["Entrypoint"]),
        "HEALTHCHECK": json.dumps(config["Healthcheck"]["Test"][1:]),
    }.items():
        line = re.search(rf"^{word} (?:.*CMD )?(.+)$", text, re.MULTILINE)
        expect(actual, line and line[1], word)
    return f"{len(given)} labels"


def wrong_version(trial: Trial) -> str:
    """A version that is not the code's ends the build."""
    try:
        trial.buildah.build({"VERSION": "0.0.0"}, "--target", "build")
    except Refused as why:
        expect('= "fw-mcp ${VERSION}"' in str(why), True, f"where the build ended: {why}")
        return "0.0.0 ends the build"
    raise Refused("0.0.0 was built")


def files_are_closed(trial: Trial) -> str:
    """Beyond its base none is open to others or lends rights; the user owns the volume alone."""

    def odd(root: Path) -> set[str]:
        return {
            str(path.relative_to(root))
            for path, found in files(root)
            if found.st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWOTH)
        }

    expect(odd(trial.root) - odd(trial.base), set(), "open to others, or with lent rights")
    owned = {
        f"/{path.relative_to(trial.root)}"
        for path, found in files(trial.root)
        if found.st_uid == int(trial.image.config["User"])
    }
    expect(owned, set(trial.image.config["Volumes"]), "what its user owns")
    sizes = [
        sum(found.st_size for _, found in files(root) if stat.S_ISREG(found.st_mode)) / _MB
        for root in (trial.base, trial.root)
    ]
    packages = sum(path.suffix == ".dist-info" for path, _ in files(trial.root / "opt"))
    return (
        f"{sizes[1]:.0f} MB with {sizes[0]:.0f} MB of its base; adds {sizes[1] - sizes[0]:.0f} MB"
        f" and {packages} packages"
    )


PARTS: tuple[tuple[str, Callable[[Trial], str]], ...] = (
    (_TOOLS, started.tools_listed),
    ("the demo", started.demo_played),
    ("a deletion with its question", started.image_deleted),
    ("a root that is only read", started.root_is_only_read),
    ("any user of group 0", started.any_user_of_group_0),
    ("a user without the volume", started.user_without_the_volume),
    ("HTTP", started.served_over_http),
    ("SIGTERM over stdio", started.ended_by_sigterm),
    ("labels and settings", described),
    ("a wrong version", wrong_version),
    (_FILES, files_are_closed),
    ("an authority of one's own", started.authority_of_ones_own),
)


def built_and_started(_: Place) -> str:
    """The image of the Dockerfile, built and started as docs/container.md says.

    Returns:
        what was measured.

    Raises:
        Missing: it cannot be built here.
        Refused: the build ended with a fault, or parts failed.
    """
    found = _tried()
    if failed := [f"{what}: {why}" for what, why in found.items() if why.startswith(FAILED)]:
        raise Refused("; ".join(failed))
    return "; ".join(found[what] for what in _MEASURED)


def _tried() -> dict[str, str]:
    """What came of each part, printed too."""
    found = {}
    with builder(STARTING) as buildah:
        image = buildah.image()
        base = f"made in {image.base_s:.0f} s" if image.base_s else "kept from before"
        found["built"] = f"built in {image.build_s:.0f} s on debootstrap's Debian, {base}"
        print(f"  image, {found['built']}", flush=True)
        with (
            tempfile.TemporaryDirectory(prefix="fw-mcp-container-") as place,
            buildah.mounted(image.base) as below,
            buildah.mounted(image.name) as root,
        ):
            trial = Trial(buildah, image, below, root, Path(place))
            for what, part in PARTS:
                found[what] = _ended(part, trial)
                print(f"  image, {what}: {found[what]}", flush=True)
    return found


def _ended(part: Callable[[Trial], str], trial: Trial) -> str:
    try:
        return part(trial)
    except (Refused, OSError, subprocess.SubprocessError) as why:
        return f"{FAILED}: {why}"


def main() -> int:
    """Exit 1 when a part fails, 2 when it cannot be tried here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the image and end")
    given = parser.parse_args()
    try:
        if given.save:
            save(given.save)
        else:
            print(built_and_started(Place(ROOT)))
    except (Missing, Refused) as why:
        skipped = isinstance(why, Missing)
        print(f"{SKIPPED if skipped else FAILED}: {why}")
        return 2 if skipped else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
