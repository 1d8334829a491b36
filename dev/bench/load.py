"""A database like OpenL2M's, filled fast, and in the state in which a running server keeps it."""

import contextlib
import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from dev.bench.rows import Row, log_rows
from dev.servers.databases import Database
from openl2m_stats.local import demo
from openl2m_stats.local.openl2m_schema import COLUMNS, DIALECTS

Progress = Callable[[int], None]

_BATCH = 10_000
_INVENTORY = {**demo.ROWS, "switches_vlan": 850}
_NAMES = [column.name for column in COLUMNS["switches_log"]]
_TABLES = ", ".join(COLUMNS)
# What a server does by itself in the course of a day: look at the tables, and write what it holds to the disk.
_SETTLE = {
    "mysql": (f"ANALYZE TABLE {_TABLES}", "FLUSH TABLES switches_log FOR EXPORT"),
    "postgresql": ("VACUUM (ANALYZE)", "CHECKPOINT"),
    "sqlite": ("ANALYZE",),
}


def fill(database: Database, entries: int, progress: Progress, until: datetime | None = None) -> None:
    """Fill a new database with so many log entries of the days before now; tell `progress` how many are in."""
    dialect = DIALECTS[database.dialect]
    put = _copy if database.dialect == "postgresql" else _insert
    rows = log_rows(entries, until or datetime.now(UTC))
    with contextlib.closing(database.connect()) as connection:
        demo.insert_inventory(connection, dialect, _INVENTORY)
        stored = 0
        while batch := list(islice(rows, _BATCH)):
            put(connection.cursor(), dialect.parameter, [(dialect.adapt(row[0]), *row[1:]) for row in batch])
            stored += len(batch)
            progress(stored)
        connection.commit()
    settle(database)


def copy(source: Database, target: Database) -> None:
    """Fill a new database with the rows of another one, on the same MariaDB or MySQL."""
    with contextlib.closing(target.connect()) as connection:
        for table in COLUMNS:
            connection.cursor().execute(f"INSERT INTO {table} SELECT * FROM {source.name}.{table}")
    settle(target)


def settle(database: Database) -> None:
    """Have the server do now what would disturb the measurements later."""
    for statement in _SETTLE[database.dialect]:
        database.execute(statement)


def _insert(cursor: Any, parameter: str, batch: Sequence[Row]) -> None:
    parameters = ", ".join([parameter] * len(_NAMES))
    names = ", ".join(_NAMES)
    cursor.executemany(f"INSERT INTO switches_log ({names}) VALUES ({parameters})", batch)


def _copy(cursor: Any, _parameter: str, batch: Sequence[Row]) -> None:
    # The texts are ours: none has a tab, a backslash or a line's end.
    lines = ("\t".join("\\N" if value is None else str(value) for value in row) for row in batch)
    stream = io.BytesIO("\n".join(lines).encode())
    cursor.execute(f"COPY switches_log ({', '.join(_NAMES)}) FROM STDIN", stream=stream)
