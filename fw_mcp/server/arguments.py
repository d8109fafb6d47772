"""What a model may write into a call: the types of arguments, and how a wrong one is told.

Programs between a model and this server spell values in their own way: `""` and null for what is
left out, numbers and booleans as text, digits as a number, a list or an object as JSON text, one
value for a list of one. Where the argument's type leaves one meaning, that is what is read. Text
that is wanted as text is never parsed, because a title may be "1984".
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache, partial
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails, from_json

from fw_mcp.api.models import normal_guid
from fw_mcp.errors import ArgumentsError, Reason
from fw_mcp.text import quoted

_FAULTS_SHOWN = 20
# Comparing takes the square of the length.
_NAME_COMPARED = 60
_ALIKE = 0.7
# What other servers call it; the first that the tool has is what is meant.
_SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(("query", "q", "search", "text", "title", "keyword"), ("search_filter",)),
        "page": ("page_number",),
        **dict.fromkeys(("limit", "page_size", "max_results", "top_k"), ("per_page",)),
        **dict.fromkeys(
            ("guid", "guids", "id", "ids", "image_ids"), ("guids", "guid_filter", "guid")
        ),
        **dict.fromkeys(("filename", "name"), ("file_name", "file_name_contains")),
        **dict.fromkeys(("url", "urls"), ("files", "private_hires_uri")),
        **dict.fromkeys(("path", "paths", "file", "folder"), ("files", "file")),
        "width": ("pix_w",),
        "height": ("pix_h",),
        "sort": ("sort_field",),
        "order": ("sort_direction",),
    }
)
_SAID = MappingProxyType(
    {
        "missing": "is required",
        "list_type": "must be a list, with [ ] around it",
        "model_type": "must be an object, with { } around it",
        "too_short": "is empty; give at least one",
    }
)
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}(?:\.0*)?")
_TRUTHS = MappingProxyType({"true": True, "false": False})


def _guid(text: str) -> str:
    try:
        return normal_guid(text)
    except ValueError as malformed:
        raise ValueError(f"{quoted(text, 45)} is {malformed}") from None


def _date(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{quoted(text)} is not an ISO 8601 date or date-time") from None
    # Python reads +05:30:15; ISO 8601, and so the API's models, end an offset with its minutes.
    if (moment.utcoffset() or timedelta()) % timedelta(minutes=1):
        raise ValueError(f"{quoted(text)} has seconds in its offset: write it in hours and minutes")
    return moment.isoformat()


def _end_of_day(text: str) -> str:
    try:
        return f"{date.fromisoformat(text).isoformat()}T23:59:59.999999"
    except ValueError:
        return _date(text)


def _number(value: object) -> object:
    if isinstance(value, str | bool):
        raise ValueError("must be a number")  # noqa: TRY004  pydantic turns only ValueError into a fault
    return value


def _truth(value: object) -> object:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004  as above
    return value


def _all_as_none(value: object) -> object:
    """Hosts that require every argument need a value of a list that means "not given"."""
    match value:
        case [str() as only] if only.strip().casefold() == "any":
            return None
    return value


def _distinct(guids: list[str]) -> list[str]:
    return list(dict.fromkeys(guids))


def _one_text(value: object) -> object:
    """A text by itself is one text, even when it looks like broken JSON."""
    return [value] if isinstance(value, str) else value


OfTexts = BeforeValidator(_one_text)
Guid = Annotated[str, AfterValidator(_guid)]
_Distinct = AfterValidator(_distinct)
# The length belongs to the list: pydantic publishes it by the type that it stands beside.
Guids = Annotated[list[Guid], Field(min_length=1, max_length=500), _Distinct]
FewGuids = Annotated[list[Guid], Field(min_length=1, max_length=50), _Distinct]
DateFrom = Annotated[str, AfterValidator(_date)]
DateTo = Annotated[str, AfterValidator(_end_of_day)]
# The reference names no limit; a library whose pages outgrow every answer cannot be read again.
TITLE_LIMIT = 1_000
Title = Annotated[str, Field(max_length=TITLE_LIMIT)]
Positive = Annotated[int, Field(ge=1), BeforeValidator(_number)]
Side = Annotated[int, Field(ge=64, le=1024), BeforeValidator(_number)]
Percent = Annotated[int, Field(ge=0, le=100), BeforeValidator(_number)]
PerPage = Annotated[int, Field(ge=1, le=50), BeforeValidator(_number)]
OfGuids = BeforeValidator(_all_as_none)
Flag = Annotated[bool, BeforeValidator(_truth)]
DryRun = Annotated[Flag, Field(description="Report; send nothing.")]
PlanId = Annotated[
    str,
    Field(description="From confirmation_required; rest unchanged."),
]
ContinueHandle = Annotated[str, Field(description="From incomplete; pass it alone.")]


def either(arguments: object, handle: str | None, name: str, **beside: bool) -> None:
    """See that a call gives its arguments, or a handle and nothing beside it.

    Args:
        arguments: what the call is about; None when it was left out.
        handle: the continue_handle; None when it was left out.
        name: of the argument.
        beside: for each other argument, whether it differs from its default.

    Raises:
        ArgumentsError: neither, or both.
    """
    given = [other for other, differs in {name: arguments is not None, **beside}.items() if differs]
    if handle is None and arguments is None:
        what = f"{name} is required."
    elif handle is not None and given:
        what = f"continue_handle must be passed alone, without {', '.join(given)}."
    else:
        return
    raise ArgumentsError(
        what,
        state="Nothing was sent.",
        next_step=f"Give {name}, or continue_handle alone to continue a call.",
        reason=Reason.INVALID_ARGUMENTS,
    )


def read_arguments(
    refusal: str, model: type[BaseModel], arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """The validated arguments of a call, one level deep.

    Args:
        refusal: what did not happen, such as `search_images was not run`.
        model: the argument model; it forbids what it does not know.
        arguments: as the host sent them.

    Raises:
        ArgumentsError: with every fault of the call in one message.
    """
    try:
        valid = model.model_validate(_given(model, arguments))
    except ValidationError as invalid:
        faults = [_told(model, fault) for fault in invalid.errors(include_url=False)]
        raise ArgumentsError(
            f"{refusal}: {_joined(faults)}.",
            state="Nothing was sent.",
            next_step="Correct the arguments and call it again.",
            reason=Reason.INVALID_ARGUMENTS,
        ) from invalid
    return {name: getattr(valid, name) for name in type(valid).model_fields}


def _given(model: type[BaseModel], arguments: Mapping[str, Any]) -> dict[str, Any]:
    read = _members(model, arguments)
    if "continue_handle" in read:
        # It stands alone, and a host that requires every argument sends an empty list beside it.
        return {name: value for name, value in read.items() if value != []}
    return read


def _left_out(value: object) -> bool:
    return value is None or value == ""


def _members(model: type[BaseModel], value: Mapping[str, Any]) -> dict[str, Any]:
    readers = _readers(model)
    return {
        name: readers.get(name, _as_it_is)(part)
        for name, part in value.items()
        if not _left_out(part)
    }


_Reader = Callable[[Any], object]


@cache
def _readers(model: type[BaseModel]) -> Mapping[str, _Reader]:
    return {name: _reader(field.annotation) for name, field in model.model_fields.items()}


def _reader(annotation: object) -> _Reader:
    """What reads a value as the type that is wanted, if it can mean but one."""
    wanted = _wanted(annotation)
    if get_origin(wanted) is list:
        (item,) = get_args(wanted)
        return partial(_list, _reader(item), of_objects=_is_model(_wanted(item)))
    if get_origin(wanted) is Literal:
        return partial(_choice, get_args(wanted))
    if _is_model(wanted):
        return partial(_object, wanted)
    return _SPELLINGS.get(wanted, _as_it_is)


def _as_it_is(value: object) -> object:
    return value


def _wanted(annotation: object) -> Any:  # noqa: ANN401  a type, or a generic one
    """The type inside what it may be annotated with, or None as its alternative."""
    if get_origin(annotation) is Annotated:
        return _wanted(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return _wanted(next(part for part in get_args(annotation) if part is not NoneType))
    return annotation


def _is_model(wanted: object) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, BaseModel)


def _object(model: type[BaseModel], value: object) -> object:
    parsed = _parsed(value)
    return _members(model, parsed) if isinstance(parsed, dict) else value


def _list(item: _Reader, value: object, *, of_objects: bool) -> object:
    """A list, JSON text of one, or one value for it; broken JSON is no value."""
    parsed = _parsed(value)
    if isinstance(parsed, list):
        return [item(one) for one in parsed]
    if isinstance(parsed, dict) == of_objects and not _is_json(parsed):
        return [item(parsed)]
    return value


def _is_json(value: object) -> bool:
    return isinstance(value, str) and value.lstrip().startswith(("[", "{"))


def _parsed(value: object) -> object:
    """The list or object that a text holds as JSON."""
    if not isinstance(value, str) or not _is_json(value):
        return value
    try:
        # Strict, as the protocol's own parser: no half of a character gets in by this way either.
        return from_json(value)
    except ValueError:
        return value


def _choice(choices: Sequence[object], value: object) -> object:
    """A word of an enumeration, in any case of its letters."""
    if isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return value
    given = value.strip().casefold()
    return next((one for one in choices if str(one).casefold() == given), value)


def _whole_number(value: object) -> object:
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value.strip().partition(".")[0])
    return value


def _yes_or_no(value: object) -> object:
    return _TRUTHS.get(value.strip().casefold(), value) if isinstance(value, str) else value


def _digits(value: object) -> object:
    """A whole number where text is wanted: some hosts send a title of digits as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_SPELLINGS: Mapping[object, _Reader] = MappingProxyType(
    {int: _whole_number, bool: _yes_or_no, str: _digits}
)


