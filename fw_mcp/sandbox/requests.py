"""What each endpoint accepts, member for member: lenient binding, strict validation."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from fw_mcp.sandbox import central_time
from fw_mcp.sandbox.central_time import Period

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Schema = dict[str, object]
Value = TypeVar("Value")
Bound_co = TypeVar("Bound_co", covariant=True)
Choices = TypeVar("Choices", bound=StrEnum)
Model = TypeVar("Model", bound="DataclassInstance")

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_INTEGER = re.compile(r"\s*[+-]?\d{1,19}\s*", re.ASCII)
_REQUIRED = "A value is required."
_UNKNOWN = "There is no member of this name."


class BindingError(ValueError):
    """A value that cannot be bound, or is not valid once bound.

    Args:
        problems: the path of each member at fault, ``""`` for the value itself, and what is wrong.
    """

    def __init__(self, problems: Mapping[str, list[str]]) -> None:
        super().__init__(problems)
        self.problems = problems

    def below(self, parent: str) -> dict[str, list[str]]:
        """The same problems, seen from the member that holds this value."""
        return {_joined(parent, path): texts for path, texts in self.problems.items()}


class Kind(Protocol[Bound_co]):
    """What a member may hold."""

    def bind(self, value: object) -> Bound_co:
        """Turn a JSON value into ours, or raise `BindingError`."""
        ...

    def schema(self) -> Schema:
        """Draw the JSON schema of what is accepted."""
        ...


@dataclass(frozen=True)
class Text:
    """Text of a bounded length, in characters."""

    shortest: int = 0
    longest: int | None = None

    def bind(self, value: object) -> str:
        """Refuse other types and lengths; half a surrogate pair becomes U+FFFD."""
        if not isinstance(value, str):
            raise _problem("The value must be text.")
        if not self.shortest <= len(value) <= (self.longest or len(value)):
            raise _problem(f"The length must be {self.shortest} to {self.longest} characters.")
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def schema(self) -> Schema:
        """Lengths appear only when they limit something."""
        limits = {"minLength": self.shortest, "maxLength": self.longest}
        return {"type": "string"} | {name: limit for name, limit in limits.items() if limit}


@dataclass(frozen=True)
class Guid:
    """A GUID with dashes, in any case; bound in lower case."""

    def bind(self, value: object) -> str:
        """Refuse everything that is not a GUID with dashes."""
        if not isinstance(value, str) or not _GUID.fullmatch(value.strip()):
            raise _problem("The value is not a valid GUID.")
        return value.strip().lower()

    def schema(self) -> Schema:
        """The usual format name."""
        return {"type": "string", "format": "uuid"}


@dataclass(frozen=True)
class Integer:
    """A whole number within limits; numeric text and ``3.0`` bind too."""

    least: int = 0
    most: int = INT32_MAX

    def bind(self, value: object) -> int:
        """Refuse what is no whole number, and what lies outside the limits."""
        number = _whole(value)
        if number is None:
            raise _problem("The value must be a whole number.")
        if not self.least <= number <= self.most:
            raise _problem(f"The value must be between {self.least} and {self.most}.")
        return number

    def schema(self) -> Schema:
        """Both limits always."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class Flag:
    """True or false; the words bind too."""

    def bind(self, value: object) -> bool:
        """Refuse everything else."""
        word = str(value).strip().lower() if isinstance(value, bool | str) else ""
        if word not in {"true", "false"}:
            raise _problem("The value must be true or false.")
        return word == "true"

    def schema(self) -> Schema:
        """A boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class Moment:
    """An ISO 8601 date or date and time; ``""`` is null, no offset is US Central."""

    def bind(self, value: object) -> central_time.Period | None:
        """Refuse everything that is no date."""
        if value == "":
            return None
        if not isinstance(value, str):
            raise _problem("The value must be a date, as text.")
        try:
            return central_time.read(value)
        except (ValueError, OverflowError):
            raise _problem("The value is not a valid date.") from None

    def schema(self) -> Schema:
        """A date and time with its offset, the one form of the accepted ones that has a name."""
        return {
            "type": "string",
            "format": "date-time",
            "description": "any ISO 8601 date or date and time; without an offset, US Central",
        }


@dataclass(frozen=True)
class Choice(Generic[Choices]):
    """One of a few words, as written."""

    words: type[Choices]

    def bind(self, value: object) -> Choices:
        """Refuse other words."""
        if not isinstance(value, str) or value not in list(self.words):
            raise _problem(f"The value must be one of: {', '.join(self.words)}.")
        return self.words(value)

    def schema(self) -> Schema:
        """The words."""
        return {"type": "string", "enum": [word.value for word in self.words]}


@dataclass(frozen=True)
class Array(Generic[Value]):
    """A list of one kind."""

    of: Kind[Value]
    fewest: int = 0
    most: int | None = None

    def bind(self, value: object) -> tuple[Value, ...]:
        """Refuse other types and lengths, and collect the problems of every element."""
        if not isinstance(value, list):
            raise _problem("The value must be an array.")
        if not self.fewest <= len(value) <= (self.most or len(value)):
            limit = f"{self.fewest} to {self.most}" if self.most else f"at least {self.fewest}"
            raise _problem(f"The array must hold {limit} items.")
        return self._bind_each(value)

    def _bind_each(self, values: list[object]) -> tuple[Value, ...]:
        bound, problems = [], dict[str, list[str]]()
        for index, value in enumerate(values):
            try:
                bound.append(self.of.bind(value))
            except BindingError as error:
                problems |= error.below(f"[{index}]")
        if problems:
            raise BindingError(problems)
        return tuple(bound)

    def schema(self) -> Schema:
        """Lengths appear only when they limit something."""
        limits = {"minItems": self.fewest, "maxItems": self.most}
        items: Schema = {"type": "array", "items": self.of.schema()}
        return items | {name: limit for name, limit in limits.items() if limit}


@dataclass(frozen=True)
class Members(Generic[Model]):
    """An object bound to a dataclass; unknown members are ignored, names match in any case.

    Attributes:
        closed: unknown members are refused instead.
    """

    model: type[Model]
    closed: bool = False

    def bind(self, value: object) -> Model:
        """Bind every field, and collect the problems of all of them."""
        if not isinstance(value, dict):
            raise _problem("The value must be an object.")
        given = {str(name).lower(): member for name, member in value.items()}
        bound, problems = dict[str, object](), dict[str, list[str]]()
        if self.closed:
            known = {member.name for member in fields(self.model)}
            problems = {name: [_UNKNOWN] for name in given if name not in known}
        for member in fields(self.model):
            try:
                bound |= _bind_member(member, given.get(member.name))
            except BindingError as error:
                problems |= error.below(member.name)
        if problems:
            raise BindingError(problems)
        return self.model(**bound)

    def schema(self) -> Schema:
        """Fields without a default are required."""
        members = fields(self.model)
        return {
            "type": "object",
            "properties": {field.name: field.metadata["kind"].schema() for field in members},
            "required": [field.name for field in members if is_required(field)],
        }


def is_required(field: "Field[object]") -> bool:
    """Whether a request must hold this member."""
    return field.default is MISSING


def _bind_member(field: "Field[object]", value: object) -> dict[str, object]:
    if value is not None:
        return {field.name: field.metadata["kind"].bind(value)}
    if is_required(field):
        raise _problem(_REQUIRED)
    return {}


def _problem(text: str) -> BindingError:
    return BindingError({"": [text]})


def _joined(parent: str, path: str) -> str:
    return parent + path if path.startswith("[") or not path else f"{parent}.{path}"


def _whole(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if _INTEGER.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value)


class LibraryName(StrEnum):
    """The two libraries of an account."""

    INVENTORY = "inventory"
    TEMPORARY = "temporary"


class SortField(StrEnum):
    """What ``list_images`` and ``list_virtual_inventory`` sort by."""

    ID = "id"
    TITLE = "title"
    FILE_NAME = "file_name"
    FILE_SIZE = "file_size"
    DATE_ADDED = "date_added"


class SortDirection(StrEnum):
    """Which way the two sort."""

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


@dataclass(frozen=True)
class ListVirtualInventory:
    """``POST /v3/list_virtual_inventory``. A filter of more than 50 texts filters nothing."""

    search_filter: str = field(default="", metadata=holds(Text()))
    sku_filter: tuple[str, ...] = field(default=(), metadata=holds(Array(Text())))
    product_code_filter: tuple[str, ...] = field(default=(), metadata=holds(Array(Text())))
    guid_filter: tuple[str, ...] = field(default=(), metadata=holds(Array(Guid())))
    page_number: int = field(default=1, metadata=holds(Integer(1)))
    per_page: int = field(default=10, metadata=holds(Integer(1, 50)))
    sort_field: SortField = field(default=SortField.ID, metadata=holds(Choice(SortField)))
    sort_direction: SortDirection = field(
        default=SortDirection.DESC, metadata=holds(Choice(SortDirection))
    )
    created_date_from: Period | None = field(default=None, metadata=holds(Moment()))
    created_date_to: Period | None = field(default=None, metadata=holds(Moment()))
    account_key: str | None = field(default=None, metadata=holds(Text()))
