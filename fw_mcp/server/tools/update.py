"""`update_image_metadata`: with a question where products would go."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Self

from mcp.types import InputRequiredResult
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from fw_mcp.api.models import DESCRIPTION_LIMIT, ImageDetails
from fw_mcp.guard.guard import Proposal
from fw_mcp.guard.question import products_summary, retitling_question
from fw_mcp.guard.targets import states
from fw_mcp.images.read import read_anywhere
from fw_mcp.server.arguments import ContinueHandle, DryRun, Guid, PlanId, Title
from fw_mcp.server.context import Call, caller_of
from fw_mcp.server.guarded import Undertaking, carry_out, either, go_on
from fw_mcp.server.results import GuardedResult, completed, previewed
from fw_mcp.server.rows import (
    DESCRIPTION_SHOWN,
    RECORD_TEXT_SHOWN,
    TITLE_SHOWN,
    ChangeRow,
    EndRow,
    end_row,
    not_found,
    product_rows,
    untouched,
)
from fw_mcp.server.targets import hung_products, rewrite_target, target_of
from fw_mcp.text import restored, shown
from fw_mcp.writes.job import Ends, Items, Job
from fw_mcp.writes.outcomes import Ended
from fw_mcp.writes.update import Rewrite, text_of, update_images


class ImageText(BaseModel):
    """New text for one image; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    guid: Guid = Field(description="From search_images.")
    title: Title | None = Field(None, description="New title. Left out or empty: stays.")
    description: str | None = Field(
        None, max_length=DESCRIPTION_LIMIT, description="New description. Left out or empty: stays."
    )

    @model_validator(mode="after")
    def _gives_something(self) -> "ImageText":
        if self.title is None and self.description is None:
            raise ValueError("give a title, a description or both")
        return self


def _each_once(images: list[ImageText] | None) -> list[ImageText] | None:
    guids = [image.guid for image in images or ()]
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
        list[ImageText] | None,
        AfterValidator(_each_once),
        Field(min_length=1, max_length=500, description="guid and what to rewrite."),
    ] = None,
    dry_run: DryRun = False,
    plan_id: PlanId | None = None,
    continue_handle: ContinueHandle | None = None,
) -> UpdateImageMetadataResult | InputRequiredResult:
    """Rewrite titles and descriptions of images, up to 500 in one call.

    Use search_images first, and dry_run to see the diff. FinerWorks removes every product (virtual
    inventory) of an inventory image whose text is updated, also from shops. When any would go, a
    person is asked, with names; it answers confirmation_required when it cannot ask by itself: call
    again with plan_id only after a clear yes. An image that already has the text is not sent. The
    result shows each image as read back.
    """
    either(images, continue_handle, "images", dry_run=dry_run, plan_id=plan_id is not None)
    if continue_handle is not None:
        return await go_on(ctx, continue_handle, _Rewriting.tool, partial(_Rewriting.again, ctx))
    rewriting = _Rewriting(ctx, images or [])
    if dry_run:
        return await rewriting.previewed()
    return await carry_out(ctx, rewriting, plan_id)


class _Rewriting(Undertaking[UpdateImageMetadataResult]):
    """The images of one call as they were read last, with their new text."""

    tool = "update_image_metadata"
    result = UpdateImageMetadataResult

    def __init__(self, ctx: Call, images: Sequence[ImageText]) -> None:
        super().__init__(ctx)
        self._found: Mapping[str, ImageDetails] | None = None
        self._images = images

    @classmethod
    def again(cls, ctx: Call, arguments: Mapping[str, Any]) -> Self:
        """The call that the journal holds."""
        return cls(ctx, [ImageText.model_validate(image) for image in arguments["images"]])

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The texts, as given."""
        return {"images": [image.model_dump(exclude_none=True) for image in self._images]}

    @property
    def items(self) -> int:
        """How many items the call has."""
        return len(self._images)

    @property
    def identity(self) -> object:
        """The order of the images makes no difference."""
        ordered = sorted(self._images, key=lambda image: image.guid)
        return [image.model_dump(exclude_none=True) for image in ordered]

    async def propose(self) -> Proposal:
        """Read, and say whose products would go."""
        await self._read()
        targets = [rewrite_target(one) for one in self._losing()]
        changing = sum(one.changes for one in self._rewrites.values())
        return Proposal(
            tool=self.tool,
            caller=caller_of(self.ctx),
            arguments=self.identity,
            targets=targets,
            question=retitling_question(targets, changing),
        )

    @property
    def seen(self) -> dict[str, str]:
        """Each image that would be rewritten, as it was read last."""
        return states(target_of(one.before) for one in self._rewrites.values())

    async def still_so(self, settled: Items[Ended]) -> Items[Ended]:
        """What still has the text that it was given."""
        found = self._found or {}
        return {
            item: end
            for item, end in settled.items()
            if end.after is not None
            and (now := found.get(end.guid or "")) is not None
            and text_of(now) == text_of(end.after)
        }

    async def write(self, job: Job) -> Ends:
        """Rewrite what was read last."""
        return dict(job.settled) | await update_images(self.account, job, self._rewrites)

    def told(self, ended: Ends | None = None) -> UpdateImageMetadataResult:
        """One row an image: how it ended, or what would change."""
        return completed(UpdateImageMetadataResult, self._rows(ended or {}))

    async def previewed(self) -> UpdateImageMetadataResult:
        """What would change and go."""
        await self._read()
        changing = sum(one.changes for one in self._rewrites.values())
        lost = products_summary(hung_products(one.before for one in self._losing()))
        message = f"{changing} images would be rewritten; {lost} would be removed."
        return previewed(UpdateImageMetadataResult, self._rows({}), message)

    @property
    def _rewrites(self) -> dict[int, Rewrite]:
        """The whole new text of every image that exists: title and description go together."""
        found = self._found or {}
        return {
            item: _rewrite(found[one.guid], one)
            for item, one in enumerate(self._images)
            if one.guid in found
        }

    def _losing(self) -> list[Rewrite]:
        return [one for one in self._rewrites.values() if one.changes and one.before.hung]

    async def _read(self) -> None:
        guids = [image.guid for image in self._images]
        self.read_at = self.account.clock()
        self._found = await read_anywhere(self.account, guids, started=self.read_at)

    def _rows(self, ended: Ends) -> list[EndRow]:
        rewrites = self._rewrites
        missing = not_found if self._found is not None else untouched
        return [
            row_with_diff(ended[item])
            if item in ended
            else preview_row(rewrites[item])
            if item in rewrites
            else missing(image.guid)
            for item, image in enumerate(self._images)
        ]


def _rewrite(before: ImageDetails, image: ImageText) -> Rewrite:
    title = _meant(image.title, before.title or "", TITLE_SHOWN)
    description = _meant(image.description, before.description or "", DESCRIPTION_SHOWN)
    return Rewrite(before, title, description)


def _meant(given: str | None, stored: str, listed: int) -> str:
    """The text to store: what a result showed of the stored one means the stored one itself."""
    shapes = {shown(stored, limit).text for limit in (listed, RECORD_TEXT_SHOWN)}
    return stored if given is None or given in shapes else restored(given, stored)


def preview_row(rewrite: Rewrite) -> EndRow:
    """An image that would be rewritten: its diff, and the products at risk."""
    before = rewrite.before
    row = untouched(before.guid, before.file_name)
    at_risk = product_rows(before.hung) if rewrite.changes else None
    diff = _diff(before, rewrite.title, rewrite.description)
    return row.model_copy(update={**diff, "products_at_risk": at_risk})


def row_with_diff(end: Ended) -> EndRow:
    """How an image ended, and what of its text changed."""
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
