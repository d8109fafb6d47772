from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_mcp.api.models import in_central_time, normal_guid, read_date, without_lone_surrogates


def test_a_guid_is_kept_in_lower_case() -> None:
    """Guids compare case-insensitively."""
    actual = normal_guid(" 5F0C3C46-9A0B-4F0E-8A52-2D7F3A1B9C10 ")

    assert actual == "5f0c3c46-9a0b-4f0e-8a52-2d7f3a1b9c10"


@given(st.uuids())
def test_any_guid_in_any_case_reads_as_its_lower_case(guid: object) -> None:
    """Upper and lower case are the same guid."""
    assert normal_guid(str(guid).upper()) == str(guid)


@pytest.mark.parametrize(
    "text", ["", "5f0c3c46", "{5f0c3c46-9a0b-4f0e-8a52-2d7f3a1b9c10}", "x" * 36]
)
def test_what_is_not_a_guid_is_refused(text: str) -> None:
    """The service would answer HTTP 400."""
    with pytest.raises(ValueError, match="not a guid"):
        normal_guid(text)


def test_a_date_with_seven_digits_keeps_its_offset() -> None:
    """The service's own form; the seventh digit is dropped."""
    actual = read_date("2025-10-27T14:14:39.5623224-05:00")

    central = timezone(timedelta(hours=-5))
    assert actual == datetime(2025, 10, 27, 14, 14, 39, 562322, tzinfo=central)


@pytest.mark.parametrize(
    ("text", "utc_hour"), [("2025-07-01T12:00:00", 17), ("2025-12-01T12:00:00.1234567", 18)]
)
def test_a_date_without_an_offset_is_us_central_time(text: str, utc_hour: int) -> None:
    """Summer and winter differ by an hour, as in Chicago."""
    actual = read_date(text)

    assert actual is not None
    assert actual.astimezone(UTC).hour == utc_hour


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        "",
        "soon",
        "0001-01-01T00:00:00",
        "9999-12-31T23:59:59.9999999",
        "0001-01-01T00:00:00+05:00",
    ],
)
def test_a_date_that_says_nothing_reads_as_none(value: object) -> None:
    """An unreadable date, and .NET's two ways of writing none, do not fail an image."""
    assert read_date(value) is None


@given(st.text())
def test_any_text_reads_as_an_aware_date_or_as_none(text: str) -> None:
    """No date of the service can raise."""
    actual = read_date(text)

    assert actual is None or actual.utcoffset() is not None


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), st.integers(-12, 14))  # noqa: DTZ001  the strategy's bounds are naive
def test_any_date_with_an_offset_is_read_as_it_is_written(moment: datetime, hours: int) -> None:
    """Only dates without an offset are taken for US Central time."""
    aware = moment.replace(tzinfo=timezone(timedelta(hours=hours)))

    assert read_date(aware.isoformat()) == aware


def test_an_aware_date_is_left_alone() -> None:
    """The caller's offset counts."""
    moment = datetime(2025, 1, 1, tzinfo=UTC)

    assert in_central_time(moment) is moment


@given(st.text(st.characters(categories=["Cs", "L"])))
def test_text_without_lone_surrogates_can_be_encoded(text: str) -> None:
    """Half an emoji in a result would end the process."""
    actual = without_lone_surrogates(text)

    assert len(actual.encode().decode()) == len(text)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("2026-01-15T12:00:00Z", "2026-01-15T06:00:00-06:00"),
        ("2026-07-01T02:00:00+02:00", "2026-06-30T19:00:00-05:00"),
        ("2026-07-01T02:00:00", "2026-07-01T02:00:00-05:00"),
    ],
)
def test_a_date_is_told_on_one_clock_whatever_its_offset(given: str, told: str) -> None:
    """FinerWorks' own: dates beside each other can be compared."""
    moment = read_date(given)
    assert moment is not None
    assert moment.isoformat() == told
