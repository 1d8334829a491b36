"""The interface of the engines: servers, connections, engines and errors."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from stats.base.deadline import Deadline
from stats.base.remote import RemoteError
from stats.database.socket import TLS

Row = Sequence[Any]
Indexes = Sequence[Sequence[str]]
Literal = Callable[[datetime], str]  # writes an instant in UTC as SQL
Explanation = tuple["Kind", str, str]


class Kind(StrEnum):
    """How to react to a database error; openl2m_stats/database_errors.py explains each to the operator."""

    GONE = "gone"  # the session is dead: connect again
    DENIED = "denied"  # the login was refused: read the secret again
    CANCELLED = "cancelled"  # a time limit ended it: do not run it again
    ABSENT = "absent"  # a table, column, schema or database does not exist, as far as the user can see
    FORBIDDEN = "forbidden"  # a grant is missing
    OTHER = "other"


_HINTS = {
    Kind.ABSENT: "it does not exist where the database user looks (`openl2m-stats doctor` shows what is missing): ",
    Kind.FORBIDDEN: "the database user lacks a grant (`openl2m-stats grants` prints all that it needs): ",
}


class DatabaseError(RemoteError):
    """The numbers could not be read. `code` is the driver's or ours; the text may be logged."""

    def __init__(self, code: str, text: str, kind: Kind = Kind.OTHER) -> None:
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.kind = code, text, kind


@dataclass(frozen=True)
class Server:
    """One database and one of its users; for SQLite, `database` is the file and the rest is unused.

    Without a password the user logs in by IAM. `search_path` is PostgreSQL's, where it is not to be the role's own.
    """

    engine: str
    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    database: str
    search_path: str | None = None

    @property
    def address(self) -> str:
        """The server's address, for logs: a file, a Unix socket, or a host and a port."""
        if self.engine == "sqlite":
            return self.database
        return self.host if self.host.startswith("/") else f"{self.host}:{self.port}"

    @property
    def place(self) -> dict[str, str | int]:
        """The database's address: engine, host, port and name, without the user, which a rotation may change."""
        return {"engine": self.engine, "host": self.host, "port": self.port, "name": self.database}


class Connection(NamedTuple):
    """An open connection. Its methods raise the driver's own errors.

    `fetch(sql, deadline)` returns the rows. `ping(deadline)` returns when the server answers.
    `indexes(deadline)` returns the columns of each index of switches_log that the server may use.
    """

    engine: "Engine"
    fetch: Callable[[str, Deadline], Sequence[Row]]
    close: Callable[[], None]
    ping: Callable[[Deadline], object] = lambda _: None
    indexes: Callable[[Deadline], Indexes] = lambda _: ()


class Engine(NamedTuple):
    """The differences between engines.

    `literal` writes an instant in UTC as SQL. `connect(server, password, tls, deadline)` returns a Connection, or
    raises whatever the driver does and leaves nothing open; the password is the server's, or a token of IAM.
    `explain` returns what a driver's error calls for, its code and its text. `recurses` says whether a recursive
    query finds the last row of each value in an index faster than GROUP BY does.
    """

    default_port: int
    literal: Literal
    connect: Callable[[Server, str, TLS, Deadline], Connection]
    explain: Callable[[Exception], Explanation]
    recurses: bool = False


@contextlib.contextmanager
def explaining(engine: Engine, deadline: Deadline) -> Iterator[None]:
    """Run the block, and raise any error of the engine's driver as a DatabaseError."""
    try:
        yield
    except DatabaseError:
        raise
    except Exception as error:  # noqa: BLE001 with a broken server, a driver may raise anything
        if deadline.passed:
            text = "the database server did not answer in time"
            raise DatabaseError("timeout", text, Kind.CANCELLED) from None
        kind, code, text = engine.explain(error)
        raise DatabaseError(code, _HINTS.get(kind, "") + text, kind) from None


def explain_other(error: Exception) -> Explanation:
    """Explain an error that is not the driver's own: the connection can no longer be used."""
    # Other errors may quote their input: a UnicodeEncodeError contains the whole password.
    telling = isinstance(error, OSError | RuntimeError)
    return Kind.GONE, type(error).__name__, str(error) if telling else "not what was expected"


def is_answer(explain: Callable[[Exception], Explanation]) -> Callable[[Exception], bool]:
    """Return a predicate: whether an error is the server's own response, not a failed connection."""
    return lambda error: explain(error)[0] != Kind.GONE


def without_offset(instant: datetime) -> str:
    """Return an instant in UTC as SQL, for engines whose times have no offset."""
    return f"'{instant.replace(tzinfo=None).isoformat(' ')}'"
