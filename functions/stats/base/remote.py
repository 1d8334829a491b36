"""What is read from elsewhere and may fail: the last good value, its age, and when to ask again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from stats.base.deadline import Deadline
from stats.base.telemetry import report

T = TypeVar("T")

_FIRST_WAIT = timedelta(seconds=1)
_LONGEST_WAIT = timedelta(seconds=30)


class SourceError(Exception):
    """Something could not be read; the text is fit for a log."""


class Source(Generic[T]):
    """Keeps the last good value of `read`, and after a failure leaves it alone for a while.

    `read(deadline)` returns a value, or None when there is nothing new, or raises SourceError. A failure is logged as
    `message` and counted as `metric`. The wait after it is 1 s, twice as long after each further failure in a row, and
    at most 30 s; it begins when the failed attempt ends.
    """

    def __init__(self, read: Callable[[Deadline], T | None], message: str, metric: str) -> None:
        self.value: T | None = None
        self.error: SourceError | None = None  # of the last attempt
        self._read, self._message, self._metric = read, message, metric
        self._read_at: datetime | None = None
        self._asked_at: datetime | None = None
        self._rest_until: datetime | None = None
        self._failures = 0

    def age(self, now: datetime) -> float | None:
        """Return the seconds since the value was read; None when there is none, or the clock was set back since."""
        return _elapsed(self._read_at, now)

    def since_asked(self, now: datetime) -> float | None:
        """Return the seconds since the last attempt, good or not; None as for age()."""
        return _elapsed(self._asked_at, now)

    def wait(self, now: datetime) -> timedelta:
        """Return how long the source is still to be left alone; zero when it may be asked."""
        if self._rest_until is None or self.since_asked(now) is None:
            return timedelta()
        return max(self._rest_until - now, timedelta())

    def ask(self, deadline: Deadline) -> bool:
        """Refresh the value unless the source is to be left alone. Return whether it was read."""
        return not self.wait(deadline.now) and self.refresh(deadline)

    def refresh(self, deadline: Deadline) -> bool:
        """Read a new value, or keep the last good one. Return whether it was read."""
        self._asked_at = deadline.now
        try:
            value = self._read(deadline)
        except SourceError as error:
            report(self._message, self._metric, error)
            self.error = error.with_traceback(None)
            # The exponent is capped because timedelta overflows long before an outage ends.
            wait = min(_FIRST_WAIT * (1 << min(self._failures, 8)), _LONGEST_WAIT)
            self._failures += 1
            self._rest_until = deadline.clock + wait
            return False
        if value is not None:
            self.value, self._read_at = value, deadline.now
        self.error, self._rest_until, self._failures = None, None, 0
        return True


def _elapsed(since: datetime | None, now: datetime) -> float | None:
    # What lies ahead was noted before the clock was set back: how long ago that is, nobody knows.
    if since is None or since > now:
        return None
    return (now - since).total_seconds()
