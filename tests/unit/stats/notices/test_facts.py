"""What the newest numbers are compared with."""

from datetime import date, timedelta
from typing import Any

import pytest

from stats.aws.bucket import StorageError
from tests.support.past import Past

DAY, MINUTE, NOW = timedelta(days=1), timedelta(minutes=1), timedelta(0)


def test_the_snapshot_of_the_same_time_is_one_read() -> None:
    past = Past()
    past.put(DAY, vlans=7)
    facts = past.facts()
    assert facts.earlier(DAY) == {"vlans": 7}
    assert facts.earlier(DAY) == {"vlans": 7}
    assert past.bucket.s3.calls == [("get", "p/dt=2026-03-03/2026-03-03T12-00-00Z.json")]


def test_without_it_the_last_one_of_the_hour_before_counts() -> None:
    """After a deployment, the schedule runs at other minutes."""
    past = Past()
    for minutes, vlans in ((61, 1), (60, 2), (7, 3), (-1, 4)):
        past.put(DAY + minutes * MINUTE, vlans=vlans)
    assert past.facts().earlier(DAY) == {"vlans": 3}
    past = Past()
    past.put(DAY + 61 * MINUTE, vlans=1)
    assert past.facts().earlier(DAY) is None


@pytest.mark.parametrize("late", [1, 59])
def test_a_run_that_is_late_looks_for_its_scheduled_time(late: int) -> None:
    """With a snapshot a day, the one of yesterday may have been read a moment later in the day."""
    past = Past()
    past.put(DAY, late=2 * MINUTE, vlans=7)
    assert past.facts(late=late * MINUTE).earlier(DAY) == {"vlans": 7}


def test_a_run_of_an_old_event_looks_for_the_time_of_its_numbers() -> None:
    past = Past()
    past.put(DAY, vlans=1)
    past.put(DAY - 10 * timedelta(hours=1), vlans=2)
    assert past.facts(late=10 * timedelta(hours=1)).earlier(DAY) == {"vlans": 2}


def test_one_that_was_read_much_later_is_of_another_time() -> None:
    past = Past()
    past.put(DAY, late=61 * MINUTE, vlans=7)
    assert past.facts().earlier(DAY) is None


OTHERS = [{"read_from": {"host": "another"}}, {"zone": "Asia/Tokyo"}]


@pytest.mark.parametrize("origin", OTHERS)
def test_another_database_or_time_zone_is_not_compared(origin: dict[str, Any]) -> None:
    past = Past()
    past.put(DAY, origin=origin, vlans=7)
    past.put_day(date(2026, 3, 1), {"time_zone": origin.get("zone", "UTC"), **origin}, vlans=7)
    assert past.facts().earlier(DAY) is None
    assert past.facts().day(date(2026, 3, 1)) is None


def test_snapshots_of_version_1_0_are() -> None:
    past = Past()
    past.put(DAY, origin={"read_from": None}, vlans=7)
    past.put_day(date(2026, 3, 1), {"time_zone": None, "read_from": None}, vlans=7)
    assert past.facts().earlier(DAY) == {"vlans": 7}
    assert past.facts().day(date(2026, 3, 1)) == {"vlans": 7}


def test_days_are_read_once_a_month_and_backfilled_ones_do_not_count() -> None:
    past = Past()
    past.put_day(date(2026, 3, 1), vlans=7)
    past.put_day(date(2026, 3, 2), {"source": "backfill"}, vlans=None)
    facts = past.facts()
    assert [facts.day(date(2026, 3, number)) for number in (1, 2, 3)] == [{"vlans": 7}, None, None]
    assert facts.day(date(2026, 2, 28)) is None
    assert past.bucket.s3.calls == [("get", "p/history/2026-03.json"), ("get", "p/history/2026-02.json")]


@pytest.mark.parametrize("key", ["dt=2026-03-03/2026-03-03T12-00-00Z.json", "dt=2026-03-03/2026-03-03T11-"])
def test_what_cannot_be_read_is_not_taken_for_absent(key: str) -> None:
    past = Past()
    past.bucket.s3.faults[f"p/{key}"] = ConnectionError("no route")
    with pytest.raises(StorageError):
        past.facts().earlier(DAY)


def test_a_damaged_month_is_not_taken_for_a_gap() -> None:
    past = Past()
    past.bucket.s3.objects["p/history/2026-03.json"] = b"{"
    with pytest.raises(StorageError):
        past.facts().day(date(2026, 3, 1))
