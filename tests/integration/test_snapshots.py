"""Snapshots: written once whatever happens, and served while the database is away."""

import json
import os
import random
import re
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dev.servers.databases import Database, Server, sqlite_database
from dev.servers.processes import free_port
from tests.integration.conftest import AWS, NOW, Travel
from tests.support import leaks
from tests.support.databases import server_database
from tests.support.events import http_api
from tests.support.outages import hide_tables, show_tables
from tests.support.s3 import FAULTS, S3
from tests.support.snapshots import at, check_bucket
from tests.support.workers import workers

MALFORMED = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"{}",
    b"[" * 60_000,
    b"\xff",
    b'{"taken_at":"2026-11-23T12:00:00Z","scheduled_for":"noon"}',
    b'{"taken_at":"2026-11-23T12:00:00","scheduled_for":"2026-11-23T12:00:00Z"}',
    b'{"taken_at":0,"scheduled_for":"2026-11-23T12:00:00Z"}',
    b'{"database":{"vlans":{"label":"Vlans","value":"1"}},"taken_at":"2026-11-23T12:00:00Z","scheduled_for":"2026-11-23T12:00:00Z"}',
    b'{"database":{"vlans":1},"taken_at":"2026-11-23T12:00:00Z","scheduled_for":"2026-11-23T12:00:00Z"}',
    b'{"database":[],"taken_at":"2026-11-23T12:00:00Z","scheduled_for":"2026-11-23T12:00:00Z"}',
]


@pytest.fixture
def key(aws: AWS, sqlite_db: Database) -> str:
    aws.put_database(sqlite_db.secret())
    return aws.new_token()


def add_vlan(database: Database) -> None:
    """Make the next snapshot differ from those before."""
    database.insert("switches_vlan", [{}])


def vlans(s3: S3, key: str) -> int:
    value: int = s3.json(key)["database"]["vlans"]["value"]
    return value


def test_a_snapshot(
    database: Database, aws: AWS, s3: S3, travel: Travel, new_schedule: Any, new_container: Any
) -> None:
    secret = database.secret()
    aws.put_database(secret)
    database.insert("switches_log", [{"type": 1, "switch_id": 7, "user_id": 1, "timestamp": NOW}])
    key = aws.new_token()
    api = new_container().get(key)
    assert api.headers["Cache-Status"] == "openl2m-stats; fwd=miss"
    travel(2)
    assert new_schedule()(at("2026-11-23T12:00:00Z")) == {
        "key": "snapshots/dt=2026-11-23/2026-11-23T12-00-00Z.json",
        "scheduled_for": "2026-11-23T12:00:00Z",
        "taken_at": "2026-11-23T12:00:02.250000Z",
        "written": True,
    }
    check_bucket(s3, "2026-11-23T12:00:00Z")
    read_from = {"engine": secret["engine"], "host": secret.get("host", "localhost"), "port": secret.get("port", 0)}
    origin = {
        "taken_at": "2026-11-23T12:00:02.250000Z",
        "scheduled_for": "2026-11-23T12:00:00Z",
        "time_zone": "UTC",
        "read_from": {**read_from, "name": secret["dbname"]},
    }
    latest = s3.objects["snapshots/latest.json"].decode()
    assert latest.startswith(f'{api.body[:-1]},"counters":{{"logins":{{"label":"Logins","value":0}},')
    assert latest.endswith('"value":0}},' + json.dumps(origin, separators=(",", ":"))[1:] + "\n")
    assert api.json["usage"]["changes_today"]["value"] == 1


