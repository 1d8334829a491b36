"""`openl2m-stats backfill`. tests/integration/test_backfill.py has the other engines, and what snapshots wrote."""

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import time_machine

from dev.servers.databases import Database, sqlite_database
from stats.numbers.catalogue import STATISTICS
from stats.numbers.windows import Window
from tests.integration.conftest import AWS, Travel, log
from tests.support.cloudformation import CloudFormation
from tests.support.s3 import S3
from tests.unit.openl2m_stats.conftest import Run

__all__ = ["log"]  # a fixture

NOVEMBER = "snapshots/history/2026-11.json"
USAGE = [statistic for statistic in STATISTICS if statistic.window]
UNTOLD = {statistic.key for statistic in STATISTICS if not statistic.window}


@pytest.fixture
def backfill(run: Run, aws: AWS, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs `openl2m-stats backfill` by days in UTC, or in a test's own TIME_ZONE."""
    monkeypatch.setenv("TIME_ZONE", "UTC")
    return partial(run, "backfill")


@pytest.fixture
def stack(s3: S3, cloudformation: CloudFormation, function: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A deployed stack in Kiritimati; its bucket and its secrets are in no variable."""
    names = ("DATABASE_SECRET_ID", "TOKENS_SECRET_ID", "SNAPSHOT_BUCKET")
    variables = {name: os.environ[name] for name in names}
    variables |= {"TIME_ZONE": "Pacific/Kiritimati", "DATABASE_CA_FILE": "/opt/python/rds-global-bundle.pem"}
    for name in names:
        monkeypatch.delenv(name)
    cloudformation.resources = {"StatsFunction": ("AWS::Lambda::Function", function("stats", **variables))}
    return cloudformation.stack


def history(s3: S3) -> dict[str, Any]:
    """Return all rows of the history by day."""
    months = [json.loads(content) for key, content in s3.objects.items() if "/history/" in key]
    return {day: row for month in months for day, row in month.items()}


def test_the_last_second_is_the_end(log: Any, s3: S3, travel: Travel, backfill: Run) -> None:
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
    log: Any, sqlite_db: Database, s3: S3, travel: Travel, backfill: Run
) -> None:
    log("2026-09-01", "2026-11-22T12:00:00Z")
    for table in ("switches_vlan", "counters_counter"):
        sqlite_db.execute(f"DROP TABLE {table}")
    assert backfill("--days", "1").out == "1 day: 1 written.\n"
    [row] = history(s3).values()
    assert row["values"]["changes_today"] == 1


def test_today_is_not_over(log: Any, s3: S3, backfill: Run) -> None:
    log("2026-01-01T00:00:00Z")
    for now, newest in (("2026-11-23T23:59:59.999999Z", "2026-11-22"), ("2026-11-24T00:00:00Z", "2026-11-23")):
        with time_machine.travel(datetime.fromisoformat(now), tick=False):
            assert backfill("--days", "1").out == "1 day: 1 written.\n"
        assert max(history(s3)) == newest


def test_days_that_the_log_does_not_reach(log: Any, s3: S3, travel: Travel, backfill: Run) -> None:
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


def test_an_empty_log(log: Any, s3: S3, backfill: Run) -> None:
    assert backfill("--days", "40").out == "40 days: 40 before the log begins.\n"
    assert not s3.objects


def test_again(log: Any, s3: S3, travel: Travel, backfill: Run) -> None:
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
    log: Any, sqlite_db: Database, s3: S3, travel: Travel, backfill: Run
) -> None:
    log("2026-09-01T00:00:00Z", "2026-11-01T12:00:00Z", "2026-11-20T12:00:00Z")
    backfill("--days", "60")
    before = history(s3)
    sqlite_db.execute("DELETE FROM switches_log WHERE timestamp < '2026-11-10'")
    assert backfill("--days", "60").out == "60 days: 60 unchanged.\n"
    assert history(s3) == before


def test_dry_run(log: Any, s3: S3, travel: Travel, backfill: Run) -> None:
    log("2026-09-01T00:00:00Z")
    done = backfill("--days", "30", "--dry-run")
    assert done.out == "30 days: 30 to be written. Nothing was written.\n"
    assert not s3.objects


@pytest.mark.parametrize("fault", [409, 412])
def test_another_writer_comes_first(fault: int, log: Any, s3: S3, travel: Travel, backfill: Run) -> None:
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
def test_a_damaged_month(content: bytes, log: Any, s3: S3, travel: Travel, backfill: Run) -> None:
    log("2026-09-01T00:00:00Z")
    s3.objects |= {NOVEMBER: content}
    done = backfill("--days", "60")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-1] == (
        f"{NOVEMBER} is not a valid history object, and nothing was written: "
        "`openl2m-stats history rebuild 2026-11` repairs it."
    )
    assert s3.objects == {NOVEMBER: content}


def test_a_bucket_that_denies(log: Any, s3: S3, travel: Travel, backfill: Run) -> None:
    log("2026-09-01T00:00:00Z")
    s3.fault = lambda call, _: 403 if call.method == "PUT" else None
    done = backfill("--days", "3")
    assert (done.code, done.out, done.err.splitlines()[-1]) == (2, "", f"{NOVEMBER}: AccessDenied")


def test_a_prefix_of_the_operators_own(
    log: Any, s3: S3, travel: Travel, backfill: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNAPSHOT_PREFIX", "team/openl2m-")
    log("2026-09-01T00:00:00Z")
    assert backfill("--days", "3").code == 0
    assert list(s3.objects) == ["team/openl2m-history/2026-11.json"]


def test_a_stack(log: Any, stack: str, s3: S3, travel: Travel, backfill: Run) -> None:
    """Its own time zone counts, not that of this environment."""
    log("2026-09-01T00:00:00Z", "2026-11-22T15:00:00Z")
    assert backfill("--days", "2", "--stack", stack).out == "2 days: 2 written.\n"
    rows = history(s3)
    # At noon in UTC, the 24th has begun in Kiritimati, and the change was made at 05:00 of the 23rd.
    assert {day: row["values"]["changes_today"] for day, row in rows.items()} == {"2026-11-22": 0, "2026-11-23": 1}
    assert {row["taken_at"] for row in rows.values()} == {"2026-11-22T09:59:59Z", "2026-11-23T09:59:59Z"}
    assert {row["time_zone"] for row in rows.values()} == {"Pacific/Kiritimati"}


def test_an_exported_database_url_does_not_take_the_place_of_a_stacks_database(
    log: Any, stack: str, s3: S3, travel: Travel, tmp_path: Path, backfill: Run, monkeypatch: pytest.MonkeyPatch
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


def test_the_time_zone_is_asked_for(log: Any, stack: str, s3: S3, travel: Travel, run: Run) -> None:
    done = run("backfill", "--days", "2")
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith("openl2m-stats backfill: name OpenL2M's time zone: --time-zone, or TIME_ZONE\n")
    done = run("backfill", "--time-zone", "Tokyo")
    assert done.err.endswith("--time-zone: it takes a zone of the IANA database, such as America/Los_Angeles\n")
    done = run("backfill", "--stack", stack, "--time-zone", "UTC")
    assert done.err.endswith("backfill: the stack has the time zone: leave out --time-zone\n")
    assert not s3.objects


def test_a_time_zone_on_the_command_line(log: Any, s3: S3, travel: Travel, backfill: Run) -> None:
    log("2026-09-01T00:00:00Z", "2026-11-21T15:00:00Z", "2026-11-22T14:59:59Z")
    assert backfill("--days", "2", "--time-zone", "Asia/Tokyo").out == "2 days: 2 written.\n"
    rows = history(s3)
    assert {day: row["values"]["changes_today"] for day, row in rows.items()} == {"2026-11-21": 0, "2026-11-22": 2}
    assert {row["time_zone"] for row in rows.values()} == {"Asia/Tokyo"}


def test_rows_of_version_1_0(
    log: Any, sqlite_db: Database, s3: S3, travel: Travel, backfill: Run, monkeypatch: pytest.MonkeyPatch
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
def test_a_days_last_second(zone: str, last: str, log: Any, s3: S3, backfill: Run) -> None:
    log("2026-09-01T00:00:00Z", last)
    with time_machine.travel(datetime.fromisoformat(last) + timedelta(hours=1), tick=False):
        assert backfill("--days", "1", "--time-zone", zone).code == 0
    row = history(s3)["2026-11-22"]
    assert (row["taken_at"], row["values"]["changes_today"]) == (last, 1)


@pytest.mark.parametrize("days", ["0", "-1", "3661", "1.5", "", "all", "\u0663"])
def test_wrong_days(days: str, backfill: Run) -> None:
    done = backfill("--days", days)
    assert (done.code, done.out) == (2, "")
    assert done.err.endswith("openl2m-stats backfill: --days: it takes a number from 1 to 3660\n")


def test_nothing_that_names_the_bucket(backfill: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNAPSHOT_BUCKET")
    done = backfill()
    assert done.code == 2
    assert done.err.splitlines()[-1] == (
        "openl2m-stats backfill: name the stack (--env or --stack), or set SNAPSHOT_BUCKET and DATABASE_SECRET_ID"
    )


def test_a_secret_that_is_not_there(aws: AWS, backfill: Run, monkeypatch: pytest.MonkeyPatch) -> None:
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
    variables: dict[str, str | None], problem: str, aws: AWS, backfill: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    assert backfill() == (2, "", f"{aws.database_secret} cannot be read: {problem}\n")


def test_a_database_that_is_not_there(aws: AWS, backfill: Run, tmp_path: Path) -> None:
    aws.put_database({"engine": "sqlite", "dbname": str(tmp_path / "absent")})
    done = backfill()
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(r"SQLITE_CANTOPEN: .*", done.err.splitlines()[-1])
