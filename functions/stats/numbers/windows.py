"""The time windows of the statistics, and their bounds at an instant; pure."""

from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from typing import NamedTuple


class Window(Enum):
    """A range of switches_log.timestamp that includes now; only TODAY has an upper bound."""

    LAST_HOUR = "last_hour"
    TODAY = "today"
    LAST_7_DAYS = "last_7_days"
    LAST_31_DAYS = "last_31_days"


class Bounds(NamedTuple):
    """The beginning of each window, by its name, and the end of today, as instants in UTC."""

    last_hour: datetime
    today: datetime
    tomorrow: datetime
    last_7_days: datetime
    last_31_days: datetime

    def begin(self, window: Window) -> datetime:
        """Return the beginning of a window."""
        instant: datetime = getattr(self, window.value)
        return instant


def bounds(now: datetime, zone: tzinfo) -> Bounds:
    """Return the windows' bounds at the instant `now` for an OpenL2M whose TIME_ZONE is `zone`.

    Today follows the date in the zone, the 7 and 31 days follow the date in UTC but start at
    midnight in the zone: so OpenL2M has it.
    """

    def midnight(day: datetime) -> datetime:
        # fold=0 means the offset before the skip for a skipped midnight, and the first occurrence
        # of an ambiguous one (PEP 495). These are OpenL2M's own rules.
        return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)

    now = now.astimezone(UTC)
    local = now.astimezone(zone)
    return Bounds(
        last_hour=now - timedelta(hours=1),
        today=midnight(local),
        tomorrow=midnight(local + timedelta(days=1)),
        last_7_days=midnight(now - timedelta(days=7)),
        last_31_days=midnight(now - timedelta(days=31)),
    )
