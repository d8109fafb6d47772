"""`add_images`: register metadata and addresses."""

from collections.abc import Collection, Sequence
from pathlib import PurePosixPath
from typing import Annotated, ClassVar, Self
from urllib.parse import unquote, urlsplit

from mcp.types import InputRequiredResult
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails

from fw_mcp.api.models import DESCRIPTION_LIMIT, FILE_NAME_LIMIT, URI_LIMIT, ImageToAdd, LibraryName
from fw_mcp.errors import ArgumentsError, Reason
from fw_mcp.server.arguments import ContinueHandle, DryRun, Flag, PlanId, Positive, Title, either
from fw_mcp.server.end_rows import RowOutcome
from fw_mcp.server.lanes import Lanes
from fw_mcp.server.results import GuardedResult
from fw_mcp.server.tool import Call, caller_of, is_local, parts_of
from fw_mcp.text import is_blank
from fw_mcp.writes.addition import TOOL, addition, addition_again, would_register
from fw_mcp.writes.already_there import already_there
from fw_mcp.writes.local_files import MOST, Named, stand
from fw_mcp.writes.operation import Operation
from fw_mcp.writes.outcomes import Items
from fw_mcp.writes.print_master import FileToAdd
from fw_mcp.writes.verify import check_files
from fw_mcp.writes.would_add import FilesSeen, seen

_URLS_SHOWN = 10


def _http_url(text: str) -> str:
    if urlsplit(text).scheme not in {"http", "https"}:
        raise ValueError("must be an http or https URL that FinerWorks can reach")
    return text


_Url = Annotated[str, Field(max_length=URI_LIMIT), AfterValidator(_http_url)]
_FileName = Annotated[str, Field(max_length=FILE_NAME_LIMIT)]


FROM_FILES = """\
Upload, import or register new photos, pictures or artwork: add files or a folder to the library.

Give each image file, or folder/ for all in it; sizes are read. Before a folder's first upload a \
person is asked: show question; repeat with plan_id only after a yes. URLs must stay public until \
printing. For existing images use update_image_metadata. The same call within ten minutes returns \
the first result. Never re-add an unknown image: use continue_handle."""
"""What the tool says of itself where files of this machine can be uploaded."""


class NewImage(BaseModel):
    """One image to register."""

    # The list says what its items are.
    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra=lambda schema: schema.pop("description")
    )

    file: str | None = Field(
        None, description="Path, with title, description only; folder/: all in it."
    )
    title: Title | None = Field(None, description="At most 1,000 characters; default file_name.")
    description: str | None = Field(
        None, max_length=DESCRIPTION_LIMIT, description="At most 300 characters."
    )
    file_name: _FileName | None = Field(None, description="The seller's.")
    file_size: Positive | None = Field(None, description="Bytes.")
    thumbnail_file_name: _FileName | None = Field(None, description="From the URI.")
    preview_file_name: _FileName | None = Field(None, description="From the URI.")
    hires_file_name: _FileName | None = Field(None, description="From the URI.")
    public_thumbnail_uri: _Url | None = Field(None, description="200x200 pixels.")
    public_preview_uri: _Url | None = Field(None, description="Preview.")
    private_hires_uri: _Url | None = Field(None, description="Print master.")
    pix_w: Positive | None = Field(None, description="Print master.")
    pix_h: Positive | None = Field(None, description="Print master.")

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        """A file, which says the rest by itself, or all of what says it."""
        given = {name for name in self.model_fields_set if getattr(self, name) is not None}
        if self.file is not None:
            if beside := sorted(given - _BESIDE_A_FILE):
                raise ValueError(f"{', '.join(beside)} cannot be given beside file: it is read")
            return self
        if missing := [name for name in _NEEDED if name not in given]:
            raise ValidationError.from_exception_data(
                type(self).__name__,
                [InitErrorDetails(type="missing", loc=(name,), input=None) for name in missing],
            )
        if unnamed := [name for name in _URI_OF if not self._name(name)]:
            raise ValueError(f"{', '.join(unnamed)} cannot be derived from the URI; provide it")
        return self

    def to_add(self) -> ImageToAdd:
        """The image as the API takes it."""
        names = {name: self._name(name) for name in _URI_OF}
        return ImageToAdd.model_validate(
            {**self.model_dump(exclude={"file"}), **names, **self.texts()}
        )

    def texts(self) -> dict[str, str | None]:
        """Title and description; FinerWorks would store a blank one, which can only mean none."""
        given = {"title": self.title, "description": self.description}
        return {name: None if text and is_blank(text) else text for name, text in given.items()}

    def _name(self, name: str) -> str:
        given: str | None = getattr(self, name)
        path = PurePosixPath(unquote(urlsplit(getattr(self, _URI_OF[name])).path))
        return given or path.name[-FILE_NAME_LIMIT:]


_URI_OF = {
    "thumbnail_file_name": "public_thumbnail_uri",
    "preview_file_name": "public_preview_uri",
    "hires_file_name": "private_hires_uri",
}
_NEEDED = ("file_name", "file_size", *_URI_OF.values(), "pix_w", "pix_h")
_BESIDE_A_FILE = frozenset({"file", "title", "description"})


class AddImagesResult(GuardedResult):
    """What became of each image."""

    planned: ClassVar[RowOutcome] = RowOutcome.WOULD_ADD


