"""What a model may write into a call: the types of arguments, and how a wrong one is told.

Hosts and models differ in how they leave an argument out, so `""` and null mean "not given". A list
may arrive as JSON in a string; no other text is ever parsed, because a title may be "1984".
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails, from_json

from fw_mcp.api.models import normal_guid
from fw_mcp.errors import ArgumentsError, Reason
from fw_mcp.text import quoted

_FAULTS_SHOWN = 20
# Comparing takes the square of the length.
_NAME_COMPARED = 60
_WRAPPERS = (Annotated, Union, UnionType)


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


def _distinct(guids: list[str]) -> list[str]:
    return list(dict.fromkeys(guids))


Guid = Annotated[str, AfterValidator(_guid)]
Guids = Annotated[list[Guid], AfterValidator(_distinct)]
DateFrom = Annotated[str, AfterValidator(_date)]
DateTo = Annotated[str, AfterValidator(_end_of_day)]
# The reference names no limit; a library whose pages outgrow every answer cannot be read again.
TITLE_LIMIT = 1_000
Title = Annotated[str, Field(max_length=TITLE_LIMIT)]
Positive = Annotated[int, Field(ge=1), BeforeValidator(_number)]
PerPage = Annotated[int, Field(ge=1, le=50), BeforeValidator(_number)]
Flag = Annotated[bool, BeforeValidator(_truth)]
DryRun = Annotated[Flag, Field(description="true: only say what the call would do. Default false.")]
PlanId = Annotated[
    str,
    Field(
        description="Only to carry out a plan this tool returned with confirmation_required: "
        "its plan_id, with the other arguments unchanged."
    ),
]
ContinueHandle = Annotated[
    str, Field(description="Alone: go on with a call that gave this continue_handle.")
]


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
        what = f"continue_handle stands alone: {', '.join(given)} cannot be given beside it."
    else:
        return
    raise ArgumentsError(
        what,
        state="Nothing was sent.",
        next_step=f"Give {name}, or continue_handle alone to go on with a call.",
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
    return {
        name: _items(_listed(model, name, value))
        for name, value in arguments.items()
        if not _left_out(value)
    }


def _left_out(value: object) -> bool:
    return value is None or value == ""


def _items(value: object) -> object:
    if not isinstance(value, list):
        return value
    return [
        {key: part for key, part in item.items() if not _left_out(part)}
        if isinstance(item, dict)
        else item
        for item in value
    ]


def _listed(model: type[BaseModel], name: str, value: object) -> object:
    field = model.model_fields.get(name)
    if field is None or not isinstance(value, str) or not _is_list(field.annotation):
        return value
    try:
        # Strict, as the protocol's own parser: no half of a character gets in by this way either.
        parsed = from_json(value)
    except ValueError:
        return value
    return parsed if isinstance(parsed, list) else value


def _is_list(annotation: object) -> bool:
    """Whether it is a list, maybe annotated, maybe one that may be left out."""
    if get_origin(annotation) is list:
        return True
    return get_origin(annotation) in _WRAPPERS and any(map(_is_list, get_args(annotation)))


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
    close = difflib.get_close_matches(given, known, n=1, cutoff=0.5)
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
    if fault["type"] == "missing":
        return "is required"
    if fault["type"] == "string_too_long":
        given = len(fault["input"])
        return f"at most {fault['ctx']['max_length']} characters, {given} were given"
    if fault["type"] == "list_type":
        return "must be a list, with [ ] around it"
    if fault["type"] == "too_short":
        return "is empty: name at least one"
    return fault["msg"].removeprefix("Value error, ")
