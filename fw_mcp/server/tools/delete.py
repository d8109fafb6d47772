"""`delete_images`: with a question, always."""

from typing import Annotated, ClassVar

from mcp.types import InputRequiredResult
from pydantic import Field

from fw_mcp.api.models import LibraryName
from fw_mcp.server.arguments import ContinueHandle, DryRun, Guids, PlanId, either
from fw_mcp.server.end_rows import RowOutcome
from fw_mcp.server.lanes import Lanes
from fw_mcp.server.results import GuardedResult
from fw_mcp.server.tool import Call, caller_of, parts_of
from fw_mcp.writes.delete import TOOL, deletion, deletion_again


class DeleteImagesResult(GuardedResult):
    """What became of each image."""

    planned: ClassVar[RowOutcome] = RowOutcome.WOULD_DELETE


async def delete_images(
    ctx: Call,
    *,
    guids: Annotated[
        Guids | None, Field(description="From search_images; up to 500 with dry_run.")
    ] = None,
    library: Annotated[LibraryName, Field(description="Their library.")] = "inventory",
    dry_run: DryRun = False,
    plan_id: PlanId | None = None,
    continue_handle: ContinueHandle | None = None,
) -> DeleteImagesResult | InputRequiredResult:
    """Delete, remove, erase or trash photos or pictures, with their products, permanently.

    Only what the person named or picked in the FinerWorks library, such as duplicates or old
    drafts; for wrong text use update_image_metadata. A person is asked, with products and shops. On
    confirmation_required relay question verbatim; repeat with plan_id only after a clear yes.
    Limit: {items_per_call} per call, {deletions_per_hour} per hour. undo_change adds it again,
    without its products.
    """
    either(
        guids,
        continue_handle,
        "guids",
        library=library != "inventory",
        dry_run=dry_run,
        plan_id=plan_id is not None,
    )
    parts = parts_of(ctx)
    account, writes = parts.account, parts.writes
    if continue_handle is not None:
        written = await writes.go_on(
            caller_of(ctx), continue_handle, TOOL, lambda kept: deletion_again(account, kept)
        )
        return DeleteImagesResult.of(written)
    operation = deletion(account, guids or [], library)
    if dry_run:
        prepared = await operation.read()
        return DeleteImagesResult.previewed(prepared.would, prepared.summary)
    ask = Lanes(ctx, parts.guard, plan_id)
    return DeleteImagesResult.of(await writes.run(caller_of(ctx), operation, ask))
