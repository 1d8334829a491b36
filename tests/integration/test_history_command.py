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
