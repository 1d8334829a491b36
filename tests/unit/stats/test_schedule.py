"""What each event of a schedule takes a snapshot of, and what fails; the numbers are of an SQLite file."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dev.servers.databases import Database as File
from stats import schedule
from stats.base.instants import parse_instant, timestamp
from stats.base.remote import RemoteError
from stats.database.driver import DatabaseError
from stats.schedule import ScheduleError, handler
from tests.support.memory_s3 import MemoryBucket
from tests.support.sqlite_app import new_app


@pytest.fixture
def bucket(file: File, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryBucket]:
    """Yield the bucket that the function writes to."""
    bucket = MemoryBucket()
    with new_app(file, bucket, SNAPSHOT_PREFIX="p/") as app:
        monkeypatch.setattr(schedule, "_parts", (app, app.snapshots))
        yield bucket


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def ago(**time: float) -> str:
    return timestamp(now() - timedelta(**time))


@pytest.mark.parametrize("event", [None, {}])
def test_an_empty_event_is_of_now(bucket: MemoryBucket, event: Any) -> None:
    before = now()
    result = handler(event, None)
    assert before <= parse_instant(str(result["scheduled_for"])) <= now()
    assert result["written"] is True
    assert result["key"] in bucket.s3.objects


def test_the_document_is_stored_by_its_scheduled_time_with_the_instant_of_its_numbers(
    file: File, bucket: MemoryBucket
) -> None:
    file.insert("switches_vlan", [{"vid": 1}, {"vid": 2}])
    time = ago(minutes=3)
    result = handler({"scheduled_for": time}, None)
    content = json.loads(bucket.s3.objects[str(result["key"])])
    assert content["scheduled_for"] == result["scheduled_for"] == time
    assert content["taken_at"] == result["taken_at"]
    assert content["taken_at"] > time
    assert content["database"]["vlans"] == {"label": "Vlans", "value": 2}
    assert content["read_from"]["name"] == file.name
    assert str(result["key"]).startswith(f"p/dt={time[:10]}/")


def test_of_two_runs_for_one_time_the_first_counts(file: File, bucket: MemoryBucket) -> None:
    event = {"time": ago(minutes=3), "detail-type": "Scheduled Event"}
    first = handler(event, None)
    objects = dict(bucket.s3.objects)
    file.insert("switches_vlan", [{"vid": 1}])
    assert handler(event, None) == {**first, "written": False}
    assert bucket.s3.objects == objects


@pytest.mark.usefixtures("bucket")
def test_a_scheduled_time_counts_before_an_events_own_and_loses_its_fraction() -> None:
    time = ago(minutes=9)
    event = {"time": ago(minutes=3), "scheduled_for": time.replace("Z", ".9Z"), "detail-type": "Another"}
    assert handler(event, None)["scheduled_for"] == time


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("time", [{"minutes": -4}, {"days": 13, "hours": 23}])
def test_an_instant_that_a_queue_or_a_clock_may_have_delayed_is_accepted(time: dict[str, float]) -> None:
    assert handler({"time": ago(**time)}, None)["written"]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ([], "not a schedule's"),
        ("now", "not a schedule's"),
        ({"httpMethod": "GET"}, "not a schedule's"),
        ({"Records": [{"body": "{}"}]}, "it wraps others in Records"),
        ({"time": ago(minutes=3), "detail-type": "Object Created"}, "not a schedule's"),
        ({"time": None}, "'time' is not an ISO 8601 time"),
        ({"scheduled_for": 5}, "'scheduled_for' is not an ISO 8601 time"),
        ({"scheduled_for": "<aws.scheduler.scheduled-time>"}, "'scheduled_for' is not an ISO 8601 time"),
        ({"scheduled_for": "2025-11-23T12:00:00"}, "no offset"),
        ({"scheduled_for": "0001-01-01T00:00:00+14:00"}, "'scheduled_for' is not an ISO 8601 time"),
        ({"scheduled_for": ago(minutes=-60)}, "yet to come"),
        ({"time": "1970-01-01T00:00:00Z"}, "more than 14 days ago"),
        ({"time": ago(days=14, minutes=1)}, "more than 14 days ago"),
    ],
)
def test_other_events_are_refused_and_nothing_is_written(bucket: MemoryBucket, event: Any, text: str) -> None:
    with pytest.raises(ScheduleError, match=text):
        handler(event, None)
    assert bucket.s3.calls == []


def test_numbers_that_cannot_be_read_raise_and_nothing_is_written(file: File, bucket: MemoryBucket) -> None:
    Path(file.name).unlink()
    with pytest.raises(DatabaseError):
        handler({}, None)
    assert bucket.s3.calls == []


def test_a_snapshot_that_cannot_be_written_raises(bucket: MemoryBucket) -> None:
    bucket.s3.faults["p/latest.json"] = ConnectionError("no route")
    with pytest.raises(RemoteError, match=r"p/latest\.json: ConnectionError"):
        handler({}, None)


@pytest.mark.usefixtures("bucket")
def test_the_invocations_time_bounds_the_run() -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 400  # less than what is kept back to answer in

    with pytest.raises(RemoteError, match=r"(?i)timeout"):
        handler({}, Context())


@pytest.mark.usefixtures("bucket")
def test_what_is_unforeseen_raises_without_its_text() -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> int:
            raise LookupError("a-secret")

    with pytest.raises(ScheduleError, match="unforeseen LookupError") as failure:
        handler({}, Context())
    assert "a-secret" not in str(failure.value)
    assert failure.value.__suppress_context__
