"""SQLite, for local runs: the file is opened read-only."""

import os
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from stats.base.deadline import Deadline
from stats.database.driver import Connection, Engine, Explanation, Kind, Row, Server, explain_other, without_offset
from stats.database.socket import TLS

_WAL = b"\2\2"  # in the file's header: the formats for writing and for reading
_UNREADABLE = " (if there is a -wal file beside it, copy both to a folder that you may write)"
_CANCELLED = ("SQLITE_BUSY", "SQLITE_INTERRUPT", "SQLITE_LOCKED")
_ABSENT = ("no such table", "no such column")  # these errors have no own code


def _connect(server: Server, _password: str, _tls: TLS, _deadline: Deadline) -> Connection:
    immutable = "&immutable=1" if _is_immutable(Path(server.database)) else ""
    connection = sqlite3.connect(
        f"file:{quote(server.database)}?mode=ro{immutable}",
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


def _is_immutable(path: Path) -> bool:
    """Return whether to read a database in WAL mode without its log.

    SQLite must write files beside such a database to read it, which a read-only folder prevents. Changes that are only
    in the write-ahead log would be left out then.
    """
    log = Path(f"{path}-wal")
    try:
        with path.open("rb") as file:
            in_wal_mode = file.read(20)[18:] == _WAL
        return in_wal_mode and not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    except OSError:  # SQLite reports the error
        return False


def _explain(error: Exception) -> Explanation:
    if not isinstance(error, sqlite3.Error):
        return explain_other(error)
    code = getattr(error, "sqlite_errorname", type(error).__name__)
    hint = _UNREADABLE if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")) else ""
    if code.startswith(_CANCELLED):
        return Kind.CANCELLED, code, str(error)
    return Kind.ABSENT if str(error).startswith(_ABSENT) else Kind.OTHER, code, f"{error}{hint}"


# Both Django and isoformat() omit a zero fraction, so that texts compare like instants.
ENGINE = Engine(0, without_offset, _connect, _explain)
