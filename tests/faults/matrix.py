"""Which faults a cell may have, and on which call of an endpoint.

Each kind has its row here; the cells of a kind without one cannot be made.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from fw_mcp.api.pacing import READS
from fw_mcp.sandbox.faults.plan import Fault, FaultKind

# As long as a cell lasts.
FOR_GOOD = 1000
_SPARING = 2**10
_TOO_MUCH = 2**20


class Place(StrEnum):
    """Which of the calls of an endpoint is spoiled."""

    FIRST = "first"
    MIDDLE = "middle"
    LAST = "last"

    def after(self, calls: int) -> int:
        """How many of so many calls come before it."""
        return {Place.FIRST: 0, Place.MIDDLE: calls // 2, Place.LAST: calls - 1}[self]


@dataclass(frozen=True)
class Spoilt:
    """One cell's fault, and the call it falls on."""

    fault: Fault
    place: Place

    def __str__(self) -> str:
        fault = self.fault
        words = (
            fault.endpoint or "",
            self.place,
            fault.kind,
            "done" if fault.committed else "",
            "" if fault.commit_first is None else f"{fault.commit_first}_of_it",
            f"{fault.seconds:g}s" if fault.seconds else "",
            f"{fault.lists}_lists" if fault.lists else "",
            f"{fault.retry_after}s" if fault.retry_after is not None else "",
            "sparing" if fault.size == _SPARING else "",
            "" if fault.times == 1 else f"{fault.times}_times",
        )
        return "-".join(word for word in words if word)


def _instead(kind: FaultKind) -> tuple[Fault, ...]:
    """Another answer: the work not done, or done."""
    return Fault(kind, size=_TOO_MUCH), Fault(kind, committed=True, size=_TOO_MUCH)


def _in_part_and_for_good(kind: FaultKind) -> tuple[Fault, ...]:
    """Also done in part, and each of them for as long as the call lasts."""
    once = (*_instead(kind), Fault(kind, committed=True, commit_first=2))
    return *once, *(replace(fault, times=FOR_GOOD) for fault in once)


def _spoiled(kind: FaultKind) -> tuple[Fault, ...]:
    """The real answer, spoiled."""
    return (Fault(kind, size=_TOO_MUCH),)


# A 429 with the work done is left out: HTTP has it mean that the request was not carried out.
_WRITES: Mapping[FaultKind, tuple[Fault, ...]] = {
    FaultKind.RATE_LIMITED: (
        Fault(FaultKind.RATE_LIMITED),
        Fault(FaultKind.RATE_LIMITED, retry_after=3),
        Fault(FaultKind.RATE_LIMITED, retry_after=45),
        Fault(FaultKind.RATE_LIMITED, times=FOR_GOOD),
    ),
    FaultKind.SERVER_ERROR: _in_part_and_for_good(FaultKind.SERVER_ERROR),
    FaultKind.BAD_GATEWAY: _instead(FaultKind.BAD_GATEWAY),
    FaultKind.HTML: _instead(FaultKind.HTML),
    FaultKind.REJECTED: _in_part_and_for_good(FaultKind.REJECTED),
    FaultKind.DROPPED: _in_part_and_for_good(FaultKind.DROPPED),
    FaultKind.SILENT: _instead(FaultKind.SILENT),
    FaultKind.HEADER_FLOOD: _instead(FaultKind.HEADER_FLOOD),
    FaultKind.CONTINUE_FLOOD: _instead(FaultKind.CONTINUE_FLOOD),
    FaultKind.SLOW: (Fault(FaultKind.SLOW, seconds=2), Fault(FaultKind.SLOW, seconds=30)),
    FaultKind.DRIP: (Fault(FaultKind.DRIP, seconds=0.25),),
    FaultKind.TRUNCATED: (
        *_spoiled(FaultKind.TRUNCATED),
        Fault(FaultKind.TRUNCATED, times=FOR_GOOD),
    ),
    FaultKind.LENGTH_TOO_LONG: _spoiled(FaultKind.LENGTH_TOO_LONG),
    FaultKind.LENGTH_TOO_SHORT: _spoiled(FaultKind.LENGTH_TOO_SHORT),
    FaultKind.WRONG_TYPES: _spoiled(FaultKind.WRONG_TYPES),
    FaultKind.HUGE_BODY: (
        *_spoiled(FaultKind.HUGE_BODY),
        Fault(FaultKind.HUGE_BODY, size=_SPARING),
    ),
    FaultKind.GZIP_BOMB: _spoiled(FaultKind.GZIP_BOMB),
    FaultKind.BYTE_ORDER_MARK: _spoiled(FaultKind.BYTE_ORDER_MARK),
    FaultKind.NOT_A_NUMBER: _spoiled(FaultKind.NOT_A_NUMBER),
    FaultKind.HUGE_INTEGERS: _spoiled(FaultKind.HUGE_INTEGERS),
    FaultKind.LONE_SURROGATES: _spoiled(FaultKind.LONE_SURROGATES),
    FaultKind.REORDERED: _spoiled(FaultKind.REORDERED),
    FaultKind.PARTIAL: (
        Fault(FaultKind.PARTIAL, commit_first=0),
        Fault(FaultKind.PARTIAL, commit_first=2),
        Fault(FaultKind.PARTIAL, commit_first=1, times=FOR_GOOD),
    ),
    FaultKind.ALTERED_NAMES: _spoiled(FaultKind.ALTERED_NAMES),
    FaultKind.LISTED_LATE: (
        Fault(FaultKind.LISTED_LATE, lists=2),
        Fault(FaultKind.LISTED_LATE, lists=2, times=FOR_GOOD),
        Fault(FaultKind.LISTED_LATE, seconds=30),
    ),
    FaultKind.SOMEBODY_ADDS: _spoiled(FaultKind.SOMEBODY_ADDS),
    FaultKind.SOMEBODY_DELETES: (Fault(FaultKind.SOMEBODY_DELETES),),
}
# Every kind of failure of a reading once more: refused, rejected, lost, unreadable.
_LASTING = frozenset(
    {FaultKind.RATE_LIMITED, FaultKind.REJECTED, FaultKind.DROPPED, FaultKind.TRUNCATED}
)


def written(kind: FaultKind) -> Sequence[Fault]:
    """The faults of a kind that fall on calls that write."""
    return _WRITES[kind]


def read(kind: FaultKind) -> Sequence[Fault]:
    """The faults of a kind that fall on calls that read.

    As often as a reading is tried, so that it fails and a later one does not; and for good.
    """
    times = 1 if kind is FaultKind.SOMEBODY_DELETES else READS.attempts
    failing = Fault(kind, times=times, size=_TOO_MUCH)
    return [failing, replace(failing, times=FOR_GOOD)] if kind in _LASTING else [failing]


def passing(kind: FaultKind) -> Fault:
    """The fault of a kind that falls on one attempt to read."""
    return Fault(kind, size=_TOO_MUCH)


def places(
    fault: Fault, endpoint: str, calls: int, where: Sequence[Place] = tuple(Place)
) -> Iterator[Spoilt]:
    """A fault on the first, the middle and the last of so many calls of an endpoint.

    Args:
        fault: one that stays for good begins in the middle.
        endpoint: the endpoint.
        calls: how many calls of it there are; of two places that are the same call one is left.
        where: the places that count.
    """
    wanted = (Place.MIDDLE,) if fault.times == FOR_GOOD else where
    for after, place in {place.after(calls): place for place in wanted}.items():
        yield Spoilt(replace(fault, endpoint=endpoint, after=after), place)
