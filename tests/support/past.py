"""A bucket in memory with snapshots of the past, as the notices look at them."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

from stats.base.instants import timestamp
from stats.base.zones import time_zone
from stats.notices.facts import Facts
from stats.numbers.catalogue import STATISTICS
from stats.snapshots import months
from stats.snapshots.store import Snapshot, Snapshots
from tests.support.memory_s3 import MemoryBucket
from tests.support.sqlite_app import deadline_at

_STATISTICS = {each.key: each for each in STATISTICS}


class Past:
    """Snapshots of a database, and the facts at `now`, a Wednesday unless it is given."""

    def __init__(self, zone: str = "UTC", now: datetime = datetime(2026, 3, 4, 12, tzinfo=UTC)) -> None:
        self.bucket = MemoryBucket()
        self.now = now
        self.zone = time_zone(zone)

    def snapshot(
        self, ago: timedelta, numbers: dict[str, int], late: timedelta = timedelta(0), **origin: Any
    ) -> Snapshot:
        """Return a snapshot of some time ago."""
        scheduled_for = self.now - ago
        document: Any = {}
        for key, value in numbers.items():
            each = _STATISTICS[key]
            document.setdefault(each.section, {})[key] = {"label": each.label, "value": value}
        zone = time_zone(origin.get("zone", self.zone.key))
        return Snapshot(
            document, scheduled_for + late, scheduled_for, zone, origin.get("read_from", {"host": "database"})
        )

    def put(
        self, ago: timedelta, late: timedelta = timedelta(0), origin: dict[str, Any] | None = None, **numbers: int
    ) -> None:
        """Put a single snapshot into the bucket."""
        snapshot = self.snapshot(ago, numbers, late, **(origin or {}))
        self.bucket.s3.objects[f"p/{snapshot.key}"] = snapshot.line

    def put_day(self, day: date, origin: dict[str, Any] | None = None, **numbers: int | None) -> None:
        """Put a day's row into the history."""
        key = f"p/{months.key_of(day.isoformat())}"
        month = json.loads(self.bucket.s3.objects.get(key, b"{}"))
        instant = timestamp(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
        row = {
            "taken_at": instant,
            "scheduled_for": instant,
            "time_zone": self.zone.key,
            "read_from": {"host": "database"},
        }
        month[day.isoformat()] = {**row, **(origin or {}), "values": numbers}
        self.bucket.s3.objects[key] = months.line(month)

    def facts(self, late: timedelta = timedelta(0), **numbers: int) -> Facts:
        """Return the facts with these newest numbers."""
        newest = self.snapshot(timedelta(0), numbers, late)
        return Facts(Snapshots(self.bucket, self.zone), newest, deadline_at(newest.taken_at))
