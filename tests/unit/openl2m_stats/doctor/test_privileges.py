"""The checks of rights. tests/integration/doctor/test_privileges.py grants and revokes them on the servers."""

from pathlib import Path

import pytest

from dev.servers.databases import Database
from openl2m_stats.doctor.privileges import check_grants, check_least_privilege
from stats.database.driver import DatabaseError
from stats.numbers import catalogue
from tests.support.outages import table_missing
from tests.unit.openl2m_stats.doctor.conftest import Knowing, check


def test_all_that_is_needed(sqlite_login: str, knowing: Knowing) -> None:
    needed = catalogue.columns().values()
    seen = f"all {sum(map(len, needed))} columns of {len(needed)} tables can be read"
    finding = check_grants(knowing(sqlite_login).session)
    assert (finding.state, finding.seen, finding.advice) == ("ok", seen, "")


def test_a_table_or_a_column_that_is_missing(sqlite_db: Database, sqlite_login: str, knowing: Knowing) -> None:
    sqlite_db.execute("ALTER TABLE switches_log RENAME COLUMN action TO acted")
    with table_missing(sqlite_db):
        finding = check_grants(knowing(sqlite_login).session)
    check(finding, "FAIL", "not found: switches_vlangroup (id), switches_log (action); missing numbers: ", "migrations")
    assert "vlan_groups" in finding.seen
    assert "GRANT SELECT" not in finding.advice


def test_views_count_as_tables(sqlite_db: Database, sqlite_login: str, knowing: Knowing) -> None:
    sqlite_db.execute("ALTER TABLE switches_vlangroup RENAME TO hidden")
    sqlite_db.execute("CREATE VIEW switches_vlangroup AS SELECT id FROM hidden")
    assert check_grants(knowing(sqlite_login).session).state == "ok"


def test_a_file_is_opened_read_only(sqlite_login: str, knowing: Knowing) -> None:
    check(check_least_privilege(knowing(sqlite_login).session), "ok", "the file is opened read-only")


def test_a_file_that_is_not_a_database(tmp_path: Path, knowing: Knowing) -> None:
    (tmp_path / "other").write_text("nothing of the kind")
    session = knowing(f'{{"engine": "sqlite", "dbname": "{tmp_path}/other"}}').session
    with pytest.raises(DatabaseError, match="SQLITE_NOTADB"):
        check_grants(session)
