"""A database like OpenL2M's, filled fast, and in the state in which a running server keeps it."""

import contextlib
import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from dev.bench.rows import Row, log_rows
from dev.servers.databases import Database
from openl2m_stats import demo
from openl2m_stats.openl2m_schema import COLUMNS, DIALECTS

Progress = Callable[[int], None]

_BATCH = 10_000
_INVENTORY = {**demo.ROWS, "switches_vlan": 850}
_NAMES = [column.name for column in COLUMNS["switches_log"]]
_TABLES = ", ".join(COLUMNS)
_GATHER_STATISTICS = {
    "mysql": f"ANALYZE TABLE {_TABLES}",
    "postgresql": "VACUUM (ANALYZE)",
    "sqlite": "ANALYZE",
}


def fill(database: Database, entries: int, progress: Progress) -> None:
    """Fill a new database with so many log entries of the days before now; tell `progress` how many are in."""
    dialect = DIALECTS[database.dialect]
    put = _copy if database.dialect == "postgresql" else _insert
    rows = log_rows(entries, datetime.now(UTC))
    with contextlib.closing(database.connect()) as connection:
        demo.insert_inventory(connection, dialect, _INVENTORY)
        stored = 0
        while batch := list(islice(rows, _BATCH)):
            put(connection.cursor(), dialect.parameter, [(dialect.adapt(row[0]), *row[1:]) for row in batch])
            stored += len(batch)
            progress(stored)
        connection.commit()
    gather_statistics(database)


def gather_statistics(database: Database) -> None:
    """Have the server look at the tables, as it does by itself in the course of a day."""
    database.execute(_GATHER_STATISTICS[database.dialect])


def _insert(cursor: Any, parameter: str, batch: Sequence[Row]) -> None:
    parameters = ", ".join([parameter] * len(_NAMES))
    names = ", ".join(_NAMES)
    cursor.executemany(f"INSERT INTO switches_log ({names}) VALUES ({parameters})", batch)


def _copy(cursor: Any, _parameter: str, batch: Sequence[Row]) -> None:
    # The texts are ours: none has a tab, a backslash or a line's end.
    lines = ("\t".join("\\N" if value is None else str(value) for value in row) for row in batch)
    stream = io.BytesIO("\n".join(lines).encode())
    cursor.execute(f"COPY switches_log ({', '.join(_NAMES)}) FROM STDIN", stream=stream)
