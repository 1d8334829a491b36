"""The scripts of infra/database/, run as an operator runs them, and taken back as they say."""

import contextlib
import subprocess
from typing import Any

import pytest

from tests.integration.conftest import SERVERS
from tools.databases import Database, run_script, script

MYSQL_LIKE = [name for name in SERVERS if name != "postgresql" and not name.startswith("postgres")]
INDEX = ["timestamp", "type", "action", "switch_id", "user_id"]


def rows(database: Database, sql: str) -> list[Any]:
    with contextlib.closing(database.connect()) as connection, contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        return [list(row) for row in cursor.fetchall()]


def take_away(database: Database, name: str) -> None:
    """Run what a script says takes it away."""
    marker = "-- To take it away: "
    [line] = [line for line in script(database, name).splitlines() if line.startswith(marker)]
    with contextlib.closing(database.connect()) as connection:
        for statement in line.removeprefix(marker).rstrip(";").split("; "):
            connection.cursor().execute(statement)


def index_columns(database: Database) -> list[str]:
    """Return the index's columns in their order, but for an index that the server would not use."""
    name = f"{database.user}_log"
    if database.dialect == "mysql":
        sql = f"""SELECT column_name FROM information_schema.statistics WHERE table_schema = '{database.name}'
            AND index_name = '{name}' ORDER BY seq_in_index"""
    else:
        sql = f"""SELECT attname FROM pg_attribute JOIN pg_index ON indexrelid = attrelid
            WHERE attrelid = to_regclass('{name}') AND indisvalid ORDER BY attnum"""
    return [row[0] for row in rows(database, sql)]


def test_log_index(server_db: Database) -> None:
    server_db.insert("switches_log", [{"type": 1, "action": 1}] * 100)

    run_script(server_db, "log_index")

    assert index_columns(server_db) == INDEX
    server_db.insert("switches_log", [{"type": 1, "action": 1}])
    assert rows(server_db, "SELECT COUNT(*) FROM switches_log") == [[101]]

    take_away(server_db, "log_index")

    assert index_columns(server_db) == []


def test_read_only_user_can_be_taken_away(server_db: Database) -> None:
    take_away(server_db, "read_only_user")
    users = {
        "mysql": "SELECT COUNT(*) FROM mysql.user WHERE user = '{}'",
        "postgresql": "SELECT COUNT(*) FROM pg_roles WHERE rolname = '{}'",
    }
    assert rows(server_db, users[server_db.dialect].format(server_db.user)) == [[0]]


@pytest.mark.parametrize("server", MYSQL_LIKE, indirect=True)
def test_iam_on_mysql(server_db: Database) -> None:
    """The plugin is only on RDS: all that comes before it is done, and the statement is refused, but understood."""
    with pytest.raises(subprocess.CalledProcessError) as raised:
        run_script(server_db, "read_only_user_iam")
    assert f"ERROR {1396 if server_db.engine == 'mariadb' else 1524} (HY000)" in raised.value.stderr
    tls = f"SELECT ssl_type FROM mysql.user WHERE user = '{server_db.user}'"
    assert rows(server_db, tls) in ([["ANY"]], [[b"ANY"]])

    take_away(server_db, "read_only_user_iam")

    assert rows(server_db, tls) in ([[""]], [[b""]])


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_iam_on_postgresql(server_db: Database) -> None:
    """The role is only on RDS: here is one of its name."""
    assert server_db.server
    server_db.server.execute("CREATE ROLE rds_iam")
    try:
        run_script(server_db, "read_only_user_iam")

        member = f"""SELECT pg_has_role('{server_db.user}', 'rds_iam', 'member'), rolpassword IS NULL
            FROM pg_authid WHERE rolname = '{server_db.user}'"""
        assert rows(server_db, member) == [[True, True]]

        take_away(server_db, "read_only_user_iam")

        assert rows(server_db, member) == [[False, False]]
    finally:
        server_db.server.execute("DROP ROLE rds_iam")
