"""The demo database."""

import contextlib
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from openl2m_stats.local import demo


def _rows(path: Path, sql: str) -> Sequence[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.sqlite3"
    demo.create_database(path)
    return path


@pytest.mark.parametrize(("table", "count"), [*demo.ROWS.items(), ("switches_switchgroup", demo.GROUPS)])
def test_the_inventory(table: str, count: int, database: Path) -> None:
    assert _rows(database, f"SELECT COUNT(*) FROM {table}") == [(count,)]


def test_every_switch_is_in_a_group(database: Path) -> None:
    sql = "SELECT COUNT(DISTINCT switch_id), COUNT(DISTINCT switchgroup_id) FROM switches_switchgroupmembership"
    assert _rows(database, sql) == [(demo.ROWS["switches_switch"], demo.GROUPS)]


def test_the_counters(database: Path) -> None:
    assert dict(_rows(database, "SELECT name, value FROM counters_counter")) == demo.COUNTERS


def test_the_log_reaches_from_half_a_year_ago_until_now(database: Path) -> None:
    [(first, last)] = _rows(database, "SELECT MIN(timestamp), MAX(timestamp) FROM switches_log")
    since = datetime.fromisoformat(first).replace(tzinfo=UTC)
    until = datetime.fromisoformat(last).replace(tzinfo=UTC)
    assert timedelta(0) <= datetime.now(UTC) - until < timedelta(minutes=10)
    assert timedelta(days=demo.DAYS - 7) < until - since <= timedelta(days=demo.DAYS)


def test_the_log_has_every_kind_and_names_only_what_exists(database: Path) -> None:
    kinds = set(_rows(database, "SELECT DISTINCT type, action FROM switches_log"))
    assert kinds == set(demo.KINDS)
    [(switch, user)] = _rows(database, "SELECT MAX(switch_id), MAX(user_id) FROM switches_log")
    assert switch <= demo.ROWS["switches_switch"]
    assert user <= demo.ROWS["auth_user"]


def test_it_is_the_same_each_time(database: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.sqlite3"
    demo.create_database(again)
    sql = "SELECT type, action, switch_id, user_id FROM switches_log ORDER BY id"
    assert _rows(again, sql) == _rows(database, sql)
