"""What is read where tables or columns are missing, and how seldom they are looked for."""

import contextlib
import io
import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from dev.servers.databases import Database as File
from stats.base.deadline import Deadline
from stats.base.telemetry import logger
from stats.database.driver import DatabaseError, Kind, Row
from stats.database.session import Database, Statement
from stats.numbers.catalogue import STATISTICS
from stats.reading import Gap, Reader, find_gaps, readable
from tests.support.sqlite_app import deadline_at, new_secret, new_settings

T = TypeVar("T")

NOW = datetime(2025, 11, 23, 12, tzinfo=UTC)
ALL = {statistic.key for statistic in STATISTICS}


class Counting(Database):
    """A database that notes how often it is read and probed; `refuses` is what every probe fails with."""

    reads = probes = 0
    refuses: DatabaseError | None = None

    def read(self, statement: Statement, parse: Callable[[Sequence[Row]], T], deadline: Deadline) -> T:
        self.reads += 1
        return super().read(statement, parse, deadline)

    def probe(self, sql: str, deadline: Deadline) -> None:
        self.probes += 1
        if self.refuses:
            raise self.refuses
        super().probe(sql, deadline)


class World:
    """A reader of a database file."""

    def __init__(self, file: File) -> None:
        settings = new_settings()
        self.database = Counting(settings, partial(new_secret(file).get, "database"))
        self.reader = Reader(self.database, settings.time_zone)

    def read(self, seconds: float = 0) -> set[str]:
        """Return the keys of what is read by a request that comes so many seconds after NOW."""
        document = self.reader.read(deadline_at(NOW + timedelta(seconds=seconds)))
        return {key for section in document.values() for key in section}

    def calls(self) -> tuple[int, bool]:
        """Return how many reads there were since the last call of this, and whether there were probes."""
        found = self.database.reads, self.database.probes > 0
        self.database.reads = self.database.probes = 0
        return found


@pytest.fixture
def world(file: File) -> Iterator[World]:
    world = World(file)
    with contextlib.closing(world.database):
        yield world


def hide(file: File, table: str, column: str | None = None) -> None:
    file.execute(f"ALTER TABLE {table} RENAME {f'COLUMN {column}' if column else ''} TO hidden")


def test_a_whole_reading_takes_one_statement(world: World) -> None:
    assert world.reader.server is None
    assert world.read() == ALL
    assert world.calls() == (1, False)
    assert world.reader.server


def test_a_missing_table_leaves_out_what_needs_it_for_a_minute(file: File, world: World) -> None:
    hide(file, "switches_vlan")
    assert world.read() == ALL - {"vlans"}
    assert world.calls() == (2, True)
    assert world.read(30) == ALL - {"vlans"}
    assert world.calls() == (1, False)
    file.execute("ALTER TABLE hidden RENAME TO switches_vlan")
    assert world.read(58) == ALL - {"vlans"}
    assert world.read(120) == ALL


def test_a_missing_column_leaves_out_no_more_than_what_needs_it(file: File, world: World) -> None:
    hide(file, "switches_log", "action")
    assert ALL - world.read() == {f"api_calls_{window}" for window in ("today", "last_7_days", "last_31_days")}


def test_what_goes_missing_within_the_minute_is_left_out_as_well(file: File, world: World) -> None:
    hide(file, "switches_vlan")
    world.read()
    hide(file, "switches_vlangroup", "id")  # which no statistic needs
    hide(file, "counters_counter", "value")
    missing = ALL - world.read(30)
    assert {"vlans", "changes_total", "errors"} < missing
    assert "vlan_groups" not in missing
    world.calls()
    # The minute is the first gap's: it is not prolonged.
    file.execute("ALTER TABLE hidden RENAME TO switches_vlan")
    assert "vlans" in world.read(90)


def test_a_clock_that_is_set_back_ends_the_minute(file: File, world: World) -> None:
    hide(file, "switches_vlan")
    world.read()
    file.execute("ALTER TABLE hidden RENAME TO switches_vlan")
    assert world.read(-1) == ALL


def test_a_database_without_any_table_is_a_failure(tmp_path: Path, file: File, world: World) -> None:
    Path(file.name).write_bytes(b"")
    with pytest.raises(DatabaseError) as failure:
        world.read()
    assert failure.value.kind == Kind.ABSENT
    # Nothing is remembered: the next request reads in whole.
    world.calls()
    with pytest.raises(DatabaseError):
        world.read(1)
    assert world.calls() == (1, True)


def test_other_errors_are_not_looked_into(file: File, world: World) -> None:
    Path(file.name).write_bytes(b"no database" * 100)
    with pytest.raises(DatabaseError):
        world.read()
    assert world.calls() == (1, False)


def test_a_login_that_fails_like_a_statement_is_no_gap(file: File, world: World) -> None:
    hide(file, "switches_vlan")
    world.database.refuses = DatabaseError("1049", "Unknown database", Kind.ABSENT)
    with pytest.raises(DatabaseError, match="switches_vlan"):
        world.read()
    assert (world.database.reads, world.database.probes) == (1, 1)


def test_gaps_are_logged_when_they_change(file: File, world: World) -> None:
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    ours = logging.getLogger(logger.name)
    ours.addHandler(handler)
    level = ours.level
    ours.setLevel(logging.INFO)  # a command that ran in this process may have raised it
    try:
        hide(file, "switches_vlan")
        world.read()
        world.read(30)
        assert text.getvalue() == "statistics missing\n"
        hide(file, "counters_counter", "value")
        world.read(40)
        assert text.getvalue() == "statistics missing\n" * 2
    finally:
        ours.removeHandler(handler)
        ours.setLevel(level)


def test_columns_are_tried_one_by_one_only_where_the_table_is_there() -> None:
    ran = []

    def run(sql: str) -> None:
        ran.append(sql)
        if "switches_log" in sql or "users_token" in sql or ("counters_counter" in sql and "value" in sql):
            raise DatabaseError("1142", "denied", Kind.FORBIDDEN)

    gaps = find_gaps(run)
    assert {gap.name for gap in gaps} == {"switches_log", "users_token", "counters_counter.value"}
    assert sum("switches_log" in sql for sql in ran) == 2
    assert sum("switches_vlan " in sql for sql in ran) == 1


def test_an_error_that_is_about_no_table_ends_the_search() -> None:
    def run(_sql: str) -> None:
        raise DatabaseError("2013", "lost connection", Kind.GONE)

    with pytest.raises(DatabaseError, match="2013"):
        find_gaps(run)


def test_a_missing_table_takes_what_only_counts_its_rows_and_a_missing_column_does_not() -> None:
    error = DatabaseError("1146", "missing", Kind.ABSENT)
    assert readable([]) == STATISTICS
    assert "log_entries" in {each.key for each in readable([Gap("switches_log", "type", error)])}
    assert "log_entries" not in {each.key for each in readable([Gap("switches_log", None, error)])}