def _joined(faults: Sequence[str]) -> str:
    more = len(faults) - _FAULTS_SHOWN
    return "; ".join(faults[:_FAULTS_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _told(model: type[BaseModel], fault: ErrorDetails) -> str:
    *path, name = fault["loc"] or ("arguments",)
    if fault["type"] == "extra_forbidden":
        where = f"{_place(path)}: " if path else ""
        return f"{where}there is no argument {quoted(str(name), 40)}{_nearest(model, fault)}"
    return f"{_place([*path, name])}: {_why(fault)}"


def _place(path: Sequence[str | int]) -> str:
    """`images[3].title`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _nearest(model: type[BaseModel], fault: ErrorDetails) -> str:
    known = list(_model_at(model, fault["loc"][:-1]).model_fields)
    given = str(fault["loc"][-1])[:_NAME_COMPARED]
    meant = [name for name in _SYNONYMS.get(given.casefold(), ()) if name in known]
    close = meant or difflib.get_close_matches(given, known, n=1, cutoff=_ALIKE)
    return f" (did you mean {close[0]}?)" if close else f"; there are {', '.join(known)}"


def _model_at(model: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel]:
    """The model of the items of the list that `path` names."""
    for part in path:
        if isinstance(part, str):
            model = next(_models_in(model.model_fields[part].annotation))
    return model


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    """The models that make it up; a list of them may be one that can be left out."""
    parts = get_args(annotation)
    if not parts and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in parts:
        yield from _models_in(part)


def _why(fault: ErrorDetails) -> str:
    if fault["type"] == "string_too_long":
        given = len(fault["input"])
        return f"at most {fault['ctx']['max_length']} characters (got {given})"
    if fault["type"] == "too_long":
        given = len(fault["input"])
        return f"at most {fault['ctx']['max_length']} items (got {given})"
    return _SAID.get(fault["type"]) or fault["msg"].removeprefix("Value error, ")
