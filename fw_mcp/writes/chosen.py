"""The images of a selection or of a change, page by page, each as it stands now."""

from collections.abc import Sequence
from dataclasses import dataclass

from fw_mcp.api.models import ImageDetails
from fw_mcp.errors import ArgumentsError, Reason
from fw_mcp.images.account import Account
from fw_mcp.images.read import Query, read_anywhere, read_selection
from fw_mcp.text import quoted, shown
from fw_mcp.writes.changes import Changes

_GUID_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Chosen:
    """A page of images that a selection or a change names.

    Attributes:
        count: images on all pages, those that are gone included.
        gone: the guids of the page that name no image any more.
        next_page_number: None on the last page.
    """

    images: tuple[ImageDetails, ...]
    count: int
    gone: tuple[str, ...]
    next_page_number: int | None

    @property
    def not_reached(self) -> str:
        """The guids that are gone, in a sentence; "" when none is."""
        gone = ", ".join(shown(guid, _GUID_SHOWN).text for guid in self.gone)
        return f"No longer in either library: {gone}." if gone else ""


async def chosen_images(
    account: Account, changes: Changes, query: Query, change_id: str | None, selection: str | None
) -> Chosen:
    """A page of the images of a change or a selection, in their order, each read fresh.

    Args:
        account: whose.
        changes: the journal, told.
        query: which page; whether to ask for products. It names nothing else.
        change_id: of the change.
        selection: the key of the selection.

    Raises:
        ArgumentsError: there is no such change or selection, or more is asked for.
        ApiError: the service could not be read.
        StoreError: the journal could not be read.
    """
    only_this = Query(
        page_number=query.page_number, per_page=query.per_page, list_products=query.list_products
    )
    if query != only_this or (change_id and selection):
        raise _refused(
            "change_id and selection_guid take no filter or sorting, nor each other",
            "Omit the others",
        )
    started = account.clock()
    guids = await _guids(account, changes, change_id, selection, started)
    return await page_of(account, guids, query, started)


async def page_of(account: Account, guids: Sequence[str], query: Query, started: float) -> Chosen:
    """A page of the images with these guids, in their order.

    Args:
        account: whose.
        guids: each once.
        query: which page; whether to ask for products.
        started: when the call began, on the account's clock.

    Raises:
        ApiError: the service could not be read.
    """
    first = (query.page_number - 1) * query.per_page
    named = guids[first : first + query.per_page]
    found = await read_anywhere(account, named, started=started, products=query.list_products)
    return Chosen(
        images=tuple(found[guid] for guid in named if guid in found),
        count=len(guids),
        gone=tuple(guid for guid in named if guid not in found),
        next_page_number=query.page_number + 1 if first + query.per_page < len(guids) else None,
    )


async def _guids(
    account: Account,
    changes: Changes,
    change_id: str | None,
    selection: str | None,
    started: float,
) -> Sequence[str]:
    if change_id:
        guids = await changes.guids(change_id)
        if guids is None:
            raise _refused(f"there is no change {quoted(change_id, 40)}", "Look with list_changes")
        return guids
    key = selection or ""
    stored = await account.in_time(read_selection(account, key), started)
    if not stored:
        raise _refused(f"there is no selection {key}, or it is empty", "Correct the key")
    return list(dict.fromkeys(stored))


def _refused(what: str, next_step: str) -> ArgumentsError:
    return ArgumentsError(
        f"search_images gave nothing: {what}.",
        state="Nothing was changed.",
        next_step=f"{next_step} and call it again.",
        reason=Reason.INVALID_ARGUMENTS,
    )
