"""How each item of a write ended: as read back, as kept in the journal, and as told."""

import logging
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar

from fw_mcp.api.models import ImageDetails, Product
from fw_mcp.errors import ApiError, GuardError, Reason, StatusError, StoreError, TransportError
from fw_mcp.store.journal import End, Item, Journal
from fw_mcp.store.locks import Fence

_log = logging.getLogger(__name__)

T = TypeVar("T")

ALREADY = "It already has this text."
NOT_UNDONE = "Not undone"
NO_LONGER = "Done earlier; someone has changed it since."
MAY_BE = "A new image may be this one, but too little matches to be sure: it is not sent again."
CHANGED = "Not sent: it has changed in the meantime. Review it and call again."
_UNREADABLE = "Not sent: FinerWorks returned, in a form that cannot be read, its"
_LEFT_ALONE = (ALREADY, NO_LONGER, NOT_UNDONE, _UNREADABLE)
_TEXTS = ("title", "description")
_PRODUCTS = ("products",)
_GUIDS = "guids"
MISSING = "missing"
MAY_STILL_HAPPEN_S = 60.0
"""How long after it was sent a request without a last word may still be carried out."""
# Of what stands in front of the service: it may go on with what they gave up.
_STATUSES_OF_A_GATEWAY = frozenset({408, 502, 503, 504})
_STATUSES_THAT_PASS = frozenset({429, 500})
HOW_ASKED = MappingProxyType(
    {
        "elicitation": "asked in the client's dialog",
        "multi_round_trip": "asked in the client's dialog",
        "two_step": "asked in the chat",
        "approval": "asked in a terminal",
        "terminal": "asked in a terminal",
    }
)
"""Way to a person, as it is kept on record → words."""
SAID_YES = (
    "FinerWorks reported success",
    "The response does not mention it",
    "FinerWorks returned a guid that it does not list",
)
"""How the details begin of what was accepted, and is not to be seen."""
_OPEN = "The answer was lost, and it may still be carried out for {} s."
_OPEN_NO_MORE = "The answer was lost, and its result has not been read since."
_OPEN_S = re.compile(re.escape(_OPEN).replace(r"\{\}", "([0-9]+)"))


class Kind(StrEnum):
    """The endpoints that write."""

    ADD = "add_images"
    UPDATE = "update_images"
    DELETE = "delete_images"
    SELECT = "update_file_selection"


class Outcome(StrEnum):
    """The closed list of ends."""

    CREATED = "created"
    ADOPTED = "adopted"
    UPDATED = "updated"
    DELETED = "deleted"
    ALREADY_GONE = "already_gone"
    NOT_FOUND = "not_found"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_ATTEMPTED = "not_attempted"


GOOD = frozenset({Outcome.CREATED, Outcome.ADOPTED, Outcome.UPDATED, Outcome.DELETED})
GONE = frozenset({Outcome.ALREADY_GONE, Outcome.NOT_FOUND})
_BAD = frozenset({Outcome.FAILED, Outcome.UNKNOWN, Outcome.NOT_ATTEMPTED})


@dataclass(frozen=True, slots=True)
class Ended:
    """One item of a write.

    Attributes:
        guid: the image or the selection; None when none is known yet.
        outcome: as read back, never as requested.
        detail: why, or how to find out; "" where the outcome says it all.
        before: the record as it stood; None when there was none. What was to be added and was
            there before has one of the same guid.
        after: the record as read back; None when there is none.
        name: the file name where no record tells it.
        called: the title where no record tells it.
        stored: the guids that a selection holds, as read back; None of an image.
        held: the guids that a selection held before; None when that is not known.
        missing: the guids for a selection that name no image and were not sent.
        doubled: whether the service lists the image more often than it was asked for.
        open_until: until when, on the account's clock, the request may still be carried out; None
            of one that is over.
    """

    guid: str | None
    outcome: Outcome
    detail: str = ""
    before: ImageDetails | None = field(default=None, repr=False)
    after: ImageDetails | None = field(default=None, repr=False)
    name: str | None = field(default=None, kw_only=True)
    called: str | None = field(default=None, kw_only=True, compare=False)
    stored: tuple[str, ...] | None = None
    held: tuple[str, ...] | None = None
    missing: tuple[str, ...] = ()
    doubled: bool = False
    open_until: float | None = None

    @property
    def file_name(self) -> str | None:
        """The file name, as read last."""
        record = self.after or self.before
        return (record.file_name if record else None) or self.name

    @property
    def title(self) -> str | None:
        """The title, as read last."""
        record = self.after or self.before
        return (record.title if record else None) or self.called

    @property
    def was_there(self) -> bool:
        """Whether the image was there before, though it was to be added."""
        return self.outcome is Outcome.ADOPTED and self.guid == (self.before and self.before.guid)

    @property
    def products_gone(self) -> tuple[Product, ...]:
        """The products that hung on the image before and were not read back after.

        None while it is not known what the service holds now.
        """
        if self.after is None and self.outcome not in {Outcome.DELETED, Outcome.NOT_FOUND}:
            return ()
        if self.after is not None and odd_of(self.after, _PRODUCTS):
            return ()
        return self.products_lost

    @property
    def products_lost(self) -> tuple[Product, ...]:
        """The products of the record before that the record after does not have."""
        kept = {product_key(product) for product in hung(self.after)}
        return tuple(one for one in hung(self.before) if product_key(one) not in kept)


