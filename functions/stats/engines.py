"""The database engines: how each is connected to, asked and told to stop.

To add one, add an entry to ENGINES. A driver is imported when a connection needs it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote

from stats.wire import TLS, open_socket, shutdown_at

Row = Sequence[Any]
Indexes = Sequence[Sequence[str]]

_POSTGRESQL_INDEXES = """SELECT ARRAY(SELECT attname::text FROM unnest(indkey) WITH ORDINALITY AS key (number, place)
JOIN pg_attribute ON attrelid = indrelid AND attnum = number ORDER BY place)
FROM pg_index WHERE indrelid = to_regclass('switches_log') AND indisvalid AND indpred IS NULL"""


@dataclass(frozen=True)
class Server:
    """One database and one of its users; for SQLite, `database` is the file and the rest is unused.

    Without a password the user logs in by IAM.
    """

    engine: str
    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    database: str


@dataclass(frozen=True)
class Connection:
    """An open connection. `fetch(sql, deadline)` returns the rows, or raises whatever the driver does.

    `indexes` holds the columns of each index of switches_log that the server may use, as it was when connecting.
    """

    fetch: Callable[[str, float], Sequence[Row]]
    close: Callable[[], None]
    indexes: Indexes = ()


@dataclass(frozen=True)
class Engine:
    """What differs between engines.

    `driver` is the module to import. `literal` writes an instant in UTC as SQL. `connect(server, password, tls,
    deadline)` returns a Connection, or raises whatever the driver does; the password is the server's, or a token
    of IAM. `explain` returns the code and the text of a driver's error. Deadlines are of time.monotonic().
    """

    driver: str
    default_port: int
    literal: Callable[[datetime], str]
    connect: Callable[[Server, str, TLS, float], Connection]
    explain: Callable[[Exception], tuple[str, str]]
    access_denied: frozenset[str] = frozenset()


def _connect_mysql(server: Server, password: str, tls: TLS, deadline: float) -> Connection:
    import pymysql

    wire = open_socket(server.host, server.port, deadline)
    with shutdown_at(deadline, wire):
        connection = pymysql.Connection(
            host=server.host,
            user=server.user,
            # The driver would encode text as Latin-1, which servers do not expect.
            password=password.encode(),
            database=server.database,
            charset="utf8mb4",
            autocommit=True,
            ssl=tls or None,
            ssl_disabled=tls is False,
            defer_connect=True,
        )
        connection.connect(wire.driver_socket)
    mariadb = "MariaDB" in connection.get_server_info()
    limited = _limited_mariadb if mariadb else _limited_mysql

    def fetch(sql: str, deadline: float) -> Sequence[Row]:
        with shutdown_at(deadline, wire), connection.cursor() as cursor:
            cursor.execute(limited(sql, deadline - time.monotonic()))
            return cursor.fetchall()

    # MariaDB says whether an index is ignored, MySQL whether it is visible, and old versions neither.
    indexes = _indexes_mysql(fetch("SHOW INDEX FROM switches_log", deadline), unusable="YES" if mariadb else "NO")
    return Connection(fetch, lambda: wire.close_after(connection.close), indexes)


def _indexes_mysql(rows: Sequence[Row], unusable: str) -> Indexes:
    columns: dict[str, list[str]] = {}
    for _table, _unique, name, _place, column, *others in rows:
        if others[8:9] != [unusable]:
            columns.setdefault(name, []).append(column)
    return list(columns.values())


def _limited_mariadb(sql: str, seconds: float) -> str:
    return f"SET STATEMENT max_statement_time={max(seconds, 0.001):.3f} FOR {sql}"


def _limited_mysql(sql: str, seconds: float) -> str:
    return sql.replace("SELECT", f"SELECT /*+ MAX_EXECUTION_TIME({max(int(seconds * 1000), 1)}) */", 1)


def _explain_mysql(error: Exception) -> tuple[str, str]:
    import pymysql

    if isinstance(error, pymysql.MySQLError):
        code, *texts = error.args or ("",)
        return str(code), " ".join(map(str, texts))
    return _explain_other(error)


def _connect_postgresql(server: Server, password: str, tls: TLS, deadline: float) -> Connection:
    import pg8000.native

    wire = open_socket(server.host, server.port, deadline)
    with shutdown_at(deadline, wire):
        connection = pg8000.native.Connection(
            host=server.host,
            user=server.user,
            password=password,
            database=server.database,
            application_name="openl2m-stats",
            ssl_context=tls,
            sock=wire.driver_socket,
        )

    def fetch(sql: str, deadline: float) -> Sequence[Row]:
        # The server's own limit is the role's statement_timeout: a SET would pin a proxy's connection.
        with shutdown_at(deadline, wire):
            return cast("Sequence[Row]", connection.run(sql))

    indexes = [columns for (columns,) in fetch(_POSTGRESQL_INDEXES, deadline)]
    return Connection(fetch, lambda: wire.close_after(connection.close), indexes)


def _explain_postgresql(error: Exception) -> tuple[str, str]:
    import pg8000.native

    if error.args and isinstance(error.args[0], dict):  # the fields of an ErrorResponse, by their letters
        return str(error.args[0].get("C")), str(error.args[0].get("M"))
    if isinstance(error, pg8000.native.InterfaceError):
        return type(error).__name__, f"{error} {error.__cause__ or ''}".strip()
    return _explain_other(error)


def _explain_other(error: Exception) -> tuple[str, str]:
    # Any other error may quote what it choked on: a UnicodeEncodeError holds the whole password.
    telling = isinstance(error, OSError | RuntimeError)
    return type(error).__name__, str(error) if telling else "not what was expected"


def _connect_sqlite(server: Server, _password: str, _tls: TLS, deadline: float) -> Connection:
    import sqlite3
    import threading

    connection = sqlite3.connect(
        f"file:{quote(server.database)}?mode=ro",
        uri=True,
        timeout=max(deadline - time.monotonic(), 0),
        isolation_level=None,
        check_same_thread=False,
    )

    def fetch(sql: str, deadline: float) -> Sequence[Row]:
        timer = threading.Timer(deadline - time.monotonic(), connection.interrupt)
        timer.start()
        try:
            return connection.execute(sql).fetchall()
        finally:
            timer.cancel()

    return Connection(fetch, connection.close)


def _explain_sqlite(error: Exception) -> tuple[str, str]:
    import sqlite3

    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorname", type(error).__name__), str(error)
    return _explain_other(error)


def _without_offset(instant: datetime) -> str:
    return f"'{instant.replace(tzinfo=None).isoformat(' ')}'"


def _with_offset(instant: datetime) -> str:
    return f"'{instant.isoformat(' ')}'"


_MYSQL = Engine("pymysql", 3306, _without_offset, _connect_mysql, _explain_mysql, frozenset({"1045", "1698"}))
_POSTGRESQL = Engine(
    "pg8000.native", 5432, _with_offset, _connect_postgresql, _explain_postgresql, frozenset({"28000", "28P01"})
)
# Django leaves out a fraction that is zero, and so does isoformat(): as text, the two then compare as instants.
_SQLITE = Engine("sqlite3", 0, _without_offset, _connect_sqlite, _explain_sqlite)

ENGINES: dict[str, Engine] = {
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
    "aurora-mysql": _MYSQL,
    "postgres": _POSTGRESQL,
    "aurora-postgresql": _POSTGRESQL,
    "sqlite": _SQLITE,
}
