"""Which images that were asked for by guid are not there, and where they are instead."""

from collections.abc import Collection, Sequence

from fw_mcp.api.models import LibraryName
from fw_mcp.errors import FwError
from fw_mcp.images.account import Account
from fw_mcp.images.read import read_images

_OTHER: dict[LibraryName, LibraryName] = {"inventory": "temporary", "temporary": "inventory"}


async def missing(
    account: Account,
    guids: Sequence[str],
    library: LibraryName,
    *,
    listed: Collection[str],
    started: float,
) -> str:
    """What to say of those guids that `library` does not hold; "" when it holds them all.

    Args:
        account: whose.
        guids: asked for.
        library: that was searched.
        listed: those that it is known to hold.
        started: when the call began, on the account's clock.
    """
    try:
        left = [guid for guid in guids if guid not in listed]
        there = await read_images(account, left, library, started=started, products=False)
        gone = [guid for guid in left if guid not in there]
        if not gone:
            return ""
        other = _OTHER[library]
        found = await read_images(account, gone, other, started=started, products=False)
    except FwError:
        return "Some guids of guid_filter were not listed, and could not be looked up."
    elsewhere = [guid for guid in gone if guid in found]
    nowhere = [guid for guid in gone if guid not in found]
    told = (
        f"Not in the {library} library but in {other}: {', '.join(elsewhere)}."
        if elsewhere
        else "",
        f"In neither library: {', '.join(nowhere)}." if nowhere else "",
    )
    return " ".join(filter(None, told))
