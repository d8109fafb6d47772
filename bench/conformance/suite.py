"""The official conformance suite against fw-mcp over HTTP, for two revisions of the protocol.

The suite tests SDKs: many of its scenarios call tools, prompts and resources of its own. What that
costs is in ``expected_failures.yml``, check by check, so that all else in a scenario still counts.
"""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packages import Packages
from serving import free_address, serving
from verdict import Verdict

_BASELINE = Path(__file__).with_name("expected_failures.yml")
# What any server must pass, whatever its tools; some of it the suite runs without scoring it. Not
# here: scenarios that an unknown tool passes, because an error is all they ask for.
_MUST_PASS = {
    "2026-07-28": (
        "server-stateless",
        "completion-complete",
        "tools-list",
        "resources-list",
        "prompts-list",
        "sep-2164-resource-not-found",
        "dns-rebinding-protection",
        "caching",
        "http-header-validation",
        "server-sse-multiple-streams",
        "input-required-result-validate-input",
        "input-required-result-unsupported-methods",
    ),
    "2025-11-25": (
        "server-initialize",
        "server-session-lifecycle",
        "ping",
        "completion-complete",
        "tools-list",
        "resources-list",
        "prompts-list",
        "dns-rebinding-protection",
        "server-sse-multiple-streams",
    ),
}
_WIRE = "wire-schema-valid"


@dataclass(frozen=True)
class Check:
    """One check of the suite.

    Attributes:
        scenario: the scenario that made it.
        check_id: its name; several checks of a scenario may share one.
        status: ``SUCCESS``, ``FAILURE``, ``WARNING``, ``INFO`` or ``SKIPPED``.
        message: why it failed.
        excused: whether the baseline names it.
    """

    scenario: str
    check_id: str
    status: str
    message: str
    excused: bool

    @property
    def verdict(self) -> str:
        """Its status, or that what went wrong is expected."""
        wrong = self.status in {"FAILURE", "WARNING"}
        return "expected failure" if wrong and self.excused else self.status.lower()


def examine(packages: Packages, folder: Path) -> Iterator[Verdict]:
    """Run what each revision requires against one server.

    Args:
        packages: the suite among them.
        folder: for the suite's results.
    """
    # The suite sends foreign Host headers on purpose: no warnings for those.
    with serving(free_address()) as url:
        for revision in _MUST_PASS:
            yield from _of_revision(packages, revision, url, folder / revision)


def _of_revision(packages: Packages, revision: str, url: str, results: Path) -> Iterator[Verdict]:
    command = ["server", "--url", url, "--requirements", revision]
    print(f"  conformance {' '.join(command)}", flush=True)
    files = ["--expected-failures", str(_BASELINE), "--output-dir", str(results)]
    done = packages.run("conformance", [*command, *files])
    checks = list(_checks(results))
    judge = f"suite, {revision}"
    for scenario in _MUST_PASS[revision]:
        yield _of_scenario(judge, scenario, checks)
    yield _of_wire(judge, checks)
    yield _of_baseline(judge, done, checks)


def _of_scenario(judge: str, scenario: str, checks: list[Check]) -> Verdict:
    made = [check for check in checks if check.scenario == scenario]
    counts = Counter(check.verdict for check in made)
    figures = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    wrong = [check for check in made if check.verdict in {"failure", "warning"}]
    passed = not wrong and counts["success"] > 0
    reasons = [f"{check.check_id}: {check.message}" for check in wrong]
    return Verdict(judge, scenario, passed, "; ".join([figures or "it was not run", *reasons]))


def _of_wire(judge: str, checks: list[Check]) -> Verdict:
    """Whether every message that the server sent, in all scenarios, follows the schema."""
    sent = [check for check in checks if check.check_id == _WIRE]
    wrong = [check.scenario for check in sent if check.status != "SUCCESS"]
    figures = f"in {len(sent) - len(wrong)} of {len(sent)} scenarios with messages"
    return Verdict(judge, _WIRE, bool(sent) and not wrong, "; ".join([figures, *wrong]))


def _of_baseline(
    judge: str, done: subprocess.CompletedProcess[str], checks: list[Check]
) -> Verdict:
    """Whether the suite itself found nothing but what is expected, and nothing stale."""
    expected = sum(check.verdict == "expected failure" for check in checks)
    if done.returncode:
        print(done.stdout[done.stdout.rfind("=== SUMMARY") :], done.stderr, sep="\n")
    detail = f"{expected} checks failed as expected; the suite ended with {done.returncode}"
    return Verdict(judge, "nothing unexpected, no stale entry", done.returncode == 0, detail)


def _checks(results: Path) -> Iterator[Check]:
    excused = set(re.findall(r"^ +- (\S+:\S+)", _BASELINE.read_text(), re.MULTILINE))
    for file in sorted(results.glob("server-*/checks.json")):
        scenario = re.sub(r"^server-|-\d{4}-\d\d-\d\dT[\d-]+Z$", "", file.parent.name)
        for check in json.loads(file.read_text()):
            yield Check(
                scenario,
                check["id"],
                check["status"],
                check.get("errorMessage") or "",
                excused=f"{scenario}:{check['id']}" in excused,
            )
