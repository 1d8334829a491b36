"""A copy of the database as an SQLite file, as people look at it locally."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.servers.databases import Database, sqlite_database
from tests.integration.conftest import AWS

NOBODY = 65534


@pytest.fixture
def wal_db(tmp_path: Path) -> Iterator[Database]:
    """A database in WAL mode with one switch, in a folder that can be read and not written."""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    with sqlite_database(tmp_path) as database:
        with contextlib.closing(database.connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        database.insert("switches_switch", [{"name": "one"}])
        tmp_path.chmod(0o555)
        yield database
    tmp_path.chmod(0o755)


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Run the block as a user whom folder permissions bind, which root is not."""
    if os.getuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def switches(response: Any) -> int:
    assert response.status == 200
    return int(response.json["database"]["switches"]["value"])


def test_wal_mode_in_a_read_only_folder(wal_db: Database, aws: AWS, new_container: Any) -> None:
    """The file lies on a read-only mount: SQLite answered "attempt to write a readonly database"."""
    aws.put_database(wal_db.secret())
    key = aws.new_token()
    container = new_container()
    with as_nobody():
        assert switches(container.get(key)) == 1


def test_changes_that_are_only_in_the_log_are_not_left_out(
    wal_db: Database, aws: AWS, new_container: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The copy was made while OpenL2M ran: its -wal holds rows, and numbers without them would be wrong."""
    folder = Path(wal_db.name).parent
    folder.chmod(0o755)
    with contextlib.closing(sqlite3.connect(wal_db.name)) as reader:
        reader.execute("SELECT * FROM switches_switch").fetchall()  # keeps the log from being worked off
        wal_db.insert("switches_switch", [{"name": "two"}])
        wal = Path(f"{wal_db.name}-wal").read_bytes()
    Path(f"{wal_db.name}-wal").write_bytes(wal)
    folder.chmod(0o555)
    aws.put_database(wal_db.secret())
    key = aws.new_token()
    container = new_container()
    with as_nobody():
        assert container.get(key).status == 503
    assert "copy both to a folder" in " ".join(getattr(each, "error", "") for each in caplog.records)


def test_a_file_that_others_write_is_read_anew(sqlite_db: Database, aws: AWS, new_container: Any) -> None:
    """In a folder that can be written, nothing is taken for unchangeable."""
    with contextlib.closing(sqlite_db.connect()) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    aws.put_database(sqlite_db.secret())
    key = aws.new_token()
    container = new_container(CACHE_TTL_SECONDS=0)
    assert switches(container.get(key)) == 0
    sqlite_db.insert("switches_switch", [{"name": "one"}])
    assert switches(container.get(key)) == 1
