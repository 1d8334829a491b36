"""Single snapshots of the past, by the time of their numbers."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from stats.aws.bucket import StorageError
from stats.base.deadline import Deadline
from stats.base.remote import BackOff, UnavailableError
from stats.snapshots.store import Snapshot, Snapshots, hour_prefix, key_of

_REACH = timedelta(days=1)
_HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Past:
    """Finds snapshots in the bucket, and pauses after a failure."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._back_off = BackOff("snapshot not readable", "SnapshotReadFailure")

    def newest(self, instant: datetime, accepts: Callable[[Snapshot], bool], deadline: Deadline) -> Snapshot | None:
        """Return the newest snapshot that `accepts`, read at an instant or within a day before it.

        Raise UnavailableError.
        """
        if instant < _EPOCH:  # the day before must not be before the year 1
            return None
        found: list[Snapshot] = []

        def find(deadline: Deadline) -> None:
            snapshot = self._find(instant, accepts, deadline)
            if snapshot:
                found.append(snapshot)

        if self._back_off.remaining(deadline.now) or not self._back_off.attempt(find, deadline):
            remaining = self._back_off.remaining(deadline.clock)
            raise UnavailableError("The snapshots cannot be read at the moment.", remaining)
        return found[0] if found else None

    def _find(self, instant: datetime, accepts: Callable[[Snapshot], bool], deadline: Deadline) -> Snapshot | None:
        # The key has the scheduled time, just before the reading, so the snapshot is nearly always in this hour.
        hours = [hour_prefix(instant - hours * _HOUR) for hours in range(int(_REACH / _HOUR) + 2)]
        for prefixes in (hours[:1], hours[1:2], hours[2:]):
            for key in self._keys(prefixes, deadline):
                snapshot = self._snapshots.read(key, deadline) if key <= key_of(instant) else None
                # A run that was late may have read later.
                if snapshot and snapshot.taken_at <= instant and accepts(snapshot):
                    return snapshot if instant - snapshot.taken_at <= _REACH else None
        return None

    def _keys(self, prefixes: Sequence[str], deadline: Deadline) -> list[str]:
        """Return the keys with some prefixes, the latest first."""
        keys: list[str] = []
        for outcome in self._snapshots.bucket.list_each(prefixes, deadline):
            if isinstance(outcome, StorageError):
                raise outcome
            keys += outcome
        return sorted(keys, reverse=True)
