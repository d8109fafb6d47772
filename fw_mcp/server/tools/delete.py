"""`delete_images`: with a question, always."""

from typing import Annotated, ClassVar

from mcp.types import InputRequiredResult
from pydantic import Field

from fw_mcp.api.models import LibraryName
from fw_mcp.server.arguments import ContinueHandle, DryRun, Guids, PlanId, either
from fw_mcp.server.lanes import Lanes
from fw_mcp.server.results import GuardedResult
from fw_mcp.server.rows import RowOutcome
from fw_mcp.server.tool import Call, caller_of, parts_of
from fw_mcp.writes.delete import TOOL, deletion, deletion_again


class DeleteImagesResult(GuardedResult):
    """What became of each image."""

    planned: ClassVar[RowOutcome] = RowOutcome.WOULD_DELETE


async def delete_images(
    ctx: Call,
    *,
    guids: Annotated[Guids | None, Field(description="From search_images; at most 500.")] = None,
    library: Annotated[
        LibraryName, Field(description="Where the images are. Default inventory.")
    ] = "inventory",
    dry_run: DryRun = False,
    plan_id: PlanId | None = None,
    continue_handle: ContinueHandle | None = None,
) -> DeleteImagesResult | InputRequiredResult:
    """Delete images and the products hung on them, after a person has agreed.

    Use search_images first. The server reads the images fresh, names them, their products and the
    shops those are live in, and asks. Answers confirmation_required when it cannot ask by itself:
    show the question, and call again with plan_id only after a clear yes. FinerWorks cannot undo a
    deletion. The result says for each image what was read back.
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
