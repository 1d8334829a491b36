"""The function's one connection to the database: it logs in, checks the connection, reconnects and reads."""

import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import TypeVar

from stats.base.deadline import Deadline, within
from stats.base.instants import elapsed
from stats.base.settings import Settings
from stats.database.driver import Connection, DatabaseError, Engine, Indexes, Kind, Row, Server, explaining
from stats.database.engines import engine_of
from stats.database.iam import SigningError, new_token
from stats.database.secret import DatabaseSecret, ReadSecret
from stats.database.socket import TLS, is_local, trust

T = TypeVar("T")
# Returns SQL for an engine. The second argument fetches the indexes of switches_log, once per connection.
Statement = Callable[[Engine, Callable[[], Indexes]], str]
UNREADABLE = (Kind.ABSENT, Kind.FORBIDDEN)  # errors that concern one table or column

# A connection that has been idle for longer may be dead.
_IDLE_SECONDS = 10
_PING_SECONDS, _PING_SHARE = 2, 1 / 5


class Database:
    """Keeps one connection from one read to the next."""

    def __init__(self, settings: Settings, read_secret: ReadSecret) -> None:
        self._settings = settings
        self._secret = DatabaseSecret(settings, read_secret)
        self._connection: Connection | None = None
        self._used_at: datetime | None = None
        self._indexes: Indexes | None = None  # of the log, fetched over this connection

    def prepare(self, deadline: Deadline) -> None:
        """Load the secret, the driver and the certificates, so that the first request does not wait for them.

        Failures are ignored: the first request tries again.
        """
        with contextlib.suppress(DatabaseError):
            server = self._secret.prepare(deadline)
            if server is not None:
                engine_of(server.engine)
                _trust(server, self._settings)

    @property
    def server(self) -> Server | None:
        """The server of the connection; without one, the server in the secret's last value; None before the first."""
        return self._secret.last_read if self._connection is None else self._secret.logged_in

    def read(self, statement: Statement, parse: Callable[[Sequence[Row]], T], deadline: Deadline) -> T:
        """Run a statement and return its rows, parsed by `parse`. Raise DatabaseError.

        A connection that has died since the last read is replaced once.
        """
        if self._connection is not None and self._is_alive(self._connection, deadline):
            try:
                return self._fetch(self._connection, statement, parse, deadline)
            except DatabaseError as error:
                if error.kind != Kind.GONE:
                    raise
        self._connection = self._connect(deadline)
        return self._fetch(self._connection, statement, parse, deadline)

    def probe(self, sql: str, deadline: Deadline) -> None:
        """Run a statement to find out whether it works. Raise DatabaseError.

        An error about a table or a column leaves the connection open, so that one login is enough to try many.
        """
        if self._connection is None:
            self._connection = self._connect(deadline)
        try:
            with explaining(self._connection.engine, deadline):
                self._connection.fetch(sql, deadline)
        except DatabaseError as error:
            if error.kind not in UNREADABLE:
                self.close()
            raise

    def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection, self._indexes = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(Exception):  # it is not used again in any case
                connection.close()

    def _is_alive(self, connection: Connection, deadline: Deadline) -> bool:
        """Return whether a connection can be used. An idle one is pinged, and closed if it does not answer."""
        idle = elapsed(self._used_at, deadline.now)
        if idle is not None and idle <= _IDLE_SECONDS:
            return True
        ping_deadline = deadline.share(_PING_SHARE, _PING_SECONDS)
        try:
            with explaining(connection.engine, ping_deadline):
                connection.ping(ping_deadline)
        except DatabaseError:
            self.close()
            return False
        return True

    def _fetch(
        self, connection: Connection, statement: Statement, parse: Callable[[Sequence[Row]], T], deadline: Deadline
    ) -> T:
        try:
            with explaining(connection.engine, deadline):
                sql = statement(connection.engine, partial(self._log_indexes, connection, deadline))
                result = parse(connection.fetch(sql, deadline))
        except DatabaseError:
            # Default roles, search_path and time limits, which an operator may repair, only change in a new session.
            self.close()
            raise
        self._used_at = deadline.now
        return result

    def _log_indexes(self, connection: Connection, deadline: Deadline) -> Indexes:
        if self._indexes is None:
            self._indexes = connection.indexes(deadline)
        return self._indexes

    def _connect(self, deadline: Deadline) -> Connection:
        """Connect with the first login that is accepted."""
        refusal: DatabaseError | None = None
        try:
            for server in self._secret.logins(deadline):
                try:
                    connection = connect(server, self._settings, deadline)
                except DatabaseError as error:
                    if error.kind != Kind.DENIED:
                        raise
                    refusal = error
                else:
                    self._secret.accept(server)
                    self._used_at = deadline.now
                    return connection
            raise refusal or self._secret.unreadable()
        except DatabaseError:
            self._secret.doubt()
            raise


def connect(server: Server, settings: Settings, deadline: Deadline) -> Connection:
    """Return a new connection. Raise DatabaseError."""
    engine = engine_of(server.engine)
    tls = _trust(server, settings)
    with explaining(engine, deadline):
        password = _token(server, tls, deadline) if server.password is None else server.password
    try:
        with explaining(engine, deadline):
            return engine.connect(server, password, tls, deadline)
    except DatabaseError as error:
        # The server's own messages name the user or the database; errors of the connection name nothing.
        where = f"{server.address}: " if error.kind in {Kind.GONE, Kind.CANCELLED} else ""
        raise DatabaseError(error.code, where + error.text, error.kind) from None


def _token(server: Server, tls: TLS, deadline: Deadline) -> str:
    if not tls:
        raise DatabaseError(
            "bad secret",
            "without 'password' in the database secret the login is by IAM, which takes verified TLS: "
            "give it a 'password', or as 'host' an endpoint of RDS",
        )
    try:
        return within(deadline, partial(new_token, server.host, server.port, server.user))
    except SigningError as error:
        raise DatabaseError("no token", f"no AWS credentials to log in to the database with: {error}") from None


def _trust(server: Server, settings: Settings) -> TLS:
    off = settings.database_tls == "off"
    if off and not is_local(server.host):
        raise DatabaseError("bad setting", "DATABASE_TLS=off is accepted for loopback and socket hosts only")
    try:
        return trust(server.host, settings.database_ca_file, off=off)
    except OSError as error:
        raise DatabaseError("bad setting", f"DATABASE_CA_FILE cannot be used: {error}") from None
