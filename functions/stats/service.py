"""The statistics now: fresh from memory, from a snapshot, from the database, or stale."""

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from enum import Enum

from stats import query
from stats.backoff import Backoff
from stats.bucket import StorageError
from stats.catalogue import Document
from stats.connection import DatabaseError
from stats.database import Database
from stats.settings import Settings
from stats.snapshots import Snapshots
from stats.telemetry import logger, metrics

_SNAPSHOT_SECONDS = 2.0


class Source(Enum):
    """Where an answer's numbers come from; the values are the metrics' names."""

    DATABASE = "CacheMiss"
    MEMORY = "CacheHit"
    SNAPSHOT = "CacheSnapshot"
    STALE = "CacheStale"


@dataclass(frozen=True)
class Statistics:
    """The document as it is sent, the instant of its numbers, and the validators made of both."""

    body: str
    etag: str
    taken_at: datetime
    last_modified: str


class UnavailableError(Exception):
    """There are no statistics to be had: the database does not answer, and what is held is too old."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("no statistics to be had")
        self.retry_after = retry_after


class Service:
    """Holds the last statistics, and asks the newest snapshot and the database for newer ones when they are due."""

    def __init__(self, settings: Settings, database: Database, snapshots: Snapshots | None) -> None:
        self._settings = settings
        self._database = database
        self._snapshots = snapshots
        self._held: Statistics | None = None
        self._backoff = Backoff()
        self._snapshots_backoff = Backoff()

    def statistics(self, now: datetime, deadline: float) -> tuple[Statistics, Source]:
        """Return the statistics to serve at the instant `now` and where they come from.

        The database is given until time.monotonic() reaches `deadline`, and after a failure it is left
        alone for a while. Raise UnavailableError.
        """
        statistics, source = self._choose(now, deadline)
        metrics.add_metric(name=source.value, unit="Count", value=1)
        return statistics, source

    def _choose(self, now: datetime, deadline: float) -> tuple[Statistics, Source]:
        # Numbers from the future were taken before the clock was set back: their age is unknown.
        held = self._held if self._held and self._held.taken_at <= now else None
        if held and self._is_fresh(held, now):
            return held, Source.MEMORY
        snapshot = self._snapshot(now, deadline)
        if snapshot and (held is None or held.taken_at < snapshot.taken_at):
            self._held = held = snapshot
            if self._is_fresh(held, now):
                return held, Source.SNAPSHOT
        wait = self._backoff.remaining(now)
        if not wait:
            started = time.monotonic()
            try:
                document = self._database.document(now, deadline)
            except DatabaseError:
                wait = self._backoff.failed(now, time.monotonic() - started)
            else:
                self._backoff.succeeded()
                self._held = _statistics(document, now)
                return self._held, Source.DATABASE
        if held and (now - held.taken_at).total_seconds() <= self._settings.max_stale_seconds:
            return held, Source.STALE
        raise UnavailableError(wait)

    def _is_fresh(self, statistics: Statistics, now: datetime) -> bool:
        return (now - statistics.taken_at).total_seconds() < self._settings.cache_ttl_seconds

    def _snapshot(self, now: datetime, deadline: float) -> Statistics | None:
        """Return the newest snapshot, whatever its age; None when there is none that could be served."""
        if self._snapshots is None or self._snapshots_backoff.remaining(now):
            return None
        started = time.monotonic()
        try:
            # The larger part of the time is the database's, whatever becomes of this.
            snapshot = self._snapshots.latest(started + min(_SNAPSHOT_SECONDS, (deadline - started) / 4))
        except StorageError as error:
            logger.error("snapshot not readable", error=str(error))
            metrics.add_metric(name="SnapshotReadFailure", unit="Count", value=1)
            self._snapshots_backoff.failed(now, time.monotonic() - started)
            return None
        self._snapshots_backoff.succeeded()
        # Another version of this package may have taken it, which knew other statistics.
        if snapshot is None or snapshot.taken_at > now or not query.is_whole(snapshot.document):
            return None
        return _statistics(snapshot.document, snapshot.taken_at)


def _statistics(document: Document, taken_at: datetime) -> Statistics:
    body = json.dumps(document, separators=(",", ":"))
    etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    return Statistics(body, etag, taken_at, format_datetime(taken_at, usegmt=True))
