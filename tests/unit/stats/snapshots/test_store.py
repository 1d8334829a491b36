"""What a snapshot's object says, and what a run leaves in the bucket after each point at which it can fail."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stats.aws.bucket import StorageError, Stored
from stats.base.deadline import Deadline
from stats.base.zones import time_zone
from stats.numbers import query
from stats.numbers.catalogue import STATISTICS
from stats.snapshots.store import Snapshot, Snapshots, hour_prefix, key_of, open_snapshots, parse
from tests.support.memory_s3 import MemoryBucket, refusal
from tests.support.sqlite_app import new_settings

ZONE = time_zone("Asia/Tokyo")
NOON = datetime(2025, 11, 23, 12, tzinfo=UTC)
LATEST, ROW = "p/latest.json", "p/history/2025-11.json"


def taken(hour: int = 0, number: int = 0, delay: float = 1) -> Snapshot:
    """Return the snapshot that is scheduled so many hours after noon, and all of whose numbers are the same."""
    at = NOON + timedelta(hours=hour)
    document = query.document([number] * len(STATISTICS))
    return Snapshot(document, at + timedelta(seconds=delay), at, ZONE, {"name": "openl2m"})


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


def write(bucket: MemoryBucket, snapshot: Snapshot) -> tuple[Snapshot, bool]:
    return Snapshots(bucket, ZONE).write(snapshot, Deadline.after(10))


def test_keys_are_by_the_scheduled_time() -> None:
    assert taken().key == key_of(NOON) == "dt=2025-11-23/2025-11-23T12-00-00Z.json"
    assert hour_prefix(NOON + timedelta(minutes=59)) == "dt=2025-11-23/2025-11-23T12-"
    assert taken(3).day == "2025-11-24"  # in Tokyo


def test_a_snapshot_is_read_as_it_was_written() -> None:
    snapshot = taken(number=7)
    assert parse(Stored("key", snapshot.line, ""), time_zone("UTC")) == snapshot
    assert snapshot.row["values"]["vlans"] == 7


def changed(**entries: Any) -> bytes:
    content = {**json.loads(taken().line), **entries}
    return json.dumps({name: value for name, value in content.items() if value is not None}).encode()


def test_a_snapshot_of_version_1_0_is_of_the_functions_own_zone() -> None:
    found = parse(Stored("key", changed(time_zone=None, read_from=None), ""), time_zone("UTC"))
    assert (found.zone.key, found.read_from) == ("UTC", None)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"null", b"{}", b"[" * 100_000),
        changed(taken_at=None),
        changed(scheduled_for="2025-11-23T12:00:00"),
        changed(taken_at="0001-01-01T00:00:00+14:00"),
        changed(taken_at="9999-12-31T23:59:59Z"),  # the year 10000 in Tokyo
        changed(time_zone="Mars"),
        changed(read_from="a database"),
        changed(database={"vlans": {"label": "Vlans", "value": "7"}}),
        changed(database={"vlans": {"label": "Vlans", "value": True}}),
        changed(database={"vlans": {"value": 7}}),
        changed(database=[]),
    ],
)
def test_what_is_no_snapshot(bucket: MemoryBucket, body: bytes) -> None:
    with pytest.raises(StorageError, match="key is not a valid snapshot"):
        parse(Stored("key", body, ""), ZONE)
    bucket.s3.objects["p/key"] = body
    assert Snapshots(bucket, ZONE).read("key", Deadline.after(10)) is None
    # It does not stay the newest either.
    bucket.s3.objects[LATEST] = body
    assert write(bucket, taken()) == (taken(), True)
    assert bucket.s3.objects[LATEST] == taken().line


def test_a_run_writes_the_newest_the_object_and_the_row(bucket: MemoryBucket) -> None:
    assert Snapshots(bucket, ZONE).latest(Deadline.after(10)) is None
    assert write(bucket, taken()) == (taken(), True)
    assert [key for operation, key in bucket.s3.calls if operation == "put"] == [LATEST, f"p/{taken().key}", ROW]
    assert json.loads(bucket.s3.objects[ROW]) == {"2025-11-23": taken().row}
    assert Snapshots(bucket, ZONE).latest(Deadline.after(10)) == taken()


def test_the_first_of_several_for_one_time_counts(bucket: MemoryBucket) -> None:
    write(bucket, taken(number=1))
    objects = dict(bucket.s3.objects)
    assert write(bucket, taken(number=2, delay=5)) == (taken(number=1), False)
    write(bucket, taken(1, number=3))
    assert write(bucket, taken(number=4, delay=9)) == (taken(number=1), False)
    assert bucket.s3.objects[f"p/{taken().key}"] == objects[f"p/{taken().key}"]


def test_the_newest_never_goes_back(bucket: MemoryBucket) -> None:
    write(bucket, taken(1))
    assert write(bucket, taken()) == (taken(), True)
    assert bucket.s3.objects[LATEST] == taken(1).line
    assert json.loads(bucket.s3.objects[ROW])["2025-11-23"] == taken(1).row


@pytest.mark.parametrize("missing", [f"p/{taken().key}", ROW])
@pytest.mark.parametrize("following", [taken(), taken(number=5), taken(1), taken(-1)])
def test_what_a_run_left_unfinished_is_finished_by_the_next(
    bucket: MemoryBucket, missing: str, following: Snapshot
) -> None:
    bucket.s3.faults[missing] = refusal("SlowDown", 503)
    with pytest.raises(StorageError):
        write(bucket, taken())
    assert missing not in bucket.s3.objects
    bucket.s3.faults.clear()
    assert write(bucket, following)[1]
    assert bucket.s3.objects[f"p/{taken().key}"] == taken().line
    last = taken() if following.scheduled_for <= NOON else following
    assert json.loads(bucket.s3.objects[ROW]) == {"2025-11-23": last.row}


def test_a_newest_that_cannot_be_read_is_not_replaced(bucket: MemoryBucket) -> None:
    write(bucket, taken())
    bucket.s3.faults[LATEST] = refusal("AccessDenied", 403)
    objects = dict(bucket.s3.objects)
    with pytest.raises(StorageError, match="AccessDenied"):
        write(bucket, taken(1))
    assert bucket.s3.objects == objects


def test_settings_without_a_bucket_have_no_snapshots() -> None:
    assert open_snapshots(new_settings(), 1) is None
    assert open_snapshots(new_settings(SNAPSHOT_BUCKET="a-bucket"), 1)
