"""The database servers that are measured, each of them our own or one that runs already."""

import contextlib
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from dev.bench import machine
from dev.servers.databases import Database, Server, own_server, server_database, sqlite_database
from dev.servers.processes import mariadb, postgresql

ENGINES = ("postgresql", "mariadb", "sqlite")
_MOST_BUFFER_MIB = 4096

# Makes a database; the engine's server lives as long as the block around it.
Maker = Callable[[], AbstractContextManager[Database]]


@contextlib.contextmanager
def engine(name: str, further: dict[str, Server]) -> Iterator[Maker]:
    """Run an engine's server; give what makes a database on it."""
    # Half of what RDS would give MariaDB and PostgreSQL, since the rest of this machine is not the database's.
    with contextlib.ExitStack() as stack:
        if name == "sqlite":
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="openl2m-stats-")))
            number = iter(range(1000))

            def on_file() -> AbstractContextManager[Database]:
                (own := directory / str(next(number))).mkdir()
                return sqlite_database(own)

            yield on_file
            return
        if name == "mariadb":
            buffer = min(_MOST_BUFFER_MIB, machine.memory_mib() * 3 // 8)
            server = own_server(stack.enter_context(mariadb(options=[f"--innodb-buffer-pool-size={buffer}M"])))
        elif name == "postgresql":
            buffer = min(_MOST_BUFFER_MIB, machine.memory_mib() // 8)
            server = own_server(stack.enter_context(postgresql(options=[f"-cshared_buffers={buffer}MB"])))
        else:
            server = further[name]
        yield lambda: server_database(server, "P" + secrets.token_hex(12))
