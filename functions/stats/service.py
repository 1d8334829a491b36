"""The statistics now: fresh from memory, from the database, or stale."""

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from stats import query
from stats.backoff import Backoff
from stats.database import Database, DatabaseError
from stats.settings import Settings
from stats.telemetry import logger, metrics


class Source(Enum):
    """Where an answer's numbers come from; the values are the metrics' names."""

    DATABASE = "CacheMiss"
    MEMORY = "CacheHit"
    STALE = "CacheStale"


@dataclass(frozen=True)
class Statistics:
    """The document as it is sent, and the instant of its numbers."""

    body: str
    etag: str
    taken_at: datetime


class UnavailableError(Exception):
    """There are no statistics to be had: the database does not answer, and what is held is too old."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("no statistics to be had")
        self.retry_after = retry_after


class Service:
    """Holds the last statistics, and asks the database for newer ones when they are due."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._held: Statistics | None = None
        self._backoff = Backoff()

    def statistics(self, now: datetime, deadline: float) -> tuple[Statistics, Source]:
        """Return the statistics to serve at the instant `now` and where they come from.

        The database is given until time.monotonic() reaches `deadline`, and after a failure it is left
        alone for a while. Raise UnavailableError.
        """
        statistics, source = self._choose(now, deadline)
        metrics.add_metric(name=source.value, unit="Count", value=1)
        return statistics, source

    def _choose(self, now: datetime, deadline: float) -> tuple[Statistics, Source]:
        held = self._held
        age = (now - held.taken_at).total_seconds() if held else -1.0
        if held and 0 <= age < self._settings.cache_ttl_seconds:
            return held, Source.MEMORY
        wait = self._backoff.remaining(now)
        if not wait:
            started = time.monotonic()
            try:
                self._held = self._read(now, deadline)
            except DatabaseError as error:
                logger.error("database failed", error=str(error))
                metrics.add_metric(name="DatabaseFailure", unit="Count", value=1)
                wait = self._backoff.failed(now, time.monotonic() - started)
            else:
                self._backoff.succeeded()
                return self._held, Source.DATABASE
        # Numbers from the future were taken before the clock was set back: their age is unknown.
        if held and 0 <= age <= self._settings.max_stale_seconds:
            return held, Source.STALE
        raise UnavailableError(wait)

    def _read(self, now: datetime, deadline: float) -> Statistics:
        started = time.monotonic()
        row = self._database.fetch(now, deadline)
        metrics.add_metric(name="StatementTime", unit="Milliseconds", value=(time.monotonic() - started) * 1000)
        body = json.dumps(query.document(row), separators=(",", ":"))
        etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
        return Statistics(body, etag, now)
