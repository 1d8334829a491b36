"""MySQL and MariaDB, through PyMySQL."""

import time
from collections.abc import Sequence

import pymysql

from stats.connection import Connection, Engine, Indexes, Row, Server, explain_other, without_offset
from stats.wire import TLS, open_socket, shutdown_at


def _connect(server: Server, password: str, tls: TLS, deadline: float) -> Connection:
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

    def indexes(deadline: float) -> Indexes:
        # MariaDB says whether an index is ignored, MySQL whether it is visible, and old versions neither.
        unusable = "YES" if mariadb else "NO"
        columns: dict[str, list[str]] = {}
        for _table, _unique, name, _place, column, *others in fetch("SHOW INDEX FROM switches_log", deadline):
            if others[8:9] != [unusable]:
                columns.setdefault(name, []).append(column)
        return list(columns.values())

    return Connection(ENGINE, fetch, lambda: wire.close_after(connection.close), indexes)


def _limited_mariadb(sql: str, seconds: float) -> str:
    return f"SET STATEMENT max_statement_time={max(seconds, 0.001):.3f} FOR {sql}"


def _limited_mysql(sql: str, seconds: float) -> str:
    return sql.replace("SELECT", f"SELECT /*+ MAX_EXECUTION_TIME({max(int(seconds * 1000), 1)}) */", 1)


def _explain(error: Exception) -> tuple[str, str]:
    if isinstance(error, pymysql.MySQLError):
        code, *texts = error.args or ("",)
        return str(code), " ".join(map(str, texts))
    return explain_other(error)


ENGINE = Engine(3306, without_offset, _connect, _explain, frozenset({"1045", "1698"}))