RULE = {"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}
EVENTS: dict[str, tuple[Any, str]] = {
    "Scheduler": (at("2026-11-23T11:55:00Z"), "2026-11-23T11:55:00Z"),
    "a rule": ({**RULE, "time": "2026-11-23T11:50:00Z"}, "2026-11-23T11:50:00Z"),
    "both": ({"time": "2026-11-23T11:50:00Z", **at("2026-11-23T11:55:00Z")}, "2026-11-23T11:55:00Z"),
    "an offset": (at("2026-11-24T00:30:00+14:00"), "2026-11-23T10:30:00Z"),
    "a fraction": (at("2026-11-23T11:55:00.999Z"), "2026-11-23T11:55:00Z"),
    "without seconds": (at("2026-11-23T11:55Z"), "2026-11-23T11:55:00Z"),
    "a little ahead": (at("2026-11-23T12:05:00Z"), "2026-11-23T12:05:00Z"),
    "as late as a queue delivers": (at("2026-11-09T12:00:01Z"), "2026-11-09T12:00:01Z"),
    "a Scheduler without input": (
        {**RULE, "source": "aws.scheduler", "time": "2026-11-23T11:55:00Z"},
        "2026-11-23T11:55:00Z",
    ),
    "an input transformer": ({"time": "2026-11-23T11:50:00Z"}, "2026-11-23T11:50:00Z"),
    "by hand": ({}, "2026-11-23T12:00:00Z"),
    "by hand with null": (None, "2026-11-23T12:00:00Z"),
}


@pytest.mark.parametrize(("event", "time"), EVENTS.values(), ids=EVENTS)
def test_the_scheduled_time(event: Any, time: str, key: str, s3: S3, travel: Travel, new_schedule: Any) -> None:
    assert new_schedule()(event)["scheduled_for"] == time
    check_bucket(s3, time)


@pytest.mark.parametrize(
    "time",
    [
        "<aws.scheduler.scheduled-time>",
        "",
        None,
        1795435200,
        [],
        "2026-11-23T12:00:00",
        "2026-11-23",
        "2026-11-23T23:59:60Z",
        "2026-02-29T12:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "2026-11-23T12:05:01Z",
        "2036-11-23T12:00:00Z",
        "2026-11-09T12:00:00Z",
        "1970-01-01T00:00:00Z",
        "0999-12-31T23:59:59Z",
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["scheduled_for", "time"])
def test_an_unusable_time(
    name: str,
    time: Any,
    key: str,
    s3: S3,
    travel: Travel,
    new_schedule: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    take = new_schedule()
    with pytest.raises(Exception, match=f"^the event's '{name}' ") as caught:
        take({name: time})
    assert type(caught.value).__name__ == "ScheduleError"
    assert not s3.objects
    assert '"SnapshotFailure":[1.0]' in capsys.readouterr().out


WRAPPED = [{"eventSource": "aws:sqs", "body": json.dumps(at("2026-11-23T11:55:00Z"))}]


NOT_A_SCHEDULES: dict[str, tuple[Any, str]] = {
    "a queue's envelope": ({"Records": WRAPPED}, "it wraps others in Records; the function takes {} "),
    "a warm-up ping": ({"source": "serverless-plugin-warmup"}, "the function takes {} "),
    "another event of EventBridge": (
        {**RULE, "detail-type": "EC2 Instance State-change Notification", "time": "2026-11-23T11:55:00Z"},
        "the function takes {} ",
    ),
    "the console's example": ({"key1": "value1"}, "the function takes {} "),
    "a list": ([at("2026-11-23T11:55:00Z")], "the function takes {} "),
    "an empty list": ([], "the function takes {} "),
    "text": ("2026-11-23T11:55:00Z", "the function takes {} "),
    "no text": ("", "the function takes {} "),
    "zero": (0, "the function takes {} "),
}


@pytest.mark.parametrize(("event", "told"), NOT_A_SCHEDULES.values(), ids=NOT_A_SCHEDULES)
def test_an_event_that_is_not_a_schedules(
    event: Any, told: str, key: str, s3: S3, travel: Travel, new_schedule: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Exception, match=f"^the event is not a schedule's: {re.escape(told)}") as caught:
        new_schedule()(event)
    assert type(caught.value).__name__ == "ScheduleError"
    assert not s3.objects
    assert '"SnapshotFailure":[1.0]' in capsys.readouterr().out


def test_a_prefix_of_the_operators_own(key: str, s3: S3, travel: Travel, new_schedule: Any) -> None:
    take = new_schedule(SNAPSHOT_PREFIX="team/openl2m-")
    assert take({})["key"] == "team/openl2m-dt=2026-11-23/2026-11-23T12-00-00Z.json"
    check_bucket(s3, "2026-11-23T12:00:00Z", prefix="team/openl2m-")


def test_no_bucket(key: str, s3: S3, new_schedule: Any) -> None:
    with pytest.raises(Exception, match=r"^SNAPSHOT_BUCKET is not set") as caught:
        new_schedule(SNAPSHOT_BUCKET="")
    assert type(caught.value).__name__ == "SettingsError"


def test_one_event_ten_times(
    key: str,
    sqlite_db: Database,
    s3: S3,
    travel: Travel,
    new_schedule: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    takes = [new_schedule(), new_schedule()]
    results = []
    for delivery in range(10):
        travel(delivery)
        results.append(takes[delivery % 2](at("2026-11-23T12:00:00Z")))
        add_vlan(sqlite_db)
    assert [result.pop("written") for result in results] == [True] + [False] * 9
    assert all(result == results[0] for result in results)
    check_bucket(s3, "2026-11-23T12:00:00Z")
    assert vlans(s3, "snapshots/latest.json") == 0
    assert capsys.readouterr().out.count('"SnapshotWritten":[1.0]') == 1


# For each zone, two instants between which a month ends.
MIDNIGHTS = {
    "UTC": ("2026-10-31T23:59:59Z", "2026-11-01T00:00:00Z"),
    "Asia/Tokyo": ("2026-10-31T14:59:59Z", "2026-10-31T15:00:00Z"),
    "America/Los_Angeles": ("2026-11-01T06:59:59Z", "2026-11-01T07:00:00Z"),
    "Asia/Kathmandu": ("2026-10-31T18:14:59Z", "2026-10-31T18:15:00Z"),
    "Pacific/Kiritimati": ("2026-10-31T09:59:59Z", "2026-10-31T10:00:00Z"),
}


@pytest.mark.parametrize("zone", MIDNIGHTS)
def test_days_end_at_midnight_in_the_time_zone(
    zone: str, key: str, sqlite_db: Database, s3: S3, travel: Travel, new_schedule: Any
) -> None:
    take = new_schedule(TIME_ZONE=zone)
    for time in MIDNIGHTS[zone]:
        travel(datetime.fromisoformat(time))
        take(at(time))
        add_vlan(sqlite_db)
    check_bucket(s3, *MIDNIGHTS[zone])
    for day, expected in (("2026-10-31", 0), ("2026-11-01", 1)):
        row = s3.json(f"snapshots/history/{day[:7]}.json")[day]
        assert (row["values"]["vlans"], row["time_zone"]) == (expected, zone)


@pytest.mark.parametrize(
    ("scheduled_for", "read_at"),
    [("2026-11-22T23:59:30Z", "2026-11-23T00:00:05Z"), ("2026-11-22T23:55:00Z", "2026-11-23T00:01:10Z")],
)
def test_a_run_that_starts_after_midnight(
    scheduled_for: str, read_at: str, key: str, sqlite_db: Database, s3: S3, travel: Travel, new_schedule: Any
) -> None:
    changes = [{"type": 1, "switch_id": 7, "user_id": 1, "timestamp": datetime(2026, 11, 22, 9, tzinfo=UTC)}] * 40
    sqlite_db.insert("switches_log", changes)
    take = new_schedule()
    travel(datetime(2026, 11, 22, 23, 50, 2, tzinfo=UTC))
    take(at("2026-11-22T23:50:00Z"))
    travel(datetime.fromisoformat(read_at))
    take(at(scheduled_for))
    days = {day: row["values"] for day, row in s3.json("snapshots/history/2026-11.json").items()}
    told = {day: (values["changes_today"], values["devices_today"]) for day, values in days.items()}
    assert told == {"2026-11-22": (40, 1), "2026-11-23": (0, 0)}
    check_bucket(s3, "2026-11-22T23:50:00Z", scheduled_for)


def test_deliveries_out_of_order(key: str, sqlite_db: Database, s3: S3, travel: Travel, new_schedule: Any) -> None:
    take = new_schedule()
    reads = {
        "2026-11-01T00:00:00Z": "2026-10-31T23:59:58Z",
        "2026-10-31T23:55:00Z": "2026-10-31T23:59:59Z",
        "2026-10-31T23:50:00Z": "2026-11-01T00:00:01Z",
        "2026-11-01T00:10:00Z": "2026-11-01T00:10:01Z",
        "2026-11-01T00:05:00Z": "2026-11-01T00:10:02Z",
        "2026-10-30T12:00:00Z": "2026-11-01T00:10:02Z",
    }
    for time, read_at in reads.items():
        travel(datetime.fromisoformat(read_at))
        assert take(at(time))["written"]
        add_vlan(sqlite_db)
    check_bucket(s3, *sorted(reads))
    vlans_by_day = {
        day: row["values"]["vlans"]
        for month in ("2026-10", "2026-11")
        for day, row in s3.json(f"snapshots/history/{month}.json").items()
    }
    # Of two that were read at one instant, the one that was scheduled later counts.
    assert vlans_by_day == {"2026-10-31": 1, "2026-11-01": 4}
    travel(datetime.fromisoformat("2026-11-02T00:00:00Z"))
    assert not any(take(at(time))["written"] for time in reads)
    check_bucket(s3, *sorted(reads))


def test_rows_and_a_snapshot_of_version_1_0(
    key: str, sqlite_db: Database, s3: S3, travel: Travel, new_schedule: Any
) -> None:
    """They name no time zone, and their days are those of UTC: in Tokyo, the last one was read on the next day."""
    take = new_schedule(TIME_ZONE="Asia/Tokyo")
    for time in ("2026-11-21T23:55:00Z", "2026-11-22T23:55:00Z"):
        travel(datetime.fromisoformat(time))
        take(at(time))
    for name, content in s3.objects.items():
        if "/history/" not in name:
            stored = {key: value for key, value in json.loads(content).items() if key not in {"time_zone", "read_from"}}
            s3.objects |= {name: json.dumps(stored).encode()}
    rows = s3.json("snapshots/history/2026-11.json").values()
    former = {
        row["scheduled_for"][:10]: {name: row[name] for name in ("scheduled_for", "taken_at", "values")} for row in rows
    }
    s3.objects |= {"snapshots/history/2026-11.json": json.dumps(former).encode()}
    assert list(former) == ["2026-11-21", "2026-11-22"]

    add_vlan(sqlite_db)
    travel(datetime.fromisoformat("2026-11-23T00:00:01Z"))
    take(at("2026-11-23T00:00:00Z"))
    found = s3.json("snapshots/history/2026-11.json")
    assert {day: found[day] for day in former} == former
    assert {day: row["values"]["vlans"] for day, row in found.items()} == {**dict.fromkeys(former, 0), "2026-11-23": 1}

    # A run that read at 23:55 on the 22nd in Tokyo writes only now: what was read on the 23rd gives way.
    travel(datetime.fromisoformat("2026-11-22T14:55:01Z"))
    take(at("2026-11-22T14:55:00Z"))
    row = s3.json("snapshots/history/2026-11.json")["2026-11-22"]
    assert (row["taken_at"], row["time_zone"]) == ("2026-11-22T14:55:01Z", "Asia/Tokyo")
    # The row of version 1.0 that was read on its own day stays: it was read later.
    former["2026-11-22"]["taken_at"] = "2026-11-22T14:55:02Z"
    s3.objects |= {"snapshots/history/2026-11.json": json.dumps(former).encode()}
    take(at("2026-11-22T14:55:00Z"))
    assert s3.json("snapshots/history/2026-11.json")["2026-11-22"] == former["2026-11-22"]


# What had happened before the call that fails: the times that were taken, and the one that is to be taken. Each is read
# a second later, but for those in LATE.
SITUATIONS: dict[str, tuple[list[str], str]] = {
    "the first": ([], "2026-10-31T23:55:00Z"),
    "the next": (["2026-10-31T23:50:00Z"], "2026-10-31T23:55:00Z"),
    "the first of a month": (["2026-10-31T23:55:00Z"], "2026-11-01T00:00:00Z"),
    "a late one": (["2026-10-31T23:50:00Z", "2026-11-01T00:00:00Z"], "2026-10-31T23:55:00Z"),
    "one again": (["2026-10-31T23:50:00Z", "2026-10-31T23:55:00Z"], "2026-10-31T23:55:00Z"),
}
LATER = "2026-11-01T00:05:00Z"
LATE = {"a late one": "2026-11-01T00:02:00Z"}


def is_begun(s3: S3, time: str) -> bool:
    """Return whether anything of a snapshot is stored."""
    return any(f'"scheduled_for":"{time}"'.encode() in content for content in s3.objects.values())


def ends_the_run(fault: int | str, method: str) -> bool:
    """Return whether a run cannot get over a call's failure: it can when somebody else was faster."""
    return method != "PUT" or fault not in {409, 412}


@pytest.mark.parametrize(
    "fault",
    # A run for each call takes long: two faults stand for the others, until all are tried.
    [pytest.param(fault, marks=[] if fault in {409, 503} else [pytest.mark.slow], id=str(fault)) for fault in FAULTS],
)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_call_fails_in_turn(
    situation: str,
    fault: int | str,
    key: str,
    sqlite_db: Database,
    s3: S3,
    travel: Travel,
    new_schedule: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    handler = new_schedule(REQUEST_TIMEOUT_SECONDS=2 if fault == "slow" else 10)
    before, time = SITUATIONS[situation]

    def take(event: Any) -> Any:
        scheduled_for = event["scheduled_for"]
        read_at = LATE.get(situation) if scheduled_for == time else None
        travel(datetime.fromisoformat(read_at or scheduled_for) + timedelta(seconds=1))
        return handler(event)

    for each in before:
        take(at(each))
        add_vlan(sqlite_db)
    objects = s3.objects
    s3.calls.clear()
    take(at(time))
    calls = s3.calls[:]
    assert len(calls) >= 4

    for number, call in enumerate(calls, start=1):
        s3.objects = objects
        s3.fail(number, fault)
        capsys.readouterr()
        failed = ends_the_run(fault, call.method)
        if failed:
            with pytest.raises(Exception, match=re.escape(call.key)) as caught:
                take(at(time))
            assert type(caught.value).__name__ == "StorageError"
            assert '"SnapshotFailure":[1.0]' in capsys.readouterr().out
        else:
            take(at(time))
        s3.recover()
        begun = is_begun(s3, time)
        assert failed or begun
        after = s3.objects
        add_vlan(sqlite_db)

        capsys.readouterr()
        retried = take(at(time))
        assert retried["written"] == (not begun)
        finished = capsys.readouterr().out.count('"SnapshotWritten":[1.0]')
        assert finished == (s3.objects != after)
        take(at(LATER))
        check_bucket(s3, *sorted({*before, time, LATER}))

        if failed and situation == "a late one":
            continue  # only its own retry finishes a late one
        s3.objects = after
        take(at(LATER))
        check_bucket(s3, *sorted({*before, LATER, *([time] if begun else [])}))


@pytest.mark.parametrize("fault", [503, "broken"])
def test_one_failed_attempt_is_made_good(fault: int | str, key: str, s3: S3, travel: Travel, new_schedule: Any) -> None:
    take = new_schedule()
    s3.fault = lambda _, attempt: fault if attempt == 1 else None
    assert take(at("2026-11-23T12:00:00Z"))["written"]
    check_bucket(s3, "2026-11-23T12:00:00Z")


def test_what_others_put_there(
    key: str, s3: S3, travel: Travel, new_schedule: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    travel(3600)
    take = new_schedule()
    times = ["2026-11-23T12:00:00Z"]
    take(at(times[0]))
    for minute, malformed in enumerate(MALFORMED, start=1):
        s3.objects |= {"snapshots/latest.json": malformed}
        times.append(f"2026-11-23T12:{minute:02}:00Z")
        take(at(times[-1]))
        assert '"snapshots/latest.json is not a valid snapshot"' in capsys.readouterr().out
        check_bucket(s3, *times)
    # The numbers of a month are not thrown away, whatever became of them.
    for malformed in (b"", b"[]", b'{"2026-11-23":{}}', b'{"2026-11-23":{"scheduled_for":"12:00"}}'):
        s3.objects |= {"snapshots/history/2026-11.json": malformed}
        with pytest.raises(Exception, match=r"^snapshots/history/2026-11\.json is not a valid history object$"):
            take(at("2026-11-23T12:30:00Z"))
        assert s3.objects["snapshots/history/2026-11.json"] == malformed


def test_a_database_that_fails(
    server_db: Database, aws: AWS, s3: S3, travel: Travel, new_schedule: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    aws.put_database(server_db.secret(password=leaks.new_password()))
    take = new_schedule()
    with pytest.raises(Exception, match=r"1045|28P01") as caught:
        take(at("2026-11-23T12:00:00Z"))
    assert type(caught.value).__name__ == "DatabaseError"
    assert not s3.calls
    output = capfd.readouterr().out
    assert "snapshot failed" in output
    assert '"SnapshotFailure":[1.0]' in output
    assert not leaks.found_in(output)
    aws.put_database(server_db.secret())
    assert take(at("2026-11-23T12:00:00Z"))["written"]
    check_bucket(s3, "2026-11-23T12:00:00Z")


def test_the_unforeseen(
    key: str, s3: S3, new_schedule: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    take = new_schedule()
    # No input is known that gets here: something is broken on purpose, and its text holds a secret.
    monkeypatch.setattr("stats.schedule.timestamp", lambda _: os.environ[key])
    with pytest.raises(Exception, match=r"^unforeseen KeyError; ") as caught:
        take({})
    assert not leaks.found_in("".join(traceback.format_exception(caught.value)))
    output = capfd.readouterr().out
    assert '"message":"unforeseen"' in output
    assert '"SnapshotFailure":[1.0]' in output
    assert not leaks.found_in(output)


@pytest.mark.parametrize("same", [True, False], ids=["one time", "different times"])
def test_eight_writers_at_once(same: bool, key: str, s3: S3) -> None:
    times = [f"2026-{month}T23:{minute}:00Z" for month in ("10-31", "11-01") for minute in (50, 52, 54, 56)]
    with workers(8, "stats.schedule") as writers:
        for minutes in range(3):
            s3.objects = {}
            for number, writer in enumerate(writers):
                time = times[0] if same else times[(number + minutes) % 8]
                writer.hand([(at(time), datetime.fromisoformat(time) + timedelta(seconds=1 + number / 10))])
            results = [result for writer in writers for result in writer.collect()]
            if same:
                check_bucket(s3, times[0])
                assert sorted(result.pop("written") for result in results) == [False] * 7 + [True]
                assert all(result == results[0] for result in results)
            else:
                check_bucket(s3, *times)
                assert all(result["written"] for result in results)


# --- what the API makes of them ---


def test_a_snapshot_is_served(
    build: Any,
    database: Database,
    aws: AWS,
    s3: S3,
    travel: Travel,
    new_schedule: Any,
    new_container: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key = aws.new_token()
    aws.put_database(database.secret())
    live = new_container().get(key, build=build)
    new_schedule()(at("2026-11-23T11:50:00Z"))  # a late run: what counts is when the numbers were read
    database.execute("ALTER TABLE switches_log RENAME TO elsewhere")
    container = new_container()
    capsys.readouterr()
    for seconds, detail in ((40, "snapshot"), (50, "memory")):
        travel(seconds)
        answer = container.get(key, build=build)
        cached = {"Age": str(seconds), "Cache-Status": f"openl2m-stats; hit; ttl={60 - seconds}; detail={detail}"}
        assert answer.status == 200
        assert answer.headers == live.headers | cached
        assert answer.body == live.body
    assert container.get(key, ("If-None-Match", live.headers["ETag"]), build=build).status == 304
    assert [call.key for call in s3.calls].count("snapshots/latest.json") == 4  # of which two were the schedule's
    assert capsys.readouterr().out.count('"CacheSnapshot":[1.0]') == 1


def test_a_snapshot_while_the_database_is_away(
    build: Any, aws: AWS, sqlite_db: Database, s3: S3, travel: Travel, new_schedule: Any, new_container: Any
) -> None:
    key = aws.new_token()
    aws.put_database(sqlite_db.secret())
    new_schedule()({})
    hide_tables(sqlite_db)
    for seconds, ttl in ((60, 0), (300, -240)):
        travel(seconds)
        answer = new_container(MAX_STALE_SECONDS=300).get(key, build=build)
        assert answer.status == 200
        assert answer.headers["Age"] == str(seconds)
        assert answer.headers["Cache-Status"] == f"openl2m-stats; hit; ttl={ttl}; detail=stale"
        assert answer.headers["Last-Modified"] == "Mon, 23 Nov 2026 12:00:00 GMT"
    travel(300.5)
    answer = new_container().get(key, build=build)
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"


def test_the_newer_of_memory_and_snapshot(
    key: str, sqlite_db: Database, s3: S3, travel: Travel, new_schedule: Any, new_container: Any
) -> None:
    container, take = new_container(CACHE_TTL_SECONDS=60), new_schedule()
    take({})
    add_vlan(sqlite_db)
    travel(61)
    answer = container.get(key)
    assert answer.headers["Cache-Status"] == "openl2m-stats; fwd=miss"
    hide_tables(sqlite_db)
    travel(130)
    stale = container.get(key)
    assert (stale.headers["Age"], stale.body) == ("69", answer.body)
    show_tables(sqlite_db)
    add_vlan(sqlite_db)
    travel(140)
    take({})
    hide_tables(sqlite_db)
    travel(210)
    newer = container.get(key)
    assert newer.headers["Cache-Status"] == "openl2m-stats; hit; ttl=-10; detail=stale"
    assert newer.json["database"]["vlans"]["value"] == 2


def test_a_ttl_of_zero_asks_the_database(
    key: str, s3: S3, travel: Travel, new_schedule: Any, new_container: Any
) -> None:
    new_schedule()({})
    assert new_container(CACHE_TTL_SECONDS=0).get(key).headers["Cache-Status"] == "openl2m-stats; fwd=miss"


def test_a_snapshot_from_the_future_does_not_count(
    aws: AWS, key: str, s3: S3, travel: Travel, new_schedule: Any, new_container: Any
) -> None:
    new_schedule()({})
    travel(-0.1)
    assert new_container().get(key).headers["Cache-Status"] == "openl2m-stats; fwd=miss"
    aws.put_database({})
    assert new_container().get(key).status == 503
    travel(0)
    assert new_container().get(key).status == 200


def test_a_snapshot_of_another_version_is_not_served(
    key: str, s3: S3, travel: Travel, new_schedule: Any, new_container: Any
) -> None:
    new_schedule()({})
    whole = s3.objects["snapshots/latest.json"]
    for text in (
        whole.replace(b'"vlans"', b'"networks"'),
        whole.replace(b"Vlan Groups", b"VLAN groups"),
        whole.replace(b'"vlans":{"label":"Vlans","value":0},', b""),
    ):
        s3.objects = {"snapshots/latest.json": text}
        assert new_container().get(key).headers["Cache-Status"] == "openl2m-stats; fwd=miss"
    s3.objects = {"snapshots/latest.json": whole}
    assert "detail=snapshot" in new_container().get(key).headers["Cache-Status"]


def test_a_snapshot_from_before_a_change_of_the_time_zone_or_the_database(
    key: str, aws: AWS, s3: S3, tmp_path: Path, travel: Travel, new_schedule: Any, new_container: Any
) -> None:
    new_schedule(TIME_ZONE="UTC")({})
    assert "detail=snapshot" in new_container().get(key).headers["Cache-Status"]
    assert new_container(TIME_ZONE="Asia/Tokyo").get(key).headers["Cache-Status"] == "openl2m-stats; fwd=miss"
    (tmp_path / "other").mkdir()
    with sqlite_database(tmp_path / "other") as other:
        aws.put_database(other.secret())
        assert new_container(TIME_ZONE="UTC").get(key).headers["Cache-Status"] == "openl2m-stats; fwd=miss"


def test_a_snapshot_of_a_former_version_without_counters_is_served(
    key: str, s3: S3, travel: Travel, new_schedule: Any, new_container: Any
) -> None:
    new_schedule()({})
    content = s3.json("snapshots/latest.json")
    del content["counters"]
    s3.objects = {"snapshots/latest.json": json.dumps(content).encode()}
    container = new_container()
    answer = container.get(key)
    assert "detail=snapshot" in answer.headers["Cache-Status"]
    assert list(answer.json) == ["database", "usage"]
    metrics = container.get(key, path="/metrics")
    assert metrics.status == 200
    assert "openl2m_changes_total 0.0" in metrics.body
    assert "openl2m_logins" not in metrics.body


@pytest.mark.parametrize("malformed", MALFORMED, ids=lambda text: repr(text[:40]))
def test_a_malformed_snapshot_is_ignored(
    malformed: bytes, key: str, s3: S3, new_container: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    s3.objects = {"snapshots/latest.json": malformed}
    container = new_container(CACHE_TTL_SECONDS=0)
    for _ in range(2):  # the second time it is left alone
        assert container.get(key).headers["Cache-Status"] == "openl2m-stats; fwd=miss"
    output = capsys.readouterr().out
    assert output.count('"snapshots/latest.json is not a valid snapshot"') == 1
    assert output.count('"SnapshotReadFailure":[1.0]') == 1


@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize("timeout", [1, 10])
def test_the_api_without_s3(
    fault: int | str,
    timeout: int,
    aws: AWS,
    mariadb_server: Server,
    s3: S3,
    new_schedule: Any,
    new_container: Any,
) -> None:
    key = aws.new_token()
    with server_database(mariadb_server) as database:
        aws.put_database(database.secret())
        new_schedule()({})
        container = new_container(REQUEST_TIMEOUT_SECONDS=timeout, CACHE_TTL_SECONDS=0)
        s3.calls.clear()
        s3.fault = lambda *_: fault
        for _ in range(2):
            answer = container.get(key)
            assert (answer.status, answer.headers["Cache-Status"]) == (200, "openl2m-stats; fwd=miss")
        assert len(s3.calls) == 1  # a failure is followed by a pause


def test_a_slow_bucket_is_waited_for_when_the_database_has_failed(
    key: str, sqlite_db: Database, s3: S3, new_schedule: Any, new_container: Any
) -> None:
    new_schedule()({})
    hide_tables(sqlite_db)
    container = new_container(REQUEST_TIMEOUT_SECONDS=4, CACHE_TTL_SECONDS=0)
    s3.calls.clear()
    s3.fault = lambda *_: sleep(1.2)  # more than a quarter of the time
    answer = container.get(key)
    assert (answer.status, answer.headers["Cache-Status"].rpartition("=")[2]) == (200, "stale")
    assert len(s3.calls) == 2


def test_the_api_without_bucket_or_network(
    key: str, s3: S3, new_schedule: Any, new_container: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for variables in (
        {"SNAPSHOT_BUCKET": "no-such-bucket"},
        {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{free_port()}"},
    ):
        answer = new_container(**variables).get(key)
        assert (answer.status, answer.headers["Cache-Status"]) == (200, "openl2m-stats; fwd=miss")
        assert "snapshot not readable" in capsys.readouterr().out
        with pytest.raises(Exception, match=r"^snapshots/latest\.json: "):
            new_schedule()({})


@pytest.mark.parametrize(("fault", "failures"), [(None, 0), (403, 1)])
def test_absent_is_not_forbidden(
    fault: int | None, failures: int, key: str, s3: S3, new_container: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    s3.fault = lambda *_: fault
    assert new_container().get(key).status == 200
    output = capsys.readouterr().out
    assert output.count('"SnapshotReadFailure":[1.0]') == output.count("latest.json: AccessDenied") == failures


@pytest.mark.slow
def test_no_request_reaches_the_database(
    aws: AWS, sqlite_db: Database, s3: S3, travel: Travel, new_schedule: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1,000 requests to 20 containers over 50 minutes, with a snapshot every 5."""
    key = aws.new_token()
    aws.put_database(sqlite_db.secret())
    take = new_schedule()
    event = http_api(headers=[("Authorization", f"Token {key}")])
    monkeypatch.setenv("CACHE_TTL_SECONDS", "330")
    answers = []
    with workers(20, "stats.api") as containers:
        for period in range(10):
            start = NOW + timedelta(minutes=5 * period)
            travel(start)
            take(at(start.isoformat()))
            add_vlan(sqlite_db)
            hide_tables(sqlite_db)
            # One after the other: what a busy machine makes of S3's deadline is not the question here.
            for number, container in enumerate(containers):
                container.hand([(event, start + timedelta(seconds=number + 70 * n)) for n in range(5)])
                answers += container.collect()
            show_tables(sqlite_db)

    assert len(answers) == 1000
    assert {answer["statusCode"] for answer in answers} == {200}
    details = {answer["headers"]["Cache-Status"].rpartition("=")[2] for answer in answers}
    assert details == {"snapshot", "memory"}
    assert max(int(answer["headers"]["Age"]) for answer in answers) < 330
    assert len({answer["headers"]["ETag"] for answer in answers}) == 10


@pytest.mark.parametrize(
    "zone",
    # West and east of UTC, by hours and by a part of one, stand for the others.
    [
        "America/Los_Angeles",
        "Asia/Kathmandu",
        *(pytest.param(z, marks=pytest.mark.slow) for z in ("Asia/Tokyo", "UTC")),
    ],
)
def test_each_days_changes_add_up_to_the_growth_of_the_total(
    zone: str, key: str, sqlite_db: Database, s3: S3, travel: Travel, new_schedule: Any
) -> None:
    """A week of office hours in a time zone, with a snapshot every 6 hours and every 5 minutes around midnights."""
    chance, take = random.Random(2026), new_schedule(TIME_ZONE=zone)
    begin = datetime(2026, 11, 9, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    sqlite_db.insert("counters_counter", [{"name": "changes", "value": 39014}])
    made = sorted(
        begin + timedelta(days=day, hours=chance.uniform(8, 19))
        for day in range(8)
        for _ in range(chance.randint(5, 20))
    )
    offsets = [timedelta(days=day, hours=hour) for day in range(8) for hour in range(0, 24, 6)]
    offsets += [timedelta(days=day, minutes=minute) for day in range(1, 8) for minute in (-10, -5, 5)]
    counted = 0
    for offset in sorted(offsets):
        now = begin + offset
        new = [instant for instant in made[counted:] if instant <= now]
        counted += len(new)
        changes = [{"type": 1, "switch_id": 7, "user_id": 1, "timestamp": instant} for instant in new]
        sqlite_db.insert("switches_log", changes)
        sqlite_db.execute(f"UPDATE counters_counter SET value = {39014 + counted}")
        travel(now + timedelta(seconds=1))
        take(at(now.isoformat()))
    rows = s3.json("snapshots/history/2026-11.json")
    days = [f"2026-11-{day:02}" for day in range(10, 16)]
    growth = rows[days[-1]]["values"]["changes_total"] - rows["2026-11-09"]["values"]["changes_total"]
    assert growth > 30
    assert sum(rows[day]["values"]["changes_today"] for day in days) == growth
