"""`add_images`: register metadata and addresses."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Annotated, Self
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from fw_mcp.api.models import ImageToAdd, LibraryName
from fw_mcp.library.adding import add_images as add
from fw_mcp.library.outcomes import Ended, Outcome
from fw_mcp.server.arguments import DryRun, Positive
from fw_mcp.server.parts import Call, job_of, parts_of
from fw_mcp.server.results import WriteResult, completed, previewed
from fw_mcp.server.rows import EndRow, end_row

_TOOL = "add_images"
_NAME_LENGTH = 200


def _http_url(text: str) -> str:
    if urlsplit(text).scheme not in {"http", "https"}:
        raise ValueError("must be an http or https URL that FinerWorks can reach")
    return text


_Url = Annotated[str, Field(max_length=500), AfterValidator(_http_url)]
_FileName = Annotated[str, Field(max_length=_NAME_LENGTH)]


class NewImage(BaseModel):
    """One image to register."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str | None = Field(None, description="Left out: file_name.")
    description: str | None = Field(None, max_length=300, description="At most 300 characters.")
    file_name: _FileName = Field(description="As the seller knows the file.")
    file_size: Positive = Field(description="Of the print master, in bytes.")
    thumbnail_file_name: _FileName | None = Field(None, description="Left out: from its URI.")
    preview_file_name: _FileName | None = Field(None, description="Left out: from its URI.")
    hires_file_name: _FileName | None = Field(None, description="Left out: from its URI.")
    public_thumbnail_uri: _Url = Field(description="200x200 pixels.")
    public_preview_uri: _Url = Field(description="Preview picture.")
    private_hires_uri: _Url = Field(description="Print master; stays up until printing.")
    pix_w: Positive = Field(description="Width of the print master, pixels.")
    pix_h: Positive = Field(description="Height of the print master, pixels.")

    @model_validator(mode="after")
    def _names_files(self) -> Self:
        unnamed = [name for name in _URI_OF if not self._name(name)]
        if unnamed:
            raise ValueError(f"{', '.join(unnamed)} cannot be taken from the URI: give it")
        return self

    def to_add(self) -> ImageToAdd:
        """The image as the API takes it."""
        names = {name: self._name(name) for name in _URI_OF}
        return ImageToAdd.model_validate({**self.model_dump(), **names})

    def _name(self, name: str) -> str:
        given: str | None = getattr(self, name)
        path = PurePosixPath(unquote(urlsplit(getattr(self, _URI_OF[name])).path))
        return given or path.name[-_NAME_LENGTH:]


_URI_OF = {
    "thumbnail_file_name": "public_thumbnail_uri",
    "preview_file_name": "public_preview_uri",
    "hires_file_name": "private_hires_uri",
}


class AddImagesResult(WriteResult):
    """What became of each image, in the order given."""


async def add_images(
    ctx: Call,
    *,
    images: Annotated[
        list[NewImage], Field(min_length=1, max_length=500, description="What to register.")
    ],
    library: Annotated[
        LibraryName, Field(description="Default inventory. temporary is kept about 14 days.")
    ] = "inventory",
    dry_run: DryRun = False,
) -> AddImagesResult:
    """Register new images in the FinerWorks library, up to 500 in one call.

    No bytes are uploaded: FinerWorks fetches the URLs, so each must be reachable from the internet
    and stay up until printing. Check with search_images that the files are not there yet, because
    the same file given twice is registered twice. The result gives each image's guid as read back;
    one whose outcome is unknown must be looked up with search_images before it is added again.
    """
    parts = parts_of(ctx)
    ready = [image.to_add() for image in images]
    if dry_run:
        rows = [_row(image, Ended(None, Outcome.NOT_ATTEMPTED)) for image in ready]
        return previewed(AddImagesResult, rows, f"{len(ready)} images would be registered.")
    parts.guard.admit(_TOOL)
    ended = await add(parts.library, job_of(ctx, _TOOL), ready, library)
    return completed(AddImagesResult, _rows(ready, ended))


def _rows(images: Sequence[ImageToAdd], ended: Sequence[Ended]) -> list[EndRow]:
    return [_row(image, end) for image, end in zip(images, ended, strict=True)]


def _row(image: ImageToAdd, end: Ended) -> EndRow:
    row = end_row(end)
    return row if row.file_name else row.model_copy(update={"file_name": image.file_name})
