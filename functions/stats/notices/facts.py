"""The earlier numbers that notices compare the newest ones with, read from the bucket when first needed."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from stats.aws.bucket import StorageError
from stats.base.deadline import Deadline
from stats.snapshots import months
from stats.snapshots.store import Snapshot, Snapshots, hour_prefix, key_of

_NEAR = timedelta(hours=1)


class Facts:
    """The newest snapshot, and those before it of the same database and TIME_ZONE. Its methods raise StorageError."""

    def __init__(self, snapshots: Snapshots, snapshot: Snapshot, deadline: Deadline) -> None:
        self.snapshot = snapshot
        self._snapshots, self._deadline = snapshots, deadline
        self._earlier: dict[timedelta, Mapping[str, int] | None] = {}
        self._months: dict[str, Mapping[str, months.Row]] = {}

    @property
    def zone(self) -> ZoneInfo:
        """TIME_ZONE."""
        return self.snapshot.zone

    @property
    def now(self) -> datetime:
        """When the newest numbers were read, in UTC."""
        return self.snapshot.taken_at

    @property
    def numbers(self) -> Mapping[str, int]:
        """The newest numbers by key, without those that could not be read."""
        return self.snapshot.row["values"]  # type: ignore[no-any-return]

    def earlier(self, ago: timedelta) -> Mapping[str, int] | None:
        """Return the numbers of the same time `ago`, by key; None without a snapshot within an hour of it."""
        if ago not in self._earlier:
            # Runs come at the same times every day, a moment late, or some minutes when Lambda tries again.
            scheduled, taken = self.snapshot.scheduled_for, self.snapshot.taken_at
            found = self._at((scheduled if abs(taken - scheduled) <= _NEAR else taken) - ago)
            self._earlier[ago] = found.row["values"] if found else None
        return self._earlier[ago]

    def _at(self, instant: datetime) -> Snapshot | None:
        """Return the snapshot that was scheduled for an instant, or the last one of the hour before it."""
        found = self._snapshots.read(key_of(instant), self._deadline)
        if found is None:
            keys = [key for key in self._keys(instant) if key_of(instant - _NEAR) <= key < key_of(instant)]
            found = self._snapshots.read(max(keys), self._deadline) if keys else None
        is_usable = found and abs(found.taken_at - instant) <= _NEAR and self._is_ours(found.zone.key, found.read_from)
        return found if is_usable else None

    def _keys(self, instant: datetime) -> list[str]:
        prefixes = dict.fromkeys([hour_prefix(instant), hour_prefix(instant - _NEAR)])
        keys: list[str] = []
        for outcome in self._snapshots.bucket.list_each(list(prefixes), self._deadline):
            if isinstance(outcome, StorageError):
                raise outcome
            keys += outcome
        return keys

    def day(self, day: date) -> Mapping[str, int | None] | None:
        """Return the numbers that were read last on a day of TIME_ZONE, by key; None without a snapshot."""
        key = months.key_of(day.isoformat())
        if key not in self._months:
            stored = self._snapshots.bucket.get(key, self._deadline)
            self._months[key] = months.parse(stored) if stored else {}
        row = self._months[key].get(day.isoformat())
        if row is None or months.is_backfilled(row):
            return None
        values: Mapping[str, int | None] = row["values"]
        return values if self._is_ours(row.get("time_zone"), row.get("read_from")) else None

    def _is_ours(self, zone: str | None, read_from: Mapping[str, Any] | None) -> bool:
        """Return whether numbers are comparable with the newest; those of version 1.0, which name neither, are."""
        ours = self.snapshot.read_from
        return zone in {None, self.zone.key} and (read_from is None or ours is None or read_from == ours)
