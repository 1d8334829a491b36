"""`openl2m-stats backfill`: the past as OpenL2M's log tells it, and never in the place of a snapshot."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from werkzeug import Request, Response

from dev.servers.databases import Database, run_script, sqlite_database
from stats.numbers.catalogue import STATISTICS, LogDevices, LogRows, LogUsers, Statistic
from stats.numbers.windows import Window, bounds
from tests.integration.conftest import AWS, Command, Travel
from tests.integration.test_cases import CASES
from tests.support.databases import ROOT, insert_odd_instants, load_case, read_case
from tests.support.s3 import S3
from tests.support.snapshots import at, check_bucket
from tests.support.workers import workers
from tests.support.wsgi import served

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


def test_the_last_second_is_the_end(log: Any, s3: S3, travel: Travel, backfill: Command) -> None:
    log("2026-09-01", "2026-11-21T23:59:59Z", "2026-11-21T23:59:59.000001Z", "2026-11-22T00:00:00Z", "2027-01-01")
    assert backfill("--days", "2").out == "2 days: 2 written.\n"
    rows = history(s3)
    assert list(rows) == ["2026-11-21", "2026-11-22"]
    changes = [
        [row["values"][f"changes_{each}"] for each in ("last_hour", "today", "last_7_days")] for row in rows.values()
    ]
    assert changes == [[1, 1, 1], [0, 1, 3]]
    assert all(row["values"][key] is None for row in rows.values() for key in UNTOLD)


def test_tables_that_are_not_the_logs_may_be_missing(
    log: Any, sqlite_db: Database, s3: S3, travel: Travel, backfill: Command
) -> None:
    log("2026-09-01", "2026-11-22T12:00:00Z")
    for table in ("switches_vlan", "counters_counter"):
        sqlite_db.execute(f"DROP TABLE {table}")
    assert backfill("--days", "1").out == "1 day: 1 written.\n"
    [row] = history(s3).values()
    assert row["values"]["changes_today"] == 1


def test_today_is_not_over(log: Any, s3: S3, backfill: Command) -> None:
    log("2026-01-01T00:00:00Z")
    for now, newest in (("2026-11-23T23:59:59.999999Z", "2026-11-22"), ("2026-11-24T00:00:00Z", "2026-11-23")):
        with time_machine.travel(datetime.fromisoformat(now), tick=False):
            assert backfill("--days", "1").out == "1 day: 1 written.\n"
        assert max(history(s3)) == newest


def test_days_that_the_log_does_not_reach(log: Any, s3: S3, travel: Travel, backfill: Command) -> None:
    log("2026-10-01T12:00:00Z", "2026-10-01T23:30:00Z")
    done = backfill("--days", "60")
    assert done.out == "60 days: 53 written, 7 before the log begins.\n"
    head, *months = done.err.splitlines()
    assert head.endswith(f" to s3://{s3.bucket}/snapshots/history/, by days of UTC")
    assert months == [
        "2026-09: 7 before the log begins",
        "2026-10: 31 written",
        "2026-11: 22 written",
    ]
    told = {day: {key for key, value in row["values"].items() if value is not None} for day, row in history(s3).items()}
    hour, today, days_7, days_31 = ({s.key for s in USAGE if s.window == each} for each in Window)
    # The 31 days before 2 November begin at midnight of 2 October.
    assert told["2026-10-01"] == hour
    assert told["2026-10-02"] == told["2026-10-08"] == hour | today
    assert told["2026-10-09"] == told["2026-11-01"] == hour | today | days_7
    assert told["2026-11-02"] == hour | today | days_7 | days_31


def test_an_empty_log(log: Any, s3: S3, backfill: Command) -> None:
    assert backfill("--days", "40").out == "40 days: 40 before the log begins.\n"
    assert not s3.objects


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


def test_again(log: Any, s3: S3, travel: Travel, backfill: Command) -> None:
    log("2026-09-01T00:00:00Z", "2026-11-10T12:00:00Z")
    assert backfill("--days", "60").out == "60 days: 60 written.\n"
    objects = s3.objects
    s3.calls.clear()
    assert backfill("--days", "60").out == "60 days: 60 unchanged.\n"
    assert {call.method for call in s3.calls} == {"GET"}
    assert s3.objects == objects

    log("2026-11-02T12:00:00Z")  # as after OpenL2M's database was restored
    assert backfill("--days", "60").out == "60 days: 21 written, 39 unchanged.\n"
    changed = {key for key, content in s3.objects.items() if content != objects[key]}
    assert changed == {NOVEMBER}
    assert history(s3)["2026-11-02"]["values"]["changes_today"] == 1


def test_what_was_told_stays_when_the_log_is_pruned(
    log: Any, sqlite_db: Database, s3: S3, travel: Travel, backfill: Command
) -> None:
    log("2026-09-01T00:00:00Z", "2026-11-01T12:00:00Z", "2026-11-20T12:00:00Z")
    backfill("--days", "60")
    before = history(s3)
    sqlite_db.execute("DELETE FROM switches_log WHERE timestamp < '2026-11-10'")
    assert backfill("--days", "60").out == "60 days: 60 unchanged.\n"
    assert history(s3) == before


def test_dry_run(log: Any, s3: S3, travel: Travel, backfill: Command) -> None:
    log("2026-09-01T00:00:00Z")
    done = backfill("--days", "30", "--dry-run")
    assert done.out == "30 days: 30 to be written. Nothing was written.\n"
    assert not s3.objects


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


@pytest.mark.parametrize("fault", [409, 412])
def test_another_writer_comes_first(fault: int, log: Any, s3: S3, travel: Travel, backfill: Command) -> None:
    log("2026-09-01T00:00:00Z")
    puts = []

    def fail_once(call: Any, _attempt: int) -> int | None:
        puts.extend([call] * (call.method == "PUT"))
        return fault if call.method == "PUT" and len(puts) == 1 else None

    s3.fault = fail_once
    assert backfill("--days", "3").code == 0
    assert len(puts) == 2
    assert len(history(s3)) == 3


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"2026-11-02":{}}', b'{"2026-11-02":{"scheduled_for":"12:00"}}']
)
def test_a_damaged_month(content: bytes, log: Any, s3: S3, travel: Travel, backfill: Command) -> None:
    log("2026-09-01T00:00:00Z")
    s3.objects |= {NOVEMBER: content}
    done = backfill("--days", "60")
    assert (done.code, done.out) == (2, "")
    assert (
        done.err.splitlines()[-1] == f"{NOVEMBER} is not a valid history object, and nothing was written: "
        "`openl2m-stats history rebuild 2026-11` repairs it."
    )
    assert s3.objects == {NOVEMBER: content}


def test_a_bucket_that_denies(log: Any, s3: S3, travel: Travel, backfill: Command) -> None:
    log("2026-09-01T00:00:00Z")
    s3.fault = lambda call, _: 403 if call.method == "PUT" else None
    done = backfill("--days", "3")
    assert (done.code, done.out, done.err.splitlines()[-1]) == (2, "", f"{NOVEMBER}: AccessDenied")


def test_a_prefix_of_the_operators_own(
    log: Any, s3: S3, travel: Travel, backfill: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNAPSHOT_PREFIX", "team/openl2m-")
    log("2026-09-01T00:00:00Z")
    assert backfill("--days", "3").code == 0
    assert list(s3.objects) == ["team/openl2m-history/2026-11.json"]


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


STACK = """<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult>
    <Stacks><member><StackName>openl2m-stats</StackName><StackStatus>CREATE_COMPLETE</StackStatus>
    <CreationTime>2026-11-23T12:00:00Z</CreationTime></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"""
RESOURCE = """<DescribeStackResourceResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
    <DescribeStackResourceResult><StackResourceDetail><PhysicalResourceId>function-1</PhysicalResourceId>
    </StackResourceDetail></DescribeStackResourceResult></DescribeStackResourceResponse>"""


@pytest.fixture
def stack(aws: AWS, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A deployed stack in Kiritimati; its bucket and its secrets are in no variable."""
    names = ("DATABASE_SECRET_ID", "TOKENS_SECRET_ID", "SNAPSHOT_BUCKET")
    variables = {name: os.environ[name] for name in names}
    variables |= {"TIME_ZONE": "Pacific/Kiritimati", "DATABASE_CA_FILE": "/opt/python/rds-global-bundle.pem"}
    for name in names:
        monkeypatch.delenv(name)

    def respond(request: Request) -> Response:
        if request.path.startswith("/2015-03-31/functions/function-1/"):
            assert request.args["Qualifier"] == "live"
            return Response(json.dumps({"Environment": {"Variables": variables}}), content_type="application/json")
        return Response(STACK if b"DescribeStacks" in request.get_data() else RESOURCE, content_type="text/xml")

    with served(Request.application(respond)) as url:
        for service in ("CLOUDFORMATION", "LAMBDA"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", url)
        yield "openl2m-stats"


def test_a_stack(log: Any, stack: str, s3: S3, travel: Travel, backfill: Command) -> None:
    """Its own time zone counts, not that of this environment."""
    log("2026-09-01T00:00:00Z", "2026-11-22T15:00:00Z")
    assert backfill("--days", "2", "--stack", stack).out == "2 days: 2 written.\n"
    rows = history(s3)
    # At noon in UTC, the 24th has begun in Kiritimati, and the change was made at 05:00 of the 23rd.
    assert {day: row["values"]["changes_today"] for day, row in rows.items()} == {"2026-11-22": 0, "2026-11-23": 1}
    assert {row["taken_at"] for row in rows.values()} == {"2026-11-22T09:59:59Z", "2026-11-23T09:59:59Z"}
    assert {row["time_zone"] for row in rows.values()} == {"Pacific/Kiritimati"}


def test_an_exported_database_url_does_not_take_the_place_of_a_stacks_database(
    log: Any, stack: str, s3: S3, travel: Travel, tmp_path: Path, backfill: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    log("2026-09-01T00:00:00Z", "2026-11-22T15:00:00Z")
    (tmp_path / "other").mkdir()
    with sqlite_database(tmp_path / "other") as other:
        changes = [{"type": 1, "timestamp": datetime(2026, 9, 1, tzinfo=UTC)}]
        changes += [{"type": 1, "timestamp": datetime(2026, 11, 22, 15, tzinfo=UTC)}] * 9
        other.insert("switches_log", changes)
        url = f"sqlite:///{other.secret()['dbname']}"
        monkeypatch.setenv("DATABASE_URL", url)
        done = backfill("--days", "2", "--stack", stack)
        assert done.code == 0, done
        assert done.err.startswith("DATABASE_URL is not used: ")
        assert history(s3)["2026-11-23"]["values"]["changes_today"] == 1
        # On the command line it is meant.
        done = backfill("--days", "2", "--stack", stack, "--database-url", url)
        assert done.code == 0, done
        assert "DATABASE_URL" not in done.err
        assert history(s3)["2026-11-23"]["values"]["changes_today"] == 9


def test_the_time_zone_is_asked_for(log: Any, stack: str, s3: S3, travel: Travel, command: Command) -> None:
    done = command("backfill", "--days", "2")
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith("openl2m-stats backfill: name OpenL2M's time zone: --time-zone, or TIME_ZONE\n")
    done = command("backfill", "--time-zone", "Tokyo")
    assert done.err.endswith("--time-zone: it takes a zone of the IANA database, such as America/Los_Angeles\n")
    done = command("backfill", "--stack", stack, "--time-zone", "UTC")
    assert done.err.endswith("backfill: the stack has the time zone: leave out --time-zone\n")
    assert not s3.objects


def test_a_time_zone_on_the_command_line(log: Any, s3: S3, travel: Travel, backfill: Command) -> None:
    log("2026-09-01T00:00:00Z", "2026-11-21T15:00:00Z", "2026-11-22T14:59:59Z")
    assert backfill("--days", "2", "--time-zone", "Asia/Tokyo").out == "2 days: 2 written.\n"
    rows = history(s3)
    assert {day: row["values"]["changes_today"] for day, row in rows.items()} == {"2026-11-21": 0, "2026-11-22": 2}
    assert {row["time_zone"] for row in rows.values()} == {"Asia/Tokyo"}


def test_rows_of_version_1_0(
    log: Any, sqlite_db: Database, s3: S3, travel: Travel, backfill: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are of the end of the day in UTC, and give way unless the log no longer has what they do."""
    log("2026-09-01T00:00:00Z", "2026-11-20T12:00:00Z")
    assert backfill("--days", "3").out == "3 days: 3 written.\n"
    former = {day: {k: v for k, v in row.items() if k != "time_zone"} for day, row in history(s3).items()}
    s3.objects |= {NOVEMBER: json.dumps(former).encode()}
    sqlite_db.execute("DELETE FROM switches_log")
    log("2026-10-20T00:00:00Z", "2026-11-20T12:00:00Z")
    monkeypatch.setenv("TIME_ZONE", "Asia/Tokyo")
    # The 31 days before the 20th begin before the log does.
    assert backfill("--days", "3").out == "3 days: 2 written, 1 unchanged.\n"
    rows = history(s3)
    assert rows["2026-11-20"] == former["2026-11-20"]
    assert [rows[f"2026-11-{day}"]["taken_at"] for day in (21, 22)] == ["2026-11-21T14:59:59Z", "2026-11-22T14:59:59Z"]


@pytest.mark.parametrize(
    ("zone", "last"),
    {
        "Asia/Kathmandu": "2026-11-22T18:14:59Z",
        "America/Los_Angeles": "2026-11-23T07:59:59Z",
    }.items(),
)
def test_a_days_last_second(zone: str, last: str, log: Any, s3: S3, backfill: Command) -> None:
    log("2026-09-01T00:00:00Z", last)
    with time_machine.travel(datetime.fromisoformat(last) + timedelta(hours=1), tick=False):
        assert backfill("--days", "1", "--time-zone", zone).code == 0
    row = history(s3)["2026-11-22"]
    assert (row["taken_at"], row["values"]["changes_today"]) == (last, 1)


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


@pytest.mark.parametrize("days", ["0", "-1", "3661", "1.5", "", "all", "\u0663"])
def test_wrong_days(days: str, backfill: Command) -> None:
    done = backfill("--days", days)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith("openl2m-stats backfill: --days: it takes a number from 1 to 3660\n")


def test_nothing_that_names_the_bucket(backfill: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNAPSHOT_BUCKET")
    done = backfill()
    assert done.code == 2
    assert done.err.splitlines()[-1] == (
        "openl2m-stats backfill: name the stack (--env or --stack), or set SNAPSHOT_BUCKET and DATABASE_SECRET_ID"
    )


def test_a_secret_that_is_not_there(aws: AWS, backfill: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_SECRET_ID", "elsewhere")
    assert backfill() == (2, "", "elsewhere cannot be read: ResourceNotFoundException\n")


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        (
            {"AWS_DEFAULT_REGION": None},
            "NoRegionError: You must specify a region: --region, AWS_REGION, or `region` in deploy.toml.",
        ),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "ValueError: Invalid endpoint: nonsense"),
    ],
    ids=["region", "endpoint"],
)
def test_what_botocore_makes_no_client_of(
    variables: dict[str, str | None], problem: str, aws: AWS, backfill: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    assert backfill() == (2, "", f"{aws.database_secret} cannot be read: {problem}\n")


def test_a_database_that_is_not_there(aws: AWS, backfill: Command, tmp_path: Path) -> None:
    aws.put_database({"engine": "sqlite", "dbname": str(tmp_path / "absent")})
    done = backfill()
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(r"SQLITE_CANTOPEN: .*", done.err.splitlines()[-1])


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
