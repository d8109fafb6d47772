"""`verify`: what a caller says of files, against what their headers say."""

from collections.abc import Iterator

from fw_mcp.api.models import ImageToAdd
from fw_mcp.errors import ArgumentsError, Reason
from fw_mcp.images.account import Account
from fw_mcp.pictures.inspect import Inspected, Inspector
from fw_mcp.text import quoted
from fw_mcp.writes.outcomes import Items

_TOLD = 20


async def check_files(
    account: Account, inspector: Inspector, images: Items[ImageToAdd], *, started: float
) -> None:
    """See that each print master is as large as the caller says, in bytes and in pixels.

    Args:
        account: whose; its pace says how long it may take.
        inspector: reads the headers of files.
        images: what is about to be registered, each with its place in the call.
        started: when the call began, on the account's clock; in time to register the images
            afterwards, all of them have to be read.

    Raises:
        ArgumentsError: one is not, or could not be read; its URL is not told.
        FetchError: the operator has turned fetching off.
    """
    if not images:
        return
    inspector.check()
    found = await inspector.inspect(
        [image.private_hires_uri for image in images.values()],
        local=False,
        within_s=account.pace.start_chunks_s - (account.clock() - started),
    )
    faults = [
        f"images[{item}] {quoted(image.file_name, 40)}: {', '.join(told)}"
        for (item, image), one in zip(images.items(), found, strict=True)
        if (told := [*_faults(image, one)])
    ]
    if faults:
        raise _refusal(faults, all_reached=all(one.is_reached for one in found))


def _faults(image: ImageToAdd, found: Inspected) -> Iterator[str]:
    if not found.is_reached:
        yield "not checked in time"
    elif found.is_page:
        yield "its private_hires_uri is a share page, not the file"
    elif found.facts is None:
        yield "its private_hires_uri could not be read"
    else:
        if found.file_size is None:
            yield "its server does not report its file_size"
        elif found.file_size != image.file_size:
            yield f"file_size {image.file_size} given, {found.file_size} found"
        # Which of the two a caller has read depends on the program that told it.
        if (image.pix_w, image.pix_h) not in {found.facts.displayed, found.facts.stored}:
            pixels = "{}x{}".format(*found.facts.displayed)
            yield f"pixels {image.pix_w}x{image.pix_h} given, {pixels} found"


def _refusal(faults: list[str], *, all_reached: bool) -> ArgumentsError:
    more = f"; and {len(faults) - _TOLD} more" if len(faults) > _TOLD else ""
    return ArgumentsError(
        f"add_images was not run: verify found {'; '.join(faults[:_TOLD])}{more}.",
        state="Nothing was sent.",
        next_step="Correct them; inspect_files shows the actual values."
        if all_reached
        else "Verify fewer images per call and correct the differences.",
        reason=Reason.INVALID_ARGUMENTS,
    )
