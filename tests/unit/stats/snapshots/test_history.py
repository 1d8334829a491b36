"""Which months are fetched when, what is served while they cannot be, and what stays cached."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from stats.base.remote import UnavailableError
from stats.snapshots.history import History
from tests.support.memory_s3 import MemoryBucket, refusal
from tests.support.sqlite_app import deadline_at, new_settings

NOW = datetime(2025, 11, 23, 12, tzinfo=UTC)
THIS, LAST, SETTLED = "p/history/2025-11.json", "p/history/2025-10.json", "p/history/2025-09.json"


def row(day: str) -> dict[str, Any]:
    return {"taken_at": f"{day}T12:00:00Z", "scheduled_for": f"{day}T12:00:00Z", "time_zone": "UTC", "values": {}}


class World:
    """A history, cached for a minute and served for five without the bucket."""

    def __init__(self, **settings: str) -> None:
        self.bucket = MemoryBucket()
        for key, day in ((THIS, "2025-11-20"), (LAST, "2025-10-31"), (SETTLED, "2025-09-30")):
            self.put(key, day)
        settings = {"CACHE_TTL_SECONDS": "60", "MAX_STALE_SECONDS": "300", **settings}
        self.history = History(new_settings(**settings), self.bucket)

    def put(self, key: str, *days: str) -> None:
        self.bucket.s3.objects[key] = json.dumps({day: row(day) for day in days}).encode()

    def days(self, first: str, last: str, seconds: float = 0) -> dict[str, bool]:
        """Return the days with a row, for a request that comes so many seconds after NOW."""
        at = deadline_at(NOW + timedelta(seconds=seconds))
        found = self.history.days(date.fromisoformat(first), date.fromisoformat(last), at)
        return {day: bool(row) for day, row in found.items()}

    def fetched(self) -> set[str]:
        """Return which objects were fetched since the last call of this."""
        found = {key for _, key in self.bucket.s3.calls}
        self.bucket.s3.calls.clear()
        return found


def test_every_day_is_there_with_its_row_or_without() -> None:
    world = World()
    assert world.days("2025-10-30", "2025-11-01") == {"2025-10-30": False, "2025-10-31": True, "2025-11-01": False}
    assert world.fetched() == {THIS, LAST}


def test_a_month_to_come_is_not_fetched_and_the_zone_says_which_that_is() -> None:
    world = World()
    assert world.days("2025-12-01", "2026-01-01") == dict.fromkeys(
        (f"{date(2025, 12, 1) + timedelta(days=n)}" for n in range(32)), False
    )
    assert world.fetched() == set()
    end = (datetime(2025, 11, 30, 20, tzinfo=UTC) - NOW).total_seconds()
    assert World().days("2025-12-01", "2025-12-01", end) == {"2025-12-01": False}
    tokyo = World(TIME_ZONE="Asia/Tokyo")
    tokyo.put("p/history/2025-12.json", "2025-12-01")
    assert tokyo.days("2025-12-01", "2025-12-01", end) == {"2025-12-01": True}


def test_the_current_month_is_fresh_for_the_cache_time_and_a_settled_one_for_an_hour() -> None:
    world = World()
    world.days("2025-09-30", "2025-11-01")
    world.fetched()
    world.days("2025-09-30", "2025-11-01", 59)
    assert world.fetched() == set()
    world.days("2025-09-30", "2025-11-01", 60)
    assert world.fetched() == {THIS}
    world.days("2025-09-30", "2025-11-01", 3600)
    assert world.fetched() == {THIS, LAST, SETTLED}


def test_a_month_settles_two_days_after_its_end() -> None:
    world = World()
    settles = (datetime(2025, 12, 3, tzinfo=UTC) - NOW).total_seconds()
    for seconds, refetched in ((settles - 100, {THIS}), (settles + 1, set())):
        world.days("2025-11-01", "2025-11-01", seconds)
        world.fetched()
        world.days("2025-11-01", "2025-11-01", seconds + 70)
        assert world.fetched() == refetched


def test_an_absent_month_does_not_settle() -> None:
    world = World()
    assert not any(world.days("2025-08-01", "2025-08-02").values())
    world.put("p/history/2025-08.json", "2025-08-01")
    assert world.days("2025-08-01", "2025-08-02", 61) == {"2025-08-01": True, "2025-08-02": False}


def test_a_month_that_has_not_changed_is_fresh_again() -> None:
    world = World()
    world.days("2025-11-20", "2025-11-20")
    assert world.days("2025-11-20", "2025-11-20", 100) == {"2025-11-20": True}
    world.fetched()
    assert world.days("2025-11-20", "2025-11-20", 150) == {"2025-11-20": True}
    assert world.fetched() == set()


def test_cached_months_are_served_until_they_are_too_old() -> None:
    world = World()
    world.days("2025-09-30", "2025-11-20")
    world.bucket.s3.faults = dict.fromkeys((THIS, LAST, SETTLED), refusal("SlowDown", 503))
    assert world.days("2025-11-20", "2025-11-20", 300) == {"2025-11-20": True}
    with pytest.raises(UnavailableError) as failure:
        world.days("2025-11-20", "2025-11-20", 400)
    assert timedelta() < failure.value.retry_after <= timedelta(seconds=30)
    # A settled month's hour comes on top.
    assert world.days("2025-09-30", "2025-09-30", 3900) == {"2025-09-30": True}
    with pytest.raises(UnavailableError):
        world.days("2025-09-30", "2025-09-30", 3901)


def test_one_months_failure_does_not_hide_another_and_is_followed_by_a_pause() -> None:
    world = World()
    world.bucket.s3.faults[LAST] = refusal("SlowDown", 503)
    with pytest.raises(UnavailableError):
        world.days("2025-10-31", "2025-11-20")
    world.fetched()
    assert world.days("2025-11-20", "2025-11-20", 0.5) == {"2025-11-20": True}
    with pytest.raises(UnavailableError):
        world.days("2025-10-31", "2025-10-31", 0.5)
    assert world.fetched() == set()


def test_a_damaged_month_is_empty_and_fetched_again() -> None:
    world = World()
    world.bucket.s3.objects[SETTLED] = b"{}}"
    assert world.days("2025-09-30", "2025-09-30") == {"2025-09-30": False}
    world.put(SETTLED, "2025-09-30")
    assert world.days("2025-09-30", "2025-09-30", 61) == {"2025-09-30": True}


def test_a_clock_that_was_set_back_makes_every_month_due() -> None:
    world = World()
    world.days("2025-09-30", "2025-09-30")
    world.fetched()
    world.days("2025-09-30", "2025-09-30", -1)
    assert world.fetched() == {SETTLED}


def test_the_24_months_that_were_used_last_stay() -> None:
    world = World()
    world.days("2022-01-01", "2023-12-31")
    world.days("2022-01-01", "2022-01-01", 1)
    world.days("2024-01-01", "2024-01-01", 2)
    world.fetched()
    world.days("2022-01-01", "2022-01-01", 3)
    assert world.fetched() == set()
    world.days("2022-02-01", "2022-02-01", 3)
    assert world.fetched() == {"p/history/2022-02.json"}
