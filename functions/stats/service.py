"""The statistics now: fresh from memory, from a snapshot, from the database, or stale."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import Enum

from stats.base.deadline import Deadline
from stats.base.remote import Source
from stats.base.settings import Settings
from stats.base.telemetry import count
from stats.database.session import Database
from stats.numbers import query
from stats.numbers.catalogue import COUNTERS, Document
from stats.snapshots.store import Snapshots

_SNAPSHOT_SECONDS, _SNAPSHOT_SHARE = 2, 1 / 4


class Origin(Enum):
    """Where an answer's numbers come from; the values are the metrics' names."""

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

    def age(self, now: datetime) -> float:
        """Return the seconds since the numbers were read."""
        return (now - self.taken_at).total_seconds()


class UnavailableError(Exception):
    """There are no statistics to be had: the database does not answer, and what is held is too old."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("no statistics to be had")
        self.retry_after = retry_after


class Service:
    """Serves the last statistics, and asks the newest snapshot and the database for newer ones when they are due."""

    def __init__(self, settings: Settings, database: Database, snapshots: Snapshots | None) -> None:
        self._settings = settings
        self._database = Source(
            lambda deadline: _statistics(database.document(deadline), deadline.now),
            "database failed",
            "DatabaseFailure",
        )
        self._snapshot = snapshots and Source(
            lambda deadline: self._newest(snapshots, deadline), "snapshot not readable", "SnapshotReadFailure"
        )
        # When the newest snapshot was taken, by the last successful read of the bucket; None when there is none.
        self.snapshot_taken_at: datetime | None = None

    def statistics(self, deadline: Deadline) -> tuple[Statistics, Origin]:
        """Return the statistics to serve at the instant `deadline.now` and where they come from.

        A source that has failed is left alone for a while. Raise UnavailableError.
        """
        statistics, origin = self._choose(deadline)
        count(origin.value)
        return statistics, origin

    def _choose(self, deadline: Deadline) -> tuple[Statistics, Origin]:
        now = deadline.now
        held = self._held(now)
        if held and self._is_fresh(held, now):
            return held, Origin.MEMORY
        snapshot = self._snapshot if self._snapshot and not self._snapshot.wait(now) else None
        # The larger part of the time is the database's, whatever becomes of this.
        if snapshot and snapshot.refresh(deadline.share(_SNAPSHOT_SHARE, _SNAPSHOT_SECONDS)):
            held = self._held(now)
            if held and self._is_fresh(held, now):
                return held, Origin.SNAPSHOT
        if self._database.ask(deadline) and self._database.value:
            return self._database.value, Origin.DATABASE
        # With nothing else to serve or to wait for, the snapshot gets all the time that is left.
        if not held and snapshot and snapshot.error and not deadline.passed and snapshot.refresh(deadline):
            held = self._held(now)
        if held and held.age(now) <= self._settings.max_stale_seconds:
            return held, Origin.SNAPSHOT if self._is_fresh(held, now) else Origin.STALE
        raise UnavailableError(self._database.wait(deadline.clock))

    def _held(self, now: datetime) -> Statistics | None:
        """Return the newest statistics in memory."""
        newest = None
        for source in (self._database, self._snapshot):
            held = source.value if source else None
            # Numbers from the future were taken before the clock was set back: their age is unknown.
            if held and held.taken_at <= now and (newest is None or newest.taken_at < held.taken_at):
                newest = held
        return newest

    def _is_fresh(self, statistics: Statistics, now: datetime) -> bool:
        return statistics.age(now) < self._settings.cache_ttl_seconds

    def _newest(self, snapshots: Snapshots, deadline: Deadline) -> Statistics | None:
        """Return the newest snapshot's statistics, whatever its age; None when there is none that could be served."""
        snapshot = snapshots.latest(deadline)
        self.snapshot_taken_at = snapshot.taken_at if snapshot else None
        # Another version of this package may have taken it, which knew other statistics.
        if snapshot is None or snapshot.taken_at > deadline.now or not query.is_whole(snapshot.document):
            return None
        return _statistics(snapshot.document, snapshot.taken_at)


def _statistics(document: Document, taken_at: datetime) -> Statistics:
    sent = {section: entries for section, entries in document.items() if section != COUNTERS}
    body = json.dumps(sent, separators=(",", ":"))
    return Statistics(document, body, entity_tag(body), taken_at, format_datetime(taken_at, usegmt=True))


def entity_tag(body: str) -> str:
    """Return the strong validator of a body (RFC 9110, section 8.8.3)."""
    return f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
