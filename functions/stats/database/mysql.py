"""MySQL and MariaDB, through PyMySQL."""

from collections.abc import Sequence
from typing import Any, cast

import pymysql

from stats.base.deadline import Deadline
from stats.database.driver import (
    Connection,
    Engine,
    Explanation,
    Indexes,
    Kind,
    Row,
    Server,
    explain_other,
    is_answer,
    without_offset,
)
from stats.database.socket import TLS, Transport, is_unix_socket, open_transport, shutdown_at

KINDS = {
    # Wrong user or password; the same from a plugin; a locked account (MySQL, MariaDB).
    **dict.fromkeys(("1045", "1698", "3118", "4151"), Kind.DENIED),
    # An expired password, reported for a statement (MariaDB) or the login (MySQL).
    **dict.fromkeys(("1820", "1862"), Kind.DENIED),
    # A lock timeout; a killed query; max_statement_time (MariaDB); MAX_EXECUTION_TIME (MySQL).
    **dict.fromkeys(("1205", "1317", "1969", "3024"), Kind.CANCELLED),
    # No such database; table; table of information_schema; column; a view of a table that does not exist.
    **dict.fromkeys(("1049", "1146", "1109", "1054", "1356"), Kind.ABSENT),
    # No right to use the database (or it does not exist), to read a table, or a column.
    **dict.fromkeys(("1044", "1142", "1143"), Kind.FORBIDDEN),
    # A shutdown; a killed connection (MariaDB); an idle one (MySQL); the driver's own codes for a dead one.
    **dict.fromkeys(("1053", "1927", "4031", "0", "2003", "2006", "2013", "2014"), Kind.GONE),
}


def _connect(server: Server, password: str, tls: TLS, deadline: Deadline) -> Connection:
    driver = _OverUnixSocket if is_unix_socket(server.host) else pymysql.Connection

    def log_in(transport: Transport) -> Connection:
        connection = driver(
            host=server.host,
            user=server.user,
            # The driver would encode the password as Latin-1, which servers do not expect.
            password=password.encode(),
            database=server.database,
            charset="utf8mb4",
            autocommit=True,
            ssl=tls or None,
            ssl_disabled=tls is False,
            defer_connect=True,
        )
        connection.connect(transport.driver_socket)
        return _opened(connection, transport)

    return open_transport(server.host, server.port, deadline, log_in, is_answer(_explain))


class _OverUnixSocket(pymysql.Connection):
    """A session over an open Unix socket.

    caching_sha2_password, which MySQL 8 made the default, sends the password over a secure connection only. To PyMySQL
    a Unix socket is one if it has opened it itself, but not if it was handed to connect().
    """

    _secure = True


def _opened(connection: "pymysql.Connection[Any]", transport: Transport) -> Connection:
    mariadb = "MariaDB" in connection.get_server_info()
    limited = _limited_mariadb if mariadb else _limited_mysql

    def fetch(sql: str, deadline: Deadline) -> Sequence[Row]:
        with shutdown_at(deadline, transport), connection.cursor() as cursor:
            cursor.execute(limited(sql, deadline.left))
            return cast("Sequence[Row]", cursor.fetchall())

    def ping(deadline: Deadline) -> None:
        with shutdown_at(deadline, transport):
            connection.ping()

    def indexes(deadline: Deadline) -> Indexes:
        # MariaDB reports whether an index is ignored, MySQL whether it is visible, old versions neither.
        unusable = "YES" if mariadb else "NO"
        columns: dict[str, list[str]] = {}
        for _table, _unique, name, _place, column, *others in fetch("SHOW INDEX FROM switches_log", deadline):
            if others[8:9] != [unusable]:
                columns.setdefault(name, []).append(column)
        return list(columns.values())

    return Connection(ENGINE, fetch, lambda: transport.close_after(connection.close), ping, indexes)


def _limited_mariadb(sql: str, seconds: float) -> str:
    return f"SET STATEMENT max_statement_time={max(seconds, 0.001):.3f} FOR {sql}"


def _limited_mysql(sql: str, seconds: float) -> str:
    return sql.replace("SELECT", f"SELECT /*+ MAX_EXECUTION_TIME({max(int(seconds * 1000), 1)}) */", 1)


def _explain(error: Exception) -> Explanation:
    if not isinstance(error, pymysql.MySQLError):
        return explain_other(error)
    code, *texts = error.args or ("",)
    if isinstance(code, int):
        return KINDS.get(str(code), Kind.OTHER), str(code), " ".join(map(str, texts))
    # Without a number, the driver could not parse what it read.
    return Kind.GONE, type(error).__name__, " ".join(map(str, error.args))


ENGINE = Engine(3306, without_offset, _connect, _explain)
