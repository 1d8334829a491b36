"""What the command reads from the database by the function's own way."""

import contextlib
import json
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from openl2m_stats.session import LogSpan, Session, log_span, open_session, read_instant, script_path
from stats.base import settings
from stats.database.driver import DatabaseError

INSTANT = datetime(2026, 11, 23, 12, tzinfo=UTC)


def session_of(login: dict[str, Any]) -> Session:
    environ = {"DATABASE_SECRET_ID": "unused", "TOKENS_SECRET_ID": "unused"}
    return open_session(json.dumps(login), settings.load(environ))


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-23 12:00:00",
        "2026-11-23T12:00:00Z",
        datetime(2026, 11, 23, 12),  # noqa: DTZ001 MySQL's have no offset
        datetime(2026, 11, 23, 6, tzinfo=timezone(timedelta(hours=-6))),
    ],
)
def test_instants_of_every_engine(value: Any) -> None:
    instant = read_instant(value)
    assert instant == INSTANT
    assert instant.tzinfo is UTC


@pytest.mark.parametrize("value", ["soon", None, 5])
def test_other_values_are_not_instants(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_instant(value)


@pytest.mark.parametrize(
    ("entries", "span"),
    [
        ([], LogSpan(None, None, 0)),
        (["2026-11-23 12:00:00"], LogSpan(INSTANT, INSTANT, 0)),
        (
            ["2026-11-23 12:00:00", "2026-11-25 12:00:00", "0000-00-00 00:00:00", None],
            LogSpan(INSTANT, INSTANT + timedelta(days=2), 1),
        ),
    ],
)
def test_how_far_the_log_reaches(entries: list[str | None], span: LogSpan, tmp_path: Path) -> None:
    path = tmp_path / "openl2m.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE switches_log (timestamp datetime)")
        connection.executemany("INSERT INTO switches_log VALUES (?)", [(each,) for each in entries])
    with contextlib.closing(session_of({"engine": "sqlite", "dbname": str(path)})) as session:
        assert log_span(session.read, session.dialect) == span
        assert list(session.rows("SELECT COUNT(*) FROM switches_log")) == [(len(entries),)]


@pytest.mark.parametrize(
    ("engine", "dialect", "script"),
    [
        ("mariadb", "mysql", "infra/database/log_index.mysql.sql"),
        ("postgres", "postgresql", "infra/database/log_index.postgresql.sql"),
        ("aurora-postgresql", "postgresql", "infra/database/log_index.postgresql.sql"),
        ("sqlite", "sqlite", "infra/database/log_index.postgresql.sql"),
    ],
)
def test_dialects_and_their_scripts(engine: str, dialect: str, script: str) -> None:
    login = {"engine": engine, "host": "db", "username": "u", "password": "p", "dbname": "d"}
    assert session_of(login).dialect == dialect  # without connecting
    assert script_path("log_index", dialect) == script


def test_a_login_that_cannot_be_used() -> None:
    with pytest.raises(DatabaseError):
        session_of({"engine": "oracle"})
