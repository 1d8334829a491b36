"""`openl2m-stats doctor`: the newest snapshot."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dev.servers.databases import Database
from tests.integration.doctor.conftest import Examine, check, edit_latest
from tests.support.s3 import S3


def test_no_snapshot_yet(sqlite_healthy: Database, s3: S3, examine: Examine) -> None:
    s3.objects = {}
    check(examine(), "snapshot", "warn", f"none yet at s3://{s3.bucket}/snapshots/latest.json", "make logs")


def test_a_snapshot_that_may_not_be_read(sqlite_healthy: Database, s3: S3, examine: Examine) -> None:
    s3.fault = lambda *_: 403
    check(examine(), "snapshot", "FAIL", "latest.json cannot be read", "AccessDenied", "s3:ListBucket")


@pytest.mark.parametrize(("fault", "words"), [(503, "SlowDown"), ("broken", "ConnectionClosedError")])
def test_a_bucket_that_fails(fault: Any, words: str, sqlite_healthy: Database, s3: S3, examine: Examine) -> None:
    s3.fault = lambda *_: fault
    check(examine(), "snapshot", "FAIL", words)


def test_no_such_bucket(sqlite_healthy: Database, examine: Examine, monkeypatch: Any) -> None:
    monkeypatch.setenv("SNAPSHOT_BUCKET", "nobodys")
    check(examine(), "snapshot", "FAIL", "NoSuchBucket", "SNAPSHOT_BUCKET")


def test_no_bucket(sqlite_healthy: Database, examine: Examine, monkeypatch: Any) -> None:
    monkeypatch.delenv("SNAPSHOT_BUCKET")
    report = examine()
    assert report.wrong == {}
    for name in ("snapshot", "history"):
        assert report[name]["seen"].startswith("SNAPSHOT_BUCKET is not set")


def test_an_old_snapshot(sqlite_healthy: Database, s3: S3, examine: Examine) -> None:
    edit_latest(s3, taken_at=(datetime.now(UTC) - timedelta(seconds=890)).isoformat())
    assert examine().wrong == {}
    edit_latest(s3, taken_at=(datetime.now(UTC) - timedelta(seconds=910)).isoformat())
    check(examine(), "snapshot", "warn", "s ago, more than the 900 s that it may be", "make logs")


def test_what_is_no_snapshot(sqlite_healthy: Database, s3: S3, examine: Examine) -> None:
    edit_latest(s3, taken_at="noon")
    check(examine(), "snapshot", "FAIL", "latest.json is no snapshot")
    edit_latest(s3, taken_at=datetime.now(UTC).isoformat(), usage={"others": {"label": "Others", "value": 1}})
    check(examine(), "snapshot", "warn", "other statistics than this version's")


def test_a_snapshot_of_another_database_or_time_zone(sqlite_healthy: Database, s3: S3, examine: Examine) -> None:
    place = s3.json("snapshots/latest.json")["read_from"]
    edit_latest(s3, read_from={**place, "name": "/elsewhere"})
    check(examine(), "snapshot", "warn", "read from another database: sqlite, localhost, 0, /elsewhere", "make logs")
    edit_latest(s3, read_from=place, time_zone="Asia/Tokyo")
    check(examine(), "snapshot", "warn", "follows the time zone Asia/Tokyo, not UTC", "one TIME_ZONE")
    edit_latest(s3, time_zone="UTC")
    assert "snapshot" not in examine().wrong


def test_a_snapshot_without_some_numbers(sqlite_healthy: Database, s3: S3, examine: Examine) -> None:
    edit_latest(s3, taken_at=datetime.now(UTC).isoformat(), usage={})
    check(examine(), "snapshot", "warn", "s ago, without devices_last_hour, devices_today, ", "grants")
