"""US Central time as the service writes and reads it.

Instants are kept as whole microseconds since 1970 in UTC, so that SQLite compares them.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

CENTRAL = ZoneInfo("America/Chicago")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Period:
    """The first and the last microsecond that a written date means."""

    first: int
    last: int


def utc_now() -> datetime:
    """The clock the sandbox runs on unless it is given another."""
    return datetime.now(UTC)


def to_microseconds(moment: datetime) -> int:
    """An aware moment as microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def written(microseconds: int, *, offset: bool = True) -> str:
    """An instant as the service writes it: ``2025-10-27T14:14:39.5623220-05:00``."""
    local = (_EPOCH + microseconds * _MICROSECOND).astimezone(CENTRAL)
    # Seven digits, as .NET writes them; the seventh is finer than Python's clock.
    text = local.isoformat(timespec="microseconds")
    moment, hours = f"{text[:-6]}0", text[-6:]
    return moment + hours if offset else moment


def read(text: str) -> Period:
    """What a written date means: a date alone is that whole day in US Central.

    Raises:
        ValueError: the text is no ISO 8601 date.
        OverflowError: it lies outside the calendar once its offset is applied.
    """
    with suppress(ValueError):
        day = date.fromisoformat(text)
        return Period(_midnight(day), _midnight(day + timedelta(days=1)) - 1)
    moment = datetime.fromisoformat(text)
    instant = to_microseconds(moment if moment.tzinfo else moment.replace(tzinfo=CENTRAL))
    return Period(instant, instant)


def _midnight(day: date) -> int:
    return to_microseconds(datetime(day.year, day.month, day.day, tzinfo=CENTRAL))