Items = Mapping[int, T]
Ends = dict[int, Ended]


def is_settled(end: Ended) -> bool:
    """Whether there is nothing left to do for an item."""
    return end.outcome in GOOD | GONE


def may_go_on(end: Ended) -> bool:
    """Whether a further run of the call may do what is left to do for an item."""
    if end.outcome is Outcome.NOT_ATTEMPTED:
        return not end.detail.startswith((*_LEFT_ALONE, CHANGED))
    return end.outcome is Outcome.UNKNOWN


def all_failed(ended: Iterable[Ended]) -> bool:
    """Whether no item of a chunk ended well."""
    return all(end.outcome in _BAD for end in ended)


def is_skipped(end: Ended) -> bool:
    """Whether an item was left alone on purpose, and rightly stays so."""
    return end.outcome is Outcome.NOT_ATTEMPTED and end.detail.startswith(_LEFT_ALONE)


def nothing_left(ends: Ends) -> bool:
    """Whether nothing can be done any more that was asked for."""
    return all(
        is_settled(end) or is_skipped(end) or end.detail.startswith(NOT_UNDONE)
        for end in ends.values()
    )


def all_good(ends: Ends) -> bool:
    """Whether each item ended as asked."""
    return all(end.outcome in GOOD or end.detail.startswith(ALREADY) for end in ends.values())


def any_written(ends: Ends) -> bool:
    """Whether anything was written, or may have been."""
    return any(end.outcome in GOOD | {Outcome.UNKNOWN} for end in ends.values())


def changed(before: ImageDetails, after: ImageDetails | None) -> Ended:
    """An image that is not what the call was decided on: nothing is sent for it."""
    if after is None:
        return Ended(
            before.guid, Outcome.ALREADY_GONE, "It was removed in the meantime.", before=before
        )
    return kept(before, after, CHANGED)


def kept(
    before: ImageDetails,
    after: ImageDetails | None,
    why: str,
    outcome: Outcome = Outcome.NOT_ATTEMPTED,
) -> Ended:
    """An image that nothing was sent for, or nothing was done to."""
    return Ended(before.guid, outcome, why, before=before, after=after)


def hung(image: ImageDetails | None) -> tuple[Product, ...]:
    """The virtual-inventory products of an image; none when there is no image."""
    return image.hung if image else ()


def odd_of(image: ImageDetails, names: Collection[str]) -> tuple[str, ...]:
    """Which of these fields of an image could not be read."""
    return tuple(name for name in image.odd_fields or () if name in names)


def unread_text(image: ImageDetails) -> str:
    """What to tell of an image whose text could not be read; "" of any other."""
    odd = " and ".join(odd_of(image, _TEXTS))
    return f"FinerWorks returned its {odd} in a form that cannot be read." if odd else ""


def why_unreadable(image: ImageDetails, *, rewritten: bool) -> str:
    """Why an image may not be written to: nobody could say what is lost, or give it back.

    Args:
        image: as read just before.
        rewritten: whether its text would be lost, and not the whole image.
    """
    odd = odd_of(image, (*_TEXTS, *_PRODUCTS) if rewritten else _PRODUCTS)
    return f"{_UNREADABLE} {' and '.join(odd)}." if odd else ""


def at_stake(image: ImageDetails | None) -> object:
    """What of an image a person agreed to lose; None when it does not exist."""
    if image is None:
        return None
    products = sorted(
        (product_key(one), one.sku or "", one.name or "", one.shops, str(one.asking_price))
        for one in image.hung
    )
    return *text_of(image), products, odd_of(image, (*_TEXTS, *_PRODUCTS))


def text_of(image: ImageDetails) -> tuple[str, str]:
    """The title and description of an image, "" for what it lacks."""
    return image.title or "", image.description or ""


def product_key(product: Product) -> str:
    """What tells one product of an image from another."""
    return product.product_guid or product.sku or product.name or ""


def outcome_of_fault(fault: ApiError) -> Outcome:
    """How the items of a failed request ended, as far as the failure itself tells.

    Never sent: not attempted. Keys that are refused read nothing back either: failed. All else,
    whatever its status says, may have come after the work: unknown until it is read back.
    """
    if not fault.sent:
        return Outcome.NOT_ATTEMPTED
    return Outcome.FAILED if fault.reason is Reason.KEYS_REFUSED else Outcome.UNKNOWN


def may_still_happen(fault: ApiError | None) -> bool:
    """Whether a request may be carried out after it failed: nothing says that its work is over."""
    if isinstance(fault, StatusError):
        return fault.status_code in _STATUSES_OF_A_GATEWAY
    return isinstance(fault, TransportError) and fault.sent


