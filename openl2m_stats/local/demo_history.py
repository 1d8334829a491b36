"""The demo's history: 90 days, the first of them backfilled, as if it had been deployed two months ago."""

import contextlib
import random
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from openl2m_stats.backfill.log import Log, Values, backfilled_row, last_second
from openl2m_stats.session import log_span
from stats.base.instants import timestamp
from stats.database.engines import engine_of
from stats.numbers import query
from stats.numbers.catalogue import CHANGE, COMMAND, LOGIN, STATISTICS, VIEW, Counter, Rows, Statistic
from stats.numbers.query import INDEXES, Statement, statement
from stats.snapshots.months import Row, key_of
from stats.snapshots.store import Snapshot

_DAYS, _BACKFILLED = 90, 28
_SINGLE, _MINUTES = (1, 7), 10  # days ago, and minutes between two snapshots
_GAPS = (38, 37, 12)  # days ago
_ERROR = 3  # switches_log.type
# The type of the entries that a counter counts, or that it grows with, and by how much.
_GROWTH: dict[str, tuple[int, float]] = {
    "changes": (CHANGE, 1),
    "commands": (COMMAND, 1),
    "logins": (LOGIN, 0.4),
    "logins_failed": (LOGIN, 0.15),
    "access_denied": (_ERROR, 0.1),
    "errors": (_ERROR, 1),
    "warnings": (_ERROR, 0.7),
    "views": (VIEW, 1),
    "detailviews": (VIEW, 0.3),
    "bulkedits": (CHANGE, 0.2),
    "hwinfo": (VIEW, 0.1),
}
_LAST_SNAPSHOT, _TAKES = time(23, 55, fold=1), timedelta(milliseconds=840)


def months(database: Path, now: datetime, zone: ZoneInfo) -> dict[str, dict[str, Row]]:
    """Return the rows of the history by day, by the key of their month, for the demo database in a file.

    Usage and totals come from the log; tables grow randomly to their sizes at `now`.
    """
    found: dict[str, dict[str, Row]] = {}
    with (
        contextlib.closing(sqlite3.connect(database)) as file,
        contextlib.closing(sqlite3.connect(":memory:")) as connection,
    ):
        # Ninety statements are faster with the indexes, which the demo itself does not have.
        file.backup(connection)
        for number, columns in enumerate(INDEXES):
            connection.execute(f"CREATE INDEX index_{number} ON switches_log ({', '.join(columns)})")

        def read(statement: Statement) -> list[Any]:
            return connection.execute(statement(engine_of("sqlite"), lambda: INDEXES)).fetchall()

        log = Log(read, zone)
        oldest = log_span(read, "sqlite").oldest or now
        [numbers] = read(statement(now, zone))
        values = {s: int(number) for s, number in zip(STATISTICS, numbers, strict=True) if s.window is None}
        chance, until = random.Random(2026), now  # noqa: S311 no secret is drawn from it
        for ago in range(1, _DAYS + 1):
            day = now.astimezone(zone).date() - timedelta(days=ago)
            if ago > _DAYS - _BACKFILLED:
                row = backfilled_row(day, zone, log.usage(last_second(day, zone), oldest))
            else:
                instant = datetime.combine(day, _LAST_SNAPSHOT, zone).astimezone(UTC)
                _go_back(values, log, instant, until, chance)
                until = instant
                row = {"scheduled_for": timestamp(instant), "taken_at": timestamp(instant + _TAKES)}
                row["time_zone"] = zone.key
                row["values"] = log.usage(instant, oldest) | {s.key: value for s, value in values.items()}
            if ago not in _GAPS:
                found.setdefault(key_of(f"{day}"), {})[f"{day}"] = row
    return {key: dict(sorted(month.items())) for key, month in found.items()}


def snapshots(database: Path, now: datetime, zone: ZoneInfo, rows: Mapping[str, Mapping[str, Row]]) -> list[Snapshot]:
    """Return single snapshots of the hour that began a day and a week before `now`; `rows` are those of months()."""
    found = []
    with contextlib.closing(sqlite3.connect(database)) as connection:

        def read(statement: Statement) -> list[Any]:
            return connection.execute(statement(engine_of("sqlite"), lambda: ())).fetchall()

        log, oldest = Log(read, zone), log_span(read, "sqlite").oldest or now
        for minutes in range(0, 60, _MINUTES):
            for ago in _SINGLE:
                instant = now - timedelta(days=ago) + timedelta(minutes=minutes)
                day = f"{instant.astimezone(zone).date() - timedelta(days=1)}"
                values = rows[key_of(day)][day]["values"] | _present(log.usage(instant, oldest))
                document = query.document([values[statistic.key] for statistic in STATISTICS])
                # The page sends the Last-Modified time, which has whole seconds.
                instant = instant.replace(microsecond=0)
                found.append(Snapshot(document, instant, instant, zone, None))
    return found


def _present(values: Values) -> dict[str, int]:
    return {key: value for key, value in values.items() if value is not None}


def _go_back(values: dict[Statistic, int], log: Log, since: datetime, until: datetime, chance: random.Random) -> None:
    """Turn the numbers at the instant `until` into those at `since`, about a day before."""
    literal = engine_of("sqlite").literal
    between = f"timestamp > {literal(since)} AND timestamp <= {literal(until)}"
    sql = f"SELECT type, COUNT(*) FROM switches_log WHERE {between} GROUP BY type"  # noqa: S608 instants of our own
    entries = {row[0]: row[1] for row in log.read(lambda _literal, _indexes: sql)}
    for statistic, value in values.items():
        match statistic.measure:
            case Counter(name):
                type_, share = _GROWTH[name]
                difference = round(share * entries.get(type_, 0))
            case Rows("switches_log"):
                difference = sum(entries.values())
            case _:
                # On most days nothing changes. Larger tables change more often; one change in four is a decrease.
                changes = chance.random() < 0.02 + value / 3000
                difference = chance.choice((1, 1, 1, -1)) * chance.randint(1, 1 + value // 400) if changes else 0
        values[statistic] = value - difference
