"""`delete_images`: with a question, always."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Self

from mcp.types import InputRequiredResult
from pydantic import Field

from fw_mcp.api.models import ImageDetails, LibraryName
from fw_mcp.guard.guard import Proposal
from fw_mcp.guard.question import deletion_question, products_summary
from fw_mcp.guard.targets import states
from fw_mcp.images.read import read_images
from fw_mcp.server.arguments import ContinueHandle, DryRun, Guids, PlanId
from fw_mcp.server.context import Call, caller_of
from fw_mcp.server.guarded import Undertaking, carry_out, either, go_on
from fw_mcp.server.results import GuardedResult, completed, previewed
from fw_mcp.server.rows import EndRow, end_row, not_found, product_rows, untouched
from fw_mcp.server.targets import hung_products, target_of
from fw_mcp.writes.delete import delete_images as delete
from fw_mcp.writes.job import Ends, Job


class DeleteImagesResult(GuardedResult):
    """What became of each image."""


async def delete_images(
    ctx: Call,
    *,
    guids: Annotated[
        Guids | None, Field(min_length=1, max_length=500, description="From search_images.")
    ] = None,
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
    if continue_handle is not None:
        return await go_on(ctx, continue_handle, _Deletion.tool, partial(_Deletion.again, ctx))
    deletion = _Deletion(ctx, guids or [], library)
    if dry_run:
        return await deletion.previewed()
    return await carry_out(ctx, deletion, plan_id)


class _Deletion(Undertaking[DeleteImagesResult]):
    """The images of one call as they were read last."""

    tool = "delete_images"
    result = DeleteImagesResult

    def __init__(self, ctx: Call, guids: Sequence[str], library: LibraryName) -> None:
        super().__init__(ctx)
        self._found: Mapping[str, ImageDetails] | None = None
        self._guids = guids
        self._name = library

    @classmethod
    def again(cls, ctx: Call, arguments: Mapping[str, Any]) -> Self:
        """The call that the journal holds."""
        return cls(ctx, arguments["guids"], arguments["library"])

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The guids, as given, and their library."""
        return {"guids": list(self._guids), "library": self._name}

    @property
    def items(self) -> int:
        """How many items the call has."""
        return len(self._guids)

    @property
    def identity(self) -> object:
        """The order of the guids makes no difference."""
        return {"guids": sorted(self._guids), "library": self._name}

    async def propose(self) -> Proposal:
        """Read, and say what would go."""
        await self._read()
        targets = [target_of(image) for image in self._present]
        return Proposal(
            tool=self.tool,
            caller=caller_of(self.ctx),
            arguments=self.identity,
            targets=targets,
            question=deletion_question(targets, self._name),
        )

    @property
    def seen(self) -> dict[str, str]:
        """Each image that would be deleted, as it was read last."""
        return states(map(target_of, self._present))

    async def write(self, job: Job) -> Ends:
        """Delete what was read last."""
        found = self._found or {}
        items = {item: found[guid] for item, guid in enumerate(self._guids) if guid in found}
        return dict(job.settled) | await delete(self.account, job, items, self._name)

    def told(self, ended: Ends | None = None) -> DeleteImagesResult:
        """One row a guid: how it ended, or that nothing was sent for it."""
        return completed(DeleteImagesResult, self._rows(ended or {}))

    async def previewed(self) -> DeleteImagesResult:
        """What would go."""
        await self._read()
        lost = products_summary(hung_products(self._present))
        message = f"{len(self._present)} images would be deleted, and with them {lost}."
        return previewed(DeleteImagesResult, self._rows({}), message)

    @property
    def _present(self) -> list[ImageDetails]:
        return list((self._found or {}).values())

    async def _read(self) -> None:
        self.read_at = self.account.clock()
        self._found = await read_images(self.account, self._guids, self._name, started=self.read_at)

    def _rows(self, ended: Ends) -> list[EndRow]:
        rows = {image.guid: self._at_risk(image) for image in self._present}
        missing = not_found if self._found is not None else untouched
        return [
            end_row(ended[item]) if item in ended else rows.get(guid) or missing(guid)
            for item, guid in enumerate(self._guids)
        ]

    @staticmethod
    def _at_risk(image: ImageDetails) -> EndRow:
        row = untouched(image.guid, image.file_name)
        return row.model_copy(update={"products_at_risk": product_rows(image.hung)})
