"""`openl2m-stats backfill`: the past as OpenL2M's log tells it, and never in the place of a snapshot."""

import contextlib
import json
import os
import pty
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from dev.servers.databases import Database, run_script
from stats.numbers.catalogue import STATISTICS, LogDevices, LogRows, LogUsers, Statistic
from stats.numbers.windows import bounds
from tests.integration.conftest import AWS, Command, Travel
from tests.integration.test_cases import CASES
from tests.support.databases import ROOT, insert_odd_instants, load_case, read_case
from tests.support.s3 import S3
from tests.support.snapshots import at, check_bucket
from tests.support.workers import workers

NOVEMBER = "snapshots/history/2026-11.json"
USAGE = [statistic for statistic in STATISTICS if statistic.window]
UNTOLD = {statistic.key for statistic in STATISTICS if not statistic.window}


def entries(case: Any) -> list[Any]:
    """Return the rows of a case's log that have a time: (timestamp, type, action, switch, user)."""
    return [(datetime.fromisoformat(row[0]), *row[1:]) for row in case["tables"]["switches_log"] if row[0]]


def window(statistic: Statistic, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime | None]:
    """Return where a statistic's window begins and ends: None is nowhere."""
    assert statistic.window
    windows = bounds(now, zone)
    return windows.begin(statistic.window), windows.tomorrow if statistic.window.value == "today" else None


def counted(log: list[Any], statistic: Statistic, now: datetime, zone: ZoneInfo) -> list[Any]:
    """Return the entries that a statistic counts, or whose devices or users."""
    begin, end = window(statistic, now, zone)
    within = [row for row in log if row[0] >= begin and (end is None or row[0] < end)]
    match statistic.measure:
        case LogRows(type_, _, action):
            return [row for row in within if row[1] == type_ and action in {None, row[2]}]
        case LogDevices(_, types):
            return [row for row in within if row[3] is not None and (types is None or row[1] in types)]
        case LogUsers(type_, _):
            return [row for row in within if row[1] == type_]
    raise AssertionError


def number(log: list[Any], statistic: Statistic, now: datetime, zone: ZoneInfo) -> int:
    rows = counted(log, statistic, now, zone)
    match statistic.measure:
        case LogDevices():
            return len({row[3] for row in rows})
        case LogUsers():
            return len({row[4] for row in rows})
    return len(rows)


