"""SQLite, for local runs: the file is opened read-only."""

import sqlite3
import threading
import time
from collections.abc import Sequence
from urllib.parse import quote

from stats.connection import Connection, Engine, Row, Server, explain_other, without_offset
from stats.wire import TLS


def _connect(server: Server, _password: str, _tls: TLS, deadline: float) -> Connection:
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

    return Connection(ENGINE, fetch, connection.close)


def _explain(error: Exception) -> tuple[str, str]:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorname", type(error).__name__), str(error)
    return explain_other(error)


# Django leaves out a fraction that is zero, and so does isoformat(): as text, the two then compare as instants.
ENGINE = Engine(0, without_offset, _connect, _explain)
