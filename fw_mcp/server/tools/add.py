"""`add_images`: register metadata and addresses."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath
from typing import Annotated, Any, Self
from urllib.parse import unquote, urlsplit

from mcp.types import InputRequiredResult
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from fw_mcp.api.models import DESCRIPTION_LIMIT, FILE_NAME_LIMIT, URI_LIMIT, ImageToAdd, LibraryName
from fw_mcp.errors import ArgumentsError, Reason
from fw_mcp.guard.guard import Proposal
from fw_mcp.guard.targets import digest
from fw_mcp.images.read import read_images
from fw_mcp.server.arguments import ContinueHandle, DryRun, Flag, Positive, Title
from fw_mcp.server.context import Call, caller_of
from fw_mcp.server.guarded import Undertaking, carry_out, either, go_on
from fw_mcp.server.results import Status, WriteResult, completed, previewed
from fw_mcp.server.rows import EndRow, end_row
from fw_mcp.server.verifying import check_files
from fw_mcp.writes.add import add_images as add
from fw_mcp.writes.job import Ends, Items, Job
from fw_mcp.writes.outcomes import Ended, Outcome

_DOUBLED = "FinerWorks lists some images more often than asked for: see their details."


def _http_url(text: str) -> str:
    if urlsplit(text).scheme not in {"http", "https"}:
        raise ValueError("must be an http or https URL that FinerWorks can reach")
    return text


_Url = Annotated[str, Field(max_length=URI_LIMIT), AfterValidator(_http_url)]
_FileName = Annotated[str, Field(max_length=FILE_NAME_LIMIT)]


class NewImage(BaseModel):
    """One image to register."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Title | None = Field(None, description="Left out: file_name.")
    description: str | None = Field(
        None, max_length=DESCRIPTION_LIMIT, description="At most 300 characters."
    )
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
        return given or path.name[-FILE_NAME_LIMIT:]


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
        list[NewImage] | None, Field(min_length=1, max_length=500, description="What to register.")
    ] = None,
    library: Annotated[
        LibraryName, Field(description="Default inventory. temporary is kept about 14 days.")
    ] = "inventory",
    allow_duplicate: Annotated[
        Flag, Field(description="true: register the same files again on purpose. Default false.")
    ] = False,
    verify: Annotated[
        Flag,
        Field(description="true: first compare file_size and pixels with the file. Default false."),
    ] = False,
    dry_run: DryRun = False,
    continue_handle: ContinueHandle | None = None,
) -> AddImagesResult | InputRequiredResult:
    """Register new images in the FinerWorks library, up to 500 in one call.

    No bytes are uploaded: FinerWorks fetches the URLs, so each must be reachable from the internet
    and stay up until printing. inspect_files reads their size and pixels; search_images shows what
    is there already: only a file named twice in one call, and the same call within ten minutes, are
    caught here. The result gives each guid as read back; one whose outcome is unknown must be
    looked up with search_images before it is added again.
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
    if continue_handle is not None:
        return await go_on(ctx, continue_handle, _Addition.tool, partial(_Addition.again, ctx))
    ready = [image.to_add() for image in images or ()]
    addition = _Addition(ctx, ready, library, allow_duplicate=allow_duplicate, verify=verify)
    if not allow_duplicate:
        _check_distinct(ready)
    if dry_run:
        return await addition.previewed()
    return await carry_out(ctx, addition)


class _Addition(Undertaking[AddImagesResult]):
    """The images of one call."""

    tool = "add_images"
    result = AddImagesResult
    resumes = True

    def __init__(
        self,
        ctx: Call,
        images: Sequence[ImageToAdd],
        library: LibraryName,
        *,
        allow_duplicate: bool,
        verify: bool = False,
    ) -> None:
        super().__init__(ctx)
        self._images = images
        self._name = library
        self._allow_duplicate = allow_duplicate
        # No part of what is asked for: the same call with it or without it is one call.
        self._verify = verify

    @classmethod
    def again(cls, ctx: Call, arguments: Mapping[str, Any]) -> Self:
        """The call that the journal holds."""
        images = [ImageToAdd.model_validate(image) for image in arguments["images"]]
        return cls(ctx, images, arguments["library"], allow_duplicate=arguments["allow_duplicate"])

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The images, as they are sent, and their library."""
        return {
            "images": [image.model_dump(mode="json") for image in self._images],
            "library": self._name,
            "allow_duplicate": self._allow_duplicate,
        }

    @property
    def identity(self) -> object:
        """The order of the images makes no difference."""
        return {**self.arguments, "images": sorted(map(digest, self.arguments["images"]))}

    def placed(self, settled: Items[Ended], arguments: str) -> Items[Ended]:
        """Equal images stand for each other, wherever they stood."""
        ends: dict[str, list[Ended]] = {}
        for item, image in enumerate(json.loads(arguments)["images"]):
            if item in settled:
                ends.setdefault(digest(image), []).append(settled[item])
        places = enumerate(map(digest, self.arguments["images"]))
        return {item: ends[image].pop(0) for item, image in places if ends.get(image)}

    async def propose(self) -> Proposal:
        """Adding takes nothing away, so there is nothing to ask."""
        return Proposal(self.tool, caller_of(self.ctx), self.identity, targets=(), question="")

    async def write(self, job: Job) -> Ends:
        """Register them; what a former run did needs no look at files that may be gone by now."""
        images = dict(enumerate(self._images))
        if self._verify:
            await check_files(self.ctx, job.due(images), started=self.read_at)
        return await add(self.account, job, images, self._name)

    @property
    def items(self) -> int:
        """How many items the call has."""
        return len(self._images)

    async def still_so(self, settled: Items[Ended]) -> Items[Ended]:
        """What is not listed any more is registered again."""
        guids = [end.guid for end in settled.values() if end.guid]
        listed = await read_images(
            self.account, guids, self._name, started=self.read_at, products=False
        )
        return {
            item: end
            for item, end in settled.items()
            # One that has a guid and does not show yet is on its way.
            if end.outcome is Outcome.UNKNOWN or end.guid in listed
        }

    def told(self, ended: Ends | None = None) -> AddImagesResult:
        """One row an image: how it ended, or that nothing was sent for it."""
        result = completed(AddImagesResult, self._rows(ended or {}))
        if not any(end.doubled for end in (ended or {}).values()):
            return result
        message = f"{result.message} {_DOUBLED}"
        return result.model_copy(update={"status": Status.INCOMPLETE, "message": message})

    async def previewed(self) -> AddImagesResult:
        """What would be registered."""
        if self._verify:
            images = dict(enumerate(self._images))
            await check_files(self.ctx, images, started=self.read_at)
        message = f"{len(self._images)} images would be registered."
        return previewed(AddImagesResult, self._rows({}), message)

    def _rows(self, ended: Ends) -> list[EndRow]:
        not_sent = Ended(None, Outcome.NOT_ATTEMPTED)
        return [_row(image, ended.get(item, not_sent)) for item, image in enumerate(self._images)]


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


def _row(image: ImageToAdd, end: Ended) -> EndRow:
    row = end_row(end)
    return row if row.file_name else row.model_copy(update={"file_name": image.file_name})
