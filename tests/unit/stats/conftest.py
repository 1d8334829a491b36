from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.servers import databases
from dev.servers.databases import Database


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    """Yield an OpenL2M database in an SQLite file, without rows."""
    with databases.sqlite_database(tmp_path) as database:
        yield database
