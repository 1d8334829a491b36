"""Database secret -> connection -> the one row of numbers -> the document."""

import contextlib
import importlib
import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from stats import query
from stats.catalogue import Document
from stats.engines import ENGINES, Connection, Engine, Server
from stats.iam import SigningError, new_token
from stats.secret_store import SecretStore, SecretUnavailableError
from stats.settings import Settings
from stats.telemetry import logger, metrics
from stats.wire import TLS, is_local, trust


class DatabaseError(Exception):
    """The numbers could not be read. `code` is the driver's or ours; the text is fit for a log."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


class Database:
    """Keeps one connection for the container's life and asks it for the numbers."""

    def __init__(self, settings: Settings, secrets: SecretStore) -> None:
        self._settings = settings
        self._secrets = secrets
        self._connection: Connection | None = None
        self._engine = ENGINES["sqlite"]
        self._doubted = False  # the secret: what it said last led nowhere

    def prepare(self) -> None:
        """Read the secret, the driver and the certificates, so that the first connection need not wait for them.

        Raise SecretUnavailableError, DatabaseError.
        """
        self._doubted = True
        server = parse_server(self._secrets.get(self._settings.database_secret_id), self._settings)
        importlib.import_module(ENGINES[server.engine].driver)
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
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):  # whatever is wrong with it, it is of no more use
                connection.close()

    def _ask(self, connection: Connection, now: datetime, deadline: float) -> Document:
        sql = query.statement(now, self._settings.time_zone, self._engine.literal, connection.indexes)
        try:
            with explaining(self._engine, deadline):
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
            self._engine = ENGINES[server.engine]
            try:
                return connect(server, self._settings, deadline)
            except DatabaseError as error:
                if error.code not in self._engine.access_denied:
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
    engine = ENGINES[server.engine]
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


def parse_server(text: str | bytes, settings: Settings) -> Server:
    """Return the server that a database secret describes; what it leaves out is taken from the settings.

    The secret is RDS's JSON: `engine`, `host`, `port`, `username`, `password`, `dbname`. Without a password the
    login is by IAM. Raise DatabaseError.
    """
    try:
        secret = json.loads(text)
    except (ValueError, RecursionError):
        # The decoder's error carries the secret itself.
        raise DatabaseError("bad secret", "the database secret is not JSON") from None
    if not isinstance(secret, dict):
        raise DatabaseError("bad secret", "the database secret is not a JSON object")

    def text_of(key: str, otherwise: str | None) -> str:
        value = secret.get(key) or otherwise
        # What cannot be printed, such as NUL or half a character, drivers and sockets choke on or cut off.
        if not isinstance(value, str) or not value or not value.isprintable():
            raise DatabaseError("bad secret", f"the database secret has no usable {key!r}")
        return value

    name = text_of("engine", settings.database_engine)
    engine = ENGINES.get(name)
    if engine is None:
        raise DatabaseError("bad secret", f"'engine' of the database secret is none of {', '.join(ENGINES)}")
    database = text_of("dbname", settings.database_name or "openl2m")
    if name == "sqlite":
        return Server(name, "localhost", 0, "", "", database)
    return Server(
        engine=name,
        host=text_of("host", settings.database_host),
        port=_port(secret.get("port") or settings.database_port or engine.default_port),
        user=text_of("username", None),
        password=_password(secret.get("password")),
        database=database,
    )


def _password(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise DatabaseError("bad secret", "the database secret has no usable 'password'")
    return value


def _port(value: Any) -> int:
    try:
        port = int(value)
    except (OverflowError, TypeError, ValueError):
        port = 0
    if not 0 < port < 65536:
        raise DatabaseError("bad secret", "'port' of the database secret is no port number")
    return port


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
