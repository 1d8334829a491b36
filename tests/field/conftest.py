"""Field reports: what went wrong for somebody who runs this, one small case each, on real servers.

To add a report, write a test whose docstring tells the situation in a sentence or two, whose name says what is right,
and which fails before the mend.
"""

import contextlib
from collections.abc import Iterator

import pytest

from dev.servers.databases import Database
from tests.integration.conftest import (
    _aws_data_read_once,
    aws,
    mariadb_server,
    moto_url,
    new_container,
    plain_server,
    postgresql_server,
    secrets_manager,
    server,
    server_db,
    shared_servers,
    sqlite_db,
    travel,
)
from tests.support import servers
from tests.support.databases import server_database

__all__ = [  # fixtures
    "_aws_data_read_once",
    "aws",
    "mariadb_server",
    "moto_url",
    "new_container",
    "plain_server",
    "postgresql_server",
    "secrets_manager",
    "server",
    "server_db",
    "shared_servers",
    "sqlite_db",
    "travel",
]


def _database_on(shared: servers.Told, engine: str) -> contextlib.AbstractContextManager[Database]:
    from dev.servers.programs import require

    require(engine)
    return server_database(servers.told_server(shared[engine]))


@pytest.fixture
def mariadb(shared_servers: servers.Told) -> Iterator[Database]:
    """An empty OpenL2M database on MariaDB."""
    with _database_on(shared_servers, "mariadb") as database:
        yield database


@pytest.fixture
def postgresql(shared_servers: servers.Told) -> Iterator[Database]:
    """An empty OpenL2M database on PostgreSQL."""
    with _database_on(shared_servers, "postgresql") as database:
        yield database
