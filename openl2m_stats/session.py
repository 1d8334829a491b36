"""A login to the database that is the function's own, for what the command asks it."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stats.base.deadline import Deadline
from stats.base.settings import Settings
from stats.database.driver import Connection, Indexes, Row, Server, explaining
from stats.database.engines import MYSQL, POSTGRESQL
from stats.database.session import connect


@dataclass(frozen=True)
class Session:
    """An open connection, and what it was made from."""

    server: Server
    settings: Settings
    connection: Connection

    @property
    def dialect(self) -> str:
        """The engine's kind: `mysql` or `postgresql`, as in the names of the operator's scripts, or `sqlite`."""
        engine = self.server.engine
        return "mysql" if engine in MYSQL else "postgresql" if engine in POSTGRESQL else engine

    def rows(self, sql: str) -> Sequence[Row]:
        """Return a statement's rows. Raise DatabaseError; the connection is of no more use then."""
        deadline = _deadline(self.settings)
        with explaining(self.connection.engine, deadline):
            return self.connection.fetch(sql, deadline)

    def indexes(self) -> Indexes:
        """Return the columns of each index of the log that the server may use. Raise DatabaseError, as rows() does."""
        deadline = _deadline(self.settings)
        with explaining(self.connection.engine, deadline):
            return self.connection.indexes(deadline)


def _deadline(settings: Settings) -> Deadline:
    return Deadline.after(settings.request_timeout_seconds)


@contextlib.contextmanager
def logged_in(server: Server, settings: Settings) -> Iterator[Session]:
    """Run the block with a session that was made as the function makes its own. Raise DatabaseError."""
    connection = connect(server, settings, _deadline(settings))
    try:
        yield Session(server, settings, connection)
    finally:
        with contextlib.suppress(Exception):  # a statement that failed has closed it already
            connection.close()


def script_path(name: str, dialect: str) -> str:
    """Return where in this project the operator's script for a dialect is."""
    # SQLite has no script of its own, but the same tables and columns.
    return f"infra/database/{name}.{'mysql' if dialect == 'mysql' else 'postgresql'}.sql"