def still_open(end: Ended, until: float, now: float, find_out: str) -> Ended:
    """The end of an item whose request may still be carried out.

    Args:
        end: as it was read.
        until: when that is over, on the account's clock, as is `now`.
        now: from when the seconds count that it tells.
        find_out: how to find out.
    """
    told = f"{_OPEN.format(0)} {find_out}"
    return as_of(replace(end, outcome=Outcome.UNKNOWN, detail=told, open_until=until), now)


def as_of(end: Ended, now: float) -> Ended:
    """The same end, with the seconds that are left by now."""
    if end.open_until is None:
        return end
    left_s = max(1, math.ceil(end.open_until - now))
    return replace(end, detail=_OPEN_S.sub(_OPEN.format(left_s), end.detail))


def open_at(detail: str, told_at: float | None, now: float) -> str:
    """A detail that was told earlier, as it is true now; both moments are the same clock's."""
    told_s = open_s(detail)
    if told_s is None or told_at is None:
        return detail
    left_s = math.ceil(told_at + told_s - now)
    return _OPEN_S.sub(_OPEN.format(left_s) if left_s > 0 else _OPEN_NO_MORE, detail)


def open_s(detail: str) -> int | None:
    """For how many seconds a request may still be carried out, as a detail tells it."""
    found = _OPEN_S.search(detail)
    return int(found[1]) if found else None


def is_sent_again(fault: ApiError | None) -> bool:
    """Whether a write that left no trace is sent again, once, after this failure."""
    return isinstance(fault, StatusError) and fault.status_code in _STATUSES_THAT_PASS


def outcome_without_trace(fault: ApiError | None) -> Outcome:
    """How an item ended whose request failed so, and of which nothing is to be seen."""
    if may_still_happen(fault):
        return Outcome.UNKNOWN
    limited = fault is not None and fault.reason is Reason.RATE_LIMITED
    return Outcome.NOT_ATTEMPTED if limited else Outcome.FAILED


def is_passing(fault: ApiError) -> bool:
    """Whether nothing was done, for a reason that may soon be over."""
    return not fault.sent and fault.reason in {Reason.UNREACHABLE, Reason.RATE_LIMITED}


def why_failed(fault: ApiError) -> str:
    """What to tell of a failed request, without the state sentence, which the outcome replaces."""
    return f"{fault.what} {fault.next_step}"


def recorded(image: ImageDetails) -> Mapping[str, Any]:
    """The full record of an image."""
    return image.model_dump(mode="json", exclude_none=True)


def guids_recorded(guids: Iterable[str]) -> Mapping[str, Any]:
    """What a selection holds."""
    return {_GUIDS: list(guids)}


def end_of(ended: Ended, *, begun: bool = True) -> End:
    """How an item ended, as the journal takes it.

    Args:
        ended: as read back.
        begun: whether what stood there before is on record already; what was added is not known
            to have been there before it is read back.
    """
    return End(
        guid=ended.guid,
        outcome=ended.outcome,
        detail=ended.detail,
        before=None
        if begun and ended.outcome is not Outcome.ADOPTED
        else _record(ended.before, ended.held),
        after=_record(ended.after, ended.stored),
        doubled=ended.doubled,
    )


async def record(
    journal: Journal, change_id: str, ended: Items[Ended], fence: Fence | None = None
) -> bool:
    """Record what was read back, with the full records.

    Returns:
        False when that could not be done. What was read back stays true all the same; the items
        stay open, and fw-mcp doctor lists them.
    """
    try:
        ends = {item: end_of(end) for item, end in ended.items()}
        await journal.finish(change_id, ends, fence)
    except (StoreError, GuardError):
        _log.warning("what came of change %s could not be recorded", change_id)
        return False
    return True


def ends_of(items: Iterable[Item]) -> Ends:
    """How the items ended that have an end on record, by their places in the call."""
    return {one.item: _ended(one, Outcome(one.outcome)) for one in items if one.outcome}


def last_told(items: Iterable[Item]) -> Ends:
    """How the last answer told the items, by their places in the call."""
    kept = list(items)
    ends = ends_of(kept)
    for one in kept:
        if one.told:
            outcome, detail = one.told
            end = ends.get(one.item) or _ended(one, Outcome(outcome))
            ends[one.item] = replace(end, outcome=Outcome(outcome), detail=detail, after=None)
    return ends


def _ended(item: Item, outcome: Outcome) -> Ended:
    sent = item.sent or {}
    if item.kind == Kind.SELECT:
        return Ended(
            item.guid,
            outcome,
            item.detail,
            stored=_guids(item.after),
            held=_guids(item.before),
            missing=tuple(sent.get(MISSING, ())),
        )
    return Ended(
        item.guid,
        outcome,
        item.detail,
        before=_image(item.before),
        after=_image(item.after),
        name=sent.get("file_name"),
        called=sent.get("title"),
        doubled=item.doubled,
    )


def _record(image: ImageDetails | None, guids: tuple[str, ...] | None) -> Mapping[str, Any] | None:
    if guids is not None:
        return guids_recorded(guids)
    return recorded(image) if image else None


def _image(record: Mapping[str, Any] | None) -> ImageDetails | None:
    return ImageDetails.model_validate(record) if record else None


def _guids(record: Mapping[str, Any] | None) -> tuple[str, ...] | None:
    return tuple(record[_GUIDS]) if record else None
