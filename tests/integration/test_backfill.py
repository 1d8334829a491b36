"""`openl2m-stats backfill`: the past as OpenL2M's log tells it, and never in the place of a snapshot."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from werkzeug import Request, Response

from dev.servers.databases import Database, run_script
from stats.numbers.catalogue import STATISTICS, LogDevices, LogRows, LogUsers, Statistic
from stats.numbers.windows import Window, bounds
from tests.integration.conftest import AWS, Backfill, Travel
from tests.integration.test_cases import CASES
from tests.support.databases import ROOT, load_case, read_case
from tests.support.s3 import S3
from tests.support.snapshots import at, check_bucket
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


def day_end(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T23:59:59+00:00")


def history(s3: S3) -> dict[str, Any]:
    """Return all rows of the history by day."""
    months = [json.loads(content) for key, content in s3.objects.items() if "/history/" in key]
    return {day: row for month in months for day, row in month.items()}


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
    name: str, database: Database, aws: AWS, s3: S3, backfill: Backfill, monkeypatch: pytest.MonkeyPatch
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
        now = day_end(day)
        told = [entry for entry in log if entry[0] <= now]
        values = row.pop("values")
        assert row == {"scheduled_for": f"{day}T23:59:59Z", "taken_at": f"{day}T23:59:59Z", "source": "backfill"}
        assert values == {
            s.key: number(told, s, now, zone) if s.window and window(s, now, zone)[0] >= oldest else None
            for s in STATISTICS
        }
        if day == f"{recorded_at.astimezone(UTC).date()}":
            expected = case["expected"]["usage"]
            same = [s.key for s in USAGE if counted(told, s, now, zone) == counted(log, s, recorded_at, zone)]
            assert {key: values[key] for key in same} == {key: expected[key]["value"] for key in same}
            assert same or max(log)[0] > recorded_at


def test_the_last_second_is_the_end(log: Any, s3: S3, travel: Travel, backfill: Backfill) -> None:
    log("2026-09-01", "2026-11-21T23:59:59Z", "2026-11-21T23:59:59.000001Z", "2026-11-22T00:00:00Z", "2027-01-01")
    assert backfill("--days", "2").out == "2 days: 2 written.\n"
    rows = history(s3)
    assert list(rows) == ["2026-11-21", "2026-11-22"]
    changes = [
        [row["values"][f"changes_{each}"] for each in ("last_hour", "today", "last_7_days")] for row in rows.values()
    ]
    assert changes == [[1, 1, 1], [0, 1, 3]]
    assert all(row["values"][key] is None for row in rows.values() for key in UNTOLD)


def test_today_is_not_over(log: Any, s3: S3, backfill: Backfill) -> None:
    log("2026-01-01T00:00:00Z")
    for now, newest in (("2026-11-23T23:59:59.999999Z", "2026-11-22"), ("2026-11-24T00:00:00Z", "2026-11-23")):
        with time_machine.travel(datetime.fromisoformat(now), tick=False):
            assert backfill("--days", "1").out == "1 day: 1 written.\n"
        assert max(history(s3)) == newest


def test_days_that_the_log_does_not_reach(log: Any, s3: S3, travel: Travel, backfill: Backfill) -> None:
    log("2026-10-01T12:00:00Z", "2026-10-01T23:30:00Z")
    done = backfill("--days", "60")
    assert done.out == "60 days: 53 written, 7 before the log begins.\n"
    head, *months = done.err.splitlines()
    assert head.endswith(f" to s3://{s3.bucket}/snapshots/history/")
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


def test_an_empty_log(log: Any, s3: S3, backfill: Backfill) -> None:
    assert backfill("--days", "40").out == "40 days: 40 before the log begins.\n"
    assert not s3.objects


def test_what_a_snapshot_has_written_stays(
    log: Any,
    s3: S3,
    travel: Travel,
    backfill: Backfill,
    new_schedule: Any,
) -> None:
    log("2026-09-01T00:00:00Z")
    take = new_schedule()
    times = ["2026-11-19T00:00:00Z", "2026-11-21T12:00:00Z"]
    for time in times:
        take(at(time))
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
    backfill: Backfill,
    new_schedule: Any,
) -> None:
    """A snapshot's time is at most the time that a backfilled row has."""
    log("2026-09-01T00:00:00Z")
    assert backfill("--days", "2").code == 0
    assert all("source" in row for row in history(s3).values())
    take = new_schedule()
    times = ["2026-11-21T00:00:00Z", "2026-11-22T23:59:59Z"]
    for time in times:
        assert take(at(time))["written"]
    check_bucket(s3, *times)


def test_a_snapshot_that_lost_its_row_gets_it_although_the_day_was_told(
    log: Any,
    s3: S3,
    travel: Travel,
    backfill: Backfill,
    new_schedule: Any,
) -> None:
    log("2026-09-01T00:00:00Z")
    take = new_schedule()
    take(at("2026-11-22T23:59:59Z"))
    s3.objects = {key: content for key, content in s3.objects.items() if key != NOVEMBER}
    assert backfill("--days", "1").code == 0
    take(at("2026-11-23T12:00:00Z"))
    check_bucket(s3, "2026-11-22T23:59:59Z", "2026-11-23T12:00:00Z")


def test_again(log: Any, s3: S3, travel: Travel, backfill: Backfill) -> None:
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
    log: Any, sqlite_db: Database, s3: S3, travel: Travel, backfill: Backfill
) -> None:
    log("2026-09-01T00:00:00Z", "2026-11-01T12:00:00Z", "2026-11-20T12:00:00Z")
    backfill("--days", "60")
    before = history(s3)
    sqlite_db.execute("DELETE FROM switches_log WHERE timestamp < '2026-11-10'")
    assert backfill("--days", "60").out == "60 days: 60 unchanged.\n"
    assert history(s3) == before


