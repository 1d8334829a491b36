"""`openl2m-stats history`: what the history has, rows anew from the single snapshots, and the last good version."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import boto3
import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS, Command, Ended, Travel
from tests.support.databases import ROOT
from tests.support.s3 import S3
from tests.support.snapshots import at, check_bucket

OCTOBER, NOVEMBER = "snapshots/history/2026-10.json", "snapshots/history/2026-11.json"
# Of each day in Tokyo, two times in UTC: the second is read last.
TIMES = [
    *("2026-10-30T02:00:00Z", "2026-10-30T14:55:00Z"),
    *("2026-10-31T02:00:00Z", "2026-10-31T14:55:00Z"),
    *("2026-10-31T15:00:00Z", "2026-11-01T14:55:00Z"),
]
DAYS = ["2026-10-30", "2026-10-31", "2026-11-01"]


@pytest.fixture
def history(command: Command, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Return a function that runs `openl2m-stats history` in Tokyo."""
    monkeypatch.setenv("TIME_ZONE", "Asia/Tokyo")
    return lambda *arguments: command("history", *arguments)


@pytest.fixture
def versioned(s3: S3) -> Any:
    """S3's client; the bucket keeps old versions, as the stack's does."""
    client: Any = boto3.client("s3")
    client.put_bucket_versioning(Bucket=s3.bucket, VersioningConfiguration={"Status": "Enabled"})
    return client


@pytest.fixture
def taken(aws: AWS, sqlite_db: Database, s3: S3, versioned: Any, travel: Travel, new_schedule: Any) -> Any:
    """The snapshots of TIMES; each has one VLAN more than the one before. The clock stands on 2 November."""
    aws.put_database(sqlite_db.secret())
    take = new_schedule(TIME_ZONE="Asia/Tokyo")
    for time in TIMES:
        travel(datetime.fromisoformat(time))
        take(at(time))
        sqlite_db.insert("switches_vlan", [{}])
    travel(datetime.fromisoformat("2026-11-02T03:00:00Z"))
    check_bucket(s3, *TIMES)
    return take


def rows(s3: S3) -> dict[str, Any]:
    return {day: row for key in (OCTOBER, NOVEMBER) if key in s3.objects for day, row in s3.json(key).items()}


def put(client: Any, s3: S3, key: str, content: bytes) -> None:
    client.put_object(Bucket=s3.bucket, Key=key, Body=content)


def test_rows_of_version_1_0_are_made_anew(taken: Any, s3: S3, versioned: Any, history: Any) -> None:
    """Those were the last of each day in UTC, and some days have no row at all."""
    good = rows(s3)
    former: dict[str, Any] = {}
    for name in s3.objects:
        if "/dt=" in name:
            content = s3.json(name)
            del content["time_zone"], content["read_from"]
            put(versioned, s3, name, json.dumps(content).encode())
            day = content["scheduled_for"][:10]
            values = {
                key: entry["value"] for section in ("database", "usage") for key, entry in content[section].items()
            }
            times = {each: content.pop(each) for each in ("taken_at", "scheduled_for")}
            former[day] = max(former.get(day, {}), {**times, "values": values}, key=lambda row: row.get("taken_at", ""))
    assert [former[day]["values"]["vlans"] for day in DAYS] == [1, 4, 5]  # of the 31st, those of 1 November in Tokyo
    october = {day: row for day, row in former.items() if day < "2026-11"}
    put(versioned, s3, OCTOBER, json.dumps({**october, "2026-10-29": former["2026-10-30"]}).encode())
    put(versioned, s3, NOVEMBER, b"{}")

    done = history("rebuild")
    assert (done.code, done.out) == (0, "2026-10: 2 rows changed, 1 unchanged\n2026-11: 1 rows changed, 0 unchanged\n")
    found = rows(s3)
    assert found.pop("2026-10-29") == former["2026-10-30"]  # it has no single snapshot, and stays
    assert {day: row["values"] for day, row in found.items()} == {day: row["values"] for day, row in good.items()}
    assert {row["time_zone"] for row in found.values()} == {"Asia/Tokyo"}
    assert [found[day]["values"]["vlans"] for day in DAYS] == [1, 3, 5]
    # Again changes nothing.
    objects = s3.objects
    assert history("rebuild").out == "2026-10: 0 rows changed, 3 unchanged\n2026-11: 0 rows changed, 1 unchanged\n"
    assert s3.objects == objects


