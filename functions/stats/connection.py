"""What the engines' modules have in common: the forms of a server, a connection and an engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stats.wire import TLS

Row = Sequence[Any]
Indexes = Sequence[Sequence[str]]


class DatabaseError(Exception):
    """The numbers could not be read. `code` is the driver's or ours; the text is fit for a log."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


@dataclass(frozen=True)
class Server:
    """One database and one of its users; for SQLite, `database` is the file and the rest is unused.

    Without a password the user logs in by IAM.
    """

    engine: str
    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    database: str


@dataclass(frozen=True)
class Connection:
    """An open connection to an engine. Its functions raise whatever the driver does.

    `fetch(sql, deadline)` returns the rows. `indexes(deadline)` returns the columns of each index of switches_log
    that the server may use.
    """

    engine: "Engine"
    fetch: Callable[[str, float], Sequence[Row]]
    close: Callable[[], None]
    indexes: Callable[[float], Indexes] = lambda _: ()


@dataclass(frozen=True)
class Engine:
    """What differs between engines.

    `literal` writes an instant in UTC as SQL. `connect(server, password, tls, deadline)` returns a Connection, or
    raises whatever the driver does; the password is the server's, or a token of IAM. `explain` returns the code
    and the text of a driver's error. Deadlines are of time.monotonic().
    """

    default_port: int
    literal: Callable[[datetime], str]
    connect: Callable[[Server, str, TLS, float], Connection]
    explain: Callable[[Exception], tuple[str, str]]
    access_denied: frozenset[str] = frozenset()


def explain_other(error: Exception) -> tuple[str, str]:
    """Return the code and the text of an error that is not the driver's own."""
    # Any other error may quote what it choked on: a UnicodeEncodeError holds the whole password.
    telling = isinstance(error, OSError | RuntimeError)
    return type(error).__name__, str(error) if telling else "not what was expected"


def without_offset(instant: datetime) -> str:
    """Return an instant in UTC as SQL, for engines whose times have no offset."""
    return f"'{instant.replace(tzinfo=None).isoformat(' ')}'"
