"""Rewrite titles and descriptions, and say what the service then holds."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

from fw_mcp.api.models import ImageDetails, ImageToUpdate, UpdateImagesRequest
from fw_mcp.errors import ApiError, ArgumentsError, Reason
from fw_mcp.guard.question import (
    FieldChange,
    Target,
    products_summary,
    retitling_question,
    states,
)
from fw_mcp.images.account import Account
from fw_mcp.images.read import read_anywhere
from fw_mcp.store.history import History
from fw_mcp.text import counted, is_blank
from fw_mcp.writes.chunks import Run, Write, in_chunks
from fw_mcp.writes.operation import Operation, Prepared, hung_products, target_of
from fw_mcp.writes.outcomes import (
    ALREADY,
    Ended,
    Ends,
    Items,
    Kind,
    Outcome,
    hung,
    kept,
    may_still_happen,
    odd_of,
    outcome_without_trace,
    text_of,
    unread_text,
    why_failed,
    why_unreadable,
)
from fw_mcp.writes.stored import OTHER, as_stored, same_text

TOOL = "update_image_metadata"
_FIELDS = ("title", "description")
_BLANKS_NAMED = 10
_UNTOLD = "FinerWorks does not say which of its products are left."
_LATER = "Products that still show: {}; FinerWorks may remove them within seconds."


@dataclass(frozen=True, slots=True)
class NewText:
    """What is asked for one image: None keeps what is there."""

    guid: str
    title: str | None = None
    description: str | None = None

    def given(self) -> dict[str, str]:
        """What was given, as plain JSON."""
        pairs = {"guid": self.guid, "title": self.title, "description": self.description}
        return {name: text for name, text in pairs.items() if text is not None}


@dataclass(frozen=True)
class Rewrite:
    """The whole text an image shall have: an omitted field might be blanked by the service."""

    before: ImageDetails
    title: str
    description: str
    is_kept_so: bool = False
    """Whether this very text was sent before, and the service keeps it as it stands."""

    @cached_property
    def changes(self) -> bool:
        """Whether the new text would change what is stored."""
        return not self.is_kept_so and self.text != text_of(self.before)

    @property
    def text(self) -> tuple[str, str]:
        """The title and the description."""
        return self.title, self.description

    @property
    def loses(self) -> bool:
        """Whether the image would lose products."""
        return self.changes and bool(self.before.hung)

    def would(self) -> Ended:
        """The image as it would stand afterwards."""
        if not self.changes:
            return _already(self)
        text = {"title": self.title, "description": self.description}
        after = self.before.model_copy(update={**text, "products": ()})
        return Ended(self.before.guid, Outcome.NOT_ATTEMPTED, before=self.before, after=after)


# The whole text that is meant, from what is stored and what is asked.
Meant = Callable[[ImageDetails, NewText], Rewrite]


def update(
    account: Account, texts: Sequence[NewText], meant: Meant, history: History | None = None
) -> Operation:
    """New titles and descriptions.

    Args:
        account: whose.
        texts: what is asked, each image once.
        meant: what a text means beside the one that is stored.
        history: tells what the service made of a text that was sent before.
    """

    async def read() -> Prepared:
        started = account.clock()
        found = await read_anywhere(account, [one.guid for one in texts], started=started)
        rewrites, beside = _rewritten(texts, found, meant)
        _check_nothing_blank(rewrites)
        for item, one in rewrites.items():
            if history is not None and await _is_kept_so(one, history):
                rewrites[item] = replace(one, is_kept_so=True)
        return _prepared(rewrites, beside, found, started)

    return Operation(
        tool=TOOL,
        arguments={"images": [one.given() for one in texts]},
        identity=update_identity(texts),
        keys=[one.guid for one in texts],
        untouched={i: Ended(one.guid, Outcome.NOT_ATTEMPTED) for i, one in enumerate(texts)},
        read=read,
        made_of=lambda arguments: update_again(account, arguments, meant, history),
    )


def update_again(
    account: Account, arguments: Mapping[str, Any], meant: Meant, history: History | None = None
) -> Operation:
    """The update that the journal holds."""
    return update(account, [NewText(**image) for image in arguments["images"]], meant, history)


def update_identity(texts: Iterable[NewText]) -> object:
    """Plain JSON, the same for calls that ask for the same texts, in whatever order."""
    return [one.given() for one in sorted(texts, key=lambda one: one.guid)]


async def update_in_chunks(
    run: Run, rewrites: Items[Rewrite], beside: Items[Ended] = MappingProxyType({})
) -> Ends:
    """Send new titles and descriptions, in chunks of 50, and read them back.

    An image that already has the text is not sent: an update that changes nothing would still
    remove its products.

    Args:
        run: of the call.
        rewrites: whole texts, made from records read just before, each with its place in the call.
        beside: how the other items of the call ended.

    Returns:
        The end of each.

    Raises:
        StoreError: the journal could not be written; nothing was sent.
    """
    client = await run.account.client()
    write = Write(
        kind=Kind.UPDATE,
        image=lambda rewrite: rewrite.before,
        intent=lambda rewrite: _image(rewrite).model_dump(mode="json"),
        read_again=lambda guids: read_anywhere(run.account, guids, started=run.started),
        request=lambda some: client.update_images(_request(some, client.account_key)),
        ended=_ended,
    )
    same = {item: _already(one) for item, one in run.due(rewrites).items() if not one.changes}
    due = {item: one for item, one in rewrites.items() if item not in same}
    return {**beside, **run.settled, **same, **await in_chunks(run, due, write)}


def rewrite_target(rewrite: Rewrite) -> Target:
    """A rewritten image as a target of the guard, with what would change."""
    before = rewrite.before
    fields = (
        FieldChange("title", before.title or "", rewrite.title),
        FieldChange("description", before.description or "", rewrite.description),
    )
    return target_of(before, tuple(one for one in fields if one.before != one.after))


def _rewritten(
    texts: Sequence[NewText], found: Mapping[str, ImageDetails], meant: Meant
) -> tuple[dict[int, Rewrite], Ends]:
    """What is to be rewritten, and how the other items of the call ended."""
    rewrites: dict[int, Rewrite] = {}
    beside: Ends = {}
    for item, one in enumerate(texts):
        image = found.get(one.guid)
        if image is None:
            beside[item] = Ended(one.guid, Outcome.NOT_FOUND)
        elif why := why_unreadable(image, rewritten=True):
            beside[item] = kept(image, image, why)
        else:
            rewrites[item] = meant(image, one)
    return rewrites, beside


def _check_nothing_blank(rewrites: Items[Rewrite]) -> None:
    """Refuse to store a text that nobody can see: it may be meant to clear a text, or to keep it.

    Raises:
        ArgumentsError: naming those that would be stored so.
    """
    blank = [
        f"images[{item}].{name}"
        for item, one in rewrites.items()
        for name, text, stored in zip(_FIELDS, one.text, text_of(one.before), strict=True)
        if text != stored and is_blank(text)
    ]
    if not blank:
        return
    more = len(blank) - _BLANKS_NAMED
    told = ", ".join(blank[:_BLANKS_NAMED]) + (f" and {more} more" if more > 0 else "")
    raise ArgumentsError(
        f"{TOOL} was not run: white space alone is given as {told}.",
        state="Nothing was sent.",
        next_step='To empty a description use clear: ["description"]; to keep a text omit it.',
        reason=Reason.INVALID_ARGUMENTS,
    )


async def _is_kept_so(rewrite: Rewrite, history: History) -> bool:
    """Whether the service made of this very text what is stored: sent again, it would do so again.

    Raises:
        StoreError: the journal could not be read.
    """
    stored = text_of(rewrite.before)
    if not rewrite.changes or not all(map(same_text, rewrite.text, stored)):
        return False
    last = await history.last_of(Kind.UPDATE, rewrite.before.guid, Outcome.UPDATED)
    return last is not None and tuple(map(_texts, last)) == (rewrite.text, stored)


def _texts(record: Mapping[str, Any]) -> tuple[str, str]:
    return record.get("title") or "", record.get("description") or ""


def _prepared(
    rewrites: dict[int, Rewrite], beside: Ends, found: Mapping[str, ImageDetails], started: float
) -> Prepared:
    losing = [one for one in rewrites.values() if one.loses]
    changing = sum(one.changes for one in rewrites.values())
    targets = [rewrite_target(one) for one in losing]
    lost = products_summary(hung_products(one.before for one in losing))

    async def still_so(settled: Items[Ended]) -> Items[Ended]:
        return {item: end for item, end in settled.items() if _has_its_text(end, found)}

    return Prepared(
        read_at=started,
        would=beside | {item: one.would() for item, one in rewrites.items()},
        write=partial(update_in_chunks, rewrites=rewrites, beside=beside),
        summary=f"{counted(changing, 'image')} would be updated; {lost} would be removed.",
        targets=targets,
        question=retitling_question(targets, changing),
        seen=states(target_of(one.before) for one in rewrites.values()),
        still_so=still_so,
    )


def _has_its_text(end: Ended, found: Mapping[str, ImageDetails]) -> bool:
    now = found.get(end.guid or "")
    return now is not None and end.after is not None and text_of(now) == text_of(end.after)


def _request(rewrites: Items[Rewrite], account_key: str | None) -> UpdateImagesRequest:
    return UpdateImagesRequest(
        images=[_image(one) for one in rewrites.values()], account_key=account_key
    )


def _image(rewrite: Rewrite) -> ImageToUpdate:
    return ImageToUpdate(
        guid=rewrite.before.guid, title=rewrite.title, description=rewrite.description
    )


def _ended(rewrite: Rewrite, after: ImageDetails | None, fault: ApiError | None) -> Ended:
    outcome, detail = _verdict(rewrite, after, fault)
    if outcome is Outcome.UPDATED and rewrite.before.hung:
        detail = f"{detail} {_left(after)}".strip()
    return Ended(rewrite.before.guid, outcome, detail, before=rewrite.before, after=after)


def _left(after: ImageDetails | None) -> str:
    """What to tell of the products of an updated image that did not go, as far as that is told."""
    if after is not None and odd_of(after, ("products",)):
        return _UNTOLD
    still = len(hung(after))
    return _LATER.format(still) if still else ""


def _verdict(
    rewrite: Rewrite, after: ImageDetails | None, fault: ApiError | None
) -> tuple[Outcome, str]:
    if after is None:
        return Outcome.NOT_FOUND, "The image was removed in the meantime."
    meant = rewrite.text
    if unread := unread_text(after):
        return Outcome.UNKNOWN, unread
    if text_of(after) == meant:
        return Outcome.UPDATED, ""
    if text_of(after) == text_of(rewrite.before):
        why = why_failed(fault) if fault else "FinerWorks reported success but kept the old text."
        return outcome_without_trace(fault), why
    told = as_stored(meant, text_of(after))
    if told == OTHER and may_still_happen(fault):
        return Outcome.UNKNOWN, told
    return Outcome.UPDATED, told


def _already(rewrite: Rewrite) -> Ended:
    why = f"{ALREADY} This is how FinerWorks stores it." if rewrite.is_kept_so else ALREADY
    return kept(rewrite.before, rewrite.before, why)
