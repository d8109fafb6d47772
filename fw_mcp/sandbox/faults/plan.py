"""The plan of what goes wrong between a client and the service, call by call or now and then."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import anyio

from fw_mcp.sandbox.requests import Choice, Flag, Integer, Text, holds


class ConnectionDropped(Exception):  # noqa: N818  an event on the wire, not an error of ours
    """The connection ended in the middle of an answer.

    It leaves the application as an exception after the head of an answer was sent. A server closes
    the socket on that; in process the caller of the application receives it, and makes of it what
    its HTTP library would have raised.
    """


class NoAnswer(ConnectionDropped):
    """Nothing came for as long as anybody would wait; in process, a time-out without the time."""


class FaultKind(StrEnum):
    """What goes wrong.

    Three groups. Answers instead of the real one, before or after the work was done (`committed`).
    The real answer, spoiled on its way: the work was done. The real answer as it is, where the
    fault lies in what the library then holds or shows.
    """

    RATE_LIMITED = "rate_limited"
    """HTTP 429, with ``Retry-After`` when ``retry_after`` is given."""
    SERVER_ERROR = "server_error"
    """HTTP 500 with the Web API's JSON."""
    BAD_GATEWAY = "bad_gateway"
    """HTTP 502 with a page of HTML."""
    HTML = "html"
    """HTTP 200 with a page of HTML."""
    REJECTED = "rejected"
    """HTTP 200 with ``success: false``."""
    DROPPED = "dropped"
    """The connection ends before the answer is whole."""
    SILENT = "silent"
    """Nothing for ``seconds``, then `NoAnswer`; over HTTP the end of the connection."""
    HEADER_FLOOD = "header_flood"
    """HTTP 503 under a megabyte of headers."""
    CONTINUE_FLOOD = "continue_flood"
    """``100 Continue`` again and again, ``size`` bytes of it, and no answer.

    Only the server in ``fw_mcp.sandbox.faults.raw_server`` can send that. Elsewhere it is `SILENT`,
    which ends as a drop.
    """

    SLOW = "slow"
    """The real answer, ``seconds`` after the work was done."""
    DRIP = "drip"
    """The real answer in up to a hundred pieces, ``seconds`` after each."""
    TRUNCATED = "truncated"
    """The first half of the real answer's JSON, as a whole answer."""
    LENGTH_TOO_LONG = "length_too_long"
    """The real answer under a ``Content-Length`` that it does not reach; the connection ends."""
    LENGTH_TOO_SHORT = "length_too_short"
    """The real answer under half its ``Content-Length``, so that the rest seems the next answer.

    Only the server in ``fw_mcp.sandbox.faults.raw_server`` sends the rest. Elsewhere it is missing.
    """
    WRONG_TYPES = "wrong_types"
    """The real answer with a value of another type in every member."""
    HUGE_BODY = "huge_body"
    """The real answer, padded with ``size`` bytes."""
    GZIP_BOMB = "gzip_bomb"
    """The real answer, padded with ``size`` bytes and compressed, whatever the client accepts."""
    BYTE_ORDER_MARK = "byte_order_mark"
    """The real answer after a byte order mark; still the right answer."""
    NOT_A_NUMBER = "not_a_number"
    """The real answer with NaN for every number."""
    HUGE_INTEGERS = "huge_integers"
    """The real answer with an integer of 400 digits for every number."""
    LONE_SURROGATES = "lone_surrogates"
    """The real answer with half a character at the end of every text that people write."""
    REORDERED = "reordered"
    """The real answer with its images, guids or products in reverse; still the right answer."""

    PARTIAL = "partial"
    """The real answer, of the first ``commit_first`` items alone."""
    ALTERED_NAMES = "altered_names"
    """``add_images`` stores each file name in lower case, with ``_1`` before its extension."""
    LISTED_LATE = "listed_late"
    """What ``add_images`` stores is left out of the next ``lists`` pages of ``list_images``.

    And for ``seconds`` of the sandbox's clock. Meanwhile no filter finds it and no ``count``
    counts it, but it can be updated, deleted and selected. A restart ends it.
    """
    SOMEBODY_ADDS = "somebody_adds"
    """Right after the work another client adds an image, so that the pages of a library shift."""
    SOMEBODY_DELETES = "somebody_deletes"
    """Right after the work another client deletes the newest image of the library."""


