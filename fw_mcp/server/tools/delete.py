"""`delete_images`: with a question, always."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from mcp.types import InputRequiredResult
from pydantic import Field

from fw_mcp.api.models import ImageDetails, LibraryName
from fw_mcp.guard.guard import Proposal
from fw_mcp.guard.question import deletion_question, products_summary
from fw_mcp.library.deleting import delete_images as delete
from fw_mcp.library.outcomes import Ended, products
from fw_mcp.library.reading import read_images
from fw_mcp.library.writing import Job
from fw_mcp.server.arguments import DryRun, Guids, PlanId
from fw_mcp.server.guarded import carry_out
from fw_mcp.server.parts import Call, caller_of, parts_of
from fw_mcp.server.results import GuardedResult, previewed
from fw_mcp.server.rows import EndRow, end_row, not_found, product_rows, untouched
from fw_mcp.server.targets import hung_products, target_of


class DeleteImagesResult(GuardedResult):
    """What became of each image."""


async def delete_images(
    ctx: Call,
    *,
    guids: Annotated[Guids, Field(min_length=1, max_length=500, description="From search_images.")],
    library: Annotated[
        LibraryName, Field(description="Where the images are. Default inventory.")
    ] = "inventory",
    dry_run: DryRun = False,
    plan_id: PlanId | None = None,
) -> DeleteImagesResult | InputRequiredResult:
    """Delete images and the products hung on them, after a person has agreed.

    Use search_images first. The server reads the images fresh, names them, their products and the
    shops those are live in, and asks. Answers confirmation_required when it cannot ask by itself:
    show the question, and call again with plan_id only after a clear yes. FinerWorks cannot undo a
    deletion. The result says for each image what was read back.
    """
    deletion = _Deletion(ctx, guids, library)
    if dry_run:
        await deletion.read()
        return previewed(DeleteImagesResult, deletion.rows(), deletion.summary())
    return await carry_out(ctx, deletion, plan_id, DeleteImagesResult)


class _Deletion:
    """The images of one call as they were read last."""

    tool = "delete_images"

    def __init__(self, ctx: Call, guids: list[str], library: LibraryName) -> None:
        self.arguments: object = {"guids": sorted(guids), "library": library}
        self.read_at = 0.0
        self._found: Mapping[str, ImageDetails] | None = None
        self._ctx = ctx
        self._guids = guids
        self._library = library

    @property
    def present(self) -> list[ImageDetails]:
        """The images that exist, as read last."""
        return list((self._found or {}).values())

    async def read(self) -> None:
        """Read the images fresh."""
        library = parts_of(self._ctx).library
        self.read_at = library.clock()
        self._found = await read_images(library, self._guids, self._library, started=self.read_at)

    async def propose(self) -> Proposal:
        """Read, and say what would go."""
        await self.read()
        targets = [target_of(image) for image in self.present]
        return Proposal(
            tool=self.tool,
            caller=caller_of(self._ctx),
            arguments=self.arguments,
            targets=targets,
            question=deletion_question(targets, self._library),
        )

    async def write(self, job: Job) -> list[Ended]:
        """Delete what was read last."""
        library = parts_of(self._ctx).library
        return await delete(library, job, self.present, self._library)

    def summary(self) -> str:
        """What would go."""
        lost = products_summary(hung_products(self.present))
        return f"{len(self.present)} images would be deleted, and with them {lost}."

    def rows(self, ended: Sequence[Ended] = ()) -> list[EndRow]:
        """One row a guid: how it ended, or that nothing was sent for it."""
        rows = {image.guid: self._at_risk(image) for image in self.present}
        rows.update((end.guid, end_row(end)) for end in ended if end.guid)
        missing = not_found if self._found is not None else untouched
        return [rows.get(guid) or missing(guid) for guid in self._guids]

    @staticmethod
    def _at_risk(image: ImageDetails) -> EndRow:
        row = untouched(image.guid, image.file_name)
        return row.model_copy(update={"products_at_risk": product_rows(products(image))})
