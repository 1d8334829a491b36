"""The usage numbers of a past day, from the log."""

import contextlib
import sqlite3
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from openl2m_stats.backfill.log import Log, backfilled_row, last_second
from openl2m_stats.local.openl2m_schema import DIALECTS, create_tables, insert
from stats.base.zones import time_zone
from stats.database.sqlite import ENGINE
from stats.numbers.catalogue import STATISTICS
from stats.numbers.query import Statement
from stats.numbers.windows import Window

DAY = date(2026, 11, 23)
CHICAGO = time_zone("America/Chicago")


@pytest.mark.parametrize(
    ("day", "zone", "instant"),
    [
        (DAY, "UTC", datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)),
        (DAY, "America/Chicago", datetime(2026, 11, 24, 5, 59, 59, tzinfo=UTC)),
        # Clocks in Santiago go back from 24:00 to 23:00, so that 23:59:59 comes twice.
        (date(2026, 4, 4), "America/Santiago", datetime(2026, 4, 5, 3, 59, 59, tzinfo=UTC)),
    ],
)
def test_the_last_second_of_a_day(day: date, zone: str, instant: datetime) -> None:
    assert last_second(day, time_zone(zone)) == instant


def test_a_row_of_the_history() -> None:
    assert backfilled_row(DAY, CHICAGO, {"changes_today": 1}) == {
        "scheduled_for": "2026-11-24T05:59:59Z",
        "taken_at": "2026-11-24T05:59:59Z",
        "time_zone": "America/Chicago",
        "source": "backfill",
        "values": {"changes_today": 1},
    }


def test_usage_without_what_happened_later_and_without_windows_before_the_log() -> None:
    now = last_second(DAY, CHICAGO)
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        create_tables(connection, DIALECTS["sqlite"])
        moments = [now - timedelta(days=1), now - timedelta(minutes=1), now, now + timedelta(seconds=1)]
        rows: list[dict[str, Any]] = [{"timestamp": moment, "type": 1, "action": 1} for moment in moments]
        insert(connection, DIALECTS["sqlite"], "switches_log", rows)

        def read(statement: Statement) -> Sequence[tuple[Any, ...]]:
            return connection.execute(statement(ENGINE, list)).fetchall()

        values = Log(read, CHICAGO).usage(now, oldest=now - timedelta(days=2))
    assert (values["changes_last_hour"], values["changes_today"]) == (2, 2)
    assert set(values) == {statistic.key for statistic in STATISTICS}
    for statistic in STATISTICS:
        within = statistic.window in {Window.LAST_HOUR, Window.TODAY}
        assert (values[statistic.key] is not None) == within, statistic.key
