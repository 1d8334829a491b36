"""`openl2m-stats doctor`: the login, the clocks and the time limits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from dev.servers.databases import Database, Server
from tests.integration.conftest import AWS
from tests.integration.doctor.conftest import OF_DATABASE, Examine, ask, check
from tests.support import leaks
from tests.support.databases import insert_odd_instants, server_database
from tests.support.outages import hung, user_refused


def test_a_wrong_password(server_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_database(server_healthy.secret(password=leaks.new_password()))
    report = examine()
    code = "1045" if server_healthy.dialect == "mysql" else "28P01"
    check(report, "login", "FAIL", code, "User name or password of the database secret")
    assert report.skipped == OF_DATABASE[3:]


def test_a_locked_user(server_healthy: Database, examine: Examine) -> None:
    with user_refused(server_healthy):
        report = examine()
    check(report, "login", "FAIL")
    if server_healthy.dialect == "postgresql":
        assert "the user is locked" in report["login"]["advice"]


def test_no_such_database(server_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_database(server_healthy.secret(dbname="nowhere"))
    check(examine(), "login", "FAIL", "nowhere", "Look at 'dbname'")


def test_no_connection_left(server_healthy: Database, examine: Examine) -> None:
    user = server_healthy.user
    if server_healthy.dialect == "postgresql":
        server_healthy.execute(f"ALTER ROLE {user} CONNECTION LIMIT 0")
    else:
        server_healthy.execute(f"ALTER USER {user} WITH MAX_CONNECTIONS_PER_HOUR 1")
    examine()
    check(examine(), "login", "FAIL", "ReservedConcurrency")


def test_a_server_that_hangs(plain_server: Server, healthy: Any, examine: Examine, monkeypatch: Any) -> None:
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", "1")
    with server_database(plain_server) as database:
        healthy(database)
        with hung(database):
            report = examine()
    check(report, "login", "FAIL", "timeout", "overloaded")


@pytest.mark.parametrize(("seconds", "words"), [(60, "behind"), (-60, "ahead of")])
def test_clocks_apart(seconds: int, words: str, server_healthy: Database, examine: Examine) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds), tick=True):
        check(examine(), "clock", "warn", f"s {words} this machine's", "Synchronise")


def test_a_log_entry_that_lies_ahead(database: Database, healthy: Any, examine: Examine) -> None:
    ahead = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    database.insert("switches_log", [{"type": 1, "action": 1, "timestamp": ahead}])
    healthy(database)
    check(examine(), "time zone", "warn", f"is of {ahead:%Y-%m-%dT%H:%M:%S}Z", "OpenL2M stores UTC")


def test_instants_that_no_calendar_has(server_healthy: Database, examine: Examine) -> None:
    count = insert_odd_instants(server_healthy)
    check(examine(), "time zone", "warn", f"the times of {count} entries are not instants", "Delete these entries")
    server_healthy.insert("switches_log", [{"type": 1, "timestamp": datetime(2026, 11, 22, 12, tzinfo=UTC)}])
    check(examine(), "time zone", "warn", "is of 2026-11-22T12:00:00Z; the times of ", "Delete these entries")


def test_when_today_began(server_healthy: Database, examine: Examine, monkeypatch: Any) -> None:
    monkeypatch.setenv("TIME_ZONE", "Asia/Kathmandu")
    report = examine()
    assert report["time zone"]["state"] == "ok"
    assert report["time zone"]["seen"].startswith("Asia/Kathmandu, today began at 2")
    assert report["time zone"]["seen"].endswith("T18:15Z; the log is empty")


@pytest.mark.parametrize(
    ("limit", "timeout", "words"),
    [
        ("0", 10, "statement_timeout is off, REQUEST_TIMEOUT_SECONDS 10"),
        ("60s", 10, "statement_timeout is 60 s"),
        ("10s", 9, "statement_timeout is 10 s, REQUEST_TIMEOUT_SECONDS 9"),
    ],
)
@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_time_limit(
    limit: str, timeout: int, words: str, server_healthy: Database, examine: Examine, monkeypatch: Any
) -> None:
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", str(timeout))
    server_healthy.execute(f"ALTER ROLE {server_healthy.user} SET statement_timeout = '{limit}'")
    remedy = f"""ALTER ROLE "{server_healthy.user}" SET statement_timeout = '{timeout}s'"""
    check(examine(), "time limit", "warn", words, remedy)
    server_healthy.execute(remedy)
    assert examine().wrong == {}


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_a_time_limit_that_ends_the_session(server_healthy: Database, examine: Examine) -> None:
    if not ask(server_healthy, "SELECT name FROM pg_settings WHERE name = 'transaction_timeout'"):
        assert examine()["time limit"]["state"] == "ok"  # there is none before PostgreSQL 17
        return
    server_healthy.execute(f"ALTER ROLE {server_healthy.user} SET transaction_timeout = '7s'")
    remedy = f"""ALTER ROLE "{server_healthy.user}" SET transaction_timeout = 0"""
    check(examine(), "time limit", "warn", "REQUEST_TIMEOUT_SECONDS 10, transaction_timeout 7 s", remedy)
    server_healthy.execute(remedy)
    assert examine().wrong == {}