@dataclass(frozen=True)
class Fault:
    """One planned fault.

    Attributes:
        kind: what goes wrong.
        endpoint: whose calls it spoils, such as ``delete_images``; None for any.
        after: how many such calls go through first.
        times: how many calls it then spoils.
        committed: whether the work is done before a ``rate_limited``, ``server_error``,
            ``bad_gateway``, ``html``, ``rejected``, ``dropped``, ``silent``, ``header_flood`` or
            ``continue_flood`` fault shows. The other kinds give the real answer, so their work is
            always done.
        commit_first: where the work is done, how many of the request's images or guids it is done
            for, from the first; None for all.
        retry_after: seconds in ``Retry-After`` of ``rate_limited``; None leaves the header out.
        seconds: the time of ``slow``, ``drip``, ``silent`` and ``listed_late``; whole seconds when
            planned over HTTP.
        size: the bytes of ``huge_body``, ``gzip_bomb`` and ``continue_flood``.
        lists: the pages of ``listed_late``.
    """

    kind: FaultKind = field(metadata=holds(Choice(FaultKind)))
    endpoint: str | None = field(default=None, metadata=holds(Text()))
    after: int = field(default=0, metadata=holds(Integer()))
    times: int = field(default=1, metadata=holds(Integer(1)))
    committed: bool = field(default=False, metadata=holds(Flag()))
    commit_first: int | None = field(default=None, metadata=holds(Integer()))
    retry_after: int | None = field(default=None, metadata=holds(Integer()))
    seconds: float = field(default=0.0, metadata=holds(Integer()))
    size: int = field(default=32 * 2**20, metadata=holds(Integer(1, 2**30)))
    lists: int = field(default=0, metadata=holds(Integer()))


class Faults:
    """The faults still to come: the planned ones first, then some by chance.

    Args:
        sleep: waits a number of seconds; the delay of slow answers goes through it.

    Attributes:
        taken: the endpoint and the fault of every call spoiled so far.
    """

    def __init__(self, *, sleep: Callable[[float], Awaitable[None]] = anyio.sleep) -> None:
        self.sleep = sleep
        self.taken: list[tuple[str, Fault]] = []
        self._plan: list[Fault] = []
        self._by_chance: Callable[[str], Fault | None] = _never

    def add(self, fault: Fault) -> None:
        """Put one more at the end of the plan."""
        self._plan.append(fault)

    def sometimes(self, rate: float, faults: Sequence[Fault], *, seed: int) -> None:
        """Spoil a part of the calls that the plan leaves alone, until `clear`.

        Args:
            rate: the part of those calls for which one of `faults` is meant, 0 to 1.
            faults: each as likely as the others; ``after`` and ``times`` mean nothing here.
            seed: the same seed spoils the same calls of the same sequence.
        """
        chance = random.Random(seed)  # noqa: S311  dice, not secrets

        def drawn(endpoint: str) -> Fault | None:
            meant = [fault for fault in faults if fault.endpoint in {None, endpoint}]
            return chance.choice(meant) if meant and chance.random() < rate else None

        self._by_chance = drawn

    def clear(self) -> None:
        """Forget the plan, and leave nothing to chance."""
        self._plan.clear()
        self._by_chance = _never

    def take(self, endpoint: str) -> Fault | None:
        """The fault of this call, if any."""
        fault = self._planned(endpoint) or self._by_chance(endpoint)
        if fault is not None:
            self.taken.append((endpoint, fault))
        return fault

    def _planned(self, endpoint: str) -> Fault | None:
        """The first of the plan whose ``after`` has passed."""
        for index, fault in enumerate(self._plan):
            if fault.endpoint not in {None, endpoint}:
                continue
            if fault.after:
                self._plan[index] = replace(fault, after=fault.after - 1)
                continue
            self._plan[index : index + 1] = _left_over(fault)
            return fault
        return None


def _left_over(fault: Fault) -> list[Fault]:
    return [replace(fault, times=fault.times - 1)] if fault.times > 1 else []


def _never(_endpoint: str) -> None:
    """No fault by chance."""
