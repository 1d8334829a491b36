"""The database servers of the tests, which all processes of a run share: starting one takes longer than most tests."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.servers.databases import Server, own_server, with_template
from dev.servers.processes import mariadb, postgresql
from dev.servers.programs import ServerNotChosenError, ServerNotInstalledError

# Neither server is on UTC and neither knows zones by name: no number may depend on that. Neither offers TLS:
# MariaDB 11.4 and newer would make a certificate of their own. Neither waits for the disk.
_MARIADB_OPTIONS = (
    "--default-time-zone=+05:45",
    "--skip-ssl",
    "--loose-debug-no-sync",
    "--loose-innodb-flush-method=nosync",
)
_POSTGRESQL_OPTIONS = ("-c", "timezone=Asia/Kathmandu")

# What the process that starts the servers tells the others: no more than text and numbers.
Told = dict[str, Any]
_FOUND = pytest.StashKey[dict[str, Told]]()


@contextlib.contextmanager
def run_mariadb() -> Iterator[Server]:
    with mariadb(options=_MARIADB_OPTIONS) as process:
        yield own_server(process)


@contextlib.contextmanager
def run_postgresql() -> Iterator[Server]:
    with postgresql(options=_POSTGRESQL_OPTIONS) as process:
        yield with_template(own_server(process))


def of_run(config: pytest.Config, name: str, start: Callable[[contextlib.ExitStack], Told]) -> Told:
    """Return what `start` returned in the process that pytest was started as, or in this one if it handed on nothing.

    What it put on the stack ends with that process.
    """
    handed: Told | None = getattr(config, "workerinput", {}).get(name)
    if handed is not None:
        return handed
    found = config.stash.setdefault(_FOUND, {})
    if name not in found:
        running = contextlib.ExitStack()
        config.add_cleanup(running.close)
        found[name] = start(running)
    return found[name]


def start_servers(running: contextlib.ExitStack) -> Told:
    """Start the servers that no test stops; tell where they are."""
    told: Told = {}
    for engine, run in {"mariadb": run_mariadb, "postgresql": run_postgresql}.items():
        # Without it, its tests are left out as they are reached.
        with contextlib.suppress(ServerNotChosenError, ServerNotInstalledError):
            server = running.enter_context(run())
            address = server.engine, server.dialect, server.host, server.port, server.superuser
            told[engine] = [*address, str(server.directory), server.template]
    return told


def told_server(told: list[Any]) -> Server:
    """Return the server that `start_servers` told of."""
    engine, dialect, host, port, superuser, directory, template = told
    return Server(engine, dialect, host, port, superuser, directory=Path(directory), template=template)
