"""The function's one connection to the database: logs in, checks that it is alive, reconnects, reads."""

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
# Returns SQL for an engine. The second argument fetches the indexes of switches_log (once a connection).
Statement = Callable[[Engine, Callable[[], Indexes]], str]
UNREADABLE = (Kind.ABSENT, Kind.FORBIDDEN)  # errors about a table or a column, which others may not have

# A connection that was idle for longer may have died unnoticed.
_IDLE_SECONDS = 10
_PING_SECONDS, _PING_SHARE = 2, 1 / 5


class Database:
    """Keeps one connection from one read to the next."""

    def __init__(self, settings: Settings, read_secret: ReadSecret) -> None:
        self._settings = settings
        self._secret = DatabaseSecret(settings, read_secret)
        self._connection: Connection | None = None
        self._used_at: datetime | None = None
        self._indexes: Indexes | None = None  # of the log, as the connection found them

    def prepare(self, deadline: Deadline) -> None:
        """Read the secret, the driver and the certificates, so that the first connection need not wait for them.

        What fails is left to the first request.
        """
        with contextlib.suppress(DatabaseError):
            server = self._secret.prepare(deadline)
            if server is not None:
                engine_of(server.engine)
                _trust(server, self._settings)

    @property
    def server(self) -> Server | None:
        """The server of the session. Without a session, the one that the secret named last; None before that."""
        return self._secret.last_read if self._connection is None else self._secret.logged_in

    def read(self, statement: Statement, parse: Callable[[Sequence[Row]], T], deadline: Deadline) -> T:
        """Return what `parse` makes of a statement's rows. Raise DatabaseError.

        A connection that has died since the last read is replaced once.
        """
        if self._connection is not None and self._is_alive(self._connection, deadline):
            try:
                return self._fetch(self._connection, statement, parse, deadline)
            except DatabaseError as error:
                if error.kind != Kind.GONE or deadline.passed:
                    raise
        self._connection = self._connect(deadline)
        return self._fetch(self._connection, statement, parse, deadline)

    def probe(self, sql: str, deadline: Deadline) -> None:
        """Run a statement to see whether it can be run. Raise DatabaseError.

        An error that is about a table or a column does not end the session, so that many can be tried by one login.
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
        """Drop the connection, if there is one."""
        connection, self._connection, self._indexes = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(Exception):  # whatever is wrong with it, it is of no more use
                connection.close()

    def _is_alive(self, connection: Connection, deadline: Deadline) -> bool:
        """Tell whether a connection can be used. One that was idle is pinged, and dropped if it does not answer."""
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
            # Much that an operator repairs is fixed when a session begins: default roles, search_path, time limits.
            self.close()
            raise
        self._used_at = deadline.now
        return result

    def _log_indexes(self, connection: Connection, deadline: Deadline) -> Indexes:
        if self._indexes is None:
            self._indexes = connection.indexes(deadline)
        return self._indexes

    def _connect(self, deadline: Deadline) -> Connection:
        """Connect with the first login that is not refused."""
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
        # What the server itself says names the user or the database; a connection that fails names nothing.
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
