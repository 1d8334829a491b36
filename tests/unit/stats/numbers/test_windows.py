"""Where the windows begin, on days that a zone's clock makes short, long or without a midnight.

All days are past: a zone's rules for days to come may change with tzdata.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from stats.base.instants import parse_instant, timestamp
from stats.numbers.windows import Bounds, Window, bounds


def at(instant: str, zone: str) -> Bounds:
    return bounds(parse_instant(instant), ZoneInfo(zone))


def day(found: Bounds) -> tuple[str, str]:
    return timestamp(found.today), timestamp(found.tomorrow)


def test_in_utc_every_window_but_the_hour_begins_at_midnight() -> None:
    found = at("2025-11-23T12:34:56.789Z", "UTC")
    assert [timestamp(found.begin(window)) for window in Window] == [
        "2025-11-23T11:34:56.789000Z",
        "2025-11-23T00:00:00Z",
        "2025-11-16T00:00:00Z",
        "2025-10-23T00:00:00Z",
    ]
    assert timestamp(found.tomorrow) == "2025-11-24T00:00:00Z"
    assert all(instant.tzinfo is UTC for instant in found)


def test_an_instant_may_come_in_any_zone() -> None:
    instant = datetime(2025, 11, 23, 1, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert bounds(instant, UTC) == at("2025-11-22T16:00:00Z", "UTC")


@pytest.mark.parametrize(
    ("zone", "instant", "today", "tomorrow"),
    [
        # The date in the zone is another than in UTC.
        ("Pacific/Auckland", "2025-11-23T12:00:00Z", "2025-11-23T11:00:00Z", "2025-11-24T11:00:00Z"),
        ("America/Los_Angeles", "2025-11-23T07:59:59Z", "2025-11-22T08:00:00Z", "2025-11-23T08:00:00Z"),
        # 23 and 25 hours.
        ("Europe/Berlin", "2025-03-30T12:00:00Z", "2025-03-29T23:00:00Z", "2025-03-30T22:00:00Z"),
        ("Europe/Berlin", "2025-10-26T12:00:00Z", "2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z"),
        # Midnight is skipped: the offset before the skip counts.
        ("America/Havana", "2025-03-09T12:00:00Z", "2025-03-09T05:00:00Z", "2025-03-10T04:00:00Z"),
        # Midnight comes twice: the first one counts.
        ("America/Havana", "2025-11-02T12:00:00Z", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"),
        # A whole day was skipped.
        ("Pacific/Apia", "2011-12-30T08:00:00Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
    ],
)
def test_today_follows_the_zones_date(zone: str, instant: str, today: str, tomorrow: str) -> None:
    assert day(at(instant, zone)) == (today, tomorrow)


def test_the_longer_windows_follow_the_date_in_utc_but_begin_at_the_zones_midnight() -> None:
    before, after = (at(f"2025-11-23T{time}Z", "Pacific/Auckland") for time in ("10:59:59", "11:00:00"))
    assert timestamp(after.today) == "2025-11-23T11:00:00Z"
    assert after.today - before.today == timedelta(days=1)
    for found in (before, after):
        assert timestamp(found.last_7_days) == "2025-11-15T11:00:00Z"
        assert timestamp(found.last_31_days) == "2025-10-22T11:00:00Z"


def test_each_midnight_has_the_offset_of_its_own_day() -> None:
    found = at("2025-11-03T12:00:00Z", "America/New_York")
    assert timestamp(found.today) == "2025-11-03T05:00:00Z"
    assert timestamp(found.last_7_days) == "2025-10-27T04:00:00Z"
