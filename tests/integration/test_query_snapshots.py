"""docs/query-snapshots.md: its statements for DuckDB, run over what the functions write, and its table for Athena."""

import csv
import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from stats.numbers.catalogue import STATISTICS
from tests.integration.conftest import Command, Travel
from tests.support.databases import ROOT
from tests.support.s3 import S3
from tests.support.snapshots import at

PAGE = (ROOT / "docs/query-snapshots.md").read_text()
PREFIX = "s3://<SnapshotBucketName>/"


def statements(heading: str) -> dict[str, str]:
    """Return the statements below a heading of the second level, by the last line before each."""
    text = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    [part] = [each for each in text if each.startswith(f"{heading}\n")]
    return dict(re.findall(r"^(\S[^\n]*)\n\n?```sql\n(.*?)```", part, flags=re.MULTILINE | re.DOTALL))


@pytest.fixture
def bucket(
    log: Any,
    s3: S3,
    travel: Travel,
    backfill: Command,
    new_schedule: Any,
) -> S3:
    """A bucket with two backfilled days, three with snapshots, and one in between without either."""
    take = new_schedule()

    def snapshot(time: str, seconds: float) -> None:
        travel(datetime.fromisoformat(time) + timedelta(seconds=seconds))
        take(at(time))

    log("2026-09-01T00:00:00Z")
    snapshot("2026-11-18T12:00:00Z", 1.5)
    log("2026-11-20T10:00:00Z", "2026-11-22T10:00:00Z")
    travel(0)
    assert backfill("--days", "3").code == 0
    snapshot("2026-11-22T10:05:00Z", 1.5)
    log("2026-11-23T07:30:00Z", "2026-11-23T07:45:00Z")
    snapshot("2026-11-23T08:00:00Z", 1.5)
    snapshot("2026-11-23T12:00:00Z", 2.5)
    return s3


@pytest.fixture
def folder(bucket: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the bucket, which is the current folder."""
    for key, content in bucket.objects.items():
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_duckdb(folder: Path) -> None:
    answers = {}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Asia/Kathmandu'")  # what an instant means does not depend on it
        for title, sql in statements("DuckDB").items():
            answers[title] = connection.execute(sql).fetchall()
        stored = connection.execute("SELECT count(*), count(value) FROM history").fetchall()
        columns = [row[0] for row in connection.execute("DESCRIBE history").fetchall()]

    def answer(beginning: str) -> list[Any]:
        [found] = [rows for title, rows in answers.items() if title.startswith(beginning)]
        return found

    assert columns == ["day", "source", "statistic", "value"]
    usage = sum(statistic.window is not None for statistic in STATISTICS)
    assert stored == [(5 * len(STATISTICS), 3 * len(STATISTICS) + 2 * usage)]
    days = [date(2026, 11, day) for day in (18, 20, 21, 22, 23)]
    sources = ["snapshot", "backfill", "backfill", "snapshot", "snapshot"]
    assert answer("One statistic") == [
        (day, None if source == "backfill" else 0, source) for day, source in zip(days, sources, strict=True)
    ]
    changes_commands_devices = [(0, 0, 0), (1, 0, 1), (0, 0, 0), (1, 0, 1), (2, 0, 1)]
    assert [row[0] for row in answer("Some statistics")] == days
    assert [row[1:] for row in answer("Some statistics")] == changes_commands_devices
    assert answer("The average") == [(date(2026, 11, 1), 1.0)]
    assert answer("Days without") == [(date(2026, 11, 19),)]
    assert [(each[0].astimezone(UTC), *each[1:]) for each in answer("The numbers of a day")] == [
        (datetime(2026, 11, 23, 8, tzinfo=UTC), 1, 2),
        (datetime(2026, 11, 23, 12, tzinfo=UTC), 0, 2),
    ]
    assert answer("The busiest hours") == [(8, 1), (10, 1), (12, 0)]
    assert answer("How long") == [(days[0], 1, 1.5), (days[3], 1, 1.5), (days[4], 2, 2.5)]
    with (folder / "history.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head[:2] == ["day", "source"]
    assert set(head[2:]) == {statistic.key for statistic in STATISTICS}
    assert [row[:2] for row in rows] == [[f"{day}", source] for day, source in zip(days, sources, strict=True)]
    assert len(answers) == 9


def structure(value: Any) -> Any:
    """Return the types in which Athena holds a value."""
    if isinstance(value, dict):
        return {key: structure(each) for key, each in value.items()}
    return {str: "string", int: "bigint"}[type(value)]


def test_athenas_columns_are_a_snapshots(bucket: S3) -> None:
    [table] = [
        sql for sql in statements("Athena").values() if sql.startswith("CREATE EXTERNAL TABLE openl2m_snapshots")
    ]
    columns = table[table.index("(") + 1 : table.index(")\nPARTITIONED BY (dt string)")]
    named = re.sub(r"`?(\w+)`?[ :](struct<|string|bigint)", r'"\1": \2', columns)
    types = re.sub(r": (string|bigint)", r': "\1"', named).replace("struct<", "{").replace(">", "}")
    assert json.loads(f"{{{types}}}") == structure(bucket.json("snapshots/latest.json"))

    [template] = re.findall(r"'storage.location.template' = '(.*)'", table)
    of_day = [key for key in bucket.objects if f"{PREFIX}{key}".startswith(template.replace("${dt}", "2026-11-23"))]
    assert len(of_day) == 2


def test_a_month_is_one_line_as_athenas_table_has_it(bucket: S3) -> None:
    [location] = [
        re.findall(r"LOCATION '(.*)'", sql) for sql in statements("Athena").values() if "_months (line" in sql
    ]
    months = [content for key, content in bucket.objects.items() if f"{PREFIX}{key}".startswith(location[0])]
    assert len(months) == 1
    assert all(content.count(b"\n") == 1 and content.endswith(b"\n") for content in months)
