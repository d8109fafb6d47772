"""Put what is published before the tools that will read it (`make check-release`).

Each tool is pinned, and runs with a home of its own in a folder that is thrown away. Exit 1 when
one refuses; what was not tried is named at the end, with the reason.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import checks_hosts as hosts
import checks_outside as outside
import checks_page as page
import checks_release as release
import container
import sbom
from checking import FAILED, OK, PINNED, SKIPPED, Check, Place, Verdict, verdict
from checks_release import SCHEMAS, TWINE, ZIZMOR

CHECKS = (
    Check("generated files", "packaging/make.py", release.generated),
    Check("server.json", "jsonschema", release.registered),
    Check("wheel and source archive", TWINE, release.index_takes),
    Check("uvx, from nothing to the demo", "uvx", outside.demo_from_nothing),
    Check("wheel, tried as by strangers", "packaging/smoke.py", release.wheel_tried),
    Check("wheel, its size with pictures", "uv", outside.size_with_pictures),
    Check("connect, what it shows starts", "fw-mcp", outside.connected),
    Check("source archive, its wheel", "hatchling", outside.source_makes_the_wheel),
    Check("source archive, make demo", "make", outside.source_plays_the_demo),
    Check("source archive, its tests", "pytest", outside.source_has_its_tests),
    Check("docs/start.md, its commands", page.PIPX, page.typed),
    Check("bill of materials", sbom.CYCLONEDX, outside.bill_of_materials),
    Check("tools of hosts, installed", "npm", hosts.tools_installed),
    Check("bundle, its manifest", PINNED["mcpb"], hosts.bundle_validates),
    Check("bundle, started", "uv", hosts.bundle_starts),
    Check("Claude Code plugin, its files", PINNED["claude"], hosts.plugin_validates),
    Check("Claude Code plugin, installed", PINNED["claude"], hosts.plugin_installs),
    Check("Claude Code plugin, started", "uvx", hosts.plugin_starts),
    Check("Gemini CLI extension, its file", PINNED["gemini"], hosts.extension_validates),
    Check("Gemini CLI extension, started", "uvx", hosts.extension_starts),
    Check("workflows, their form", SCHEMAS, release.workflows_validate),
    Check("workflows, audited", ZIZMOR, release.workflows_audited),
    Check("image, built and started", "runc", container.built_and_started),
    Check("registry entry", "jsonschema", release.entry_of_a_release),
    Check("registry entry, its own schema", SCHEMAS, release.entry_by_the_registrys_own_schema),
)

# What no check on one machine can show.
NEVER_HERE = """\
- GitHub's own runs: the form and the rules of the workflows were checked, and no job was run.
- macOS, Windows and other Pythons than this one: the workflow `smoke` tries the wheel there.
- Publishing: the package index, the registry of servers, the registry of images, the release with
  its provenance. Each asks for an account, which only the workflow `release` has.
- One-click pages of Cursor, VS Code, LM Studio and Goose: tests read each link back, and no host
  has opened one.
- Hosts with a window: none has installed the bundle, shown a picture or put a question. What they
  start was started, and what they read was read.
- FinerWorks: everything ran on the sandbox, without an account.
- Docker's own engine, and other processors than this one."""


def chosen(checks: Sequence[Check], words: Sequence[str]) -> tuple[Check, ...]:
    """Those whose names hold one of these words; all of them without any."""
    return tuple(
        check
        for check in checks
        if not words or any(word.lower() in check.what.lower() for word in words)
    )


def line(one: Verdict) -> str:
    """A verdict as it is printed when it falls."""
    why = f": {one.why}" if one.why else ""
    return f"{one.word:<8}{one.seconds:>6.1f} s  {one.what} ({one.tool}){why}"


def summary(verdicts: Sequence[Verdict], left_out: Sequence[str], seconds: float) -> Iterator[str]:
    """All verdicts in one table, and what was not tried.

    Args:
        verdicts: of the checks that were made.
        left_out: names of those that were not chosen.
        seconds: that all of it took.
    """
    yield "| what | by which tool | verdict | seconds |"
    yield "| --- | --- | --- | ---: |"
    for one in verdicts:
        yield f"| {one.what} | {one.tool} | {one.word} | {one.seconds:.1f} |"
    words = [one.word for one in verdicts]
    counts = ", ".join(f"{words.count(word)} {word}" for word in (OK, SKIPPED, FAILED))
    yield f"\n{counts}, in {seconds:.0f} s."
    yield "\nNot tried here, and why:"
    yield from (f"- {one.what}: {one.why}" for one in verdicts if one.word == SKIPPED)
    if left_out:
        yield f"- not asked for: {'; '.join(left_out)}"
    yield NEVER_HERE


def main(arguments: Sequence[str], every: Sequence[Check] = CHECKS) -> int:
    """Make the checks and print what came of them.

    Args:
        arguments: of the command line.
        every: the checks that there are.

    Returns:
        1 where one failed.
    """
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="WORD", help="in a check's name")
    parser.add_argument("--list", action="store_true", help="print the names of the checks and end")
    given = parser.parse_args(arguments)
    for word in given.only:
        if not chosen(every, [word]):
            parser.error(f"no check's name holds {word}; --list prints them")
    checks = chosen(every, given.only)
    if given.list:
        print("\n".join(check.what for check in checks))
        return 0
    began, verdicts = time.monotonic(), list[Verdict]()
    with tempfile.TemporaryDirectory(prefix="fw-mcp-release-") as folder:
        place = Place(Path(folder))
        for check in checks:
            verdicts.append(verdict(check, place))
            print(line(verdicts[-1]), flush=True)
    left_out = [check.what for check in every if check not in checks]
    print("", *summary(verdicts, left_out, time.monotonic() - began), sep="\n")
    return 1 if any(one.word == FAILED for one in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
