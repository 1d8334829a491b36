"""A fresh OpenL2M database for a test, on any engine, with the read-only user that an operator would create."""

import contextlib
import json
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pg8000.dbapi
import pymysql

from tests import leaks
from tools.openl2m import DIALECTS, create_tables, insert
from tools.servers import ServerProcess

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """A database server: one of ours, whose process we hold, or one that was there already."""

    engine: str
    dialect: str
    host: str
    port: int
    superuser: str
    superuser_password: str = field(repr=False, default="")
    process: ServerProcess | None = None

    def connect(self, database: str | None = None) -> Any:
        """Return a DB-API connection of the superuser, in autocommit mode."""
        if self.dialect == "mysql":
            return pymysql.connect(
                host=self.host,
                port=self.port,
                user=self.superuser,
                password=self.superuser_password,
                database=database,
                autocommit=True,
            )
        connection = pg8000.dbapi.connect(
            host=self.host,
            port=self.port,
            user=self.superuser,
            password=self.superuser_password,
            database=database or "postgres",
            ssl_context=False,
        )
        connection.autocommit = True
        return connection

    def execute(self, sql: str, database: str | None = None) -> None:
        with (
            contextlib.closing(self.connect(database)) as connection,
            contextlib.closing(connection.cursor()) as cursor,
        ):
            cursor.execute(sql)


@dataclass
class Database:
    """An OpenL2M database on a server (None: an SQLite file) and its read-only user."""

    engine: str
    dialect: str
    name: str
    server: Server | None = None
    user: str = ""
    password: str = field(repr=False, default="")

    def connect(self) -> Any:
        """Return a DB-API connection that may write."""
        if self.server is None:
            import sqlite3

            return sqlite3.connect(self.name)
        return self.server.connect(self.name)

    def insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        with contextlib.closing(self.connect()) as connection:
            insert(connection, DIALECTS[self.dialect], table, rows)

    def execute(self, sql: str) -> None:
        with contextlib.closing(self.connect()) as connection:
            connection.cursor().execute(sql)
            connection.commit()

    def secret(self, **changes: Any) -> dict[str, Any]:
        """Return the database secret, with changes."""
        if self.server is None:
            return {"engine": "sqlite", "dbname": self.name, **changes}
        return {
            "engine": self.engine,
            "host": self.server.host,
            "port": self.server.port,
            "username": self.user,
            "password": self.password,
            "dbname": self.name,
            **changes,
        }

    def set_password(self, password: str) -> None:
        """Give the read-only user another password."""
        assert self.server is not None
        statement = {"mysql": "ALTER USER {} IDENTIFIED BY '{}'", "postgresql": "ALTER ROLE {} PASSWORD '{}'"}
        self.server.execute(statement[self.dialect].format(self.user, password))


@contextlib.contextmanager
def sqlite_database(directory: Path) -> Iterator[Database]:
    database = Database("sqlite", "sqlite", str(directory / "openl2m.sqlite3"))
    with contextlib.closing(database.connect()) as connection:
        create_tables(connection, DIALECTS["sqlite"])
    yield database


@contextlib.contextmanager
def server_database(server: Server) -> Iterator[Database]:
    """Create a database and its user by the script in infra/database/; drop both at the end."""
    name = f"openl2m_{secrets.token_hex(4)}"
    database = Database(server.engine, server.dialect, name, server, f"{name}_stats", leaks.new_password())
    server.execute(f"CREATE DATABASE {name}")
    try:
        with contextlib.closing(database.connect()) as connection:
            create_tables(connection, DIALECTS[server.dialect])
        create_read_only_user(database)
        yield database
    finally:
        if server.dialect == "mysql":
            server.execute(f"DROP DATABASE {name}")
            server.execute(f"DROP USER IF EXISTS {database.user}")
        else:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")
            server.execute(f"DROP ROLE IF EXISTS {database.user}")


def create_read_only_user(database: Database) -> None:
    """Run the operator's script as README says, under a name and a password of the test's own."""
    run_script(database, "read_only_user")


def script(database: Database, name: str) -> str:
    """Return an operator's script for a database, with a user and a password of the test's own."""
    text = (ROOT / f"infra/database/{name}.{database.dialect}.sql").read_text()
    return text.replace("openl2m_stats", database.user).replace("CHANGE-ME", database.password)


def run_script(database: Database, name: str) -> None:
    """Run an operator's script by the database's own client. Raise CalledProcessError, with what it said."""
    server = database.server
    assert server is not None
    where = [f"--host={server.host}", f"--port={server.port}"]
    if server.dialect == "mysql":
        command = ["mariadb", "--no-defaults", "--protocol=TCP", "--skip-ssl", *where, f"--user={server.superuser}"]
        command.append(database.name)
        environment = {"MYSQL_PWD": server.superuser_password}
    else:
        command = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", *where, f"--username={server.superuser}"]
        command.append(f"--dbname={database.name}")
        environment = {"PGPASSWORD": server.superuser_password}
    environment["PATH"] = "/usr/bin:/bin"
    text = script(database, name)
    subprocess.run(command, input=text, env=environment, text=True, check=True, stderr=subprocess.PIPE)


def load_case(database: Database, case: Mapping[str, Any]) -> None:
    """Fill a database with the rows of a recorded case: tests/cases/*.json."""
    tables = dict(case["tables"])
    log, memberships, counters = (
        tables.pop(name) for name in ("switches_log", "switches_switchgroupmembership", "counters_counter")
    )
    with contextlib.closing(database.connect()) as connection:

        def put(table: str, rows: list[dict[str, Any]]) -> None:
            insert(connection, DIALECTS[database.dialect], table, rows)

        for table, content in tables.items():
            ids = content if isinstance(content, list) else range(1, content + 1)
            put(table, [{"id": number, **_unique(table, number)} for number in ids])
        put("switches_switchgroupmembership", [{"switch_id": s, "switchgroup_id": g} for s, g in memberships])
        put("counters_counter", [{"name": name, "value": value} for name, value in counters.items()])
        keys = ("timestamp", "type", "action", "switch_id", "user_id")
        rows = [dict(zip(keys, row, strict=True)) for row in log]
        for row in rows:
            row["timestamp"] = row["timestamp"] and datetime.fromisoformat(row["timestamp"])
        put("switches_log", rows)


def _unique(table: str, number: int) -> dict[str, Any]:
    return {"key": f"{number:040x}"} if table == "users_token" else {}


def read_case(path: Path) -> dict[str, Any]:
    """Return a recorded case; `expected` has the key that OpenL2M drops when there is no switch group."""
    case: dict[str, Any] = json.loads(path.read_text())
    section = case["expected"]["database"]
    if "switchgroups" not in section:
        section["switchgroups"] = {"label": "Switch Groups", "value": 0}
    return case
