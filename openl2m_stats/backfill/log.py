"""What OpenL2M's log tells of the past: the usage numbers as they were at the end of each day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any

from openl2m_stats.session import read_instant
from stats.base.instants import timestamp
from stats.database.driver import Row
from stats.numbers.catalogue import STATISTICS
from stats.numbers.query import Statement, statement
from stats.numbers.windows import bounds
from stats.snapshots import months

Values = dict[str, int | None]


@dataclass(frozen=True)
class Log:
    """How the log is read: `read` returns a statement's rows, `zone` is OpenL2M's TIME_ZONE."""

    read: Callable[[Statement], Sequence[Row]]
    zone: tzinfo

    def oldest(self) -> datetime | None:
        """Return the instant of the oldest entry; None for an empty log. Raise what `read` does."""
        value = self.read(lambda _engine, _indexes: "SELECT MIN(timestamp) FROM switches_log")[0][0]
        return None if value is None else read_instant(value)

    def usage(self, now: datetime, oldest: datetime) -> Values:
        """Return each statistic at the instant `now`, without what happened later. Raise what `read` does.

        None stands for what the log does not tell: tables, totals, and windows that begin before the oldest entry.
        """
        windows = bounds(now, self.zone)
        [numbers] = self.read(statement(now, self.zone, in_the_past=True))
        return {
            statistic.key: int(number) if statistic.window and oldest <= windows.begin(statistic.window) else None
            for statistic, number in zip(STATISTICS, numbers, strict=True)
        }


def last_second(day: date) -> datetime:
    """Return the instant that a backfilled row of a day is of."""
    return datetime.combine(day, time(23, 59, 59), UTC)


def backfilled_row(day: date, values: Values) -> dict[str, Any]:
    """Return a backfilled row of the history."""
    instant = timestamp(last_second(day))
    return {"scheduled_for": instant, "taken_at": instant, "source": months.BACKFILL, "values": values}
