"""What was added since a moment: the baseline of an add, and which record is which image."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fw_mcp.api.models import CHUNK_LIMIT, ImageDetails, ImageToAdd, LibraryName
from fw_mcp.errors import Reason, ShapeError
from fw_mcp.images.account import Account
from fw_mcp.images.read import Page, Query, search
from fw_mcp.writes.outcomes import Items
from fw_mcp.writes.stored import Likeness, likeness

_MOST_PAGES = 40


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a library held when an add began.

    Attributes:
        newest_id: the largest id; 0 of an empty library, None where the service tells no ids.
        guids: the newest images, where the service does not tell the id of each.
        unreadable: how many of the newest have neither a guid nor an id that can be read.
    """

    newest_id: int | None
    guids: frozenset[str]
    unreadable: int = 0

    def is_new(self, image: ImageDetails) -> bool:
        """Ids grow: an old image that moved up, because another went, is not new."""
        if self.newest_id is not None and image.id is not None:
            return image.id > self.newest_id
        return image.guid not in self.guids

    def has_new(self, unreadable: Sequence[int | None]) -> bool:
        """Whether one of these records, whose guids cannot be read, was not there."""
        if self.newest_id is None:
            return len(unreadable) > self.unreadable
        is_newer = any(one is not None and one > self.newest_id for one in unreadable)
        return is_newer or unreadable.count(None) > self.unreadable

    def record(self) -> dict[str, object]:
        """The baseline as the journal keeps it."""
        newest: dict[str, object] = {"newest_id": self.newest_id, "guids": sorted(self.guids)}
        return newest | ({"unreadable": self.unreadable} if self.unreadable else {})


def baseline_of(record: Mapping[str, Any]) -> Baseline:
    """The baseline that the journal kept."""
    guids = frozenset(record.get("guids", ()))
    return Baseline(record.get("newest_id"), guids, record.get("unreadable", 0))


async def baseline(account: Account, library: LibraryName, started: float) -> Baseline:
    """What is newest now.

    Raises:
        ApiError: it could not be listed.
    """
    page = await _page(account, library, 1, started)
    newest = page.images
    ids = [*(image.id for image in newest), *page.unreadable]
    known = [one for one in ids if one is not None]
    return Baseline(
        newest_id=max(known) if known else None if ids else 0,
        guids=frozenset(image.guid for image in newest if len(known) < len(ids)),
        unreadable=page.unreadable.count(None) if known else len(page.unreadable),
    )


async def added_since(
    account: Account, library: LibraryName, before: Baseline, started: float
) -> list[ImageDetails]:
    """Every image that was added after `before`, oldest first.

    Args:
        account: whose.
        library: `inventory` or `temporary`.
        before: from `baseline`.
        started: when the call began, on the account's clock.

    Raises:
        ApiError: a page could not be read, or a record that was not there before.
    """
    new: dict[str, ImageDetails] = {}
    old = False
    unreadable: list[int | None] = []
    for page_number in range(1, _MOST_PAGES + 1):
        page = await _page(account, library, page_number, started)
        known = len(new)
        unreadable += page.unreadable
        for image in page.images:
            is_new = before.is_new(image)
            # Newest first: what has no id and comes after an old one is old.
            if is_new and not (old and image.id is None):
                new[image.guid] = image
            old = old or not is_new
        # A short page need not be the last: a service may give fewer than it is asked for.
        if len(new) == known or not before.is_new(page.images[-1]):
            break
    if before.has_new(unreadable):
        raise ShapeError(
            "FinerWorks lists a new image without a guid that can be read.",
            state="This step only read; nothing was changed.",
            next_step="Look for it on FinerWorks.com.",
            reason=Reason.UNREADABLE_ANSWER,
        )
    return list(reversed(new.values()))