def test_rebuild_one_month(taken: Any, s3: S3, versioned: Any, history: Any) -> None:
    good = s3.objects
    for key in (OCTOBER, NOVEMBER):
        put(versioned, s3, key, b"{}")
    assert history("rebuild", "2026-11").out == "2026-11: 1 rows changed, 0 unchanged\n"
    assert (s3.objects[OCTOBER], s3.objects[NOVEMBER]) == (b"{}", good[NOVEMBER])
    # A month that is gone is made, too. The 1st begins in October's last hours in UTC.
    versioned.delete_object(Bucket=s3.bucket, Key=OCTOBER)
    assert history("rebuild", "2026-10").out == "2026-10: 2 rows changed, 0 unchanged\n"
    assert s3.objects == good


def test_rebuild_does_not_replace_what_was_read_later(taken: Any, s3: S3, versioned: Any, history: Any) -> None:
    """The single snapshots of a day expire one by one."""
    good = s3.objects
    for key in good:
        if "14-55" in key:
            versioned.delete_object(Bucket=s3.bucket, Key=key)
    assert history("rebuild").code == 0
    assert (s3.objects[OCTOBER], s3.objects[NOVEMBER]) == (good[OCTOBER], good[NOVEMBER])


def test_a_backfilled_row_gives_way_and_what_is_no_snapshot_is_left_out(
    taken: Any, s3: S3, versioned: Any, history: Any
) -> None:
    good = s3.json(NOVEMBER)
    backfilled = {"2026-11-01": {**good["2026-11-01"], "source": "backfill", "taken_at": "2026-11-01T14:59:59Z"}}
    put(versioned, s3, NOVEMBER, json.dumps(backfilled).encode())
    put(versioned, s3, "snapshots/dt=2026-11-01/notes.txt", b"hello")
    done = history("rebuild", "2026-11")
    assert done.code == 0
    assert "1 objects were left out" in done.err
    assert s3.json(NOVEMBER) == good


def test_a_damaged_month_is_mended(taken: Any, s3: S3, versioned: Any, history: Any) -> None:
    """By its last good version, and what was read since."""
    with_more = {**s3.json(OCTOBER), "2026-10-12": {**s3.json(OCTOBER)["2026-10-30"], "source": "backfill"}}
    put(versioned, s3, OCTOBER, json.dumps({day: with_more[day] for day in ("2026-10-12", "2026-10-30")}).encode())
    for content in (b"{", b""):
        put(versioned, s3, OCTOBER, content)
    listed = history("list")
    assert (listed.code, listed.out.splitlines()) == (
        1,
        [
            "month    snapshots  backfilled  gaps",
            "2026-10  damaged: openl2m-stats history rebuild 2026-10",
            "2026-11          1           0     0",
        ],
    )
    done = history("rebuild", "2026-10")
    assert done.code == 0
    assert done.out == (
        "2026-10: was damaged, begins with the version of 2026-11-02T03:00:00Z, 1 rows changed, 2 unchanged\n"
    )
    assert s3.json(OCTOBER) == dict(sorted(with_more.items()))


def test_a_damaged_month_without_a_good_version(taken: Any, s3: S3, versioned: Any, history: Any) -> None:
    good = s3.json(OCTOBER)
    s3.objects = {key: content for key, content in s3.objects.items() if key != OCTOBER}
    for version in versioned.list_object_versions(Bucket=s3.bucket, Prefix=OCTOBER).get("Versions", []):
        versioned.delete_object(Bucket=s3.bucket, Key=OCTOBER, VersionId=version["VersionId"])
    put(versioned, s3, OCTOBER, b"{")
    done = history("restore", "2026-10")
    assert (done.code, done.err) == (
        2,
        "2026-10 has no good version: `openl2m-stats history rebuild 2026-10` restores what it can.\n",
    )
    done = history("rebuild", "2026-10")
    assert done.out == "2026-10: was damaged, begins with nothing, 0 rows changed, 2 unchanged\n"
    assert s3.json(OCTOBER) == good
    put(versioned, s3, "snapshots/history/2026-08.json", b"{")
    done = history("rebuild")
    assert done.code == 1
    assert done.out.splitlines()[0] == "2026-08: damaged, without a good version and without single snapshots"


