"""OpenL2M's tables, as SQLite has them."""

import contextlib
import sqlite3
from collections.abc import Generator
from datetime import UTC, datetime

import pytest

from openl2m_stats.local.openl2m_schema import COLUMNS, DIALECTS, create_tables, insert
from stats.numbers import catalogue

SQLITE = DIALECTS["sqlite"]


@pytest.fixture
def connection() -> Generator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(":memory:")) as opened:
        create_tables(opened, SQLITE)
        yield opened


def test_every_column_is_there_and_null_where_it_may_be(connection: sqlite3.Connection) -> None:
    for table, columns in COLUMNS.items():
        found = connection.execute(f"PRAGMA table_info({table})").fetchall()
        assert [(name, not required) for _, name, _, required, *_ in found[1:]] == [
            (column.name, column.nullable) for column in columns
        ]
        assert (found[0][1], found[0][5]) == ("id", 1)


def test_columns_with_an_index(connection: sqlite3.Connection) -> None:
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    expected = {f"{table}_{column.name}" for table, columns in COLUMNS.items() for column in columns if column.indexed}
    assert names == expected
    assert "switches_log_switch_id" in names


def test_the_catalogue_finds_its_columns() -> None:
    for table, names in catalogue.columns().items():
        assert set(names) <= {"id", *(column.name for column in COLUMNS[table])}


def test_what_a_row_leaves_out_is_null_or_empty(connection: sqlite3.Connection) -> None:
    instant = datetime(2026, 11, 23, 12, tzinfo=UTC)
    insert(connection, SQLITE, "switches_log", [{"timestamp": instant, "type": 1}, {}])
    rows = connection.execute('SELECT id, "timestamp", type, action, if_name, user_id FROM switches_log').fetchall()
    assert rows == [(1, "2026-11-23 12:00:00", 1, 0, "", None), (2, None, 0, 0, "", None)]


def test_no_rows_are_nothing_to_insert(connection: sqlite3.Connection) -> None:
    insert(connection, SQLITE, "switches_log", [])
    assert connection.execute("SELECT COUNT(*) FROM switches_log").fetchall() == [(0,)]
