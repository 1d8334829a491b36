"""The scripts of infra/database/, run as an operator runs them, and taken back as they say."""

import contextlib
import re
import subprocess
from typing import Any

import pytest

from tests.integration.conftest import SERVERS
from tools.databases import Database, run_script, script

MYSQL_LIKE = [name for name in SERVERS if name != "postgresql" and not name.startswith("postgres")]


def rows(database: Database, sql: str) -> list[Any]:
    with contextlib.closing(database.connect()) as connection, contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        return [list(row) for row in cursor.fetchall()]


def take_away(database: Database, name: str) -> None:
    """Run what a script says takes it away."""
    [line] = [line for line in script(database, name).splitlines() if re.match("-- To take (it|them) away: ", line)]
    with contextlib.closing(database.connect()) as connection:
        for statement in line.partition("away: ")[2].rstrip(";").split("; "):
            connection.cursor().execute(statement)


def log_indexes(database: Database) -> set[str]:
    """Return the columns of each index of the log that begins with a device or a type."""
    if database.dialect == "mysql":
        sql = f"""SELECT GROUP_CONCAT(column_name ORDER BY seq_in_index) FROM information_schema.statistics
            WHERE table_schema = '{database.name}' AND table_name = 'switches_log' GROUP BY index_name"""
    else:
        sql = """SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute
            JOIN pg_index ON indexrelid = attrelid
            WHERE indrelid = to_regclass('switches_log') AND indisvalid GROUP BY indexrelid"""
    return {row[0] for row in rows(database, sql) if row[0].startswith(("switch_id", "type"))}


def test_log_index(server_db: Database) -> None:
    if server_db.dialect == "mysql":
        # As in OpenL2M's own tables, the index is one that the server made for the foreign key.
        server_db.execute("ALTER TABLE switches_log DROP INDEX switches_log_switch_id")
    server_db.execute("ALTER TABLE switches_log ADD FOREIGN KEY (switch_id) REFERENCES switches_switch (id)")
    stock = log_indexes(server_db)
    assert stock == {"switch_id"}
    server_db.insert("switches_switch", [{"id": 7}])
    server_db.insert("switches_log", [{"type": 1, "action": 1, "switch_id": 7}] * 100)

    run_script(server_db, "log_index")

    needed = {"type,timestamp,action,user_id,switch_id", "switch_id,timestamp"}
    assert log_indexes(server_db) == (needed if server_db.dialect == "mysql" else needed | stock)
    server_db.insert("switches_log", [{"type": 1, "action": 1}])
    assert rows(server_db, "SELECT COUNT(*) FROM switches_log") == [[101]]

    take_away(server_db, "log_index")

    assert log_indexes(server_db) == stock


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
