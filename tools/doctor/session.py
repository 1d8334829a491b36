"""A login to the database, for the checks that ask it something."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stats.database import connect, explaining
from stats.engines import ENGINES, Connection, Row, Server
from stats.settings import Settings

_SCRIPTS = Path(__file__).parents[2] / "infra/database"


@dataclass(frozen=True)
class Session:
    """An open connection, and what it was made from."""

    server: Server
    settings: Settings
    connection: Connection

    @property
    def dialect(self) -> str:
        """How the scripts of infra/database/ call the engine's kind; `sqlite` has none."""
        if self.server.engine == "sqlite":
            return "sqlite"
        return "postgresql" if "postgres" in self.server.engine else "mysql"

    def rows(self, sql: str) -> Sequence[Row]:
        """Return a statement's rows. Raise DatabaseError; the connection is of no more use then."""
        deadline = self.deadline()
        with explaining(ENGINES[self.server.engine], deadline):
            return self.connection.fetch(sql, deadline)

    def deadline(self) -> float:
        """Return when, by time.monotonic(), the function would give up what begins now."""
        return deadline(self.settings)


def deadline(settings: Settings) -> float:
    """Return when, by time.monotonic(), the function would give up what begins now."""
    return time.monotonic() + settings.request_timeout_seconds


def log_in(server: Server, settings: Settings) -> Session:
    """Return a session, made as the function makes its own. Raise DatabaseError."""
    return Session(server, settings, connect(server, settings, deadline(settings)))


def script_path(name: str, dialect: str) -> str:
    """Return where in this project the operator's script for a dialect is."""
    return f"infra/database/{name}.{dialect}.sql"


def script(name: str, dialect: str) -> str:
    """Return an operator's script without its comments."""
    lines = (_SCRIPTS / f"{name}.{dialect}.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))
