"""Random histories of runs: late, repeated, out of order, side by side, failing, in one or two time zones."""

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from stats.aws.bucket import StorageError
from stats.base.deadline import Deadline
from stats.base.zones import time_zone
from stats.snapshots import months
from stats.snapshots.store import Snapshot, Snapshots
from tests.history_checker.bucket import FakeBucket, KilledError, without_pauses
from tests.history_checker.model import Acknowledged, check, scheduled_for_of

ZONES = (
    *("UTC", "Asia/Tokyo", "America/Los_Angeles", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Midway"),
    *("America/Havana", "Africa/Cairo", "Australia/Lord_Howe", "America/St_Johns", "Europe/London", "Pacific/Apia"),
)
_DELAYS = (1, 1, 1, 2, 40, 65, 301, 601, 3000, -200, 86400, 13 * 86400)  # from a run's time to its reading, in seconds


@dataclass
class History:
    """One history: its parameters follow from the seed."""

    seed: int
    failing: float = 0.1
    acknowledged: list[Acknowledged] = field(default_factory=list)
    runs: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self.bucket = FakeBucket(self._chance, self.failing)
        self.writers = self._chance.randint(1, 5)
        self._zones = [time_zone(each) for each in self._chance.sample(ZONES, self._chance.choice((1, 1, 2)))]
        # Days end in the middle of what happens, and so does a month in some.
        day = date(2026, 1, 1) + timedelta(days=self._chance.choice((30, 58, 67, 89, self._chance.randrange(365))))
        midnight = datetime(day.year, day.month, day.day, tzinfo=self._zones[0]).astimezone(UTC)
        self._begin = midnight.replace(second=0) - timedelta(minutes=10)
        self._ended_well: set[datetime] = set()

    def run(self) -> None:
        """Let everything happen, and check what is left. Raise AssertionError."""
        times = [
            self._begin + timedelta(minutes=5 * self._chance.randrange(6)) for _ in range(self._chance.randint(2, 9))
        ]
        backfilled = {f"{(self._begin + timedelta(days=ago)).date()}": -ago for ago in (-2, -1, 0, 1)}
        with without_pauses():
            queue = [self._job(each) for each in times]
            if self._chance.random() < 0.5:
                queue.append(lambda: self._backfill(backfilled))
            while queue:
                now, queue = queue[: self.writers], queue[self.writers :]
                self.bucket.interleave(*now)
            self.bucket.recover()
            self._backfill(backfilled)
            for scheduled_for in times:
                if self._is_left_to_its_retry(scheduled_for):
                    self._job(scheduled_for)()
            self._job(self._begin + timedelta(hours=2))()
        check(self.bucket.objects, self.bucket.written, self.acknowledged, backfilled)

    def _is_left_to_its_retry(self, scheduled_for: datetime) -> bool:
        """Return whether the next run does not complete what a run has begun: it came after a newer snapshot."""
        if scheduled_for in self._ended_well:
            return False
        entered = [scheduled_for_of(json.loads(body)) for body in self.bucket.written]
        return scheduled_for not in entered and max(entered, default=scheduled_for) > scheduled_for

    def _job(self, scheduled_for: datetime) -> Any:
        """Return a run: it has read already, and is to write."""
        self.runs += 1
        taken_at = scheduled_for + timedelta(seconds=self._chance.choice(_DELAYS))
        zone = self._chance.choice(self._zones)
        snapshot = Snapshot(_document(self.runs), taken_at, scheduled_for, zone, {"name": "openl2m"})
        return lambda: self._write(snapshot, zone)

    def _write(self, snapshot: Snapshot, zone: ZoneInfo) -> None:
        try:
            stored, _ = Snapshots(self.bucket, zone).write(snapshot, Deadline.after(60))
        except (KilledError, StorageError):
            return
        number: Any = stored.document["database"]["vlans"]["value"]
        self._ended_well.add(snapshot.scheduled_for)
        self.acknowledged.append(Acknowledged(snapshot.scheduled_for, number, stored.taken_at))

    def _backfill(self, numbers: dict[str, int]) -> None:
        try:
            for day, number in numbers.items():
                instant = f"{day}T23:59:59Z"
                row = {"scheduled_for": instant, "taken_at": instant, "time_zone": "UTC", "source": months.BACKFILL}
                rows = {day: {**row, "values": {"vlans": number}}}
                months.put(self.bucket, months.key_of(day), rows, Deadline.after(60))
        except (KilledError, StorageError):
            pass


def _document(number: int) -> Any:
    return {"database": {"vlans": {"label": "Vlans", "value": number}}}
