"""`add_images`: register metadata and addresses."""

from collections.abc import Collection, Sequence
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Literal, Self
from urllib.parse import unquote, urlsplit

from mcp.types import InputRequiredResult
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from fw_mcp.api.models import DESCRIPTION_LIMIT, FILE_NAME_LIMIT, URI_LIMIT, ImageToAdd, LibraryName
from fw_mcp.errors import ArgumentsError, Reason
from fw_mcp.server.arguments import ContinueHandle, DryRun, Flag, Positive, Title, either
from fw_mcp.server.lanes import Lanes
from fw_mcp.server.results import CallStatus, WriteResult
from fw_mcp.server.rows import RowOutcome
from fw_mcp.server.tool import Call, caller_of, parts_of
from fw_mcp.writes.addition import TOOL, addition, addition_again
from fw_mcp.writes.already_there import already_there
from fw_mcp.writes.verify import check_files

_URLS_SHOWN = 10


def _http_url(text: str) -> str:
    if urlsplit(text).scheme not in {"http", "https"}:
        raise ValueError("must be an http or https URL that FinerWorks can reach")
    return text


_Url = Annotated[str, Field(max_length=URI_LIMIT), AfterValidator(_http_url)]
_FileName = Annotated[str, Field(max_length=FILE_NAME_LIMIT)]


class NewImage(BaseModel):
    """One image to register."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Title | None = Field(None, description="At most 1,000 characters; default file_name.")
    description: str | None = Field(
        None, max_length=DESCRIPTION_LIMIT, description="At most 300 characters."
    )
    file_name: _FileName = Field(description="The seller's file name.")
    file_size: Positive = Field(description="Print master, bytes.")
    thumbnail_file_name: _FileName | None = Field(None, description="From the URI.")
    preview_file_name: _FileName | None = Field(None, description="From the URI.")
    hires_file_name: _FileName | None = Field(None, description="From the URI.")
    public_thumbnail_uri: _Url = Field(description="200x200 pixels, public.")
    public_preview_uri: _Url = Field(description="Preview, public.")
    private_hires_uri: _Url = Field(description="Print master.")
    pix_w: Positive = Field(description="Print master, pixels.")
    pix_h: Positive = Field(description="Print master, pixels.")

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
        return given or path.name[-FILE_NAME_LIMIT:]


_URI_OF = {
    "thumbnail_file_name": "public_thumbnail_uri",
    "preview_file_name": "public_preview_uri",
    "hires_file_name": "private_hires_uri",
}


class AddImagesResult(WriteResult):
    """What became of each image."""

    planned: ClassVar[RowOutcome] = RowOutcome.WOULD_ADD

    status: Literal[CallStatus.COMPLETED, CallStatus.INCOMPLETE, CallStatus.DRY_RUN]


async def add_images(
    ctx: Call,
    *,
    images: Annotated[
        list[NewImage] | None,
        Field(
            min_length=1,
            max_length=500,
            description="At most 500: file_name, file_size, pix_w, pix_h, three URIs; title, "
            "description.",
        ),
    ] = None,
    library: Annotated[
        LibraryName, Field(description="temporary is deleted after about 14 days.")
    ] = "inventory",
    allow_duplicate: Annotated[Flag, Field(description="Register the same file again.")] = False,
    verify: Annotated[
        Flag,
        Field(description="Check file_size and pixels first."),
    ] = False,
    dry_run: DryRun = False,
    continue_handle: ContinueHandle | None = None,
) -> AddImagesResult | InputRequiredResult:
    """Import, upload or register new pictures, photos or artwork: add them to the library by URL.

    FinerWorks fetches the URLs: each must be public and stay up until printing. Take sizes and
    pixels from inspect_files, and look with search_images first, because FinerWorks accepts
    duplicates. To change existing images use update_image_metadata. No person is asked. The same
    call within ten minutes returns the first result. Never re-add an unknown image: use
    continue_handle.
    """
    either(
        images,
        continue_handle,
        "images",
        library=library != "inventory",
        allow_duplicate=allow_duplicate,
        verify=verify,
        dry_run=dry_run,
    )
    parts = parts_of(ctx)
    account, writes = parts.account, parts.writes
    if continue_handle is not None:
        written = await writes.go_on(
            caller_of(ctx), continue_handle, TOOL, lambda kept: addition_again(account, kept)
        )
        return AddImagesResult.of(written)
    ready = [image.to_add() for image in images or ()]
    _check_reachable(ready, parts.inspector.own)
    inspector = parts.inspector if verify else None
    operation = addition(
        account, ready, library, allow_duplicate=allow_duplicate, inspector=inspector
    )
    if not allow_duplicate:
        _check_distinct(ready)
    if dry_run:
        if inspector:
            items, started = dict(enumerate(ready)), account.clock()
            await check_files(account, inspector, items, started=started)
        prepared = await operation.read()
        would, told = await already_there(
            account, ready, library, prepared.would, ctx.report_progress
        )
        return AddImagesResult.previewed(would, _sentence(prepared.summary, told))
    return AddImagesResult.of(await writes.run(caller_of(ctx), operation, Lanes(ctx, parts.guard)))


def _sentence(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _check_reachable(images: Sequence[ImageToAdd], own: Collection[str]) -> None:
    """FinerWorks would register what it can never fetch."""
    from fw_mcp.pictures.fetch.guard import is_reachable  # noqa: PLC0415  brings the HTTP library

    unreachable = [
        f"images[{place}].{name}"
        for place, image in enumerate(images)
        for name in _URI_OF.values()
        if not is_reachable(getattr(image, name), own=own)
    ]
    if not unreachable:
        return
    more = len(unreachable) - _URLS_SHOWN
    told = ", ".join(unreachable[:_URLS_SHOWN]) + (f" and {more} more" if more > 0 else "")
    raise ArgumentsError(
        f"add_images was not run: FinerWorks cannot reach {told}: a URL needs a host on the "
        "internet, not this machine or a private network, and no spaces.",
        state="Nothing was sent.",
        next_step="Give public URLs and call it again.",
        reason=Reason.INVALID_ARGUMENTS,
    )


def _check_distinct(images: Sequence[ImageToAdd]) -> None:
    """One file named twice is more often a slip than a wish."""
    files = [(image.private_hires_uri, image.file_name, image.file_size) for image in images]
    twice = next((index for index, file in enumerate(files) if file in files[:index]), None)
    if twice is None:
        return
    first = files.index(files[twice])
    raise ArgumentsError(
        f"add_images was not run: images[{twice}] is the same file as images[{first}].",
        state="Nothing was sent.",
        next_step="Leave one out, or set allow_duplicate to register it twice.",
        reason=Reason.INVALID_ARGUMENTS,
    )
