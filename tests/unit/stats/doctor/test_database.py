"""The database's checks over an SQLite file, and what they say of servers."""

from dataclasses import replace
from typing import Any

import pytest

from dev.servers.databases import Database as File
from stats.base.deadline import Deadline
from stats.database.driver import Server
from stats.doctor import database
from stats.doctor.database import CHECKS, SECRET, clock_sql, described
from stats.doctor.findings import Check, Known, find

SERVER = Server("postgres", "db.example.com", 5432, "stats", "a password", "openl2m")


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (SERVER, "postgres at db.example.com port 5432, user stats with a password, database openl2m"),
        (replace(SERVER, password=None, host="/run/pg"), "postgres at /run/pg, user stats with IAM authentication,"),
        (replace(SERVER, engine="sqlite", database="/tmp/file"), "sqlite, the file /tmp/file"),
    ],
)
def test_a_server_in_words(server: Server, expected: str) -> None:
    assert described(server).startswith(expected)


def test_only_servers_have_a_clock() -> None:
    statements = [clock_sql(replace(SERVER, engine=engine)) for engine in ("mariadb", "aurora-postgresql", "sqlite")]
    assert [bool(statement) for statement in statements] == [True, True, False]


def run(known: Known, *checks: Check) -> dict[str, str]:
    deadline = Deadline.after(10)
    return {check.name: find(check, known, deadline).state for check in (SECRET, *checks)}


def test_a_file_that_is_well(known: Known) -> None:
    assert set(run(known, *CHECKS).values()) == {"ok"}


def test_a_column_that_is_missing(known: Known, file: File) -> None:
    file.execute("ALTER TABLE counters_counter RENAME COLUMN value TO other")
    states = run(known, *CHECKS)
    assert states["login"] == "ok"
    assert states["grants"] == "FAIL"


def test_a_clock_that_is_wrong(known: Known, monkeypatch: Any) -> None:
    monkeypatch.setattr(database, "clock_sql", lambda _: "SELECT strftime('%s', 'now') - 60")
    assert run(known, *CHECKS)["clock"] == "warn"
