"""How long to leave a failing source alone."""

from datetime import datetime, timedelta

_FIRST = timedelta(seconds=1)
_LONGEST = timedelta(seconds=30)


class Backoff:
    """Waits 1 s after the first failure in a row, twice as long after each further one, at most 30 s."""

    def __init__(self) -> None:
        self._failures = 0
        self._tried_at: datetime | None = None
        self._until: datetime | None = None

    def remaining(self, now: datetime) -> timedelta:
        """Return how long the source is still to be left alone; zero when it may be tried."""
        if self._tried_at is None or self._until is None or now < self._tried_at:  # the clock was set back
            return timedelta()
        return max(self._until - now, timedelta())

    def failed(self, now: datetime, took_seconds: float) -> timedelta:
        """Note the failure of a try that was made at the instant `now`; return the wait, which begins at its end."""
        # The exponent is capped because timedelta overflows long before an outage ends.
        wait = min(_FIRST * (1 << min(self._failures, 8)), _LONGEST)
        self._tried_at, self._until = now, now + timedelta(seconds=took_seconds) + wait
        self._failures += 1
        return wait

    def succeeded(self) -> None:
        """Note that the source answers."""
        self._failures = 0
        self._tried_at = self._until = None
