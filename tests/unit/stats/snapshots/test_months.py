"""Which row of a day counts, what is a month's object, and that a write loses no row of another writer."""

import json
from typing import Any

import pytest

from stats.aws.bucket import StorageError, Stored
from stats.base.deadline import Deadline
from stats.snapshots import months
from tests.support.memory_s3 import MemoryBucket

DAY, KEY = "2025-11-23", "history/2025-11.json"


def row(taken: str, scheduled: str | None = None, **more: Any) -> months.Row:
    return {"taken_at": taken, "scheduled_for": scheduled or taken, "time_zone": "UTC", "values": {}, **more}


EARLY, LATE = row("2025-11-23T10:00:00Z"), row("2025-11-23T11:00:00Z")
BACKFILLED = row("2025-11-23T23:59:59Z", source="backfill")


def without_zone(taken: str) -> months.Row:
    """Return a row of version 1.0."""
    return {key: value for key, value in row(taken).items() if key != "time_zone"}


@pytest.mark.parametrize(
    ("new", "old", "replaces"),
    [
        (EARLY, None, True),
        (EARLY, EARLY, False),
        (LATE, EARLY, True),
        (EARLY, LATE, False),
        # Read at one instant: the one that was scheduled later counts.
        (row("2025-11-23T10:00:00Z", "2025-11-23T09:00:00Z"), EARLY, False),
        (EARLY, row("2025-11-23T10:00:00Z", "2025-11-23T09:00:00Z"), True),
        # Instants are compared, not texts.
        (row("2025-11-23T12:30:00+02:00"), LATE, False),
        (EARLY, BACKFILLED, True),
        (BACKFILLED, EARLY, False),
        ({**BACKFILLED, "values": {"views": 1}}, BACKFILLED, True),
        (BACKFILLED, BACKFILLED, False),
        # A row of version 1.0 stays for a day in UTC that is the zone's as well, and gives way on another.
        (EARLY, without_zone("2025-11-23T11:00:00Z"), False),
        ({**EARLY, "time_zone": "Asia/Tokyo"}, without_zone("2025-11-23T16:00:00Z"), True),
        ({**EARLY, "time_zone": "Asia/Tokyo"}, without_zone("2025-11-23T14:00:00Z"), False),
    ],
)
def test_which_row_counts(new: months.Row, old: months.Row | None, replaces: bool) -> None:
    assert months.replaces(new, old, DAY) is replaces


def stored(body: bytes) -> Stored:
    return Stored(KEY, body, '"tag"')


def test_a_month_keeps_all_that_is_in_its_rows() -> None:
    rows = {DAY: {**LATE, "of a later version": [1]}}
    assert months.parse(stored(months.line(rows))) == rows
    assert months.key_of(DAY) == months.key_of(DAY[:7]) == KEY


NOT_ROWS: list[Any] = [
    [],
    None,
    "",
    {**EARLY, "values": []},
    {**EARLY, "taken_at": "2025-11-23T10:00:00"},
    {**EARLY, "taken_at": 1},
]
MALFORMED = [b"", b"\xff", b"[]", b"1", b"null", b'{"2025-11-23": {}', b"[" * 100_000]


@pytest.mark.parametrize("body", [*MALFORMED, *(json.dumps({DAY: each}).encode() for each in NOT_ROWS)])
def test_what_is_no_month_is_not_written_over(body: bytes) -> None:
    with pytest.raises(StorageError, match=KEY):
        months.parse(stored(body))
    bucket = MemoryBucket()
    bucket.s3.objects[f"p/{KEY}"] = body
    with pytest.raises(StorageError, match=KEY):
        months.put(bucket, KEY, {DAY: LATE}, Deadline.after(10))
    assert bucket.s3.objects == {f"p/{KEY}": body}


def put(bucket: MemoryBucket, rows: dict[str, months.Row]) -> bool:
    return months.put(bucket, KEY, rows, Deadline.after(10))


def content(bucket: MemoryBucket) -> Any:
    return json.loads(bucket.s3.objects[f"p/{KEY}"])


def test_rows_are_added_in_the_order_of_their_days_and_none_replaces_a_better_one() -> None:
    bucket = MemoryBucket()
    assert put(bucket, {"2025-11-24": EARLY, DAY: LATE})
    assert put(bucket, {DAY: EARLY, "2025-11-22": EARLY})
    assert content(bucket) == {"2025-11-22": EARLY, DAY: LATE, "2025-11-24": EARLY}
    assert list(content(bucket)) == sorted(content(bucket))


def test_nothing_is_written_where_no_row_is_new() -> None:
    bucket = MemoryBucket()
    assert put(bucket, {DAY: LATE})
    assert not put(bucket, {DAY: EARLY})
    assert [operation for operation, _ in bucket.s3.calls] == ["get", "put", "get"]


def test_the_row_of_a_faster_writer_stays() -> None:
    class Contested(MemoryBucket):
        def put(self, key: str, body: bytes, replaces: Stored | None, deadline: Deadline) -> bool:
            if not self.s3.objects:
                super().put(key, months.line({"2025-11-01": EARLY}), replaces, deadline)
            return super().put(key, body, replaces, deadline)

    bucket = Contested()
    assert put(bucket, {DAY: LATE})
    assert content(bucket) == {"2025-11-01": EARLY, DAY: LATE}
