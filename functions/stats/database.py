"""Database secret -> connection -> the one row of numbers -> the document."""

import contextlib
import time
from collections.abc import Iterator
from datetime import datetime

from stats import query
from stats.catalogue import Document
from stats.connection import Connection, DatabaseError, Engine, Indexes, Server
from stats.engines import engine_of, parse_server
from stats.iam import SigningError, new_token
from stats.secret_store import SecretStore, SecretUnavailableError
from stats.settings import Settings
from stats.telemetry import logger, metrics
from stats.wire import TLS, is_local, trust


class Database:
    """Keeps one connection for the container's life and asks it for the numbers."""

    def __init__(self, settings: Settings, secrets: SecretStore) -> None:
        self._settings = settings
        self._secrets = secrets
        self._connection: Connection | None = None
        self._indexes: Indexes | None = None  # of the log, as the connection found them
        self._doubted = False  # the secret: what it said last led nowhere

    def prepare(self) -> None:
        """Read the secret, the driver and the certificates, so that the first connection need not wait for them.

        Raise SecretUnavailableError, DatabaseError.
        """
        self._doubted = True
        server = parse_server(self._secrets.get(self._settings.database_secret_id), self._settings)
        engine_of(server.engine)
        _trust(server, self._settings)
        self._doubted = False

    def fetch(self, now: datetime, deadline: float) -> Document:
        """Return the document of the instant `now`, before time.monotonic() reaches `deadline`.

        A connection that has died since the last call is replaced once. Raise DatabaseError.
        """
        if self._connection is not None:
            try:
                return self._ask(self._connection, now, deadline)
            except DatabaseError:
                if time.monotonic() >= deadline:
                    raise
        try:
            self._connection = self._connect(deadline)
        except DatabaseError:
            self._doubted = True
            raise
        self._doubted = False
        return self._ask(self._connection, now, deadline)

    def document(self, now: datetime, deadline: float) -> Document:
        """Return what fetch() does; log and count it."""
        started = time.monotonic()
        try:
            document = self.fetch(now, deadline)
        except DatabaseError as error:
            logger.error("database failed", error=str(error))
            metrics.add_metric(name="DatabaseFailure", unit="Count", value=1)
            raise
        metrics.add_metric(name="StatementTime", unit="Milliseconds", value=(time.monotonic() - started) * 1000)
        return document

    def close(self) -> None:
        """Drop the connection, if there is one."""
        connection, self._connection, self._indexes = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(Exception):  # whatever is wrong with it, it is of no more use
                connection.close()

    def _ask(self, connection: Connection, now: datetime, deadline: float) -> Document:
        try:
            with explaining(connection.engine, deadline):
                if self._indexes is None:
                    self._indexes = connection.indexes(deadline)
                sql = query.statement(now, self._settings.time_zone, connection.engine.literal, self._indexes)
                return query.document(connection.fetch(sql, deadline)[0])
        except DatabaseError:
            self.close()
            raise

    def _connect(self, deadline: float) -> Connection:
        """Connect as the secret says; while its password is being rotated, as either version of it says."""
        refusal = DatabaseError("no secret", "the database secret has no value")
        tried: list[Server] = []
        for text in self._versions():
            server = parse_server(text, self._settings)
            if server in tried:
                continue
            tried.append(server)
            try:
                return connect(server, self._settings, deadline)
            except DatabaseError as error:
                if error.code not in engine_of(server.engine).access_denied:
                    raise
                refusal = error
        raise refusal

    def _versions(self) -> Iterator[str | bytes]:
        """Yield what the database secret says, in the order in which it is to be believed."""
        secret_id = self._settings.database_secret_id
        try:
            if not self._doubted:
                yield self._secrets.get(secret_id)
            yield self._secrets.get(secret_id, refresh=True)
        except SecretUnavailableError as error:
            raise DatabaseError("database secret not readable", str(error)) from None
        with contextlib.suppress(SecretUnavailableError):
            yield self._secrets.get_pending(secret_id)
        # The rotation may have ended while the pending version was asked for.
        with contextlib.suppress(SecretUnavailableError):
            yield self._secrets.get(secret_id, refresh=True)


def connect(server: Server, settings: Settings, deadline: float) -> Connection:
    """Return a new connection, made before time.monotonic() reaches `deadline`. Raise DatabaseError."""
    engine = engine_of(server.engine)
    with explaining(engine, deadline):
        tls = _trust(server, settings)
        password = _token(server, tls) if server.password is None else server.password
        return engine.connect(server, password, tls, deadline)


@contextlib.contextmanager
def explaining(engine: Engine, deadline: float) -> Iterator[None]:
    """Run the block; raise a DatabaseError in the place of whatever the engine's driver raises."""
    try:
        yield
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 a broken server makes a driver raise anything
        if time.monotonic() >= deadline:
            raise DatabaseError("timeout", "the database server did not answer in time") from None
        raise DatabaseError(*engine.explain(error)) from None


def _token(server: Server, tls: TLS) -> str:
    if not tls:
        raise DatabaseError(
            "bad secret",
            "without 'password' in the database secret the login is by IAM, which takes verified TLS: "
            "give it a 'password', or as 'host' an endpoint of RDS",
        )
    try:
        return new_token(server.host, server.port, server.user)
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