def matched(
    sent: Items[ImageToAdd], listed: Sequence[ImageDetails], taken: Collection[str] = ()
) -> dict[int, ImageDetails]:
    """The record of each image that has one: order is not promised, names may be altered.

    Args:
        sent: with their places in the call.
        listed: records, oldest first; each is the record of one image at most.
        taken: guids that are accounted for already.
    """
    left = [image for image in listed if image.guid not in taken]
    found: dict[int, ImageDetails] = {}
    # Two images may share an address: those that agree in every word find each other first.
    for same in (_same_words, same_file):
        for item, image in sent.items():
            match = next((one for one in left if item not in found and same(image, one)), None)
            if match is not None:
                left.remove(match)
                found[item] = match
    found |= _likest(
        {item: one for item, one in sent.items() if item not in found},
        left,
        lambda one: one.is_ours,
    )
    return {item: found[item] for item in sent if item in found}


def answered(sent: Items[ImageToAdd], answer: Sequence[ImageDetails]) -> dict[int, ImageDetails]:
    """The record of each image that an answer names.

    What the service's own answer gave is the image, however altered: where it gives as many as
    were sent, each is one of them.

    Args:
        sent: the images of one request, with their places in the call.
        answer: the records of its answer.
    """
    found = matched(sent, answer)
    if len(answer) != len(sent):
        return found
    named = {image.guid for image in found.values()}
    left = [image for image in answer if image.guid not in named]
    rest = {item: one for item, one in sent.items() if item not in found}
    return found | _likest(rest, left, lambda _: True)


def may_be(
    sent: Items[ImageToAdd], listed: Sequence[ImageDetails], taken: Collection[str]
) -> set[int]:
    """The images that a new record, which is nobody's yet, may be: too little agrees to say."""
    left = [image for image in listed if image.guid not in taken]
    return {
        item
        for item, one in sent.items()
        if any(likeness(one, record).may_be_ours for record in left)
    }


def _likest(
    sent: Items[ImageToAdd], listed: Sequence[ImageDetails], enough: Callable[[Likeness], bool]
) -> dict[int, ImageDetails]:
    """Pairs that are like enough, the likest first."""
    pairs = [
        (likeness(one, record), item, place)
        for item, one in sent.items()
        for place, record in enumerate(listed)
    ]
    found: dict[int, ImageDetails] = {}
    gone: set[int] = set()
    # Sorting is stable: of equal pairs, what was sent first is what was listed first.
    for like, item, place in sorted(pairs, key=lambda pair: pair[0], reverse=True):
        if enough(like) and item not in found and place not in gone:
            found[item] = listed[place]
            gone.add(place)
    return found


def by_file(listed: Sequence[ImageDetails]) -> Callable[[ImageToAdd], Sequence[ImageDetails]]:
    """Gives the records that may be an image's: those of its address, and those without one."""
    by_uri: dict[str, list[ImageDetails]] = {}
    for image in listed:
        by_uri.setdefault(image.private_hires_uri or "", []).append(image)
    return lambda image: [*by_uri.get(image.private_hires_uri, ()), *by_uri.get("", ())]


def _same_words(sent: ImageToAdd, listed: ImageDetails) -> bool:
    name = _plain(sent.file_name) == _plain(listed.file_name or "")
    return name and (sent.title or sent.file_name) == listed.title and same_file(sent, listed)


def same_file(sent: ImageToAdd, listed: ImageDetails) -> bool:
    """Whether a record is the image that was sent; what the service left out decides nothing."""
    sizes = (
        (sent.pix_w, listed.pix_w),
        (sent.pix_h, listed.pix_h),
        (sent.file_size, listed.file_size),
    )
    if any(theirs is not None and ours != theirs for ours, theirs in sizes):
        return False
    if listed.private_hires_uri:
        return sent.private_hires_uri == listed.private_hires_uri
    theirs = listed.file_name or ""
    if _plain(sent.file_name) == _plain(theirs):
        return True
    # A name with something put to it is told from its neighbours' by the sizes only.
    told = all(size is not None for _, size in sizes)
    return told and _plain(_stem(sent.file_name)) in _plain(_stem(theirs))


def _plain(file_name: str) -> str:
    """A file name without what the service may alter in it."""
    return "".join(character for character in file_name.lower() if character.isalnum())


def _stem(file_name: str) -> str:
    return file_name.rpartition(".")[0] or file_name


async def _page(account: Account, library: LibraryName, page_number: int, started: float) -> Page:
    query = Query(
        library=library, page_number=page_number, per_page=CHUNK_LIMIT, list_products=False
    )
    return await account.in_time(search(account, query), started)
