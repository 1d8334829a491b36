"""The check of the newest snapshot."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from openl2m_stats.doctor.findings import Finding
from openl2m_stats.doctor.snapshot import check_snapshot
from stats.base.zones import time_zone
from stats.numbers.catalogue import STATISTICS, Document
from stats.numbers.query import document
from stats.snapshots.store import Snapshot
from tests.integration.conftest import NOW
from tests.support.s3 import S3
from tests.unit.openl2m_stats.doctor.conftest import Knowing, check

pytestmark = pytest.mark.usefixtures("travel")

UTC_ZONE = time_zone("UTC")
NEWEST = Snapshot(document([1] * len(STATISTICS)), NOW, NOW, UTC_ZONE, None)


@pytest.fixture
def checked(s3: S3, sqlite_login: str, knowing: Knowing) -> Any:
    """Return a function that checks a newest snapshot: none, one, or other content."""

    def put_and_check(newest: Snapshot | bytes | None, **options: Any) -> Finding:
        content = newest.line if isinstance(newest, Snapshot) else newest
        s3.objects = {} if content is None else {"snapshots/latest.json": content}
        return check_snapshot(knowing(sqlite_login, SNAPSHOT_BUCKET=s3.bucket, **options))

    return put_and_check


def test_a_new_one(checked: Any) -> None:
    check(checked(NEWEST), "ok", "the newest is of 2026-11-23T12:00:00Z, 0 s ago")


def test_none_yet(s3: S3, checked: Any) -> None:
    check(checked(None), "warn", f"none yet at s3://{s3.bucket}/snapshots/latest.json", "make logs")
    check(checked(None, local=True), "ok", "none yet: make run takes one at its start")


def test_no_bucket(knowing: Knowing) -> None:
    check(check_snapshot(knowing()), "ok", "SNAPSHOT_BUCKET is not set")
    check(check_snapshot(knowing(SNAPSHOT_BUCKET="nobodys")), "FAIL", "NoSuchBucket", "SNAPSHOT_BUCKET")


@pytest.mark.parametrize(
    ("fault", "words"),
    [(403, ("AccessDenied", "s3:ListBucket")), (503, ("SlowDown",)), ("broken", ("ConnectionClosedError",))],
)
def test_a_bucket_that_fails(fault: Any, words: tuple[str, ...], s3: S3, checked: Any) -> None:
    s3.fault = lambda *_: fault
    check(checked(NEWEST), "FAIL", "latest.json cannot be read", *words)


@pytest.mark.parametrize(("seconds", "state"), [(900, "ok"), (901, "warn")])
def test_an_old_one(seconds: int, state: str, checked: Any) -> None:
    found = checked(replace(NEWEST, taken_at=NOW - timedelta(seconds=seconds)))
    check(found, state, f"{seconds} s ago")
    assert ("more than the limit of 900 s" in found.seen) == (state == "warn")


def test_what_is_not_a_snapshot(checked: Any) -> None:
    check(checked(b'{"taken_at": "noon"}'), "FAIL", "latest.json is not a valid snapshot")
    others: Document = {"usage": {"others": {"label": "Others", "value": 1}}}
    check(checked(replace(NEWEST, document=others)), "warn", "other statistics than this version")


def test_one_of_another_database_or_time_zone(sqlite_login: str, knowing: Knowing, checked: Any) -> None:
    own = knowing(sqlite_login).named.place
    elsewhere = replace(NEWEST, read_from={**own, "name": "/elsewhere"})
    check(checked(elsewhere), "warn", "read from another database: sqlite, localhost, 0, /elsewhere", "make logs")
    there = replace(NEWEST, read_from=own, zone=time_zone("Asia/Tokyo"))
    check(checked(there), "warn", "follows the time zone Asia/Tokyo, not UTC", "one TIME_ZONE")
    check(checked(replace(there, zone=UTC_ZONE)), "ok")


def test_one_without_some_numbers(checked: Any) -> None:
    without = {section: entries for section, entries in NEWEST.document.items() if section != "usage"}
    found = checked(replace(NEWEST, document={**without, "usage": {}}))
    check(found, "warn", "s ago, without devices_last_hour, devices_today, ", "grants")


def test_the_database_does_not_count_where_the_login_failed(s3: S3, knowing: Knowing) -> None:
    s3.objects = {"snapshots/latest.json": replace(NEWEST, read_from={"name": "/elsewhere"}).line}
    known = knowing(SNAPSHOT_BUCKET=s3.bucket)
    known.causes["login"] = "database secret"
    check(check_snapshot(known), "ok")
