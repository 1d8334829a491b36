"""How long to leave a failing source alone."""

from datetime import datetime, timedelta

_FIRST = timedelta(seconds=1)
_LONGEST = timedelta(seconds=30)


class Backoff:
    """Waits 1 s after the first failure in a row, twice as long after each further one, at most 30 s."""

    def __init__(self) -> None:
        self._failures = 0
        self._tried_at: datetime | None = None
        self._rest = timedelta()

    def remaining(self, now: datetime) -> timedelta:
        """Return how long the source is still to be left alone; zero when it may be tried."""
        # A try that lies ahead means that the clock was set back.
        if self._tried_at is None or now < self._tried_at:
            return timedelta()
        return max(self._tried_at + self._rest - now, timedelta())

    def failed(self, now: datetime, took_seconds: float) -> timedelta:
        """Note the failure of a try that was made at the instant `now`; return the wait, which begins at its end."""
        # The exponent is capped because timedelta overflows long before an outage ends.
        wait = min(_FIRST * (1 << min(self._failures, 8)), _LONGEST)
        self._failures += 1
        self._tried_at, self._rest = now, timedelta(seconds=took_seconds) + wait
        return wait

    def succeeded(self) -> None:
        """Note that the source answers."""
        self._failures = 0
        self._tried_at = None
