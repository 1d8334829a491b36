"""PostgreSQL, through pg8000."""

import contextlib
import re
import ssl
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import pg8000.native
from scramp import ScramException

from stats.base.deadline import Deadline
from stats.database import scram
from stats.database.driver import Connection, Engine, Explanation, Indexes, Kind, Row, Server, explain_other, is_answer
from stats.database.socket import TLS, Transport, open_transport, shutdown_at

_INDEXES = """SELECT ARRAY(SELECT attname::text FROM unnest(indkey) WITH ORDINALITY AS key (number, place)
JOIN pg_attribute ON attrelid = indrelid AND attnum = number ORDER BY place)
FROM pg_index WHERE indrelid = to_regclass('switches_log') AND indisvalid AND indpred IS NULL"""

# https://www.postgresql.org/docs/current/errcodes-appendix.html
KINDS = {
    # Unknown user, no right to log in, wrong password.
    **dict.fromkeys(("28000", "28P01"), Kind.DENIED),
    # statement_timeout or an administrator; lock_timeout.
    **dict.fromkeys(("57014", "55P03"), Kind.CANCELLED),
    # No such database; schema; table; column.
    **dict.fromkeys(("3D000", "3F000", "42P01", "42703"), Kind.ABSENT),
    "42501": Kind.FORBIDDEN,
    # A shutdown, a crash, a start, a dropped database, an idle session that timed out.
    **dict.fromkeys(("57P01", "57P02", "57P03", "57P04", "57P05"), Kind.GONE),
}


_SASL, _PASSWORD_MESSAGE = 10, b"p"  # a request for a login by SCRAM, and the message that answers it


class _Session(pg8000.native.Connection):  # type: ignore[misc] # pg8000 has no type hints
    """A session that logs in as libpq does, and closes its socket when it ends or its login fails."""

    def __init__(self, **arguments: Any) -> None:
        try:
            super().__init__(**arguments)
        except BaseException:
            with contextlib.suppress(Exception):
                self.close()
            raise

    def handle_AUTHENTICATION_REQUEST(self, data: bytes, context: Any) -> None:  # noqa: N802 pg8000's name
        """Log in by SCRAM with our own client; leave the other methods to pg8000."""
        if int.from_bytes(data[:4]) != _SASL:
            super().handle_AUTHENTICATION_REQUEST(data, context)
            return
        mechanisms = data[4:].decode("ascii").rstrip("\0").split("\0")
        binding = ("tls-server-end-point", self._usock) if isinstance(self._usock, ssl.SSLSocket) else None
        self.auth = scram.Client(mechanisms, self.password.decode(), binding)
        first = self.auth.get_client_first().encode()
        name = self.auth.mechanism_name.encode()
        self._send_message(_PASSWORD_MESSAGE, name + b"\0" + len(first).to_bytes(4) + first)
        self._sock.flush()

    def close(self) -> None:
        # A socket stays open until the file object made of it is closed, and pg8000 does not close it.
        opened = [vars(self).get(name) for name in ("_sock", "_usock")]
        try:
            super().close()
        finally:
            for each in filter(None, opened):
                with contextlib.suppress(OSError, ValueError):
                    each.close()


def _connect(server: Server, password: str, tls: TLS, deadline: Deadline) -> Connection:
    # An unescaped space or backslash would end the option's value.
    search_path = server.search_path and re.sub(r"([\s\\])", r"\\\1", server.search_path)
    options = {"options": f"-csearch_path={search_path}"} if search_path else None

    def log_in(transport: Transport) -> Connection:
        session = _Session(
            host=server.host,
            user=server.user,
            password=password,
            database=server.database,
            application_name="openl2m-stats",
            ssl_context=tls,
            startup_params=options,
            sock=transport.driver_socket,
        )
        return _opened(session, transport)

    return open_transport(server.host, server.port, deadline, log_in, is_answer(_explain))


def _opened(session: _Session, transport: Transport) -> Connection:
    def fetch(sql: str, deadline: Deadline) -> Sequence[Row]:
        # The server's own limit is the role's statement_timeout: a SET would pin a proxy's connection.
        with shutdown_at(deadline, transport):
            return cast("Sequence[Row]", session.run(sql))

    def indexes(deadline: Deadline) -> Indexes:
        return [columns for (columns,) in fetch(_INDEXES, deadline)]

    def close() -> None:
        transport.close_after(session.close)

    return Connection(ENGINE, fetch, close, lambda deadline: fetch("", deadline), indexes)


def _explain(error: Exception) -> Explanation:
    if error.args and isinstance(error.args[0], dict):  # the fields of an ErrorResponse, by their letters
        code = str(error.args[0].get("C"))
        connection_exception = code.startswith("08")
        kind = Kind.GONE if connection_exception else KINDS.get(code, Kind.OTHER)
        return kind, code, str(error.args[0].get("M"))
    if isinstance(error, ScramException):  # such as a server that does not prove that it knows the password
        return Kind.OTHER, type(error).__name__, str(error)
    if isinstance(error, pg8000.native.InterfaceError):
        return Kind.GONE, type(error).__name__, f"{error} {error.__cause__ or ''}".strip()
    return explain_other(error)


def _literal(instant: datetime) -> str:
    return f"'{instant.isoformat(' ')}'"


ENGINE = Engine(5432, _literal, _connect, _explain, recurses=True)
