"""The checks of the clock and the limits. tests/integration/doctor/test_login.py has the servers' own."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from dev.servers.databases import Database
from openl2m_stats.doctor.login import check_clock, check_time_limit, check_time_zone
from openl2m_stats.session import Session
from tests.integration.conftest import NOW
from tests.unit.openl2m_stats.doctor.conftest import Knowing, check

pytestmark = pytest.mark.usefixtures("travel")


def log(database: Database, *instants: datetime) -> None:
    database.insert("switches_log", [{"type": 1, "action": 1, "timestamp": instant} for instant in instants])


def test_the_clock_of_a_file(sqlite_login: str, knowing: Knowing) -> None:
    check(check_clock(knowing(sqlite_login).session), "ok", "this machine's own")


@pytest.mark.parametrize(("zone", "began"), [("UTC", "2026-11-23T00:00Z"), ("Asia/Kathmandu", "2026-11-22T18:15Z")])
def test_when_today_began(zone: str, began: str, sqlite_login: str, knowing: Knowing) -> None:
    seen = f"{zone}, today began at {began}; the log is empty"
    assert check_time_zone(knowing(sqlite_login, TIME_ZONE=zone).session).seen == seen


@pytest.mark.parametrize(("seconds", "state"), [(-3600, "ok"), (5, "ok"), (6, "warn")])
def test_the_newest_entry(seconds: int, state: str, sqlite_db: Database, sqlite_login: str, knowing: Knowing) -> None:
    newest = NOW + timedelta(seconds=seconds)
    log(sqlite_db, NOW - timedelta(days=1), newest)
    finding = check_time_zone(knowing(sqlite_login).session)
    check(finding, state, f"; the newest log entry is of {newest:%Y-%m-%dT%H:%M:%S}Z")
    assert ("It lies ahead" in finding.advice) == (state == "warn")


def test_entries_without_an_instant(sqlite_db: Database, sqlite_login: str, knowing: Knowing) -> None:
    log(sqlite_db, NOW, NOW)
    sqlite_db.execute("UPDATE switches_log SET timestamp = 'infinity' WHERE id = 2")
    words = "is of 2026-11-23T12:00:00Z; the times of 1 entries are not instants"
    check(check_time_zone(knowing(sqlite_login).session), "warn", words, "Delete these entries")
    sqlite_db.execute("DELETE FROM switches_log WHERE id = 1")
    only = check_time_zone(knowing(sqlite_login).session)
    check(only, "warn", "; the times of 1 entries are not instants")
    assert "the log is empty" not in only.seen


@pytest.fixture
def postgresql(sqlite_db: Database, sqlite_login: str, knowing: Knowing) -> Session:
    """A session with a database that has PostgreSQL's table of settings, and a user whose name needs quotes."""
    sqlite_db.execute("CREATE TABLE pg_settings (name text, setting text)")
    login = {"engine": "postgres", "host": "db", "username": 'a"b', "password": "x", "dbname": "d"}
    session = knowing(sqlite_login).session
    return replace(session, server=knowing(json.dumps(login)).session.server)


BEYOND = "A statement that the function has given up would run on."
SET = """ALTER ROLE "a""b" SET """


@pytest.mark.parametrize(
    ("settings", "state", "seen", "advice"),
    [
        ({"statement_timeout": 10000}, "ok", "statement_timeout is 10 s", ""),
        ({"statement_timeout": 1}, "ok", "statement_timeout is 0.001 s", ""),
        ({"statement_timeout": 10001}, "warn", "is 10.001 s", f"{BEYOND} As an administrator: {SET}statement_timeout"),
        ({"statement_timeout": 0}, "warn", "statement_timeout is off, REQUEST_TIMEOUT_SECONDS 10", f"{BEYOND} As an"),
        ({"statement_timeout": 5000, "transaction_timeout": 0}, "ok", "is 5 s, REQUEST_TIMEOUT_SECONDS 10", ""),
        ({"statement_timeout": 5000, "transaction_timeout": 5001}, "ok", "is 5 s, REQUEST_TIMEOUT_SECONDS 10", ""),
        (
            {"statement_timeout": 5000, "transaction_timeout": 5000},
            "warn",
            "REQUEST_TIMEOUT_SECONDS 10, transaction_timeout 5 s",
            f"and be sent once more. As an administrator: {SET}transaction_timeout = 0;",
        ),
        (
            {"statement_timeout": 0, "transaction_timeout": 60000},
            "warn",
            "statement_timeout is off, REQUEST_TIMEOUT_SECONDS 10, transaction_timeout 60 s",
            f"{SET}statement_timeout = '10s'; {SET}transaction_timeout = 0;",
        ),
    ],
    ids=str,
)
def test_time_limits(
    settings: dict[str, int], state: str, seen: str, advice: str, postgresql: Session, sqlite_db: Database
) -> None:
    for name, setting in settings.items():
        sqlite_db.execute(f"INSERT INTO pg_settings VALUES ('{name}', '{setting}')")
    finding = check_time_limit(postgresql)
    check(finding, state, seen, advice)
    assert ("transaction" in finding.seen) == ("transaction" in finding.advice)


def test_other_engines_have_a_limit_in_each_statement(sqlite_login: str, knowing: Knowing) -> None:
    check(check_time_limit(knowing(sqlite_login).session), "ok", "each statement has its own")