def day_end(day: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(f"{day}T23:59:59").replace(tzinfo=zone).astimezone(UTC)


def history(s3: S3) -> dict[str, Any]:
    """Return all rows of the history by day."""
    months = [json.loads(content) for key, content in s3.objects.items() if "/history/" in key]
    return {day: row for month in months for day, row in month.items()}


def take_at(take: Any, travel: Travel, *times: str) -> None:
    """Take the snapshots of some times, each at its time, and go back to NOW."""
    for time in times:
        travel(datetime.fromisoformat(time))
        assert take(at(time))["written"]
    travel(0)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_brute_force_knows_openl2ms_numbers(path: Path) -> None:
    case = read_case(path)
    log, now, zone = entries(case), datetime.fromisoformat(case["now"]), ZoneInfo(case["time_zone"])
    expected = {key: entry["value"] for key, entry in case["expected"]["usage"].items()}
    assert {s.key: number(log, s, now, zone) for s in USAGE} == {s.key: expected[s.key] for s in USAGE}


@pytest.mark.parametrize(
    "name",
    [
        "africa-cairo-1001",
        "america-havana-1001",
        "pacific-kiritimati-1002",
        "utc-1003",
    ],
)
def test_a_case(
    name: str, database: Database, aws: AWS, s3: S3, backfill: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    [case] = [read_case(path) for path in CASES if path.stem == name]
    load_case(database, case)
    aws.put_database(database.secret())
    monkeypatch.setenv("TIME_ZONE", case["time_zone"])
    log, zone, recorded_at = entries(case), ZoneInfo(case["time_zone"]), datetime.fromisoformat(case["now"])
    oldest = min(row[0] for row in log)
    with time_machine.travel(recorded_at + timedelta(days=20)):
        done = backfill("--days", "60")
        assert done.code == 0, done
        if database.server:
            run_script(database, "log_index")
            assert backfill("--days", "60").out == "60 days: 60 unchanged.\n"

    rows = history(s3)
    assert len(rows) == 60
    for day, row in rows.items():
        now = day_end(day, zone)
        told = [entry for entry in log if entry[0] <= now]
        values = row.pop("values")
        instant = now.isoformat().replace("+00:00", "Z")
        origin = {"time_zone": case["time_zone"], "source": "backfill"}
        assert row == {"scheduled_for": instant, "taken_at": instant, **origin}
        assert values == {
            s.key: number(told, s, now, zone) if s.window and window(s, now, zone)[0] >= oldest else None
            for s in STATISTICS
        }
        if day == f"{recorded_at.astimezone(zone).date()}":
            expected = case["expected"]["usage"]
            same = [s.key for s in USAGE if counted(told, s, now, zone) == counted(log, s, recorded_at, zone)]
            assert {key: values[key] for key in same} == {key: expected[key]["value"] for key in same}
            assert same or max(log)[0] > recorded_at


def test_what_a_snapshot_has_written_stays(
    log: Any,
    s3: S3,
    travel: Travel,
    backfill: Command,
    new_schedule: Any,
) -> None:
    log("2026-09-01T00:00:00Z")
    take = new_schedule()
    times = ["2026-11-19T00:00:00Z", "2026-11-21T12:00:00Z"]
    take_at(take, travel, *times)
    objects = s3.objects
    assert backfill("--days", "5").out == "5 days: 3 written, 2 with a snapshot.\n"
    rows = history(s3)
    assert [day for day, row in rows.items() if "source" in row] == ["2026-11-18", "2026-11-20", "2026-11-22"]
    told = {"2026-11-18", "2026-11-20", "2026-11-22"}
    s3.objects |= {NOVEMBER: json.dumps({day: row for day, row in rows.items() if day not in told}).encode()}
    check_bucket(s3, *times)
    assert s3.objects.keys() == objects.keys()


def test_a_snapshot_replaces_what_was_told(
    log: Any,
    s3: S3,
    travel: Travel,
    backfill: Command,
    new_schedule: Any,
) -> None:
    """A snapshot's time is at most the time that a backfilled row has."""
    log("2026-09-01T00:00:00Z")
    assert backfill("--days", "2").code == 0
    assert all("source" in row for row in history(s3).values())
    take = new_schedule()
    times = ["2026-11-21T00:00:00Z", "2026-11-22T23:59:59Z"]
    take_at(take, travel, *times)
    check_bucket(s3, *times)


def test_a_snapshot_that_lost_its_row_gets_it_although_the_day_was_told(
    log: Any,
    s3: S3,
    travel: Travel,
    backfill: Command,
    new_schedule: Any,
) -> None:
    log("2026-09-01T00:00:00Z")
    take = new_schedule()
    take_at(take, travel, "2026-11-22T23:59:59Z")
    s3.objects = {key: content for key, content in s3.objects.items() if key != NOVEMBER}
    assert backfill("--days", "1").code == 0
    take(at("2026-11-23T12:00:00Z"))
    check_bucket(s3, "2026-11-22T23:59:59Z", "2026-11-23T12:00:00Z")


def test_at_the_same_time_as_snapshots(log: Any, s3: S3, travel: Travel, backfill: Command) -> None:
    log("2026-09-01T00:00:00Z", "2026-11-15T12:00:00Z")
    with workers(2, "stats.schedule") as writers:
        for first, writer in enumerate(writers, start=1):
            times = [f"2026-11-{day:02}T23:55:00+00:00" for day in range(first, 21, 2)]
            writer.hand([(at(time), datetime.fromisoformat(time)) for time in times])
        ended = [backfill("--days", "22") for _ in range(5)]
        for writer in writers:
            assert all(result["written"] for result in writer.collect())
    assert all(done.code == 0 for done in ended), ended
    rows = history(s3)
    assert sorted(rows) == [f"2026-11-{day:02}" for day in range(1, 23)]
    assert [day for day, row in rows.items() if "source" in row] == ["2026-11-21", "2026-11-22"]


def test_a_database_url(
    server_db: Database, aws: AWS, s3: S3, travel: Travel, backfill: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As through a tunnel: the secret, which names another host, is not read."""
    aws.put_database("no secret")
    server_db.insert("switches_log", [{"type": 1, "timestamp": datetime(2026, 9, 1, tzinfo=UTC)}])
    secret = server_db.secret()
    url = "{engine}://{username}:{password}@{host}:{port}/{dbname}".format(**secret)
    monkeypatch.setenv("DATABASE_URL", url)
    assert backfill("--days", "3").out == "3 days: 3 written.\n"


def test_instants_that_no_calendar_has(
    server_db: Database, aws: AWS, s3: S3, travel: Travel, backfill: Command
) -> None:
    aws.put_database(server_db.secret())
    instants = [datetime(2026, 11, 21, 12, tzinfo=UTC), datetime(2026, 11, 22, 12, tzinfo=UTC)]
    server_db.insert("switches_log", [{"type": 1, "timestamp": instant} for instant in instants])
    insert_odd_instants(server_db)
    done = backfill("--days", "3")
    # What is of no instant does not make the log begin earlier.
    assert (done.code, done.out) == (0, "3 days: 2 written, 1 before the log begins.\n"), done
    assert {day: row["values"]["changes_last_hour"] for day, row in history(s3).items()} == {
        "2026-11-21": 0,
        "2026-11-22": 0,
    }
    server_db.execute(f"DELETE FROM switches_log WHERE id <= {len(instants)}")
    assert backfill("--days", "3", "--dry-run").code == 0


def test_as_a_process_on_a_terminal(log: Any, s3: S3) -> None:
    log("2026-01-01T00:00:00Z")
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "openl2m_stats", "backfill", "--days", "3"]
    environment = {**os.environ, "PYTHONPATH": "functions", "TERM": "xterm", "TIME_ZONE": "UTC"}
    finished = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=child, check=True)
    os.close(child)
    drawn = b""
    with contextlib.suppress(OSError):  # which is how a terminal ends
        while more := os.read(parent, 4096):
            drawn += more
    os.close(parent)
    assert finished.stdout == b"3 days: 3 written.\n"
    assert b"100%" in drawn
    assert len(history(s3)) == 3
    today = datetime.now(UTC).date()
    assert max(history(s3)) in {f"{today - timedelta(days=1)}", f"{today - timedelta(days=2)}"}
