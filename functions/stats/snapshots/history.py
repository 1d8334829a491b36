"""The history: rows by month, held in memory and read from S3 when they are due."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from stats.aws.bucket import Bucket, StorageError, Stored
from stats.base.deadline import Deadline
from stats.base.remote import Source
from stats.base.settings import Settings
from stats.base.telemetry import report
from stats.snapshots import months

# By then the last snapshots of a month have been written, however late. Only a backfill or a repair changes it later.
_SETTLED_AFTER = timedelta(days=2)
_SETTLED_SECONDS = 3600
_MOST_MONTHS = 24


class HistoryUnavailableError(Exception):
    """The bucket cannot be read, and not all that was asked for is held."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("no history to be had")
        self.retry_after = retry_after


@dataclass(frozen=True)
class _Month:
    """A month's rows by day, the object that they come from (None: there is no usable one), and when it was read."""

    rows: dict[str, months.Row]
    stored: Stored | None
    read_at: datetime


class History:
    """Serves rows by day, and holds at most 24 months in memory."""

    def __init__(self, settings: Settings, bucket: Bucket) -> None:
        self._settings = settings
        self._bucket = bucket
        self._held: dict[str, _Month] = {}  # the one that was used last is last
        self._due: list[str] = []
        self._source: Source[None] = Source(self._read, "history not readable", "HistoryReadFailure")

    def days(self, first: date, last: date, deadline: Deadline) -> dict[str, months.Row | None]:
        """Return the row of each day from the first to the last, or None for a day without one.

        Raise HistoryUnavailableError. What is held is served for MAX_STALE_SECONDS while the bucket cannot be read.
        """
        now = deadline.now
        days = [date.fromordinal(number).isoformat() for number in range(first.toordinal(), last.toordinal() + 1)]
        # There is no snapshot of a month that is yet to come.
        months = [month for month in dict.fromkeys(day[:7] for day in days) if month <= now.date().isoformat()[:7]]
        self._due = [month for month in months if not self._is_fresh(month, now)]
        if self._due:
            self._source.ask(deadline)
        self._keep(months)
        if not all(self._is_usable(month, now) for month in months):
            raise HistoryUnavailableError(self._source.wait(deadline.clock))
        found = {month: self._held[month].rows for month in months}
        return {day: found.get(day[:7], {}).get(day) for day in days}

    def _read(self, deadline: Deadline) -> None:
        """Read the months that are due. Raise StorageError when that fails for one; the others are held then."""
        due = {month: self._held.get(month) for month in self._due}
        keys = {months.key_of(month): held.stored if held else None for month, held in due.items()}
        failure = None
        for (month, held), outcome in zip(due.items(), self._bucket.get_each(keys, deadline), strict=True):
            if isinstance(outcome, StorageError):
                failure = failure or outcome
            elif held and outcome and outcome is held.stored:
                self._held[month] = replace(held, read_at=deadline.now)
            else:
                self._held[month] = _parse(outcome, deadline.now)
        if failure:
            raise failure

    def _keep(self, used: Iterable[str]) -> None:
        """Note which months were just used, and forget those that were not used for longest."""
        for month in used:
            if month in self._held:
                self._held[month] = self._held.pop(month)
        for month in list(self._held)[:-_MOST_MONTHS]:
            del self._held[month]

    def _is_fresh(self, month: str, now: datetime) -> bool:
        age = self._age(month, now)
        return age is not None and age < max(self._settings.cache_ttl_seconds, self._settled_seconds(month, now))

    def _is_usable(self, month: str, now: datetime) -> bool:
        age = self._age(month, now)
        # The hour for which a settled month counts as fresh comes on top.
        limit = self._settings.max_stale_seconds + self._settled_seconds(month, now)
        return age is not None and (age <= limit or self._is_fresh(month, now))

    def _age(self, month: str, now: datetime) -> float | None:
        """Return the seconds since a month was read; None when it is not held, or the clock was set back since."""
        held = self._held.get(month)
        return (now - held.read_at).total_seconds() if held and held.read_at <= now else None

    def _settled_seconds(self, month: str, now: datetime) -> int:
        """Return how long a month counts as fresh because it is settled; 0 when it is not."""
        held = self._held.get(month)
        is_settled = held and held.stored and now > _end(month) + _SETTLED_AFTER
        return _SETTLED_SECONDS if is_settled else 0


def _parse(stored: Stored | None, now: datetime) -> _Month:
    if stored is None:
        return _Month({}, None, now)
    try:
        # Asking whether it has changed takes only the tag.
        return _Month(months.parse(stored), replace(stored, body=b""), now)
    except StorageError as error:
        report("history damaged", "HistoryDamaged", error)
        return _Month({}, None, now)


def _end(month: str) -> datetime:
    """Return the instant at which a month ends."""
    first = datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC)
    return (first + timedelta(days=31)).replace(day=1)