@pytest.mark.parametrize("lost", [b"{", None])
def test_restore(lost: bytes | None, taken: Any, s3: S3, versioned: Any, history: Any) -> None:
    good = s3.json(OCTOBER)
    if lost is None:
        versioned.delete_object(Bucket=s3.bucket, Key=OCTOBER)
    else:
        put(versioned, s3, OCTOBER, lost)
    done = history("restore", "2026-10")
    advice = "`openl2m-stats history rebuild 2026-10` adds the days that were read since."
    assert (done.code, done.out) == (0, f"2026-10: restored the version of 2026-10-31T14:55:00Z, 2 days. {advice}\n")
    assert s3.json(OCTOBER) == good
    objects = s3.objects
    assert history("restore", "2026-10").out == "2026-10 is not damaged: nothing to restore.\n"
    assert s3.objects == objects


def test_list(taken: Any, s3: S3, versioned: Any, travel: Travel, history: Any) -> None:
    travel(datetime.fromisoformat("2026-11-04T15:00:00Z"))  # the 5th has begun in Tokyo
    assert history("list").out.splitlines() == [
        "month    snapshots  backfilled  gaps",
        "2026-10          2           0     0",
        "2026-11          1           0     3",
    ]
    listed = json.loads(history("list", "--json").out)
    assert listed[1] == {"month": "2026-11", "damaged": False, "snapshots": 1, "backfilled": 0, "gaps": 3}


def test_an_empty_bucket(s3: S3, history: Any) -> None:
    assert history("list") == (0, "There is no history yet.\n", "")
    assert history("list", "--json").out == "[]\n"
    assert history("rebuild").code == 0
    assert history("restore", "2026-11").code == 2


@pytest.mark.parametrize("month", ["2026", "2026-13", "november", "2026-11-01", ""])
def test_what_is_no_month(month: str, history: Any) -> None:
    for name in ("rebuild", "restore"):
        done = history(name, month)
        assert done.code == 2
        assert done.err.endswith("it takes a month, such as 2026-11\n")


def test_a_bucket_that_is_not_there(aws: AWS, s3: S3, history: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNAPSHOT_BUCKET", "no-such-bucket")
    for arguments in (["list"], ["rebuild"], ["restore", "2026-11"]):
        done = history(*arguments)
        assert (done.code, done.out) == (2, "")
        assert "NoSuchBucket" in done.err


def test_what_names_no_bucket_or_no_time_zone(
    aws: AWS, s3: S3, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = command("history", "rebuild")
    assert done.err.endswith("history rebuild: name OpenL2M's time zone: --time-zone, or TIME_ZONE\n")
    monkeypatch.delenv("SNAPSHOT_BUCKET")
    done = command("history", "rebuild", "--time-zone", "UTC")
    assert done.err.endswith("history rebuild: name the stack (--env or --stack), or set SNAPSHOT_BUCKET\n")


@pytest.mark.parametrize(("answer", "code"), [("n\n", 130), ("y\n", 0)])
def test_it_asks_on_a_terminal(answer: str, code: int, taken: Any, s3: S3, versioned: Any) -> None:
    put(versioned, s3, NOVEMBER, b"{}")
    parent, child = pty.openpty()
    os.write(parent, answer.encode())
    command = [sys.executable, "-m", "openl2m_stats", "history", "rebuild"]
    environment = {**os.environ, "PYTHONPATH": "functions", "TIME_ZONE": "Asia/Tokyo"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, stdin=child, capture_output=True, check=False)
    os.close(child)
    os.close(parent)
    assert ended.returncode == code
    assert b"Continue?" in ended.stderr
    assert (s3.objects[NOVEMBER] == b"{}") == (code != 0)
