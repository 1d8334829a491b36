"""The statistics now: fresh from memory, from a snapshot, from the database, or stale."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from functools import partial

from stats.base.deadline import Deadline
from stats.base.instants import elapsed
from stats.base.remote import Remote, UnavailableError
from stats.base.settings import Settings
from stats.base.telemetry import count
from stats.http.response import entity_tag
from stats.numbers import query
from stats.numbers.catalogue import COUNTERS, Document
from stats.reading import Reader
from stats.snapshots.store import Snapshot, Snapshots

_UNAVAILABLE = "The statistics cannot be read at the moment."
_SNAPSHOT_SECONDS, _SNAPSHOT_SHARE = 2, 1 / 4


class Origin(StrEnum):
    """Where the numbers of an answer come from. The values are names of metrics."""

    DATABASE = "CacheMiss"
    MEMORY = "CacheHit"
    SNAPSHOT = "CacheSnapshot"
    STALE = "CacheStale"


@dataclass(frozen=True)
class Statistics:
    """All numbers, the document that is sent, the instant of the numbers, and the validators made of both."""

    document: Document
    body: str
    etag: str
    taken_at: datetime
    last_modified: str
    is_ours: bool = True  # False: of another database or time zone

    def age(self, now: datetime) -> float:
        """Return the seconds since the numbers were read."""
        return (now - self.taken_at).total_seconds()


class Service:
    """Serves the last statistics, and refreshes them from the newest snapshot and the database when they are due."""

    def __init__(self, settings: Settings, reader: Reader, snapshots: Snapshots | None) -> None:
        self._settings = settings
        self._reader = reader

        def read(deadline: Deadline) -> Statistics:
            return served(reader.read(deadline), deadline.now)

        self._database = Remote(read, "database failed", "DatabaseFailure")
        self._snapshot = snapshots and Remote(
            partial(self._read_snapshot, snapshots), "snapshot not readable", "SnapshotReadFailure"
        )
        # When the newest snapshot was taken, as of the last successful read of the bucket; None if it had none.
        self.snapshot_taken_at: datetime | None = None

    def statistics(self, deadline: Deadline) -> tuple[Statistics, Origin]:
        """Return the statistics to serve at the instant `deadline.now`, and where they come from.

        Raise UnavailableError.
        """
        statistics, origin = self._choose(deadline)
        count(origin.value)
        return statistics, origin

    def check(self, deadline: Deadline) -> None:
        """Raise UnavailableError unless there are statistics to serve.

        For callers without a token: where there are none in memory, they share one attempt in CACHE_TTL_SECONDS.
        """
        newest = self._newest(deadline.now)
        if newest and (
            newest.age(deadline.now) <= self._settings.max_stale_seconds or self._is_fresh(newest, deadline.now)
        ):
            return
        since = self._database.since_attempt(deadline.now)
        pause = timedelta(seconds=max(self._settings.cache_ttl_seconds, 1) - (since or 0))
        if since is not None and pause > timedelta():
            raise UnavailableError(_UNAVAILABLE, max(pause, self._database.remaining(deadline.now)))
        self._choose(deadline)

    def _choose(self, deadline: Deadline) -> tuple[Statistics, Origin]:
        now = deadline.now
        newest = self._newest(now)
        if newest and self._is_fresh(newest, now):
            return newest, Origin.MEMORY
        snapshot = self._snapshot if self._snapshot and not self._snapshot.remaining(now) else None
        # Most of the time is reserved for the database, however this ends.
        if snapshot and snapshot.refresh_now(deadline.share(_SNAPSHOT_SHARE, _SNAPSHOT_SECONDS)):
            newest = self._newest(now)
            if newest and self._is_fresh(newest, now):
                return newest, Origin.SNAPSHOT
        if self._database.refresh(deadline) and self._database.value:
            return self._database.value, Origin.DATABASE
        # With nothing else to serve or to try, the snapshot gets all the remaining time.
        if not newest and snapshot and snapshot.error and not deadline.passed and snapshot.refresh_now(deadline):
            newest = self._newest(now)
        if newest and newest.age(now) <= self._settings.max_stale_seconds:
            return newest, Origin.SNAPSHOT if self._is_young(newest, now) else Origin.STALE
        raise UnavailableError(_UNAVAILABLE, self._database.remaining(deadline.clock))

    def _newest(self, now: datetime) -> Statistics | None:
        """Return the newest statistics in memory, except those from the future, whose age is unknown.

        Those of another database or time zone count only once they are stale, and only without others.
        """
        values = [remote.value for remote in (self._database, self._snapshot) if remote and remote.value]
        usable = [
            each
            for each in values
            if elapsed(each.taken_at, now) is not None and (each.is_ours or not self._is_young(each, now))
        ]
        return max(usable, key=lambda each: (each.is_ours, each.taken_at), default=None)

    def _is_fresh(self, statistics: Statistics, now: datetime) -> bool:
        # If the snapshot lacks numbers, the database may have them by now.
        from_database = statistics is self._database.value
        return self._is_young(statistics, now) and (from_database or query.is_whole(statistics.document))

    def _is_young(self, statistics: Statistics, now: datetime) -> bool:
        return statistics.age(now) < self._settings.cache_ttl_seconds

    def _read_snapshot(self, snapshots: Snapshots, deadline: Deadline) -> Statistics | None:
        """Return the statistics of the newest snapshot, whatever its age; None if none can be served."""
        snapshot = snapshots.latest(deadline)
        self.snapshot_taken_at = snapshot.taken_at if snapshot else None
        # It may come from a version with other statistics.
        if (
            snapshot is None
            or elapsed(snapshot.taken_at, deadline.now) is None
            or not query.is_known(snapshot.document)
        ):
            return None
        return served(snapshot.document, snapshot.taken_at, is_ours=self.is_ours(snapshot))

    def is_ours(self, snapshot: Snapshot) -> bool:
        """Return whether a snapshot is of this function's database and time zone, or may be."""
        server = self._reader.server
        same_database = snapshot.read_from is None or server is None or snapshot.read_from == server.place
        return same_database and snapshot.zone.key == self._settings.time_zone.key


def served(document: Document, taken_at: datetime, *, is_ours: bool = True) -> Statistics:
    """Return the answer to send for numbers that were read at an instant."""
    sent = {section: entries for section, entries in document.items() if section != COUNTERS}
    body = json.dumps(sent, separators=(",", ":"))
    last_modified = format_datetime(taken_at, usegmt=True)
    return Statistics(document, body, entity_tag(body), taken_at, last_modified, is_ours)
