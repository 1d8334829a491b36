"""The history: months cached in memory, and refreshed from S3."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import partial

from stats.aws.bucket import Bucket, StorageError, Stored
from stats.base.deadline import Deadline
from stats.base.instants import elapsed
from stats.base.remote import BackOff, UnavailableError
from stats.base.settings import Settings
from stats.base.telemetry import report
from stats.snapshots import months

# By then all snapshots of a month have been written, even late ones. Only a backfill or a repair changes it later.
_SETTLED_AFTER = timedelta(days=2)
_SETTLED_SECONDS = 3600
_MOST_MONTHS = 24


@dataclass(frozen=True)
class _Month:
    """A month's rows by day, their object (None: no usable one exists), and when it was read."""

    rows: dict[str, months.Row]
    stored: Stored | None
    read_at: datetime


class History:
    """Serves the history's rows by day, and caches at most 24 months."""

    def __init__(self, settings: Settings, bucket: Bucket) -> None:
        self._settings = settings
        self._bucket = bucket
        self._cache: dict[str, _Month] = {}  # in the order of the last use
        self._back_off = BackOff("history not readable", "HistoryReadFailure")

    def days(self, first: date, last: date, deadline: Deadline) -> dict[str, months.Row | None]:
        """Return the rows of the days from `first` to `last`, None for a day without a row.

        Raise UnavailableError. Cached months are served for MAX_STALE_SECONDS while the bucket cannot be read.
        """
        now = deadline.now
        days = [date.fromordinal(number).isoformat() for number in range(first.toordinal(), last.toordinal() + 1)]
        # A future month has no snapshots.
        current = now.astimezone(self._settings.time_zone).date().isoformat()[:7]
        months = [month for month in dict.fromkeys(day[:7] for day in days) if month <= current]
        due = [month for month in months if not self._is_fresh(month, now)]
        if due and not self._back_off.remaining(now):
            self._back_off.attempt(partial(self._fetch, due), deadline)
        self._keep(months)
        if not all(self._is_usable(month, now) for month in months):
            remaining = self._back_off.remaining(deadline.clock)
            raise UnavailableError("The history cannot be read at the moment.", remaining)
        found = {month: self._cache[month].rows for month in months}
        return {day: found.get(day[:7], {}).get(day) for day in days}

    def _fetch(self, due_months: Iterable[str], deadline: Deadline) -> None:
        """Fetch months. Raise StorageError if one fails; the others are still cached."""
        due = {month: self._cache.get(month) for month in due_months}
        keys = {months.key_of(month): cached.stored if cached else None for month, cached in due.items()}
        failure = None
        for (month, cached), outcome in zip(due.items(), self._bucket.get_each(keys, deadline), strict=True):
            if isinstance(outcome, StorageError):
                failure = failure or outcome
            elif cached and outcome and outcome is cached.stored:
                self._cache[month] = replace(cached, read_at=deadline.now)
            else:
                self._cache[month] = _parse(outcome, deadline.now)
        if failure:
            raise failure

    def _keep(self, used: Iterable[str]) -> None:
        """Mark months as just used, and drop the least recently used ones from the cache."""
        for month in used:
            if month in self._cache:
                self._cache[month] = self._cache.pop(month)
        for month in list(self._cache)[:-_MOST_MONTHS]:
            del self._cache[month]

    def _is_fresh(self, month: str, now: datetime) -> bool:
        age = self._age(month, now)
        return age is not None and age < max(self._settings.cache_ttl_seconds, self._settled_seconds(month, now))

    def _is_usable(self, month: str, now: datetime) -> bool:
        age = self._age(month, now)
        # Plus the hour for which a settled month counts as fresh.
        limit = self._settings.max_stale_seconds + self._settled_seconds(month, now)
        return age is not None and (age <= limit or self._is_fresh(month, now))

    def _age(self, month: str, now: datetime) -> float | None:
        """Return the seconds since a month was read; None if it is not cached, or the clock was set back since."""
        cached = self._cache.get(month)
        return elapsed(cached.read_at if cached else None, now)

    def _settled_seconds(self, month: str, now: datetime) -> int:
        """Return how many seconds a settled month counts as fresh; 0 for other months."""
        cached = self._cache.get(month)
        is_settled = cached and cached.stored and now > _end(month, self._settings.time_zone) + _SETTLED_AFTER
        return _SETTLED_SECONDS if is_settled else 0


def _parse(stored: Stored | None, now: datetime) -> _Month:
    if stored is None:
        return _Month({}, None, now)
    try:
        # Checking for a change needs only the ETag.
        return _Month(months.parse(stored), replace(stored, body=b""), now)
    except StorageError as error:
        report("history damaged", "HistoryDamaged", error)
        return _Month({}, None, now)


def _end(month: str, zone: tzinfo) -> datetime:
    """Return the instant at which a month ends in a zone."""
    first = datetime.fromisoformat(f"{month}-01")
    # Find the first day of the next month before looking up its offset.
    return (first + timedelta(days=31)).replace(day=1, tzinfo=zone).astimezone(UTC)
