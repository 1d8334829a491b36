"""PostgreSQL, through pg8000."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

import pg8000.native

from stats.connection import Connection, Engine, Indexes, Row, Server, explain_other
from stats.wire import TLS, open_socket, shutdown_at

_INDEXES = """SELECT ARRAY(SELECT attname::text FROM unnest(indkey) WITH ORDINALITY AS key (number, place)
JOIN pg_attribute ON attrelid = indrelid AND attnum = number ORDER BY place)
FROM pg_index WHERE indrelid = to_regclass('switches_log') AND indisvalid AND indpred IS NULL"""


def _connect(server: Server, password: str, tls: TLS, deadline: float) -> Connection:
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

    def indexes(deadline: float) -> Indexes:
        return [columns for (columns,) in fetch(_INDEXES, deadline)]

    return Connection(ENGINE, fetch, lambda: wire.close_after(connection.close), indexes)


def _explain(error: Exception) -> tuple[str, str]:
    if error.args and isinstance(error.args[0], dict):  # the fields of an ErrorResponse, by their letters
        return str(error.args[0].get("C")), str(error.args[0].get("M"))
    if isinstance(error, pg8000.native.InterfaceError):
        return type(error).__name__, f"{error} {error.__cause__ or ''}".strip()
    return explain_other(error)


def _literal(instant: datetime) -> str:
    return f"'{instant.isoformat(' ')}'"


ENGINE = Engine(5432, _literal, _connect, _explain, frozenset({"28000", "28P01"}))
