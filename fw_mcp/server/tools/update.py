"""`update_image_metadata`: with a question where products would go."""

from typing import Annotated, ClassVar, Literal

from mcp.types import InputRequiredResult
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from fw_mcp.api.models import DESCRIPTION_LIMIT
from fw_mcp.server.arguments import ContinueHandle, DryRun, Guid, PlanId, Title, either
from fw_mcp.server.end_rows import RowOutcome
from fw_mcp.server.lanes import Lanes
from fw_mcp.server.results import GuardedResult
from fw_mcp.server.rows import meant
from fw_mcp.server.tool import Call, caller_of, parts_of
from fw_mcp.writes.update import TOOL, NewText, update, update_again

_GUIDS_NAMED = 5


class ImageText(BaseModel):
    """New text for one image; what is omitted stays as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    guid: Guid = Field(description="From search_images, either library.")
    title: Title | None = Field(None, description="At most 1,000 characters; empty: unchanged.")
    description: str | None = Field(
        None,
        max_length=DESCRIPTION_LIMIT,
        description="At most 300 characters; empty: unchanged.",
    )
    clear: list[Literal["description"]] | None = Field(None, description="Empties it.")

    @model_validator(mode="after")
    def _gives_something(self) -> "ImageText":
        if self.clear and self.description is not None:
            raise ValueError("give a description or clear it, not both")
        if self.title is None and self.description is None and not self.clear:
            raise ValueError("give a title, a description or both")
        return self

    def new_text(self) -> NewText:
        """What is asked: an empty description clears it."""
        return NewText(self.guid, self.title, "" if self.clear else self.description)


def _each_once(images: list[ImageText]) -> list[ImageText]:
    guids = [image.guid for image in images]
    twice = sorted({guid for guid in guids if guids.count(guid) > 1})
    if twice:
        more = len(twice) - _GUIDS_NAMED
        named = ", ".join(twice[:_GUIDS_NAMED]) + (f" and {more} more" if more > 0 else "")
        raise ValueError(f"each guid may appear only once; repeated: {named}")
    return images


_Texts = Annotated[list[ImageText], Field(min_length=1, max_length=500), AfterValidator(_each_once)]


class UpdateImageMetadataResult(GuardedResult):
    """What became of each image."""

    planned: ClassVar[RowOutcome] = RowOutcome.WOULD_UPDATE


async def update_image_metadata(
    ctx: Call,
    *,
    images: Annotated[
        _Texts | None,
        Field(description="At most 500: guid, new title or description."),
    ] = None,
    dry_run: DryRun = False,
    plan_id: PlanId | None = None,
    continue_handle: ContinueHandle | None = None,
) -> UpdateImageMetadataResult | InputRequiredResult:
    """Rename photos or pictures: change, edit, fix or write titles, captions, descriptions.

    Updates the title or description, nothing else. FinerWorks removes the products of an inventory
    image whose text changes, in shops too, for good, so a person is asked first. On
    confirmation_required relay question verbatim; repeat with plan_id only after a clear yes.
    dry_run gives the diff, undo_change the old text. Limit, images losing products:
    {items_per_call} per call, {deletions_per_hour} per hour.
    """
    either(images, continue_handle, "images", dry_run=dry_run, plan_id=plan_id is not None)
    parts = parts_of(ctx)
    account, writes = parts.account, parts.writes
    if continue_handle is not None:
        written = await writes.go_on(
            caller_of(ctx),
            continue_handle,
            TOOL,
            lambda kept: update_again(account, kept, meant, writes.history),
        )
        return UpdateImageMetadataResult.of(written)
    texts = [one.new_text() for one in images or ()]
    operation = update(account, texts, meant, writes.history)
    if dry_run:
        prepared = await operation.read()
        return UpdateImageMetadataResult.previewed(prepared.would, prepared.summary)
    ask = Lanes(ctx, parts.guard, plan_id)
    return UpdateImageMetadataResult.of(await writes.run(caller_of(ctx), operation, ask))
