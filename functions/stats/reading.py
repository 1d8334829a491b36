"""A reading of the statistics: all of them or, where tables or columns cannot be read, the others."""

import time
from collections.abc import Callable
from datetime import timedelta, tzinfo
from typing import NamedTuple

from stats.base.deadline import Deadline
from stats.base.remote import Pause
from stats.base.telemetry import count, logger, metrics
from stats.database.driver import DatabaseError, Server
from stats.database.session import UNREADABLE, Database
from stats.numbers import catalogue, query
from stats.numbers.catalogue import STATISTICS, Document, Statistic

_RETRY = timedelta(minutes=1)


class Gap(NamedTuple):
    """A table or column that cannot be read, and the error."""

    table: str
    column: str | None
    error: DatabaseError

    @property
    def name(self) -> str:
        """The table's name, or `table.column`."""
        return self.table if self.column is None else f"{self.table}.{self.column}"


def find_gaps(run: Callable[[str], None], statistics: tuple[Statistic, ...] = STATISTICS) -> list[Gap]:
    """Return the tables that the statistics need and cannot read, or their columns if only some cannot be read.

    `run` runs a statement, or raises DatabaseError. Raise its error if that is not about a table or a column.
    """

    def attempt(column: str, table: str) -> DatabaseError | None:
        try:
            run(f"SELECT {column} FROM {table} WHERE 1 = 0")  # noqa: S608 the names are the catalogue's
        except DatabaseError as error:
            if error.kind not in UNREADABLE:
                raise
            return error
        return None

    gaps = []
    for table, columns in catalogue.needed(statistics).items():
        if not attempt(", ".join(columns) or "1", table):
            continue
        if error := attempt("1", table):
            gaps.append(Gap(table, None, error))
            continue
        errors = ((column, attempt(column, table)) for column in columns)
        gaps += [Gap(table, column, error) for column, error in errors if error]
    return gaps


def readable(gaps: list[Gap]) -> tuple[Statistic, ...]:
    """Return the statistics that can be read despite the gaps."""
    if not gaps:
        return STATISTICS
    missing = {(gap.table, gap.column) for gap in gaps}

    def is_readable(statistic: Statistic) -> bool:
        return not any(
            (table, column) in missing
            for table, columns in catalogue.needed([statistic]).items()
            for column in (None, *columns)
        )

    return tuple(filter(is_readable, STATISTICS))


class Reader:
    """Reads the statistics, and omits those that could not be read for a minute."""

    def __init__(self, database: Database, zone: tzinfo) -> None:
        self._database, self._zone = database, zone
        self._gaps: list[Gap] = []
        self._pause = Pause()

    @property
    def server(self) -> Server | None:
        """The server that the numbers are read from; None until the secret has been read."""
        return self._database.server

    def read(self, deadline: Deadline) -> Document:
        """Return the statistics at the instant `deadline.now`, without those whose tables or columns cannot be read.

        Raise DatabaseError, also when none can be read.
        """
        started = time.monotonic()
        gaps = self._gaps if self._pause.remaining(deadline.now) else []
        try:
            document = self._fetch(gaps, deadline)
        except DatabaseError as error:
            if error.kind not in UNREADABLE or not self._has_session(deadline):
                raise
            found = find_gaps(lambda sql: self._database.probe(sql, deadline), readable(gaps))
            if not readable(gaps + found):
                raise
            document = self._fetch(gaps + found, deadline)
            if not gaps:
                self._pause.begin(deadline, _RETRY)
            gaps = gaps + found
        metrics.add_metric(name="ReadTime", unit="Milliseconds", value=(time.monotonic() - started) * 1000)
        self._note(gaps)
        return document

    def _fetch(self, gaps: list[Gap], deadline: Deadline) -> Document:
        statistics = readable(gaps)
        statement = query.statement(deadline.now, self._zone, statistics)
        return self._database.read(statement, lambda rows: query.document(rows[0], statistics), deadline)

    def _has_session(self, deadline: Deadline) -> bool:
        """Return whether the server accepts statements at all: a login can fail with the same errors as a statement."""
        try:
            self._database.probe("SELECT 1", deadline)
        except DatabaseError:
            return False
        return True

    def _note(self, gaps: list[Gap]) -> None:
        """Count a reading with gaps, and log the gaps when they change."""
        if gaps:
            count("StatisticsMissing")
        if gaps and {gap.name for gap in gaps} != {gap.name for gap in self._gaps}:
            present = readable(gaps)
            missing = [statistic.key for statistic in STATISTICS if statistic not in present]
            why = "; ".join(f"{gap.name}: {gap.error}" for gap in gaps)
            logger.error("statistics missing", missing=missing, error=why)
        self._gaps = gaps
