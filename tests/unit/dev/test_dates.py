from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from dev.dates import instants

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize("year", [2026, 2027, 2028, 2096, 2099])
def test_dates_are_to_come_and_are_what_they_are_called(year: int) -> None:
    now = datetime(year, 11, 26, 12, 0, tzinfo=UTC)
    found = dict(instants(now))
    assert len(found) == 5
    assert all(now < instant < now.replace(year=year + 9) for instant in found.values())
    assert f"{found['the end of the year']:%m-%d %H:%M}" == "12-31 23:30"
    assert f"{found['the start of daylight saving time'].astimezone(NEW_YORK):%m %H:%M %Z}" == "03 01:30 EST"
    assert f"{found['the end of daylight saving time'].astimezone(NEW_YORK):%m %H:%M %Z}" == "11 01:30 EDT"
    assert f"{found['a leap day']:%m-%d}" == "02-29"
    assert found["five years on"].year == year + 5
