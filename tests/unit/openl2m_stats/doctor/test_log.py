"""The checks of the log. tests/integration/doctor/test_log.py has the servers' statements, sizes and locks."""

from pathlib import Path

import pytest

from dev.servers.databases import Database
from openl2m_stats.doctor.log import check_index, check_statement
from stats.database.driver import DatabaseError
from stats.numbers.query import INDEXES
from tests.unit.openl2m_stats.doctor.conftest import Knowing, check

SCRIPT = "infra/database/log_index.postgresql.sql"


def fill(database: Database, count: int) -> None:
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    columns = "if_index, ip_address, type, action, if_name"
    database.insert("switches_log", [{}])
    database.execute(
        f"INSERT INTO switches_log ({columns}) {numbers} SELECT {columns} FROM n, switches_log WHERE id = 1 LIMIT "
        f"{count - 1}"
    )


def test_the_statement(sqlite_db: Database, sqlite_login: str, knowing: Knowing) -> None:
    fill(sqlite_db, 1234)
    check(check_statement(knowing(sqlite_login).session), "ok", " ms, the median of 3, over 1,234 log entries")


def test_a_statement_that_cannot_be_run(sqlite_db: Database, sqlite_login: str, knowing: Knowing) -> None:
    sqlite_db.execute("DROP TABLE switches_vlan")
    check(check_statement(knowing(sqlite_login).session), "FAIL", "no such table", "SQLite is for small databases")


@pytest.mark.parametrize("count", [99_999, 100_000])
def test_indexes(count: int, sqlite_db: Database, sqlite_login: str, knowing: Knowing) -> None:
    """SQLite's are not looked for: what is there counts as missing."""
    fill(sqlite_db, count)
    finding = check_index(knowing(sqlite_login).session)
    if count < 100_000:
        check(finding, "ok", "none is needed: below 100,000 log entries, the recommended indexes only cost")
    else:
        columns = " and ".join(f"({', '.join(each)})" for each in INDEXES)
        check(finding, "warn", f"100,000 log entries without an index on {columns}", f"Run {SCRIPT}.")


def test_a_database_that_fails(tmp_path: Path, knowing: Knowing) -> None:
    session = knowing(f'{{"engine": "sqlite", "dbname": "{tmp_path}/absent"}}').session
    with pytest.raises(DatabaseError, match="SQLITE_CANTOPEN"):
        check_index(session)
