"""Take back what a change did, as far as FinerWorks lets it be taken back.

Each item is decided on its own: what somebody changed since is left alone, and what an earlier undo
took back is not taken back twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import cast
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError

from fw_mcp.api.models import (
    DESCRIPTION_LIMIT,
    FILE_NAME_LIMIT,
    ImageDetails,
    ImageToAdd,
    LibraryName,
    Product,
)
from fw_mcp.errors import GuardError, Reason
from fw_mcp.guard.question import Target, deletion_question, products_summary, retitling_question
from fw_mcp.images.account import Account
from fw_mcp.images.read import read_anywhere, read_selection, read_where_products_show
from fw_mcp.store.history import History
from fw_mcp.store.journal import Change, Item
from fw_mcp.store.uploads import UploadStore
from fw_mcp.text import counted, quoted
from fw_mcp.writes.add import add_in_batches
from fw_mcp.writes.chunks import Run
from fw_mcp.writes.delete import delete_in_chunks
from fw_mcp.writes.operation import Operation, Prepared, target_of
from fw_mcp.writes.outcomes import (
    GOOD,
    Ended,
    Ends,
    Items,
    Kind,
    Outcome,
    all_good,
    hung,
    kept,
    nothing_left,
    product_key,
    text_of,
    unread_text,
    why_unreadable,
)
from fw_mcp.writes.reconcile import Reconciler
from fw_mcp.writes.select import Wish, store_selection
from fw_mcp.writes.update import Rewrite, rewrite_target, update_in_chunks

TOOL = "undo_change"
_CHANGED_SINCE = "Not undone: someone has changed it since."
_GONE_SINCE = "Not undone: it no longer exists."
_THERE_BEFORE = "Not undone: it existed before."
_HELD_NOTHING = "Not undone: it held nothing before, and FinerWorks cannot empty a selection."
_FILE_REMOVED = "Not undone: its uploaded files were removed. Add the file again with add_images."
_LEFT_UP = (
    "{} of these images stay public; in a terminal, fw-mcp uploads --remove-unused removes those "
    "that no image uses."
)
_NAMED = 5
_INCOMPLETE = "Not undone: the stored record is incomplete"

TOOL_OF = {
    # What taking back a write of a kind does, in the words of the tool that does it.
    Kind.ADD: "delete_images",
    Kind.DELETE: "add_images",
    Kind.UPDATE: "update_image_metadata",
    Kind.SELECT: "set_selection",
}


_NOUN = {Kind.ADD: "image", Kind.DELETE: "image", Kind.UPDATE: "image", Kind.SELECT: "selection"}
_DOES = {
    Kind.ADD: "be deleted again",
    Kind.DELETE: "be registered again, under a new guid",
    Kind.UPDATE: "get the former text again",
    Kind.SELECT: "hold the former images again",
}


@dataclass(frozen=True, slots=True)
class Undoable:
    """What a change did.

    Attributes:
        kind: the endpoint that it called.
        library: the one that it wrote to.
        ends: how items ended that were written.
        former: what a selection held before.
        unsure: items of which it is not known whether they were written.
        undone: items that were taken back already, and the change that did.
        undoings: how many undos of it were sent before, however they ended.
    """

    change: Change
    kind: Kind
    library: LibraryName
    ends: Ends
    former: tuple[str, ...] = ()
    unsure: Ends = field(default_factory=dict)
    undone: Mapping[int, str] = field(default_factory=dict)
    undoings: int = 0


@dataclass(slots=True)
class Undo:
    """What would take a change back, made from records read just before.

    Attributes:
        refused: items that are left alone, and why.
        rewrites: images that get their former text again.
        doomed: images that were added and are deleted again.
        lost: records that were deleted and are registered again.
        selection: the guids that a selection shall hold again; None when nothing is to be stored.
        held: those that it holds now.
    """

    done: Undoable
    refused: Ends = field(default_factory=dict)
    rewrites: dict[int, Rewrite] = field(default_factory=dict)
    doomed: dict[int, ImageDetails] = field(default_factory=dict)
    lost: dict[int, ImageToAdd] = field(default_factory=dict)
    selection: tuple[str, ...] | None = None
    held: tuple[str, ...] = ()

    @property
    def items(self) -> int:
        """How many items would be taken back."""
        chosen = 0 if self.selection is None else 1
        return len(self.rewrites) + len(self.doomed) + len(self.lost) + chosen

    def lost_products(self, item: int) -> list[Product]:
        """The products of an item that went with the change, and cannot be restored."""
        end = self.done.ends[item]
        now = self.rewrites[item].before if item in self.rewrites else None
        kept = {product_key(one) for one in hung(now)}
        return [one for one in hung(end.before) if product_key(one) not in kept]

    def summary(self) -> str:
        """What it would do, in a sentence."""
        lost = [one for i in [*self.rewrites, *self.lost] for one in self.lost_products(i)]
        parts = [
            f"{counted(self.items, _NOUN[self.done.kind])} would {_DOES[self.done.kind]}",
            f"{counted(len(lost), 'product')} cannot be restored: {_named_first(lost)}"
            if lost
            else "",
            self._selection(),
            f"{len(self.refused)} would be skipped" if self.refused else "",
        ]
        return "; ".join(part for part in parts if part) + "."

    def _selection(self) -> str:
        if self.selection is None:
            return ""
        now, then = (counted(len(guids), "image") for guids in (self.held, self.selection))
        return f"it holds {now} and would hold {then}"

    def targets(self) -> list[Target]:
        """What would go: every image that is deleted, and those rewritten that carry products."""
        losing = [one for one in self.rewrites.values() if one.before.hung]
        return [*map(target_of, self.doomed.values()), *map(rewrite_target, losing)]

    def would(self) -> Ends:
        """How each item would stand afterwards, or why it is left alone."""
        ends = dict(self.refused)
        ends |= {
            item: Ended(image.guid, Outcome.NOT_ATTEMPTED, before=image)
            for item, image in self.doomed.items()
        }
        ends |= {item: one.would() for item, one in self.rewrites.items()}
        ends |= {
            item: Ended(
                self.done.ends[item].guid,
                Outcome.NOT_ATTEMPTED,
                name=image.file_name,
                called=image.title,
            )
            for item, image in self.lost.items()
        }
        if self.selection is not None:
            ((item, end),) = self.done.ends.items()
            untouched = Outcome.NOT_ATTEMPTED
            ends[item] = Ended(end.guid, untouched, stored=self.selection, held=self.held)
        return ends


async def undo(
    account: Account,
    reconciler: Reconciler,
    history: History,
    uploads: UploadStore,
    change_id: str,
) -> Operation:
    """Taking back a change.

    Args:
        account: whose.
        reconciler: finds out what is not known of it.
        history: the journal, read.
        uploads: what was uploaded.
        change_id: of the change.

    Raises:
        GuardError: there is nothing to take back.
        ApiError: it is not known what it did, and the service could not be read.
        StoreError: the journal could not be read.
    """
    change = await history.change(change_id)
    if change is None:
        raise cannot_undo(f"There is no change {quoted(change_id, 40)} on record.")
    done = await _undoable(reconciler, history, change, account.clock())
    if done is None:
        raise cannot_undo(f"Change {change_id} made no changes.")
    return _operation(account, history, uploads, done)


def _operation(
    account: Account, history: History, uploads: UploadStore, done: Undoable
) -> Operation:
    change_id = done.change.change_id

    async def read() -> Prepared:
        started = account.clock()
        undo = await _undo_of(account, done, started)
        await _keep_back_removed(uploads, undo)
        await _name_what_came_between(history, undo)
        if not undo.items:
            why = (
                next(iter(undo.refused.values())).detail if undo.refused else "It changed nothing."
            )
            raise cannot_undo(f"Nothing of change {change_id} can be undone. {why}")
        targets = undo.targets()
        at_risk = products_summary([one for target in targets for one in target.products])
        removed = f" Products that would be removed: {at_risk}." if targets else ""
        files = await uploads.of_images([image.guid for image in undo.doomed.values()])
        left = _LEFT_UP.format(counted(len(files), "uploaded file")) if files else ""

        async def write(run: Run) -> Ends:
            if len(await history.undoing(change_id)) != done.undoings:
                raise cannot_undo(f"Change {change_id} was undone by another call in the meantime.")
            return await _carry_out(run, undo)

        return Prepared(
            read_at=started,
            would=undo.would(),
            write=write,
            summary=" ".join(filter(None, (f"{undo.summary()}{removed}", left))),
            targets=targets,
            question=_question(undo, targets) if targets else "",
            afterwards=left,
        )

    def is_complete(ends: Ends) -> bool:
        return nothing_left(ends) and all(
            end.stored is None or end.outcome not in GOOD or set(end.stored) == set(done.former)
            for end in ends.values()
        )

    return Operation(
        tool=TOOL,
        arguments={"change_id": change_id},
        identity={"change_id": change_id},
        keys=[str(item) for item in done.ends],
        untouched={item: Ended(end.guid, Outcome.NOT_ATTEMPTED) for item, end in done.ends.items()},
        read=read,
        made_of=lambda _: _operation(account, history, uploads, done),
        also=(TOOL_OF[done.kind],),
        undoes=change_id,
        is_complete=is_complete,
        # Any other begins anew: it leaves alone what it undid before.
        is_final=lambda ends: is_complete(ends) and all_good(ends),
    )


async def _undoable(
    reconciler: Reconciler, history: History, change: Change, started: float
) -> Undoable | None:
    """What a change did; None when it made no changes."""
    settled = await reconciler.settled(change, started)
    ends = {item: end for item, end in settled.items() if end.outcome in GOOD}
    if not ends:
        return None
    first = next(one for one in await history.items(change.change_id) if one.kind)
    later = await history.undoing(change.change_id)
    return Undoable(
        change=change,
        kind=Kind(first.kind),
        library=_library_of(first, ends.values()),
        ends=ends,
        former=next((end.held for end in ends.values() if end.held is not None), ()),
        unsure={i: end for i, end in settled.items() if end.outcome is Outcome.UNKNOWN},
        undone=await _undone(reconciler, history, later, started),
        undoings=len(later),
    )


def _library_of(first: Item, ends: Iterable[Ended]) -> LibraryName:
    """Where to write: a service that ignores `library` deletes what is in another."""
    if first.kind == Kind.DELETE and any(map(_showed_products, ends)):
        return "inventory"
    return cast("LibraryName", (first.sent or {}).get("library", "inventory"))


def _showed_products(end: Ended) -> bool:
    return end.before is not None and end.before.products is not None


async def _undone(
    reconciler: Reconciler, history: History, undoings: Sequence[Change], started: float
) -> dict[int, str]:
    """The items that were taken back already, and the change that did; not known is read now.

    What an undo took back, and another undo of that brought again, is not taken back any more.
    """
    undone: dict[int, str] = {}
    for later in undoings:
        ends = await reconciler.settled(later, started)
        again = await _undone(reconciler, history, await history.undoing(later.change_id), started)
        undone |= {
            item: later.change_id
            for item, end in ends.items()
            if end.outcome in GOOD and item not in again
        }
    return undone


async def _undo_of(account: Account, done: Undoable, started: float) -> Undo:
    """What taking back `done` would do now."""
    undo = Undo(done, refused=dict(done.unsure))
    for item, change_id in done.undone.items():
        end = done.ends.get(item)
        if end is None:
            continue
        why = f"Not undone again: change {change_id} undid it."
        undo.refused[item] = Ended(end.guid, Outcome.NOT_ATTEMPTED, why, end.before, end.after)
    due = {item: end for item, end in done.ends.items() if item not in done.undone}
    if due:
        await _PREPARED[done.kind](account, undo, due, started)
    return undo


async def _keep_back_removed(uploads: UploadStore, undo: Undo) -> None:
    """An image whose file was removed since is not registered again."""
    removed = await uploads.removed_masters() if undo.lost else set()
    for item, image in list(undo.lost.items()):
        if PurePosixPath(urlsplit(image.private_hires_uri).path).name in removed:
            end = undo.done.ends[item]
            undo.refused[item] = Ended(end.guid, Outcome.FAILED, _FILE_REMOVED, before=end.before)
            del undo.lost[item]


async def _carry_out(run: Run, undo: Undo) -> Ends:
    """Write it, and read it back."""
    ended = dict(undo.refused)
    if undo.rewrites:
        rewritten = await update_in_chunks(run, undo.rewrites)
        ended |= {item: _with_loss(undo, item, end) for item, end in rewritten.items()}
    if undo.doomed:
        ended |= await delete_in_chunks(run, undo.doomed, undo.done.library)
    if undo.lost:
        registered = await add_in_batches(run, undo.lost, undo.done.library)
        ended |= {item: _again(undo.done.ends[item], end) for item, end in registered.items()}
    if undo.selection is not None:
        (end,) = undo.done.ends.values()
        stored = await store_selection(run, end.guid or "", Wish(undo.selection))
        gone = ", ".join(stored.missing)
        why = f"{stored.detail} These former images no longer exist: {gone}." if gone else ""
        ended[0] = replace(stored, detail=why.strip() or stored.detail)
    return ended


async def _name_what_came_between(history: History, undo: Undo) -> None:
    """Say of what was changed since which change of ours did, where one did."""
    change = undo.done.change
    for item, end in undo.refused.items():
        if end.guid is None or not end.detail.startswith((_CHANGED_SINCE, _GONE_SINCE)):
            continue
        named, _count = await history.page_about(end.guid, 1, 1)
        for newest in named:
            if change.change_id not in {newest.change_id, newest.undoes}:
                why = f"{end.detail} Change {newest.change_id} ({newest.tool}) came after it."
                undo.refused[item] = replace(end, detail=why)


def _named_first(products: Sequence[Product]) -> str:
    """The first products, each with the shops that it was live in."""
    named = [
        quoted(one.name or one.sku) + (f" (live in {', '.join(one.shops)})" if one.shops else "")
        for one in products[:_NAMED]
    ]
    more = len(products) - _NAMED
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _question(undo: Undo, targets: Sequence[Target]) -> str:
    change_id = undo.done.change.change_id
    if undo.doomed:
        what, asked = "images were added", deletion_question(targets, undo.done.library)
    else:
        what, asked = "texts were changed", retitling_question(targets, len(undo.rewrites))
    return f"Undo the change in which {what}?\n{asked}\nChange id: {change_id}"


async def _rewrites(account: Account, undo: Undo, due: Ends, started: float) -> None:
    now = await read_anywhere(account, _guids(due), started=started)
    for item, end in due.items():
        current = now.get(end.guid or "")
        as_left = current and end.after and text_of(current) == text_of(end.after)
        if current is None or end.before is None or not as_left:
            undo.refused[item] = _left(end, current)
        elif why := why_unreadable(current, rewritten=True):
            undo.refused[item] = kept(current, current, why)
        else:
            undo.rewrites[item] = Rewrite(current, *text_of(end.before))


async def _deletions(account: Account, undo: Undo, due: Ends, started: float) -> None:
    now = await read_where_products_show(account, _guids(due), undo.done.library, started=started)
    for item, end in due.items():
        current = now.get(end.guid or "")
        if end.before is not None and end.was_there:
            undo.refused[item] = kept(end.before, current, _THERE_BEFORE)
        elif current is None or end.after is None or text_of(current) != text_of(end.after):
            undo.refused[item] = _left(end, current)
        elif why := why_unreadable(current, rewritten=False):
            undo.refused[item] = kept(current, current, why)
        else:
            undo.doomed[item] = current


async def _additions(_: Account, undo: Undo, due: Ends, __: float) -> None:
    for item, end in due.items():
        if end.before is None:
            continue
        try:
            undo.lost[item] = _to_add(end.before)
        except ValidationError as invalid:
            missing = ", ".join(sorted({str(one["loc"][0]) for one in invalid.errors()}))
            why = f"{_INCOMPLETE}: {missing}."
            undo.refused[item] = Ended(end.guid, Outcome.FAILED, why, before=end.before)


async def _choice(account: Account, undo: Undo, due: Ends, started: float) -> None:
    ((item, end),) = due.items()
    stored = await account.in_time(read_selection(account, end.guid or ""), started)
    # An undo that was stored in part left some of the former images, and nobody else's.
    ours = undo.done.undoings and set(stored) <= set(undo.done.former)
    if not ours and set(stored) != set(end.stored or ()):
        why = _CHANGED_SINCE
    elif not undo.done.former:
        why = _HELD_NOTHING
    else:
        undo.selection, undo.held = undo.done.former, stored
        return
    undo.refused[item] = Ended(end.guid, Outcome.NOT_ATTEMPTED, why, stored=stored)


_PREPARED = {
    Kind.ADD: _deletions,
    Kind.DELETE: _additions,
    Kind.UPDATE: _rewrites,
    Kind.SELECT: _choice,
}


def _left(end: Ended, current: ImageDetails | None) -> Ended:
    if current is None:
        return Ended(end.guid, Outcome.NOT_FOUND, _GONE_SINCE, before=end.after)
    return Ended(end.guid, Outcome.NOT_ATTEMPTED, _CHANGED_SINCE, before=current, after=current)


def _with_loss(undo: Undo, item: int, end: Ended) -> Ended:
    """A text that is back brings no product back."""
    lost = undo.lost_products(item)
    if end.outcome not in GOOD or not lost:
        return end
    return replace(
        end, detail=f"{counted(len(lost), 'product')} cannot be restored. {end.detail}".strip()
    )


def _again(deleted: Ended, end: Ended) -> Ended:
    """An image that is registered anew has another guid, and comes without its products."""
    if end.was_there:
        return end
    if end.outcome not in GOOD:
        return replace(end, before=deleted.before)
    detail = f"Registered again under a new guid; it was {deleted.guid}."
    if lost := len(hung(deleted.before)):
        detail += f" {counted(lost, 'product')} cannot be restored."
    if len(_description(deleted.before)) > DESCRIPTION_LIMIT:
        detail += f" Its description was cut to {DESCRIPTION_LIMIT} characters."
    if deleted.before and (unread := unread_text(deleted.before)):
        detail += f" When it was deleted: {unread}"
    return replace(end, before=deleted.before, detail=detail)


def _description(image: ImageDetails | None) -> str:
    return (image and image.description) or ""


def _to_add(record: ImageDetails) -> ImageToAdd:
    """The record as it would be registered; a file name that it lacks is that of its address."""
    return ImageToAdd.model_validate(
        {
            "title": record.title,
            "description": _description(record)[:DESCRIPTION_LIMIT] or None,
            "file_name": record.file_name,
            "file_size": record.file_size,
            "thumbnail_file_name": _named(record.thumbnail_file_name, record.public_thumbnail_uri),
            "preview_file_name": _named(record.preview_file_name, record.public_preview_uri),
            "hires_file_name": _named(record.hires_file_name, record.private_hires_uri),
            "public_thumbnail_uri": record.public_thumbnail_uri,
            "public_preview_uri": record.public_preview_uri,
            "private_hires_uri": record.private_hires_uri,
            "pix_w": record.pix_w,
            "pix_h": record.pix_h,
        }
    )


def _named(name: str | None, uri: str | None) -> str | None:
    return name or PurePosixPath(unquote(urlsplit(uri or "").path)).name[-FILE_NAME_LIMIT:] or None


def _guids(ends: Items[Ended]) -> list[str]:
    return [end.guid for end in ends.values() if end.guid]


def cannot_undo(why: str) -> GuardError:
    """A change that cannot be taken back."""
    return GuardError(
        why,
        state="Nothing was sent.",
        next_step="list_changes lists them.",
        reason=Reason.CANNOT_UNDO,
    )
