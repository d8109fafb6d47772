"""Lenient binding, strict validation: JSON into request values, or every field's problem.

A request is a frozen dataclass whose fields carry a *kind* in their metadata. A kind binds one JSON
value and draws its own JSON schema, so that what is checked and what is published cannot differ.
"""

import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from fw_mcp.sandbox import central

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

    def bind(self, value: object) -> central.Period | None:
        """Refuse everything that is no date."""
        if value == "":
            return None
        if not isinstance(value, str):
            raise _problem("The value must be a date, as text.")
        try:
            return central.read(value)
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
    """An object bound to a dataclass; unknown members are ignored, names match in any case."""

    model: type[Model]

    def bind(self, value: object) -> Model:
        """Bind every field, and collect the problems of all of them."""
        if not isinstance(value, dict):
            raise _problem("The value must be an object.")
        given = {str(name).lower(): member for name, member in value.items()}
        bound, problems = dict[str, object](), dict[str, list[str]]()
        for field in fields(self.model):
            try:
                bound |= _bind_member(field, given.get(field.name))
            except BindingError as error:
                problems |= error.below(field.name)
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
