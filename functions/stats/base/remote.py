"""Cached remote values: the last good value, its age, and the back-off after failures."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from stats.base.deadline import Deadline
from stats.base.instants import elapsed
from stats.base.telemetry import report

T = TypeVar("T")

_FIRST_PAUSE = timedelta(seconds=1)
_LONGEST_PAUSE = timedelta(seconds=30)


class RemoteError(Exception):
    """A remote read failed; the text may be logged."""


class UnavailableError(Exception):
    """Nothing can be served. `detail` is for the caller; `retry_after` is the remaining back-off."""

    def __init__(self, detail: str, retry_after: timedelta) -> None:
        super().__init__(detail)
        self.detail, self.retry_after = detail, retry_after


class Pause:
    """A pause between two attempts. It begins when an attempt ends. Setting the clock back ends it."""

    def __init__(self) -> None:
        self._attempted_at: datetime | None = None
        self._until: datetime | None = None

    def begin(self, deadline: Deadline, length: timedelta) -> None:
        """Begin a pause at the end of the attempt with this deadline."""
        self._attempted_at, self._until = deadline.now, deadline.clock + length

    def end(self) -> None:
        """End the pause."""
        self._until = None

    def remaining(self, now: datetime) -> timedelta:
        """Return the rest of the pause; zero when an attempt may be made."""
        if self._until is None or elapsed(self._attempted_at, now) is None:
            return timedelta()
        return max(self._until - now, timedelta())


class BackOff:
    """Pauses after failed attempts: 1 s, doubled after each consecutive failure, at most 30 s.

    A pause begins when the failed attempt ends. A failure is logged as `message` and counted as `metric`.
    """

    def __init__(self, message: str, metric: str) -> None:
        self.error: RemoteError | None = None  # of the last attempt
        self._message, self._metric = message, metric
        self._attempted_at: datetime | None = None
        self._pause = Pause()
        self._failures = 0

    def since_attempt(self, now: datetime) -> float | None:
        """Return the seconds since the last attempt; None before the first, or after the clock was set back."""
        return elapsed(self._attempted_at, now)

    def remaining(self, now: datetime) -> timedelta:
        """Return the rest of the pause; zero when an attempt may be made."""
        return self._pause.remaining(now)

    def attempt(self, action: Callable[[Deadline], None], deadline: Deadline) -> bool:
        """Run an action, which raises RemoteError if it fails. Return whether it succeeded."""
        self._attempted_at = deadline.now
        try:
            action(deadline)
        except RemoteError as error:
            report(self._message, self._metric, error)
            self.error = error.with_traceback(None)
            # The exponent is capped because timedelta overflows long before an outage ends.
            pause = min(_FIRST_PAUSE * (1 << min(self._failures, 8)), _LONGEST_PAUSE)
            self._failures += 1
            self._pause.begin(deadline, pause)
            return False
        self._pause.end()
        self.error, self._failures = None, 0
        return True


class Remote(BackOff, Generic[T]):
    """Caches the last good value that `read` returned, also while it fails.

    `read(deadline)` returns a value, or None when there is nothing new, or raises RemoteError.
    """

    def __init__(self, read: Callable[[Deadline], T | None], message: str, metric: str) -> None:
        super().__init__(message, metric)
        self.value: T | None = None
        self._read = read
        self._read_at: datetime | None = None

    def age(self, now: datetime) -> float | None:
        """Return how old the value is, in seconds; None without a value, or if the clock was set back since."""
        return elapsed(self._read_at, now)

    def refresh(self, deadline: Deadline) -> bool:
        """Read a new value, except during a pause. Return whether it was read."""
        return not self.remaining(deadline.now) and self.refresh_now(deadline)

    def refresh_now(self, deadline: Deadline) -> bool:
        """Read a new value, or keep the last good one if that fails. Return whether it was read."""
        return self.attempt(self._store, deadline)

    def _store(self, deadline: Deadline) -> None:
        value = self._read(deadline)
        if value is not None:
            self.value, self._read_at = value, deadline.now
