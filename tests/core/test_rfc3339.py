"""Dates and times of RFC 3339, and no other forms of ISO 8601."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.rfc3339 import parse_day, parse_moment

NOON = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31t12:00:00z",
        "2026-01-31 12:00:00+00:00",
        "2026-01-31T13:30:00.000+01:30",
        "2026-01-31T12:00:00.0000000001-00:00",
    ],
)
def test_moments_are_read(text: str) -> None:
    assert parse_moment(text) == NOON


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-31",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00,5Z",
        "2026-01-31T12:00:00+01",
        "2026-01-31T12:00:00+0100",
        "2026-01-31T12:00:00+01:00:30",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T24:00:00Z",
        "2026-01-31T12:00:60Z",
        "2026-01-31T12:00:00Z\n",
        "2026-01-31_12:00:00Z",
        "2026-02-30T12:00:00Z",
        "20260131T120000Z",
        "2026-W05-6T12:00:00Z",
        "2026-031T12:00:00Z",
        "\u0662026-01-31T12:00:00Z",
    ],
)
def test_other_moments_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_moment(text)


@pytest.mark.parametrize(
    "text", ["", "20260131", "2026-W05-6", "2026-W05", "2026-1-31", "2026-02-30", "0000-01-01"]
)
def test_other_days_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_day(text)


@given(st.datetimes(timezones=st.just(dt.UTC)))
def test_what_python_writes_is_read(moment: dt.datetime) -> None:
    assert parse_moment(moment.isoformat()) == moment
    assert parse_day(moment.date().isoformat()) == moment.date()
