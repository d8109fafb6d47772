"""What each endpoint accepts, member for member, as the public reference has it."""

from dataclasses import dataclass, field
from enum import StrEnum

from fw_mcp.sandbox.binding import (
    INT64_MAX,
    Array,
    Choice,
    Flag,
    Guid,
    Integer,
    Kind,
    Members,
    Moment,
    Text,
)
from fw_mcp.sandbox.central import Period


class LibraryName(StrEnum):
    """The two libraries of an account."""

    INVENTORY = "inventory"
    TEMPORARY = "temporary"


class SortField(StrEnum):
    """What ``list_images`` sorts by."""

    ID = "id"
    TITLE = "title"
    FILE_NAME = "file_name"
    FILE_SIZE = "file_size"
    DATE_ADDED = "date_added"


class SortDirection(StrEnum):
    """Which way ``list_images`` sorts."""

    ASC = "ASC"
    DESC = "DESC"


def holds(kind: Kind[object]) -> dict[str, Kind[object]]:
    """The metadata of a field that binds as ``kind``."""
    return {"kind": kind}


@dataclass(frozen=True)
class Nothing:
    """No body and no query."""


@dataclass(frozen=True)
class ImageLibrary:
    """``image_library``. ``account_key`` is ignored, as for an app without the permission."""

    name: LibraryName = field(metadata=holds(Choice(LibraryName)))
    session_id: str = field(metadata=holds(Text(8, 50)))
    site_id: int = field(metadata=holds(Integer()))
    account_key: str | None = field(default=None, metadata=holds(Text()))


@dataclass(frozen=True)
class ListImages:
    """``POST /v3/list_images``."""

    library: ImageLibrary = field(metadata=holds(Members(ImageLibrary)))
    search_filter: str = field(default="", metadata=holds(Text()))
    guid_filter: tuple[str, ...] = field(default=(), metadata=holds(Array(Guid())))
    page_number: int = field(default=1, metadata=holds(Integer(1)))
    per_page: int = field(default=10, metadata=holds(Integer(1, 50)))
    sort_field: SortField = field(default=SortField.ID, metadata=holds(Choice(SortField)))
    sort_direction: SortDirection = field(
        default=SortDirection.DESC, metadata=holds(Choice(SortDirection))
    )
    upload_date_from: Period | None = field(default=None, metadata=holds(Moment()))
    upload_date_to: Period | None = field(default=None, metadata=holds(Moment()))
    list_products: bool = field(default=False, metadata=holds(Flag()))
    active: bool | None = field(default=None, metadata=holds(Flag()))


@dataclass(frozen=True)
class NewImage:
    """One image of ``add_images``.

    The reference does not say which members are required; these are the ones without which nothing
    could be named or printed.
    """

    file_name: str = field(metadata=holds(Text(1, 200)))
    private_hires_uri: str = field(metadata=holds(Text(1, 500)))
    pix_w: int = field(metadata=holds(Integer(1)))
    pix_h: int = field(metadata=holds(Integer(1)))
    file_size: int = field(default=0, metadata=holds(Integer(0, INT64_MAX)))
    title: str = field(default="", metadata=holds(Text()))
    description: str = field(default="", metadata=holds(Text(0, 300)))
    thumbnail_file_name: str | None = field(default=None, metadata=holds(Text(0, 200)))
    preview_file_name: str | None = field(default=None, metadata=holds(Text(0, 200)))
    hires_file_name: str | None = field(default=None, metadata=holds(Text(0, 200)))
    public_thumbnail_uri: str | None = field(default=None, metadata=holds(Text(0, 500)))
    public_preview_uri: str | None = field(default=None, metadata=holds(Text(0, 500)))


@dataclass(frozen=True)
class AddImages:
    """``POST /v3/add_images``."""

    images: tuple[NewImage, ...] = field(metadata=holds(Array(Members(NewImage), 1, 5)))
    library: ImageLibrary = field(metadata=holds(Members(ImageLibrary)))


@dataclass(frozen=True)
class ImageText:
    """One image of ``update_images``: null keeps, ``""`` clears."""

    guid: str = field(metadata=holds(Guid()))
    title: str | None = field(default=None, metadata=holds(Text()))
    description: str | None = field(default=None, metadata=holds(Text()))


@dataclass(frozen=True)
class UpdateImages:
    """``PUT /v3/update_images``."""

    images: tuple[ImageText, ...] = field(metadata=holds(Array(Members(ImageText), 1)))
    account_key: str | None = field(default=None, metadata=holds(Text()))


@dataclass(frozen=True)
class DeleteImages:
    """``DELETE /v3/delete_images``. ``guids`` are plain text: a malformed one is only unknown."""

    guids: tuple[str, ...] = field(metadata=holds(Array(Text(), 1)))
    library: ImageLibrary = field(metadata=holds(Members(ImageLibrary)))


@dataclass(frozen=True)
class UpdateFileSelection:
    """``PUT /v3/update_file_selection``. No guids at all empties the selection."""

    guid: str = field(metadata=holds(Guid()))
    guids: tuple[str, ...] = field(metadata=holds(Array(Guid())))


@dataclass(frozen=True)
class ListFileSelection:
    """``GET /v3/list_file_selection?guid=``."""

    guid: str = field(metadata=holds(Guid()))
