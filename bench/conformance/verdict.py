"""What a judge found: one row of the closing table."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """One thing that must hold.

    Attributes:
        judge: who looked, and in which revision of the protocol.
        what: what was looked at.
        passed: whether it holds.
        detail: the figures behind it, or why it does not hold.
    """

    judge: str
    what: str
    passed: bool
    detail: str


class Unexpected(Exception):  # noqa: N818  what the judge saw, not an error of this program
    """Something did not hold."""


def expect(held: bool, otherwise: str) -> None:
    """See that something holds.

    Raises:
        Unexpected: it does not.
    """
    if not held:
        raise Unexpected(otherwise)


def table(verdicts: Sequence[Verdict]) -> str:
    """Set verdicts as columns for a person."""
    judge = max(len(one.judge) for one in verdicts)
    what = max(len(one.what) for one in verdicts)
    return "\n".join(
        f"{_word(one)}  {one.judge:<{judge}}  {one.what:<{what}}  {one.detail}" for one in verdicts
    )


def _word(verdict: Verdict) -> str:
    return "ok  " if verdict.passed else "FAIL"
