"""Throwaway OpenL2M databases: created on a server or in a file, with the read-only user, and dropped again."""

import contextlib
import re
import secrets
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pg8000.dbapi
import pymysql

from dev.servers.processes import ServerProcess
from dev.servers.programs import search_path
from openl2m_stats.local.openl2m_schema import DIALECTS, create_tables, insert

_TEMPLATE = "openl2m_template"
_SCRIPTS = Path(__file__).parents[2] / "infra/database"


@dataclass(frozen=True)
class Server:
    """A database server: one of ours, with its process and directory, or one that was running already.

    `template`, if any, is a database with OpenL2M's tables to copy.
    """

    engine: str
    dialect: str
    host: str
    port: int
    superuser: str
    superuser_password: str = field(repr=False, default="")
    process: ServerProcess | None = None
    directory: Path | None = None
    template: str | None = None

    def connect(self, database: str | None = None) -> Any:
        """Return a DB-API connection of the superuser, in autocommit mode."""
        login: dict[str, Any] = {"host": self.host, "port": self.port}
        login |= {"user": self.superuser, "password": self.superuser_password}
        if self.dialect == "mysql":
            # Preparing TLS would take longer than most of our statements.
            return pymysql.connect(**login, database=database, autocommit=True, ssl_disabled=True)
        connection = pg8000.dbapi.connect(**login, database=database or "postgres", ssl_context=False)
        connection.autocommit = True
        return connection

    def execute(self, *statements: str) -> None:
        """Run statements as the superuser."""
        with contextlib.closing(self.connect()) as connection, contextlib.closing(connection.cursor()) as cursor:
            for sql in statements:
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
            return sqlite3.connect(self.name)
        return self.server.connect(self.name)

    def insert(self, table: str, rows: list[dict[str, Any]]) -> None:
        """Insert rows, as openl2m_stats/openl2m_schema.py does."""
        with contextlib.closing(self.connect()) as connection:
            insert(connection, DIALECTS[self.dialect], table, rows)

    def execute(self, sql: str) -> None:
        """Run one statement that may write."""
        with contextlib.closing(self.connect()) as connection:
            connection.cursor().execute(sql)
            connection.commit()

    def secret(self, **changes: Any) -> dict[str, Any]:
        """Return the database secret, with changes."""
        if self.server is None:
            return {"engine": "sqlite", "dbname": self.name, **changes}
        address = {"engine": self.engine, "host": self.server.host, "port": self.server.port}
        return {**address, "username": self.user, "password": self.password, "dbname": self.name, **changes}

    def set_password(self, password: str) -> None:
        """Give the read-only user another password."""
        if self.server is not None:
            statement = {"mysql": "ALTER USER {} IDENTIFIED BY '{}'", "postgresql": "ALTER ROLE {} PASSWORD '{}'"}
            self.server.execute(statement[self.dialect].format(self.user, password))


def own_server(process: ServerProcess) -> Server:
    """Return a server of dev/servers/processes.py as one on which databases can be created."""
    engine = {"mysql": "mariadb", "postgresql": "postgres"}[process.dialect]
    address = process.host, process.port
    return Server(engine, process.dialect, *address, process.superuser, process=process, directory=process.directory)


def with_template(server: Server) -> Server:
    """Return a server that copies OpenL2M's tables instead of creating them, if it is a PostgreSQL, which can."""
    if server.dialect != "postgresql":
        return server
    server.execute(f"CREATE DATABASE {_TEMPLATE}")
    with contextlib.closing(server.connect(_TEMPLATE)) as connection:
        create_tables(connection, DIALECTS[server.dialect])
    server.execute(f"ALTER DATABASE {_TEMPLATE} ALLOW_CONNECTIONS false")  # a session would keep it from being copied
    return replace(server, template=_TEMPLATE)


def servers_of(urls: str) -> dict[str, Server]:
    """Return the servers of STATS_TEST_DATABASE_URLS, URLs separated by spaces, by a name for each."""
    found = {}
    for url in map(urlsplit, urls.split()):
        engine, dialect = ("mysql", "mysql") if url.scheme in {"mysql", "mariadb"} else ("postgres", "postgresql")
        if not url.hostname or not url.port:
            raise ValueError("STATS_TEST_DATABASE_URLS takes URLs with host and port: mysql://root@127.0.0.1:3306")
        user, password = url.username or "root", unquote(url.password or "")
        found[f"{url.scheme}-{url.port}"] = Server(engine, dialect, url.hostname, url.port, user, password)
    return found


@contextlib.contextmanager
def sqlite_database(directory: Path) -> Iterator[Database]:
    """Create an OpenL2M database as a file in a directory."""
    database = Database("sqlite", "sqlite", str(directory / "openl2m.sqlite3"))
    Path(database.name).write_bytes(_empty_sqlite_database())
    yield database


@cache
def _empty_sqlite_database() -> bytes:
    """Return the file of an OpenL2M database without rows."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        create_tables(connection, DIALECTS["sqlite"])
        return connection.serialize()


@contextlib.contextmanager
def server_database(server: Server, password: str) -> Iterator[Database]:
    """Create a database and its user, as the script in infra/database/ does; drop both at the end."""
    name = f"openl2m_{secrets.token_hex(4)}"
    database = Database(server.engine, server.dialect, name, server, f"{name}_stats", password)
    server.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {server.template}" if server.template else ""))
    try:
        with contextlib.closing(database.connect()) as connection:
            if not server.template:
                create_tables(connection, DIALECTS[server.dialect])
            _create_user(connection, database)
        yield database
    finally:
        force = "" if server.dialect == "mysql" else " WITH (FORCE)"
        server.execute(f"DROP DATABASE {name}{force}", f"DROP USER IF EXISTS {database.user}")


def _create_user(connection: Any, database: Database) -> None:
    """Run the script's statements without its client, which takes longer to start than they take to run."""
    text = script(database, "read_only_user").replace(':"DBNAME"', database.name).replace(':"schema"', "public")
    # Parts that begin with a colon are for the client: an administrator may not own the tables.
    for statement in re.findall(r"^(?:(?:CREATE|ALTER) (?:USER|ROLE)|GRANT (?!:)).*;$", text, re.MULTILINE):
        connection.cursor().execute(statement)


def script(database: Database, name: str) -> str:
    """Return an operator's script for a database, with the database's own user and password."""
    text = (_SCRIPTS / f"{name}.{database.dialect}.sql").read_text()
    return text.replace("openl2m_stats", database.user).replace("CHANGE-ME", f"'{database.password}'")


def run_script(database: Database, name: str) -> None:
    """Run an operator's script with the database's own client. Raise CalledProcessError, with its output."""
    run_client(database, script(database, name))


def run_client(database: Database, text: str) -> None:
    """Run SQL with the database's own client. Raise CalledProcessError, with its output."""
    server = database.server
    if server is None:
        raise ValueError("there are no scripts for SQLite")
    address = [f"--host={server.host}", f"--port={server.port}"]
    if server.dialect == "mysql":
        command = ["mariadb", "--no-defaults", "--protocol=TCP", "--skip-ssl", f"--user={server.superuser}"]
        command += [*address, database.name]
    else:
        command = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--username={server.superuser}"]
        command += [*address, f"--dbname={database.name}"]
    password = server.superuser_password
    environment = {"PATH": f"{search_path()}:/usr/bin:/bin", "MYSQL_PWD": password, "PGPASSWORD": password}
    subprocess.run(command, input=text, env=environment, text=True, check=True, capture_output=True)
