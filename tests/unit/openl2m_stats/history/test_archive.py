"""The bucket as the operator sees it."""

import os
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from openl2m_stats.history.archive import Archive, Month
from stats.aws.bucket import Stored
from stats.base.settings import load
from tests.integration.conftest import NOW, Travel
from tests.support.s3 import S3
from tests.unit.openl2m_stats.history.conftest import NOVEMBER, OCTOBER, PREFIX, month, snapshot

FIRST, SECOND = snapshot("2026-10-30T02:00:00Z", 1), snapshot("2026-10-31T02:00:00Z", 2)


@pytest.fixture
def archive(client: Any) -> Archive:
    return Archive(load(os.environ))


def test_months(archive: Archive, put: Any) -> None:
    assert archive.months() == []
    for key in ("history/2026-11.json", "history/2025-02.json", "history/2026-1.json", "history/2026-11.json.old"):
        put(PREFIX + key, b"{}")
    put("history/2024-01.json", b"{}")  # of another prefix
    assert archive.months() == ["2025-02", "2026-11"]


def test_a_month(archive: Archive, put: Any) -> None:
    assert archive.month("2026-10") == Month(None, {})
    put(OCTOBER, month(FIRST, SECOND))
    found = archive.month("2026-10")
    assert found.stored
    assert found.stored.key == OCTOBER
    assert found.rows == {"2026-10-30": FIRST.row, "2026-10-31": SECOND.row}
    put(OCTOBER, b"{")
    damaged = archive.month("2026-10")
    assert isinstance(damaged.stored, Stored)
    assert damaged.rows is None


def test_the_last_good_version(archive: Archive, client: Any, put: Any, travel: Travel, s3: S3) -> None:
    put(OCTOBER, b"")
    put(f"{OCTOBER}.old", month(SECOND))
    assert archive.last_good("2026-10") is None
    for seconds, content in enumerate((month(FIRST), month(FIRST, SECOND), b"{"), start=1):
        travel(seconds)
        put(OCTOBER, content)
    travel(4)
    client.delete_object(Bucket=s3.bucket, Key=OCTOBER)
    rows = {"2026-10-30": FIRST.row, "2026-10-31": SECOND.row}
    assert archive.last_good("2026-10") == ((NOW + timedelta(seconds=2)).replace(microsecond=0), rows)


def test_replacing_only_what_was_read(archive: Archive, put: Any, s3: S3) -> None:
    absent = archive.month("2026-10")
    assert archive.replace("2026-10", {"2026-10-31": SECOND.row, "2026-10-30": FIRST.row}, absent)
    assert list(s3.json(OCTOBER)) == ["2026-10-30", "2026-10-31"]
    assert not archive.replace("2026-10", {}, absent)
    found = archive.month("2026-10")
    put(OCTOBER, month(SECOND))
    assert not archive.replace("2026-10", {}, found)
    assert s3.objects[OCTOBER] == month(SECOND)


def test_adding_only_what_was_read_later(archive: Archive, put: Any, s3: S3) -> None:
    put(OCTOBER, month(SECOND))
    earlier, later = snapshot("2026-10-31T01:00:00Z", 3), snapshot("2026-10-31T03:00:00Z", 4)
    assert not archive.put("2026-10", {earlier.day: earlier.row})
    assert archive.put("2026-10", {later.day: later.row, FIRST.day: FIRST.row})
    assert s3.json(OCTOBER) == {"2026-10-30": FIRST.row, "2026-10-31": later.row}


def test_the_keys_that_a_months_days_may_have(archive: Archive, put: Any, travel: Travel) -> None:
    """A run may read two weeks late, and a day begins elsewhere before it does in UTC."""
    kept = {
        "2026-10-17": "2026-10-31",  # it came as late as the queue keeps it
        "2026-10-31": "2026-10-31",
        "2026-11-30": "2026-11-30",
        "2026-12-03": "2026-12-03",
    }
    others = {
        "2026-10-16": "2026-11-01",
        "2026-10-30": "2026-10-30",
        "2026-12-04": "2026-12-04",
    }
    keys = {day: snapshot(f"{day}T12:00:00Z", 1).key for day in (*kept, *others)}
    for day, key in keys.items():
        travel(datetime.fromisoformat(f"{(kept | others)[day]}T23:59:59Z"))
        put(PREFIX + key, b"{}")
    put(NOVEMBER, b"{}")
    assert archive.keys("2026-11") == [PREFIX + keys[day] for day in kept]
    assert archive.keys(None) == sorted(PREFIX + key for key in keys.values())


def test_snapshots_in_the_order_of_their_keys(archive: Archive, put: Any, s3: S3) -> None:
    several = [snapshot(f"2026-10-{day:02}T02:00:00Z", day) for day in range(1, 21)]
    keys = [PREFIX + each.key for each in several]
    for each, key in zip(several, keys, strict=True):
        put(key, each.line)
    put("snapshots/dt=2026-10-01/notes.txt", b"hello")
    found = list(archive.snapshots([*keys, "snapshots/dt=2026-10-01/notes.txt", "snapshots/dt=gone"]))
    assert found == [*several, None, None]
    s3.fault = lambda call, _: 403 if call.key == keys[3] else None
    with pytest.raises(ClientError, match="AccessDenied"):
        list(archive.snapshots(keys))
