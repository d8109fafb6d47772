"""Delete images, and say which are gone."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from fw_mcp.api.models import DeleteImagesRequest, ImageDetails, LibraryName
from fw_mcp.errors import ApiError
from fw_mcp.guard.question import deletion_question, products_summary, states
from fw_mcp.images.account import Account
from fw_mcp.images.read import read_where_products_show
from fw_mcp.text import counted
from fw_mcp.writes.chunks import Run, Write, in_chunks
from fw_mcp.writes.operation import Operation, Prepared, hung_products, target_of
from fw_mcp.writes.outcomes import (
    Ended,
    Ends,
    Items,
    Kind,
    Outcome,
    kept,
    outcome_without_trace,
    why_failed,
    why_unreadable,
)

TOOL = "delete_images"


def deletion(account: Account, guids: Sequence[str], library: LibraryName) -> Operation:
    """The deletion of images, with the products that hang on them.

    Args:
        account: whose.
        guids: the images, each once.
        library: `inventory` or `temporary`.
    """

    async def read() -> Prepared:
        started = account.clock()
        found = await read_where_products_show(account, guids, library, started=started)
        return _prepared(guids, found, library, started)

    return Operation(
        tool=TOOL,
        arguments={"guids": list(guids), "library": library},
        identity={"guids": sorted(guids), "library": library},
        keys=guids,
        untouched={item: Ended(guid, Outcome.NOT_ATTEMPTED) for item, guid in enumerate(guids)},
        read=read,
        made_of=lambda arguments: deletion_again(account, arguments),
    )


def deletion_again(account: Account, arguments: Mapping[str, Any]) -> Operation:
    """The deletion that the journal holds."""
    return deletion(account, arguments["guids"], arguments["library"])


async def delete_in_chunks(
    run: Run,
    images: Items[ImageDetails],
    library: LibraryName,
    beside: Items[Ended] = MappingProxyType({}),
) -> Ends:
    """Delete in chunks of 50 and list again.

    Args:
        run: of the call.
        images: records read just before, each with its place in the call; only what was read is
            deleted.
        library: `inventory` or `temporary`.
        beside: how the other items of the call ended.

    Returns:
        The end of each.

    Raises:
        StoreError: the journal could not be written; nothing was sent.
    """
    client = await run.account.client()
    whole = client.library(library)
    write = Write(
        kind=Kind.DELETE,
        image=lambda image: image,
        intent=lambda image: {"guid": image.guid, "library": library},
        read_again=lambda guids: read_where_products_show(
            run.account, guids, library, started=run.started
        ),
        request=lambda some: client.delete_images(
            DeleteImagesRequest(guids=[image.guid for image in some.values()], library=whole)
        ),
        ended=_ended,
        library=library,
    )
    return {**beside, **run.settled, **await in_chunks(run, images, write)}


def _prepared(
    guids: Sequence[str], found: Mapping[str, ImageDetails], library: LibraryName, started: float
) -> Prepared:
    images: dict[int, ImageDetails] = {}
    beside: Ends = {}
    for item, guid in enumerate(guids):
        image = found.get(guid)
        if image is None:
            beside[item] = Ended(guid, Outcome.NOT_FOUND)
        elif why := why_unreadable(image, rewritten=False):
            beside[item] = kept(image, image, why)
        else:
            images[item] = image
    targets = [target_of(image) for image in images.values()]
    lost = products_summary(hung_products(images.values()))

    return Prepared(
        read_at=started,
        would=beside
        | {
            item: Ended(image.guid, Outcome.NOT_ATTEMPTED, before=image)
            for item, image in images.items()
        },
        write=partial(delete_in_chunks, images=images, library=library, beside=beside),
        summary=f"{counted(len(images), 'image')} would be deleted, with {lost}.",
        targets=targets,
        question=deletion_question(targets, library),
        seen=states(targets),
    )


def _ended(before: ImageDetails, after: ImageDetails | None, fault: ApiError | None) -> Ended:
    if after is None:
        return Ended(before.guid, Outcome.DELETED, before=before)
    why = why_failed(fault) if fault else "FinerWorks reported success but still lists the image."
    return Ended(before.guid, outcome_without_trace(fault), why, before=before, after=after)
