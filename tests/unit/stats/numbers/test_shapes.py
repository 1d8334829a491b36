"""Both shapes count the same in an SQLite file, and each reads no more than its statistics need."""

import contextlib
import random
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from dev.servers.databases import Database as File
from stats.database.driver import without_offset
from stats.numbers.catalogue import STATISTICS, LogDevices, LogRows, LogUsers, Statistic
from stats.numbers.shapes import LogMeasure, by_indexes, by_scan, over_log
from stats.numbers.windows import Window, bounds

NOW = datetime(2025, 11, 23, 12, 34, 56, tzinfo=UTC)
BOUNDS = bounds(NOW, UTC)
OF_LOG = [each for each in STATISTICS if isinstance(each.measure, LogMeasure)]
EDGES = [NOW, *BOUNDS]
Entry = tuple[datetime, int, int, int | None, int | None]  # instant, type, action, device, user


@pytest.fixture
def log(file: File) -> Iterator[tuple[sqlite3.Connection, list[Entry]]]:
    """Yield a database and its log: entries at, before and after the windows' bounds, with and without devices."""
    chance = random.Random(1)
    rows = [
        (
            edge + timedelta(seconds=seconds),
            chance.choice((0, 1, 4, 5, 9)),
            chance.choice((1, 95)),
            chance.choice((None, 1, 2, 3, 4)),
            chance.choice((None, 1, 2, 3)),
        )
        for edge in EDGES
        for seconds in (-1, 0, 1)
        for _ in range(12)
    ]
    names = ("timestamp", "type", "action", "switch_id", "user_id")
    file.insert("switches_log", [dict(zip(names, row, strict=True)) for row in rows])
    with contextlib.closing(file.connect()) as connection:
        yield connection, rows


def filled(sql: str) -> str:
    """Return a shape with its instants."""
    literals = {name: without_offset(instant) for name, instant in BOUNDS._asdict().items()}
    return sql.format(latest=without_offset(min(BOUNDS.last_hour, BOUNDS.today)), until="", **literals)


def counted(measure: LogMeasure, rows: list[Entry]) -> int:
    """Return what a measure counts, entry by entry."""
    begin, window = BOUNDS.begin(measure.window), measure.window
    found = [row for row in rows if row[0] >= begin and (window != Window.TODAY or row[0] < BOUNDS.tomorrow)]
    match measure:
        case LogRows(type, _, action):
            return sum(row[1] == type and action in {None, row[2]} for row in found)
        case LogDevices(_, types):
            return len({row[3] for row in found if (types is None or row[1] in types)} - {None})
        case LogUsers(type):
            return len({row[4] for row in found if row[1] == type})


def test_every_statistic_over_the_log_counts_alike_in_both_shapes(log: tuple[sqlite3.Connection, list[Entry]]) -> None:
    connection, rows = log
    expected = {key: counted(measure, rows) for key, measure in over_log(STATISTICS)}
    assert len(set(expected.values())) > 5
    for statistics in (STATISTICS, *((each,) for each in OF_LOG)):
        for sql in (by_scan(statistics), by_indexes(statistics, False)):
            [row] = connection.execute(filled(sql)).fetchall()
            found = dict(zip((each.key for each in statistics), row, strict=True))
            assert {key: found[key] for key in found if key in expected} == {
                key: expected[key] for key in found if key in expected
            }


def test_an_empty_log_counts_0_never_nothing(file: File) -> None:
    with contextlib.closing(file.connect()) as connection:
        for sql in (by_scan(STATISTICS), by_indexes(STATISTICS, False)):
            assert connection.execute(filled(sql)).fetchall() == [(0,) * len(STATISTICS)]


COLUMNS = ("type", "action", "user_id", "switch_id")


@pytest.mark.parametrize("statistic", OF_LOG, ids=lambda statistic: statistic.key)
def test_a_statement_names_only_the_columns_that_it_needs(statistic: Statistic) -> None:
    needed = {
        LogRows: {"type", "action"} if getattr(statistic.measure, "action", None) else {"type"},
        LogDevices: {"switch_id", "type"} if getattr(statistic.measure, "types", None) else {"switch_id"},
        LogUsers: {"type", "user_id"},
    }[type(statistic.measure)]
    for sql in (by_scan((statistic,)), by_indexes((statistic,), False), by_indexes((statistic,), True)):
        assert {each for each in COLUMNS if re.search(rf"\b{each}\b", sql)} == needed


def test_statistics_that_are_not_over_the_log_do_not_read_it() -> None:
    others = tuple(each for each in STATISTICS if each not in OF_LOG and each.key != "log_entries")
    assert over_log(others) == []
    assert "switches_log" not in by_scan(others)


def test_only_an_engine_that_recurses_gets_a_recursion() -> None:
    assert "RECURSIVE" in by_indexes(STATISTICS, True)
    assert "RECURSIVE" not in by_indexes(STATISTICS, False)
