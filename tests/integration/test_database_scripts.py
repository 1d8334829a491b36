"""The scripts of infra/database/, run as an operator runs them, and taken back as they say."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from dev.servers.databases import Database, run_client, run_script, script
from openl2m_stats import grants
from tests.integration.conftest import SERVERS
from tests.support import leaks
from tests.support.databases import ROOT

MYSQL_LIKE = [name for name in SERVERS if name != "postgresql" and not name.startswith("postgres")]


def rows(database: Database, sql: str) -> list[Any]:
    with contextlib.closing(database.connect()) as connection, contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        return [list(row) for row in cursor.fetchall()]


def take_away(database: Database, name: str) -> None:
    """Run what a script says removes what it made."""
    [line] = [line for line in script(database, name).splitlines() if re.match("-- To remove (it|them): ", line)]
    with contextlib.closing(database.connect()) as connection:
        for statement in line.partition(": ")[2].rstrip(";").split("; "):
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


def test_read_only_user_can_be_made_and_taken_away(server_db: Database) -> None:
    take_away(server_db, "read_only_user")
    run_script(server_db, "read_only_user")
    assert counts_vlans(server_db)

    take_away(server_db, "read_only_user")

    users = {
        "mysql": "SELECT COUNT(*) FROM mysql.user WHERE user = '{}'",
        "postgresql": "SELECT COUNT(*) FROM pg_roles WHERE rolname = '{}'",
    }
    assert rows(server_db, users[server_db.dialect].format(server_db.user)) == [[0]]


def test_read_only_user_can_be_run_again(server_db: Database) -> None:
    server_db.execute(f"REVOKE SELECT (id) ON switches_vlan FROM {server_db.user}")
    if server_db.dialect == "postgresql":
        server_db.execute(f"ALTER ROLE {server_db.user} SET statement_timeout = '20s'")

    run_script(replace(server_db, password=leaks.new_password()), "read_only_user")

    assert counts_vlans(server_db)
    if server_db.dialect == "postgresql":
        configured = f"SELECT rolconfig FROM pg_roles WHERE rolname = '{server_db.user}'"
        assert rows(server_db, configured) == [[["statement_timeout=20s"]]]


def test_token_import_user_can_be_run_again(server_db: Database) -> None:
    key = "`key`" if server_db.dialect == "mysql" else "key"
    user = f"{server_db.user}_import"
    run_script(server_db, "token_import_user")
    try:
        server_db.execute(f"REVOKE SELECT ({key}) ON users_token FROM {user}")

        run_script(replace(server_db, password=leaks.new_password()), "token_import_user")

        assert rows(logged_in(server_db, user), f"SELECT {key} FROM users_token") == []
    finally:
        take_away(server_db, "token_import_user")


def printed_grants(database: Database, *users: str) -> str:
    """Return what the command prints."""
    named = [word for user in users for word in ("--user", user)]
    command = [sys.executable, "-m", "openl2m_stats", "grants", "--engine", database.dialect, *named]
    environment = {"PYTHONPATH": "functions", "PYTHONIOENCODING": "utf-8"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert run.stderr == ""
    return run.stdout


def test_grants_can_be_run_again(server_db: Database) -> None:
    server_db.execute(f"REVOKE SELECT (id) ON switches_vlan FROM {server_db.user}")
    for _ in range(2):
        run_client(server_db, printed_grants(server_db, server_db.user))
        assert counts_vlans(server_db)


def test_grants_for_both_users_of_a_rotation(server_db: Database) -> None:
    """On MySQL the second user gets the first one's rights when it is made, and none that an upgrade adds."""
    other = replace(server_db, user=f"{server_db.user}_clone", password=leaks.new_password())
    password = f"{'PASSWORD' if server_db.dialect == 'postgresql' else 'IDENTIFIED BY'} '{other.password}'"
    server_db.execute(f"CREATE USER {other.user} {password}")
    try:
        run_client(server_db, printed_grants(server_db, server_db.user, other.user))
        assert counts_vlans(server_db)
        assert counts_vlans(other)
    finally:
        if server_db.dialect == "postgresql":
            server_db.execute(f"DROP OWNED BY {other.user}")
        server_db.execute(f"DROP USER {other.user}")


@pytest.mark.parametrize("name", ["read_only_user", "token_import_user"])
def test_unedited_script_makes_no_user(name: str, server_db: Database) -> None:
    """Its password would be published."""
    take_away(server_db, "read_only_user")
    text = (ROOT / f"infra/database/{name}.{server_db.dialect}.sql").read_text()
    with pytest.raises(subprocess.CalledProcessError) as error:
        run_client(server_db, text.replace("openl2m_stats", server_db.user))
    assert "CHANGE" in error.value.stderr
    users = "mysql.user WHERE user" if server_db.dialect == "mysql" else "pg_roles WHERE rolname"
    assert rows(server_db, f"SELECT COUNT(*) FROM {users} LIKE '{server_db.user}%'") == [[0]]


def test_connections_of_the_user_are_bounded(server_db: Database) -> None:
    """However many containers there are, OpenL2M itself keeps its own."""
    limits = {
        "mysql": "SELECT max_user_connections FROM mysql.user WHERE user = '{}'",
        "postgresql": "SELECT rolconnlimit FROM pg_roles WHERE rolname = '{}'",
    }
    take_away(server_db, "read_only_user")
    run_script(server_db, "read_only_user")
    assert rows(server_db, limits[server_db.dialect].format(server_db.user)) == [[20]]


