"""`openl2m-stats doctor`: a log that is large, slow or locked."""

from typing import Any

import pytest

from dev.servers.databases import Database, run_script
from tests.integration.doctor.conftest import Examine, check
from tests.support.outages import log_locked, slow, table_missing


def test_a_large_log_without_the_index(server_healthy: Database, examine: Examine) -> None:
    server_healthy.insert("switches_log", [{"type": 1, "action": 1}] * 25)
    columns = "if_index, ip_address, type, action, if_name"
    for rows in (*(25 * 2**doubled for doubled in range(11)), 48_799):
        more = f"SELECT {columns} FROM switches_log LIMIT {rows}"
        server_healthy.execute(f"INSERT INTO switches_log ({columns}) {more}")
    assert examine()["index"]["seen"] == (
        "none is needed: below 100,000 log entries, the recommended indexes only cost"
    )
    server_healthy.insert("switches_log", [{"type": 1, "action": 1}])
    script = f"infra/database/log_index.{server_healthy.dialect}.sql"
    server_healthy.execute("CREATE INDEX narrow ON switches_log (timestamp)")
    check(examine(), "index", "warn", "100,000 log entries without an index on (", f"Run {script}")
    run_script(server_healthy, "log_index")
    report = examine()
    assert report.wrong == {}
    assert report["index"]["seen"] == "the recommended indexes exist"


@pytest.mark.parametrize("server", ["mariadb", "postgresql"], indirect=True)
def test_a_log_that_is_locked(server_healthy: Database, examine: Examine, monkeypatch: Any) -> None:
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", "1")
    with log_locked(server_healthy):
        report = examine()
    assert report.wrong["time zone"] == "FAIL"
    assert "locked" in report["time zone"]["advice"]


@pytest.mark.parametrize("server", ["mariadb", "postgresql"], indirect=True)
def test_a_statement_that_takes_too_long(server_healthy: Database, examine: Examine, monkeypatch: Any) -> None:
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", "1")
    if server_healthy.dialect == "postgresql":
        server_healthy.execute(f"ALTER ROLE {server_healthy.user} SET statement_timeout = '1s'")
    with slow(server_healthy):
        report = examine()
    assert (report.code, report["statement"]["state"], report["index"]["state"]) == (1, "FAIL", "ok")
    assert f"log_index.{server_healthy.dialect}.sql" in report["statement"]["advice"]


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_a_statement_that_takes_most_of_the_time(server_healthy: Database, examine: Examine, monkeypatch: Any) -> None:
    monkeypatch.setenv("REQUEST_TIMEOUT_SECONDS", "4")
    server_healthy.execute(f"ALTER ROLE {server_healthy.user} SET statement_timeout = '4s'")
    server_healthy.insert("switches_vlangroup", [{"name": "one"}])
    with table_missing(server_healthy):
        server_healthy.execute(
            "CREATE VIEW switches_vlangroup AS SELECT id FROM hidden WHERE pg_sleep(2.1) IS NOT NULL"
        )
        server_healthy.execute(f"GRANT SELECT (id) ON switches_vlangroup TO {server_healthy.user}")
        report = examine()
        server_healthy.execute("DROP VIEW switches_vlangroup")
    assert (report.code, report["statement"]["state"]) == (0, "warn")
    assert report["statement"]["seen"].endswith("; REQUEST_TIMEOUT_SECONDS is 4")
    assert "log_index.postgresql.sql" in report["statement"]["advice"]


def test_indexes_on_a_small_log(server_healthy: Database, examine: Examine) -> None:
    run_script(server_healthy, "log_index")
    report = examine()
    assert report.wrong == {}
    script = f"infra/database/log_index.{server_healthy.dialect}.sql"
    assert report["index"]["seen"] == (
        f"below 100,000 log entries, the recommended indexes only cost; {script} says how to remove them"
    )
