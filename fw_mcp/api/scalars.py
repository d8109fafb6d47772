"""The small types the image API is made of: guids, dates, text. Knows no endpoint."""

import re
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FiniteFloat,
    GetCoreSchemaHandler,
    StringConstraints,
)
from pydantic_core import core_schema

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ANSWERED_GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
# How .NET writes "no date"; most arithmetic on them overflows.
_NO_DATE_YEARS = (1, 9999)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def normal_guid(text: str) -> str:
    """`text` as the API writes a guid: 8-4-4-4-12 hexadecimal digits, lower case.

    Raises:
        ValueError: it is not a guid; the service would answer HTTP 400.
    """
    guid = text.strip().lower()
    if not _GUID.fullmatch(guid):
        raise ValueError("not a guid of 8-4-4-4-12 hexadecimal digits")
    return guid


def without_lone_surrogates(text: str) -> str:
    """`text` with each half of a character replaced by U+FFFD, so that it can be encoded."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def in_central_time(moment: datetime) -> datetime:
    """`moment`, read as US Central time when it has no offset; the service keeps that clock."""
    if moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=ZoneInfo("America/Chicago"))


def read_date(value: object) -> datetime | None:
    """A date of the service, with its offset; None when it is absent or cannot be read."""
    if not isinstance(value, str):
        return None
    try:
        moment = in_central_time(datetime.fromisoformat(value))
    except ValueError:
        return None
    return None if moment.year in _NO_DATE_YEARS else moment


def _whole(text: str) -> str:
    if without_lone_surrogates(text) != text:
        raise ValueError("holds half of a character (a lone surrogate)")
    return text


class _NoneWhenOdd:
    """Marks a type whose odd values read as None, without a call into Python for each."""

    def __get_pydantic_core_schema__(
        self, source: type, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """Read as `source`, or as None."""
        return core_schema.with_default_schema(handler(source), default=None, on_error="default")


Text = Annotated[str, AfterValidator(_whole)]
"""Text to send: any characters, all of them whole."""

Guid = Annotated[str, AfterValidator(normal_guid)]
"""A guid to send: refused when malformed, kept in lower case."""

AnsweredGuid = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=_ANSWERED_GUID)
]
"""A guid as answered, in lower case, so that equal guids are equal text.

Checked, because it is sent again: whatever else stands there cannot be asked for.
"""

AnsweredInt = Annotated[int, Field(ge=-(2**63), lt=2**63)]
"""An integer as answered, of the service's own largest type."""

DateToSend = Annotated[datetime, AfterValidator(in_central_time)]
"""A date to send; without an offset it is US Central time."""

AnsweredDate = Annotated[datetime | None, BeforeValidator(read_date)]
"""A date as answered, always with an offset; None when it cannot be read."""

_NONE_WHEN_ODD = _NoneWhenOdd()

LooseText = Annotated[str | None, _NONE_WHEN_ODD]
LooseGuid = Annotated[AnsweredGuid | None, _NONE_WHEN_ODD]
LooseNumber = Annotated[FiniteFloat | None, _NONE_WHEN_ODD]
LooseInt = Annotated[AnsweredInt | None, _NONE_WHEN_ODD]
LooseMembers = Annotated[dict[str, object] | None, _NONE_WHEN_ODD]