@pytest.mark.parametrize("name", ["with space", "user", 'q"`q', "Upper"])
def test_grants_for_a_user_of_any_name(name: str, server_db: Database) -> None:
    account = grants.quoted(server_db.dialect, name)
    server_db.execute(f"CREATE USER {account}")
    try:
        run_client(server_db, printed_grants(server_db, name))
    finally:
        if server_db.dialect == "postgresql":
            server_db.execute(f"DROP OWNED BY {account}")
        server_db.execute(f"DROP USER {account}")


@pytest.mark.parametrize("server", MYSQL_LIKE, indirect=True)
def test_grants_for_an_account_that_is_bound_to_a_host(server_db: Database) -> None:
    server_db.execute(f"CREATE USER {server_db.user}@localhost")
    try:
        run_client(server_db, printed_grants(server_db, f"{server_db.user}@localhost"))
    finally:
        server_db.execute(f"DROP USER {server_db.user}@localhost")


def logged_in(database: Database, user: str) -> Database:
    """Return the database as a user sees it who has the password of the scripts."""
    assert database.server
    return replace(database, server=replace(database.server, superuser=user, superuser_password=database.password))


def counts_vlans(database: Database) -> bool:
    """Log in as the statistics' user and count."""
    return rows(logged_in(database, database.user), "SELECT COUNT(*) FROM switches_vlan") == [[0]]


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


@pytest.fixture
def as_master(server_db: Database) -> Iterator[Database]:
    """A database whose tables belong to OpenL2M's own role, seen by an administrator as RDS makes them.

    Its user is taken away, for the scripts to make it.
    """
    assert server_db.server
    take_away(server_db, "read_only_user")
    owner, master, password = f"{server_db.name}_owner", f"{server_db.name}_master", leaks.new_password()
    server_db.execute(f"CREATE ROLE {master} LOGIN CREATEROLE NOSUPERUSER PASSWORD '{password}'")
    seen = replace(server_db, server=replace(server_db.server, superuser=master, superuser_password=password))
    # From PostgreSQL 16 on, only the role that made another may lend it to itself.
    seen.execute(f"CREATE ROLE {owner} LOGIN")
    server_db.execute(f"ALTER DATABASE {server_db.name} OWNER TO {owner}")
    for [table] in rows(server_db, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        server_db.execute(f"ALTER TABLE {table} OWNER TO {owner}")
    try:
        yield seen
    finally:
        server_db.execute(f"REASSIGN OWNED BY {owner} TO CURRENT_USER")
        for role in (owner, master):
            server_db.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


@contextlib.contextmanager
def membership(database: Database) -> Iterator[None]:
    """Do what the scripts ask of an administrator who does not own OpenL2M's tables."""
    assert database.server
    owner = f"{database.name}_owner"
    database.server.execute(f"GRANT {owner} TO CURRENT_USER")
    yield
    database.server.execute(f"REVOKE {owner} FROM CURRENT_USER")


def is_member(database: Database) -> bool:
    """Return whether the administrator has the rights of OpenL2M's own role; to be able to take them is not that."""
    [[member]] = rows(database, f"SELECT pg_has_role('{database.name}_owner', 'USAGE')")
    return bool(member)


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
@pytest.mark.parametrize("member", [False, True])
@pytest.mark.parametrize(
    ("name", "suffix", "token_key"), [("read_only_user", "", False), ("token_import_user", "_import", True)]
)
def test_an_administrator_who_owns_nothing_makes_a_user(
    name: str, suffix: str, token_key: bool, member: bool, as_master: Database, server_db: Database
) -> None:
    """As the master user of RDS: no superuser, and OpenL2M's tables belong to OpenL2M's own role."""
    user = server_db.user + suffix
    if member:
        as_master.execute(f"GRANT {server_db.name}_owner TO CURRENT_USER")

    run_script(as_master, name)

    may_read = f"""SELECT has_column_privilege('{user}', 'users_token', 'id', 'SELECT'),
        has_column_privilege('{user}', 'users_token', 'key', 'SELECT')"""
    assert rows(server_db, may_read) == [[True, token_key]]
    assert is_member(as_master) is member

    with contextlib.nullcontext() if member else membership(as_master):
        take_away(as_master, name)

    assert rows(server_db, f"SELECT COUNT(*) FROM pg_roles WHERE rolname = '{user}'") == [[0]]
    assert is_member(as_master) is member


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_an_administrator_who_owns_nothing_grants(as_master: Database, server_db: Database) -> None:
    run_script(as_master, "read_only_user")
    server_db.execute(f"REVOKE SELECT (id) ON switches_vlan FROM {server_db.user}")

    for _ in range(2):
        run_client(as_master, printed_grants(server_db, server_db.user))
        assert counts_vlans(server_db)
        assert not is_member(as_master)

    with membership(as_master):
        take_away(as_master, "read_only_user")


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_an_administrator_who_owns_nothing_makes_the_indexes(as_master: Database, server_db: Database) -> None:
    with pytest.raises(subprocess.CalledProcessError) as raised:
        run_script(as_master, "log_index")
    assert "must be owner of table switches_log" in raised.value.stderr

    with membership(as_master):
        run_script(as_master, "log_index")

    assert "type,timestamp,action,user_id,switch_id" in log_indexes(server_db)
