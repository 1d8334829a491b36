"""The history that `make run` begins with, from the demo's database."""

import contextlib
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from openl2m_stats.local import demo, demo_history
from stats.base.zones import time_zone
from stats.numbers import query
from stats.numbers.catalogue import STATISTICS

INSTANTS = {
    "at noon": datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC),
    "on a Sunday night": datetime(2026, 3, 8, 2, 0, tzinfo=UTC),
    "at midnight": datetime(2027, 1, 1, tzinfo=UTC),
}
DATABASE = {statistic.key for statistic in STATISTICS if statistic.window is None}


Months = dict[str, dict[str, Any]]


class Demo:
    """Databases by the instant at which they were made, and histories by instant and time zone: each is made once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._months: dict[tuple[datetime, str], Months] = {}

    def database(self, now: datetime) -> Path:
        path = self._directory / f"{now:%Y%m%d}.sqlite3"
        if not path.exists():
            with time_machine.travel(now, tick=False):
                demo.create_database(path)
        return path

    def months(self, now: datetime, zone: str = "UTC") -> Months:
        if (now, zone) not in self._months:
            self._months[now, zone] = demo_history.months(self.database(now), now, time_zone(zone))
        return self._months[now, zone]

    def rows(self, now: datetime, zone: str = "UTC") -> dict[str, Any]:
        """Return the rows by day."""
        months = self.months(now, zone)
        assert all(day.startswith(key[8:15]) for key, month in months.items() for day in month)
        return dict(sorted((day, row) for month in months.values() for day, row in month.items()))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return Demo(tmp_path_factory.mktemp("demo"))


@pytest.mark.parametrize("now", INSTANTS.values(), ids=INSTANTS)
def test_ninety_days(now: datetime, made: Demo) -> None:
    history = made.rows(now)

    days = [f"{now - timedelta(days=ago):%Y-%m-%d}" for ago in range(90, 0, -1)]
    gaps = set(days) - set(history)
    assert set(history) <= set(days)
    assert 0 < len(gaps) < 5
    assert days[0] in history
    assert days[-1] in history
    backfilled = [day for day, row in history.items() if row.get("source") == "backfill"]
    assert backfilled == list(history)[: len(backfilled)]
    assert 20 < len(backfilled) < 40
    for day, row in history.items():
        assert list(row["values"]) == [statistic.key for statistic in STATISTICS]
        unknown = {key for key, value in row["values"].items() if value is None}
        assert unknown == (DATABASE if day in backfilled else set())
        assert all(value is None or value >= 0 for value in row["values"].values())
        assert row["scheduled_for"].startswith(day)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def test_single_snapshots_of_yesterday_and_a_week_ago(zone: str, made: Demo) -> None:
    now = INSTANTS["at noon"]
    found = demo_history.snapshots(made.database(now), now, time_zone(zone), made.months(now, zone))
    taken = {snapshot.taken_at for snapshot in found}
    assert {now - timedelta(days=1), now - timedelta(days=7)} <= taken
    assert all(query.is_whole(snapshot.document) and snapshot.taken_at < now for snapshot in found)


def test_the_numbers_lead_to_todays(made: Demo) -> None:
    now = INSTANTS["at noon"]
    taken = [row["values"] for row in made.rows(now).values() if "source" not in row]
    with contextlib.closing(sqlite3.connect(made.database(now))) as connection:
        counted = [
            connection.execute(f"SELECT COUNT(*) FROM switches_log WHERE timestamp <= '{day} 23:55:00'").fetchone()[0]
            for day in ("2026-11-21", "2026-11-22")
        ]
    assert [row["log_entries"] for row in taken[-2:]] == counted
    assert [row["commands_total"] for row in taken] == sorted(row["commands_total"] for row in taken)
    assert 1231 - 20 < taken[-1]["commands_total"] <= 1231
    assert 1100 < taken[0]["switches"] < taken[-1]["switches"] <= 1246 + 10
    assert all(0 < row["devices_last_7_days"] < row["devices_last_31_days"] < row["switches"] for row in taken)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles", "Asia/Kathmandu", "UTC"])
def test_the_days_of_a_time_zone_add_up(zone: str, made: Demo) -> None:
    history = made.rows(INSTANTS["at noon"], zone)
    # There are gaps 37 and 12 days ago.
    days = [day for day in history if "2026-10-18" <= day < "2026-11-11"]
    first, last = (history[day]["values"]["changes_total"] for day in (days[0], days[-1]))
    changes = sum(history[day]["values"]["changes_today"] for day in days[1:])
    assert last - first > 60
    # What was made in the last five minutes of a day is in the next day's total only.
    assert abs(changes - (last - first)) <= 3


def test_weekends_are_quieter(made: Demo) -> None:
    history = made.rows(INSTANTS["at noon"])

    def devices(weekend: bool) -> Any:
        rows = [row for day, row in history.items() if (datetime.fromisoformat(day).weekday() >= 5) == weekend]
        return sum(row["values"]["devices_today"] for row in rows) / len(rows)

    assert devices(weekend=True) < devices(weekend=False) / 2


def test_it_is_the_same_every_time(made: Demo, tmp_path: Path) -> None:
    now = INSTANTS["at noon"]
    assert Demo(tmp_path).months(now) == made.months(now)
