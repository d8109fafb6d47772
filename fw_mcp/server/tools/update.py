"""`update_image_metadata`: with a question where products would go."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from mcp.types import InputRequiredResult
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from fw_mcp.api.models import ImageDetails
from fw_mcp.guard.guard import Proposal
from fw_mcp.guard.question import products_summary, retitling_question
from fw_mcp.library.outcomes import Ended, products
from fw_mcp.library.reading import read_anywhere
from fw_mcp.library.updating import Rewrite, update_images
from fw_mcp.library.writing import Job
from fw_mcp.server.arguments import DryRun, Guid, PlanId
from fw_mcp.server.guarded import carry_out
from fw_mcp.server.parts import Call, caller_of, parts_of
from fw_mcp.server.results import GuardedResult, previewed
from fw_mcp.server.rows import (
    ChangeRow,
    EndRow,
    end_row,
    not_found,
    product_rows,
    untouched,
)
from fw_mcp.server.targets import hung_products, rewrite_target


class ImageText(BaseModel):
    """New text for one image; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    guid: Guid = Field(description="From search_images.")
    title: str | None = Field(None, description="New title. Left out or empty: stays.")
    description: str | None = Field(
        None, max_length=300, description="New description. Left out or empty: stays."
    )

    @model_validator(mode="after")
    def _gives_something(self) -> "ImageText":
        if self.title is None and self.description is None:
            raise ValueError("give a title, a description or both")
        return self


def _each_once(images: list[ImageText]) -> list[ImageText]:
    guids = [image.guid for image in images]
    twice = sorted({guid for guid in guids if guids.count(guid) > 1})
    if twice:
        raise ValueError(f"each guid may stand once; more than once: {', '.join(twice[:5])}")
    return images


class UpdateImageMetadataResult(GuardedResult):
    """What became of each image."""


async def update_image_metadata(
    ctx: Call,
    *,
    images: Annotated[
        list[ImageText],
        AfterValidator(_each_once),
        Field(min_length=1, max_length=500, description="guid and what to rewrite."),
    ],
    dry_run: DryRun = False,
    plan_id: PlanId | None = None,
) -> UpdateImageMetadataResult | InputRequiredResult:
    """Rewrite titles and descriptions of images, up to 500 in one call.

    Use search_images first, and dry_run to see the diff. FinerWorks removes every product (virtual
    inventory) of an inventory image whose text is updated, also from shops. When any would go, a
    person is asked, with names; it answers confirmation_required when it cannot ask by itself: call
    again with plan_id only after a clear yes. An image that already has the text is not sent. The
    result shows each image as read back.
    """
    rewriting = _Rewriting(ctx, images)
    if dry_run:
        await rewriting.read()
        return previewed(UpdateImageMetadataResult, rewriting.rows(), rewriting.summary())
    return await carry_out(ctx, rewriting, plan_id, UpdateImageMetadataResult)


class _Rewriting:
    """The images of one call as they were read last, with their new text."""

    tool = "update_image_metadata"

    def __init__(self, ctx: Call, images: Sequence[ImageText]) -> None:
        ordered = sorted(images, key=lambda image: image.guid)
        self.arguments: object = [image.model_dump(exclude_none=True) for image in ordered]
        self.read_at = 0.0
        self._found: Mapping[str, ImageDetails] | None = None
        self._ctx = ctx
        self._images = images

    @property
    def rewrites(self) -> list[Rewrite]:
        """The whole new text of every image that exists: title and description go together."""
        found = self._found or {}
        return [_rewrite(found[one.guid], one) for one in self._images if one.guid in found]

    async def read(self) -> None:
        """Read the images fresh."""
        library = parts_of(self._ctx).library
        guids = [image.guid for image in self._images]
        self.read_at = library.clock()
        self._found = await read_anywhere(library, guids, started=self.read_at)

    async def propose(self) -> Proposal:
        """Read, and say whose products would go."""
        await self.read()
        targets = [rewrite_target(one) for one in self._losing()]
        changing = sum(one.changes for one in self.rewrites)
        return Proposal(
            tool=self.tool,
            caller=caller_of(self._ctx),
            arguments=self.arguments,
            targets=targets,
            question=retitling_question(targets, changing),
        )

    async def write(self, job: Job) -> list[Ended]:
        """Rewrite what was read last."""
        return await update_images(parts_of(self._ctx).library, job, self.rewrites)

    def summary(self) -> str:
        """What would change and go."""
        changing = sum(one.changes for one in self.rewrites)
        lost = products_summary(hung_products(one.before for one in self._losing()))
        return f"{changing} images would be rewritten; {lost} would be removed."

    def rows(self, ended: Sequence[Ended] = ()) -> list[EndRow]:
        """One row an image: how it ended, or what would change."""
        rows = {one.before.guid: _preview(one) for one in self.rewrites}
        rows.update((end.guid, _with_diff(end)) for end in ended if end.guid)
        missing = not_found if self._found is not None else untouched
        return [rows.get(image.guid) or missing(image.guid) for image in self._images]

    def _losing(self) -> list[Rewrite]:
        return [one for one in self.rewrites if one.changes and products(one.before)]


def _rewrite(before: ImageDetails, image: ImageText) -> Rewrite:
    title = before.title if image.title is None else image.title
    description = before.description if image.description is None else image.description
    return Rewrite(before, title or "", description or "")


def _preview(rewrite: Rewrite) -> EndRow:
    before = rewrite.before
    row = untouched(before.guid, before.file_name)
    at_risk = product_rows(products(before)) if rewrite.changes else None
    diff = _diff(before, rewrite.title, rewrite.description)
    return row.model_copy(update={**diff, "products_at_risk": at_risk})


def _with_diff(end: Ended) -> EndRow:
    row = end_row(end)
    if end.before is None or end.after is None:
        return row
    diff = _diff(end.before, end.after.title or "", end.after.description or "")
    return row.model_copy(update=diff)


def _diff(before: ImageDetails, title: str, description: str) -> dict[str, ChangeRow]:
    pairs = {
        "title": ChangeRow(before=before.title or "", after=title),
        "description": ChangeRow(before=before.description or "", after=description),
    }
    return {name: pair for name, pair in pairs.items() if pair.before != pair.after}
