"""The usage numbers as they were at the end of each day of TIME_ZONE, from OpenL2M's log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from stats.base.instants import timestamp
from stats.database.driver import Row
from stats.numbers.catalogue import STATISTICS
from stats.numbers.query import Statement, statement
from stats.numbers.windows import bounds
from stats.snapshots import months

Values = dict[str, int | None]

# The others need not be readable for a backfill.
_OF_LOG = tuple(statistic for statistic in STATISTICS if statistic.window)


@dataclass(frozen=True)
class Log:
    """OpenL2M's log: `read` returns a statement's rows, `zone` is OpenL2M's TIME_ZONE."""

    read: Callable[[Statement], Sequence[Row]]
    zone: ZoneInfo

    def usage(self, now: datetime, oldest: datetime) -> Values:
        """Return each statistic at the instant `now`, without later entries. Errors of `read` are raised.

        None stands for what the log does not cover: tables, totals, and windows that begin before its first entry.
        """
        windows = bounds(now, self.zone)
        [numbers] = self.read(statement(now, self.zone, _OF_LOG, in_the_past=True))
        values: Values = dict.fromkeys(statistic.key for statistic in STATISTICS)
        for statistic, number in zip(_OF_LOG, numbers, strict=True):
            if statistic.window and oldest <= windows.begin(statistic.window):
                values[statistic.key] = int(number)
        return values


def last_second(day: date, zone: tzinfo) -> datetime:
    """Return the instant, in UTC, of a day's backfilled row."""
    # Where clocks are set back at midnight, 23:59:59 occurs twice: fold=1 is the second one.
    return datetime.combine(day, time(23, 59, 59, fold=1), zone).astimezone(UTC)


def backfilled_row(day: date, zone: ZoneInfo, values: Values) -> dict[str, Any]:
    """Return a backfilled row of the history."""
    instant = timestamp(last_second(day, zone))
    return {
        "scheduled_for": instant,
        "taken_at": instant,
        "time_zone": zone.key,
        "source": months.BACKFILL,
        "values": values,
    }