def test_dry_run(log: Any, s3: S3, travel: Travel, backfill: Backfill) -> None:
    log("2026-09-01T00:00:00Z")
    done = backfill("--days", "30", "--dry-run")
    assert done.out == "30 days: 30 to be written. Nothing was written.\n"
    assert not s3.objects


def test_at_the_same_time_as_snapshots(
    log: Any,
    s3: S3,
    travel: Travel,
    backfill: Backfill,
    new_schedule: Any,
) -> None:
    log("2026-09-01T00:00:00Z", "2026-11-15T12:00:00Z")
    takes = [new_schedule(), new_schedule()]
    times = [[f"2026-11-{day:02}T23:55:00Z" for day in range(first, 21, 2)] for first in (1, 2)]
    failures: list[Exception] = []

    def run(take: Any, share: list[str]) -> None:
        try:
            for time in share:
                take(at(time))
        except Exception as error:  # noqa: BLE001 it is told below
            failures.append(error)

    threads = [threading.Thread(target=run, args=each) for each in zip(takes, times, strict=True)]
    for thread in threads:
        thread.start()
    ended = [backfill("--days", "22") for _ in range(5)]
    for thread in threads:
        thread.join()
    assert not failures
    assert all(done.code == 0 for done in ended), ended
    rows = history(s3)
    assert sorted(rows) == [f"2026-11-{day:02}" for day in range(1, 23)]
    assert [day for day, row in rows.items() if "source" in row] == ["2026-11-21", "2026-11-22"]


@pytest.mark.parametrize("fault", [409, 412])
def test_another_writer_comes_first(fault: int, log: Any, s3: S3, travel: Travel, backfill: Backfill) -> None:
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
def test_a_damaged_month(content: bytes, log: Any, s3: S3, travel: Travel, backfill: Backfill) -> None:
    log("2026-09-01T00:00:00Z")
    s3.objects |= {NOVEMBER: content}
    done = backfill("--days", "60")
    assert (done.code, done.out) == (2, "")
    assert (
        done.err.splitlines()[-1]
        == f"{NOVEMBER} is no history, and nothing was written: restore its last good version first."
    )
    assert s3.objects == {NOVEMBER: content}


def test_a_bucket_that_denies(log: Any, s3: S3, travel: Travel, backfill: Backfill) -> None:
    log("2026-09-01T00:00:00Z")
    s3.fault = lambda call, _: 403 if call.method == "PUT" else None
    done = backfill("--days", "3")
    assert (done.code, done.out, done.err.splitlines()[-1]) == (2, "", f"{NOVEMBER}: AccessDenied")


def test_a_prefix_of_the_operators_own(
    log: Any, s3: S3, travel: Travel, backfill: Backfill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNAPSHOT_PREFIX", "team/openl2m-")
    log("2026-09-01T00:00:00Z")
    assert backfill("--days", "3").code == 0
    assert list(s3.objects) == ["team/openl2m-history/2026-11.json"]


def test_a_database_url(
    server_db: Database, aws: AWS, s3: S3, travel: Travel, backfill: Backfill, monkeypatch: pytest.MonkeyPatch
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


def test_a_stack(log: Any, s3: S3, travel: Travel, backfill: Backfill, monkeypatch: pytest.MonkeyPatch) -> None:
    log("2026-09-01T00:00:00Z", "2026-11-22T15:00:00Z")
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
        assert backfill("--days", "2", "--stack", "openl2m-stats").out == "2 days: 2 written.\n"
    # That day's last second is in Kiritimati the next day at 13:59:59.
    assert history(s3)["2026-11-22"]["values"]["changes_today"] == 1
    assert history(s3)["2026-11-22"]["values"]["changes_last_hour"] == 0


@pytest.mark.parametrize("days", ["0", "-1", "3661", "1.5", "", "all", "\u0663"])
def test_wrong_days(days: str, backfill: Backfill) -> None:
    done = backfill("--days", days)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith("openl2m-stats backfill: --days: it takes a number from 1 to 3660\n")


def test_nothing_that_names_the_bucket(backfill: Backfill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNAPSHOT_BUCKET")
    done = backfill()
    assert done.code == 2
    assert done.err.splitlines()[-1] == (
        "openl2m-stats backfill: name the stack (--env or --stack), or set SNAPSHOT_BUCKET and DATABASE_SECRET_ID"
    )


def test_a_secret_that_is_not_there(aws: AWS, backfill: Backfill, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_SECRET_ID", "elsewhere")
    assert backfill() == (2, "", "elsewhere cannot be read: ResourceNotFoundException\n")


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"AWS_DEFAULT_REGION": None}, "NoRegionError: You must specify a region."),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "ValueError: Invalid endpoint: nonsense"),
    ],
    ids=["region", "endpoint"],
)
def test_what_botocore_makes_no_client_of(
    variables: dict[str, str | None], problem: str, aws: AWS, backfill: Backfill, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    assert backfill() == (2, "", f"{aws.database_secret} cannot be read: {problem}\n")


def test_a_database_that_is_not_there(aws: AWS, backfill: Backfill, tmp_path: Path) -> None:
    aws.put_database({"engine": "sqlite", "dbname": str(tmp_path / "absent")})
    done = backfill()
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(r"SQLITE_CANTOPEN: .*", done.err.splitlines()[-1])


def test_as_a_process_on_a_terminal(log: Any, s3: S3) -> None:
    log("2026-01-01T00:00:00Z")
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "openl2m_stats", "backfill", "--days", "3"]
    environment = {**os.environ, "PYTHONPATH": "functions", "TERM": "xterm"}
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
