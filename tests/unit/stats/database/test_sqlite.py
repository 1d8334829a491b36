"""SQLite files: opened read-only, without a server's time limits of their own, and what their errors call for."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from stats.base.deadline import Deadline
from stats.database.driver import Connection, Kind, Server
from stats.database.sqlite import ENGINE, _is_immutable


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Connection]:
    server = Server("sqlite", "", 0, "", "", str(path))
    connection = ENGINE.connect(server, "", None, Deadline.after(10))
    with contextlib.closing(connection):
        yield connection


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file whose name a URI would take apart."""
    path = tmp_path / "a?mode=rw#%41 b.sqlite3"
    write(path, "CREATE TABLE t (n)", "INSERT INTO t VALUES (7)")
    return path


def write(path: Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def explained(path: Path, sql: str, seconds: float = 10) -> tuple[Kind, str, str]:
    """Return how the engine explains the error of a statement."""
    with opened(path) as connection, pytest.raises(sqlite3.Error) as failure:
        connection.fetch(sql, Deadline.after(seconds))
    return ENGINE.explain(failure.value)


def test_rows_are_read(path: Path) -> None:
    with opened(path) as connection:
        assert connection.fetch("SELECT n FROM t", Deadline.after(10)) == [(7,)]
        assert connection.indexes(Deadline.after(10)) == ()


def test_the_file_is_not_written_to(path: Path) -> None:
    kind, code, text = explained(path, "DELETE FROM t")
    assert (kind, code) == (Kind.OTHER, "SQLITE_READONLY")
    assert "-wal file" in text


def test_a_file_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError) as failure, opened(tmp_path / "absent"):
        pass
    assert ENGINE.explain(failure.value)[1] == "SQLITE_CANTOPEN"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sql", ["SELECT 1 FROM absent", "SELECT absent FROM t"])
def test_missing_tables_and_columns_are_absent(path: Path, sql: str) -> None:
    assert explained(path, sql)[0] == Kind.ABSENT


def test_a_syntax_error_is_another(path: Path) -> None:
    assert explained(path, "SELEC")[0] == Kind.OTHER


def test_a_statement_ends_at_the_deadline(path: Path) -> None:
    endless = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT COUNT(*) FROM r"
    assert explained(path, endless, 0.05)[:2] == (Kind.CANCELLED, "SQLITE_INTERRUPT")


def test_a_lock_is_waited_for_until_the_deadline(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert explained(path, "SELECT n FROM t", 0.05)[:2] == (Kind.CANCELLED, "SQLITE_BUSY")


def test_other_errors_end_the_session() -> None:
    assert ENGINE.explain(ValueError("what was sent")) == (Kind.GONE, "ValueError", "not what was expected")


def test_a_file_in_wal_mode_is_read_as_it_is_only_where_nothing_can_be_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not _is_immutable(path)
    write(path, "PRAGMA journal_mode = WAL")
    assert not _is_immutable(path)
    # The superuser may write everywhere.
    monkeypatch.setattr("os.access", lambda *_: False)
    assert _is_immutable(path)
    log = Path(f"{path}-wal")
    log.write_bytes(b"")
    assert _is_immutable(path)
    log.write_bytes(b"changes")
    assert not _is_immutable(path)
    assert not _is_immutable(path.parent / "absent")
    write(path.parent / "other", "CREATE TABLE t (n)")
    assert not _is_immutable(path.parent / "other")
