"""Read-only access to OpenL2M's database, through the function's own code."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from stats.base.deadline import Deadline
from stats.base.settings import Settings
from stats.database.driver import Row, Server
from stats.database.engines import MYSQL, POSTGRESQL
from stats.database.secret import parse_server
from stats.database.session import Database, Statement
from stats.numbers import query


@dataclass(frozen=True)
class Session:
    """A database, and the server in its login."""

    server: Server
    settings: Settings
    database: Database

    @property
    def dialect(self) -> str:
        """The SQL dialect: `mysql` or `postgresql`, as in the names of the operator's scripts, or `sqlite`."""
        engine = self.server.engine
        return "mysql" if engine in MYSQL else "postgresql" if engine in POSTGRESQL else engine

    def close(self) -> None:
        """Close the connection, if there is one."""
        self.database.close()

    def read(self, statement: Statement) -> Sequence[Row]:
        """Return the rows of a statement, within REQUEST_TIMEOUT_SECONDS. Raise DatabaseError."""
        return self.database.read(statement, tuple, Deadline.after(self.settings.request_timeout_seconds))

    def probe(self, sql: str) -> None:
        """Run a statement to find out whether it works, within the same time. Raise DatabaseError."""
        self.database.probe(sql, Deadline.after(self.settings.request_timeout_seconds))

    def rows(self, sql: str) -> Sequence[Row]:
        """Return the rows of a statement given as text. Raise DatabaseError."""
        return self.read(lambda _engine, _indexes: sql)


def open_session(login: str | bytes, settings: Settings) -> Session:
    """Return a session for a login in the form of the database secret. It connects at the first statement.

    Raise DatabaseError when the login cannot be used.
    """
    return Session(parse_server(login, settings), settings, Database(settings, lambda _deadline, _stage: login))


def read_instant(value: Any) -> datetime:
    """Return an instant from the database, in UTC: SQLite returns text, MySQL times without an offset.

    Raise ValueError when it is not an instant.
    """
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(instant, datetime):
        raise ValueError("not an instant")
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)


class LogSpan(NamedTuple):
    """The times of the log's oldest and newest entries, None without entries, and the number of unusable times.

    Databases accept times outside Python's calendar: MariaDB 0000-00-00, PostgreSQL infinity and the year 10000.
    """

    oldest: datetime | None
    newest: datetime | None
    without_instant: int


def log_span(read: Callable[[query.Statement], Sequence[Row]], dialect: str) -> LogSpan:
    """Return the span of the log. `read` returns the rows of a statement; its errors are raised."""
    parts = "EXTRACT(MONTH FROM timestamp) > 0 AND EXTRACT(DAY FROM timestamp) > 0 AND" if dialect == "mysql" else ""

    def statement(engine: query.Engine, _indexes: object) -> str:
        # An offset may move the calendar's first and last day out of its range.
        first, last = (engine.literal(datetime(*day, tzinfo=UTC)) for day in ((1, 1, 2), (9999, 12, 31)))
        instant = f"CASE WHEN {parts} timestamp >= {first} AND timestamp < {last} THEN timestamp END"
        numbers = f"MIN({instant}), MAX({instant}), COUNT(timestamp) - COUNT({instant})"
        return f"SELECT {numbers} FROM switches_log"  # noqa: S608 our own text and instants

    [(oldest, newest, without)] = read(statement)
    return LogSpan(oldest and read_instant(oldest), newest and read_instant(newest), int(without))


def script_path(name: str, dialect: str) -> str:
    """Return the path of the operator's script for a dialect, in this project."""
    # SQLite has no script; PostgreSQL's has the same tables and columns.
    return f"infra/database/{name}.{'mysql' if dialect == 'mysql' else 'postgresql'}.sql"
