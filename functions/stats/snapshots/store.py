"""Snapshots in S3: an object for each, one with the newest, and rows of the history.

    dt=2026-11-23/2026-11-23T12-00-00Z.json    a snapshot, by the time that it was scheduled for, in UTC
    latest.json                                the newest snapshot
    history/2026-11.json                       the numbers that were read last on each day of TIME_ZONE

A snapshot enters latest.json first, and leaves it for a newer one only when it has its own object and its row.
So a run that fails halfway leaves in latest.json all that the next one needs to finish its work.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from stats.aws.bucket import Bucket, StorageError, Stored, tries
from stats.base.deadline import Deadline
from stats.base.instants import parse_instant, timestamp
from stats.base.settings import Settings
from stats.base.telemetry import logger
from stats.base.zones import time_zone
from stats.numbers.catalogue import Document
from stats.snapshots import months

_LATEST = "latest.json"


@dataclass(frozen=True)
class Snapshot:
    """The API's document, the instant of its numbers, and the instant that it was scheduled for, in whole seconds.

    `zone` is the TIME_ZONE that the numbers follow, `read_from` the place of their database: see driver.Server. A
    snapshot of version 1.0 names neither: `zone` is then this function's own, and `read_from` None.
    """

    document: Document
    taken_at: datetime
    scheduled_for: datetime
    zone: ZoneInfo
    read_from: Mapping[str, Any] | None

    @property
    def day(self) -> str:
        """The day of TIME_ZONE on which the numbers were read."""
        return self.taken_at.astimezone(self.zone).date().isoformat()

    @property
    def key(self) -> str:
        """The key of the snapshot's own object."""
        return key_of(self.scheduled_for)

    @property
    def line(self) -> bytes:
        """The snapshot as a line of JSON."""
        return months.line({**self.document, **self._origin})

    @property
    def row(self) -> months.Row:
        """The snapshot as a row of the history."""
        values = {key: entry["value"] for section in self.document.values() for key, entry in section.items()}
        return {**self._origin, "values": values}

    @property
    def _origin(self) -> dict[str, Any]:
        times = {"taken_at": timestamp(self.taken_at), "scheduled_for": timestamp(self.scheduled_for)}
        read_from = {"read_from": self.read_from} if self.read_from else {}
        return {**times, "time_zone": self.zone.key, **read_from}


def key_of(scheduled_for: datetime) -> str:
    """Return the key of the snapshot scheduled for an instant in UTC."""
    time = scheduled_for.isoformat(timespec="seconds")[:19]
    return f"dt={time[:10]}/{time.replace(':', '-')}Z.json"


def hour_prefix(instant: datetime) -> str:
    """Return the prefix of the keys of all snapshots scheduled for an instant's hour in UTC."""
    return key_of(instant)[: -len("00-00Z.json")]


class Snapshots:
    """The snapshots in a bucket. Those without a time zone are in `zone`."""

    def __init__(self, bucket: Bucket, zone: ZoneInfo) -> None:
        self.bucket = bucket
        self._zone = zone

    def prepare(self) -> None:
        """Create the S3 client, so that the first request does not wait for it."""
        _ = self.bucket.client

    def latest(self, deadline: Deadline) -> Snapshot | None:
        """Return the newest snapshot; None if there is none. Raise StorageError."""
        stored = self.bucket.get(_LATEST, deadline)
        return parse(stored, self._zone) if stored else None

    def read(self, key: str, deadline: Deadline) -> Snapshot | None:
        """Return a single snapshot; None if it has expired or is malformed. Raise StorageError if it cannot be read."""
        return self._parse_or_log(self.bucket.get(key, deadline))

    def write(self, snapshot: Snapshot, deadline: Deadline) -> tuple[Snapshot, bool]:
        """Store a snapshot. Return the one stored for its scheduled time, and whether this call changed anything.

        Of several for one scheduled time the first counts. Raise StorageError: then another call for this
        time finishes what was begun, and unless a later snapshot was there before, so does a call for any time.
        """
        for _ in tries(_LATEST, deadline):
            stored = self.bucket.get(_LATEST, deadline)
            newest = self._parse_or_log(stored)
            if newest and newest.scheduled_for == snapshot.scheduled_for:
                return self._settle(newest, deadline)
            if newest and not self._is_settled(newest, deadline):
                self._settle(newest, deadline)
            if newest and newest.scheduled_for > snapshot.scheduled_for:
                break
            if self.bucket.put(_LATEST, snapshot.line, stored, deadline):
                break
        return self._settle(snapshot, deadline)

    def _parse_or_log(self, stored: Stored | None) -> Snapshot | None:
        """Return the newest snapshot; None if there is none, or the object is malformed and must be replaced."""
        try:
            return parse(stored, self._zone) if stored else None
        except StorageError as error:
            logger.error("snapshot ignored", error=str(error))
            return None

    def _is_settled(self, snapshot: Snapshot, deadline: Deadline) -> bool:
        # The row is written last: if it exists, so does the object. The row of a later snapshot proves nothing.
        stored = self.bucket.get(months.key_of(snapshot.day), deadline)
        row = months.parse(stored).get(snapshot.day) if stored else None
        if row is None or months.is_backfilled(row):
            return False
        return parse_instant(row["scheduled_for"]) == snapshot.scheduled_for

    def _settle(self, snapshot: Snapshot, deadline: Deadline) -> tuple[Snapshot, bool]:
        """Write a snapshot's object and row. Return the snapshot in the object, and whether anything was written."""
        kept, changed = self._keep(snapshot, deadline)
        written = months.put(self.bucket, months.key_of(kept.day), {kept.day: kept.row}, deadline)
        return kept, changed or written

    def _keep(self, snapshot: Snapshot, deadline: Deadline) -> tuple[Snapshot, bool]:
        for _ in tries(snapshot.key, deadline):
            if self.bucket.put(snapshot.key, snapshot.line, None, deadline):
                break
            stored = self.bucket.get(snapshot.key, deadline)
            if stored:
                return parse(stored, self._zone), False
        return snapshot, True


def open_snapshots(settings: Settings, attempts: int) -> Snapshots | None:
    """Return the snapshots in the settings' bucket, with at most `attempts` tries per call; None without a bucket."""
    if settings.snapshot_bucket is None:
        return None
    return Snapshots(Bucket(settings.snapshot_bucket, settings.snapshot_prefix, attempts), settings.time_zone)


def parse(stored: Stored, zone: ZoneInfo) -> Snapshot:
    """Return a stored snapshot; one without a time zone is in `zone`. Raise StorageError if it is malformed."""
    try:
        content = json.loads(stored.body)
        taken_at, scheduled_for = parse_instant(content.pop("taken_at")), parse_instant(content.pop("scheduled_for"))
        named, read_from = content.pop("time_zone", None), content.pop("read_from", None)
        entries = [entry for section in content.values() for entry in section.values()]
        types = [{key: type(value) for key, value in entry.items()} for entry in entries]
        if all(each == {"label": str, "value": int} for each in types) and isinstance(read_from, dict | None):
            found = Snapshot(content, taken_at, scheduled_for, time_zone(named) if named else zone, read_from)
            _ = found.day  # fails in the first or last days of the calendar
            return found
    except months.MALFORMED:
        pass  # the error's text may quote the object
    raise StorageError(f"{stored.key} is not a valid snapshot")