async def add_images(
    ctx: Call,
    *,
    images: Annotated[
        list[NewImage] | None,
        Field(
            min_length=1,
            max_length=500,
            description="At most 500: file, or file_name, file_size, pix_w, pix_h, three URIs.",
        ),
    ] = None,
    library: Annotated[
        LibraryName, Field(description="temporary is deleted after about 14 days.")
    ] = "inventory",
    allow_duplicate: Annotated[Flag, Field(description="Register the same file again.")] = False,
    verify: Annotated[
        Flag,
        Field(description="Refuse differing size or pixels."),
    ] = False,
    dry_run: DryRun = False,
    plan_id: PlanId | None = None,
    continue_handle: ContinueHandle | None = None,
) -> AddImagesResult | InputRequiredResult:
    """Upload, import or register new photos, pictures or artwork: add images to the library by URL.

    FinerWorks fetches each link: it must be public and stay up until printing. Take sizes and
    pixels from inspect_files; ask search_images first: FinerWorks accepts duplicates. To change
    existing images use update_image_metadata. The same call within ten minutes
    returns the first result. Never re-add an unknown image: use continue_handle.
    """
    either(
        images,
        continue_handle,
        "images",
        library=library != "inventory",
        allow_duplicate=allow_duplicate,
        verify=verify,
        dry_run=dry_run,
        plan_id=plan_id is not None,
    )
    parts = parts_of(ctx)
    account, writes = parts.account, parts.writes
    if continue_handle is not None:
        written = await writes.go_on(
            caller_of(ctx),
            continue_handle,
            TOOL,
            lambda kept: addition_again(account, kept, parts.files),
        )
        return AddImagesResult.of(written)
    ready, told = await _ready(ctx, images or [], library)
    urls = {item: one for item, one in enumerate(ready) if isinstance(one, ImageToAdd)}
    _check_reachable(urls, parts.inspector.own)
    inspector = parts.inspector if verify else None
    operation = addition(
        account,
        ready,
        library,
        allow_duplicate=allow_duplicate,
        inspector=inspector,
        files=parts.files,
    )
    if not allow_duplicate:
        _check_distinct(urls)
    if dry_run:
        if inspector:
            await check_files(account, inspector, urls, started=account.clock())
        return await _would(ctx, operation, ready, library, told)
    ask = Lanes(ctx, parts.guard, plan_id)
    written = await writes.run(caller_of(ctx), operation, ask)
    return _with(AddImagesResult.of(written), told)


async def _ready(
    ctx: Call, images: Sequence[NewImage], library: LibraryName
) -> tuple[list[ImageToAdd | FileToAdd], str]:
    """What the items of a call stand for, in its order, and what of folders is left out."""
    named = {
        item: Named(one.file, **one.texts())
        for item, one in enumerate(images)
        if one.file is not None
    }
    if not named:
        return [image.to_add() for image in images], ""
    files = parts_of(ctx).files
    if files is None or not is_local(ctx):
        raise ArgumentsError(
            "add_images was not run: files of this machine can be named over stdio only.",
            state="Nothing was sent.",
            next_step="Give public URLs.",
            reason=Reason.INVALID_ARGUMENTS,
        )
    # Whose uploads are on record must be known.
    await files.writes.identify()
    stood = await stand(files.uploads, named, library, MOST - (len(images) - len(named)))
    ready: list[ImageToAdd | FileToAdd] = []
    for item, image in enumerate(images):
        ready += stood.files[item] if item in named else [image.to_add()]
    return ready, stood.told


async def _would(
    ctx: Call,
    operation: Operation,
    ready: Sequence[ImageToAdd | FileToAdd],
    library: LibraryName,
    told: str,
) -> AddImagesResult:
    """What the call would do; of files, headers alone are read."""
    parts = parts_of(ctx)
    prepared = await operation.read()
    images = {item: one for item, one in enumerate(ready) if isinstance(one, ImageToAdd)}
    local = {item: one for item, one in enumerate(ready) if isinstance(one, FileToAdd)}
    looks = FilesSeen()
    if local and parts.files:
        looks = await seen(parts.account, parts.files.uploads, local)
    would, there = await already_there(
        parts.account,
        {**images, **looks.images},
        library,
        {**prepared.would, **looks.unread},
        ctx.report_progress,
    )
    summary = _sentence(would_register(len(ready) - len(looks.unread)), there, looks.told, told)
    return AddImagesResult.previewed(would, summary, looks.found)


def _with(
    result: AddImagesResult | InputRequiredResult, told: str
) -> AddImagesResult | InputRequiredResult:
    """The result, which also says what of a folder is left out."""
    if not told or not isinstance(result, AddImagesResult):
        return result
    return result.model_copy(update={"message": _sentence(result.message, told)})


def _sentence(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _check_reachable(images: Items[ImageToAdd], own: Collection[str]) -> None:
    """FinerWorks would register what it can never fetch."""
    from fw_mcp.pictures.fetch.guard import is_reachable  # noqa: PLC0415  brings the HTTP library

    unreachable = [
        f"images[{place}].{name}"
        for place, image in images.items()
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


def _check_distinct(images: Items[ImageToAdd]) -> None:
    """One file named twice is more often a slip than a wish."""
    first: dict[tuple[str, str, int], int] = {}
    for item, image in images.items():
        file = (image.private_hires_uri, image.file_name, image.file_size)
        if (same := first.setdefault(file, item)) == item:
            continue
        raise ArgumentsError(
            f"add_images was not run: images[{item}] is the same file as images[{same}].",
            state="Nothing was sent.",
            next_step="Omit one, or set allow_duplicate to register it twice.",
            reason=Reason.INVALID_ARGUMENTS,
        )
