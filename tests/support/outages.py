"""The ways in which a database server fails: each a context in which it does."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

from dev.servers.databases import Database
from stats.numbers import catalogue

Outage = Callable[[Database], AbstractContextManager[None]]

_WAIT_SECONDS = 30


@contextlib.contextmanager
def stopped(database: Database) -> Iterator[None]:
    """The server does not run; at the end it has been started again."""
    process = database.server and database.server.process
    assert process
    process.stop()
    try:
        yield
    finally:
        process.start()


@contextlib.contextmanager
def hung(database: Database) -> Iterator[None]:
    """The server accepts connections and says nothing."""
    process = database.server and database.server.process
    assert process
    process.pause()
    try:
        yield
    finally:
        process.resume()
        database.connect().close()  # what had piled up is worked off


@contextlib.contextmanager
def log_locked(database: Database) -> Iterator[None]:
    """Another session has the log table to itself."""
    with contextlib.closing(database.connect()) as session:
        cursor = session.cursor()
        if database.dialect == "mysql":
            cursor.execute("LOCK TABLES switches_log WRITE")
        elif database.dialect == "sqlite":
            cursor.execute("BEGIN EXCLUSIVE")
        else:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE switches_log IN ACCESS EXCLUSIVE MODE")
        yield


@contextlib.contextmanager
def user_refused(database: Database) -> Iterator[None]:
    """The user may not log in, and has no session either."""
    refuse = {"mysql": "ALTER USER {} ACCOUNT LOCK", "postgresql": "ALTER ROLE {} NOLOGIN"}[database.dialect]
    permit = {"mysql": "ALTER USER {} ACCOUNT UNLOCK", "postgresql": "ALTER ROLE {} LOGIN"}[database.dialect]
    database.execute(refuse.format(database.user))
    kill_sessions(database)
    try:
        yield
    finally:
        database.execute(permit.format(database.user))


@contextlib.contextmanager
def table_missing(database: Database) -> Iterator[None]:
    """One of the eleven tables is not there."""
    database.execute("ALTER TABLE switches_vlangroup RENAME TO hidden")
    try:
        yield
    finally:
        database.execute("ALTER TABLE hidden RENAME TO switches_vlangroup")


def hide_tables(database: Database) -> None:
    """Leave the database with nothing to read."""
    for table in catalogue.columns():
        database.execute(f"ALTER TABLE {table} RENAME TO hidden_{table}")


def show_tables(database: Database) -> None:
    """Undo hide_tables()."""
    for table in catalogue.columns():
        database.execute(f"ALTER TABLE hidden_{table} RENAME TO {table}")


@contextlib.contextmanager
def slow(database: Database) -> Iterator[None]:
    """The statement takes more than a minute."""
    # MariaDB's SLEEP, like its wait for a lock, looks now and then whether the client is still there.
    wait = {"mysql": "BENCHMARK(1000000000, SHA2('a', 256)) = 0", "postgresql": "pg_sleep(90) IS NOT NULL"}
    database.insert("switches_vlangroup", [{"name": "one"}])
    with table_missing(database):
        database.execute(f"CREATE VIEW switches_vlangroup AS SELECT id FROM hidden WHERE {wait[database.dialect]}")
        database.execute(f"GRANT SELECT (id) ON switches_vlangroup TO {database.user}")
        try:
            yield
        finally:
            database.execute("DROP VIEW switches_vlangroup")


@contextlib.contextmanager
def cancelling(database: Database) -> Iterator[None]:
    """The server cancels every statement of the read-only user that does not end at once."""
    over = threading.Event()
    cancel = {"mysql": "KILL QUERY {}", "postgresql": "SELECT pg_cancel_backend({})"}[database.dialect]

    def run() -> None:
        with contextlib.closing(database.connect()) as connection:
            cursor = connection.cursor()
            while not over.wait(0.1):
                for number in _session_numbers(database, cursor, busy=True):
                    with contextlib.suppress(Exception):  # it has ended meanwhile
                        cursor.execute(cancel.format(number))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def kill_sessions(database: Database) -> None:
    """End the sessions of the read-only user, and wait until there is none."""
    end_sessions(database)
    wait_until(lambda: sessions(database) == 0)


def end_sessions(database: Database) -> None:
    """End the sessions that the read-only user has now, as an administrator does."""
    end = {"mysql": "KILL {}", "postgresql": "SELECT pg_terminate_backend({})"}[database.dialect]
    with contextlib.closing(database.connect()) as connection:
        cursor = connection.cursor()
        for number in _session_numbers(database, cursor):
            cursor.execute(end.format(number))


def sessions(database: Database, *, busy: bool = False) -> int:
    """Return how many sessions the read-only user has, or how many of them run a statement."""
    with contextlib.closing(database.connect()) as connection:
        return len(_session_numbers(database, connection.cursor(), busy=busy))


def _session_numbers(database: Database, cursor: Any, *, busy: bool = False) -> list[int]:
    query = {
        "mysql": ("SELECT id FROM information_schema.processlist WHERE user = %s", "AND command <> 'Sleep'"),
        "postgresql": ("SELECT pid FROM pg_stat_activity WHERE usename = %s", "AND state = 'active'"),
    }[database.dialect]
    cursor.execute(" ".join(query if busy else query[:1]), [database.user])
    return [int(number) for (number,) in cursor.fetchall()]


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + _WAIT_SECONDS
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


@contextlib.contextmanager
def fake_server(greeting: bytes, *, stays: bool) -> Iterator[int]:
    """Run a server that greets every client and closes, or stays and says no more; yield its port."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client, contextlib.suppress(OSError):
                    client.sendall(greeting)
                    while stays and client.recv(65536):
                        pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join()
