"""SQLite, for local runs: the file is opened read-only."""

import sqlite3
import threading
from collections.abc import Sequence
from urllib.parse import quote

from stats.base.deadline import Deadline
from stats.database.driver import Connection, Engine, Explanation, Kind, Row, Server, explain_other, without_offset
from stats.database.socket import TLS

_CANCELLED = ("SQLITE_BUSY", "SQLITE_INTERRUPT", "SQLITE_LOCKED")
_ABSENT = ("no such table", "no such column")  # they have no code of their own


def _connect(server: Server, _password: str, _tls: TLS, _deadline: Deadline) -> Connection:
    connection = sqlite3.connect(
        f"file:{quote(server.database)}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )

    def fetch(sql: str, deadline: Deadline) -> Sequence[Row]:
        connection.execute(f"PRAGMA busy_timeout = {int(deadline.left * 1000)}")
        timer = threading.Timer(deadline.left, connection.interrupt)
        timer.start()
        try:
            return connection.execute(sql).fetchall()
        finally:
            timer.cancel()

    return Connection(ENGINE, fetch, connection.close)


def _explain(error: Exception) -> Explanation:
    if not isinstance(error, sqlite3.Error):
        return explain_other(error)
    code = getattr(error, "sqlite_errorname", type(error).__name__)
    if code.startswith(_CANCELLED):
        return Kind.CANCELLED, code, str(error)
    return Kind.ABSENT if str(error).startswith(_ABSENT) else Kind.OTHER, code, str(error)


# Django leaves out a fraction that is zero, and so does isoformat(): as text, the two then compare as instants.
ENGINE = Engine(0, without_offset, _connect, _explain)
