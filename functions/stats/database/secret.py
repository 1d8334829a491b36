"""The database secret: the server in it, and the logins to try while it is being rotated or cannot be read."""

import os
from collections.abc import Callable, Iterator
from typing import Any

from stats.aws.secrets import SecretUnavailableError, Stage, parse_json
from stats.base.deadline import Deadline
from stats.base.remote import Remote
from stats.base.settings import Settings
from stats.database.driver import DatabaseError, Server
from stats.database.engines import ENGINES, POSTGRESQL, engine_of
from stats.database.socket import is_unix_socket

_MAX_AGE_SECONDS = 300
# The share of a request's time for reading the secret: the last value probably still works.
_SHARE = 1 / 3


# Returns a stage of the secret. Raises SecretUnavailableError.
ReadSecret = Callable[[Deadline, Stage], str | bytes]


class DatabaseSecret:
    """Caches the secret's last value, and the last login that worked."""

    def __init__(self, settings: Settings, read: ReadSecret) -> None:
        self._settings = settings
        self._read_text = read
        self._secret = Remote(self._current, "database secret not readable", "SecretFailure")
        self._logged_in: Server | None = None
        self._doubted = False

    def prepare(self, deadline: Deadline) -> Server | None:
        """Read the secret ahead of the first login; return its value, or None if it cannot be read."""
        self._secret.refresh_now(deadline)
        return self._secret.value

    @property
    def last_read(self) -> Server | None:
        """The secret's last value; None before the first read."""
        return self._secret.value

    @property
    def logged_in(self) -> Server | None:
        """The last login that worked; None before the first."""
        return self._logged_in

    def logins(self, deadline: Deadline) -> Iterator[Server]:
        """Yield the logins to try until one is accepted, the most likely first.

        | attempt       | login                                          | when                                       |
        |---------------|------------------------------------------------|--------------------------------------------|
        | remembered    | the secret as read in the last 5 minutes       | no login has failed since                  |
        | current       | AWSCURRENT, read now                           | always                                     |
        | pending       | AWSPENDING: a rotation may have set it already | AWSCURRENT was read                        |
        | current again | AWSCURRENT, read now: the rotation has ended   | AWSCURRENT was read                        |
        | last good     | the last that worked, then the last read       | always: Secrets Manager may be unreachable |
        """
        tried: list[Server] = []
        for server in self._attempts(deadline):
            if server is not None and server not in tried:
                tried.append(server)
                yield server

    def unreadable(self) -> DatabaseError:
        """Return the error for a secret without a usable login."""
        error = self._secret.error
        return error if isinstance(error, DatabaseError) else DatabaseError("database secret not readable", str(error))

    def _attempts(self, deadline: Deadline) -> Iterator[Server | None]:
        age = self._secret.age(deadline.now)
        if not self._doubted and age is not None and age <= _MAX_AGE_SECONDS:
            yield self._secret.value
        if self._secret.refresh_now(deadline.share(_SHARE)):
            yield self._secret.value
            yield self._pending(deadline.share(_SHARE))
            if self._secret.refresh_now(deadline.share(_SHARE)):
                yield self._secret.value
        yield self._logged_in
        yield self._secret.value

    def accept(self, server: Server) -> None:
        """Note that a login succeeded."""
        self._logged_in, self._doubted = server, False

    def doubt(self) -> None:
        """Note that no login succeeded: the next attempt reads the secret again."""
        self._doubted = True

    def _current(self, deadline: Deadline) -> Server:
        return self._read(deadline, "AWSCURRENT")

    def _pending(self, deadline: Deadline) -> Server | None:
        try:
            return self._read(deadline, "AWSPENDING")
        except (DatabaseError, SecretUnavailableError):  # usually, no such version exists
            return None

    def _read(self, deadline: Deadline, stage: Stage) -> Server:
        return parse_server(self._read_text(deadline, stage), self._settings)


def parse_server(text: str | bytes, settings: Settings) -> Server:
    """Return the server in a database secret; the settings fill in what is missing.

    The secret is RDS's JSON: `engine`, `host`, `port`, `username`, `password`, `dbname`. Without a password the
    login is by IAM. DATABASE_URL may add a `search_path` of PostgreSQL. Raise DatabaseError.
    """
    try:
        secret = parse_json(text)
    except ValueError as error:
        raise DatabaseError("bad secret", f"the database secret is {error}") from None
    if not isinstance(secret, dict):
        raise DatabaseError("bad secret", "the database secret is not a JSON object")

    def text_of(key: str, otherwise: str | None) -> str:
        value = secret.get(key) or otherwise
        # Drivers and sockets fail on unprintable characters such as NUL or a lone surrogate, or cut the text there.
        if not isinstance(value, str) or not value or not value.isprintable():
            raise DatabaseError("bad secret", f"the database secret has no usable {key!r}")
        return value

    name = text_of("engine", settings.database_engine)
    if name not in ENGINES:
        raise DatabaseError("bad secret", f"'engine' of the database secret is none of {', '.join(ENGINES)}")
    database = text_of("dbname", settings.database_name or "openl2m")
    if name == "sqlite":
        return Server(name, "localhost", 0, "", "", database)
    port = _port(secret.get("port") or settings.database_port or engine_of(name).default_port)
    return Server(
        engine=name,
        host=_host(text_of("host", settings.database_host), name, port),
        port=port,
        user=text_of("username", None),
        password=_password(secret.get("password")),
        database=database,
        search_path=text_of("search_path", None) if "search_path" in secret else None,
    )


def _host(host: str, engine: str, port: int) -> str:
    """Return the host; for a Unix socket in libpq's form, its directory, the path of the socket."""
    if engine in POSTGRESQL and is_unix_socket(host) and os.path.isdir(host):  # noqa: PTH112 a Path takes longer
        return os.path.join(host, f".s.PGSQL.{port}")  # noqa: PTH118
    if not is_unix_socket(host) and ("@" in host or "/" in host):  # a URL, perhaps with a password
        raise DatabaseError("bad secret", "'host' of the database secret is not a host name: it takes no URL")
    return host


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
        raise DatabaseError("bad secret", "'port' of the database secret is not a port number")
    return port
