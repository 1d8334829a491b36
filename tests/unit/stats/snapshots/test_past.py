"""Which snapshot stands for an instant, how few calls find it, and the pause after a failure."""

from datetime import UTC, datetime, timedelta

import pytest

from stats.base.deadline import Deadline
from stats.base.instants import parse_instant, timestamp
from stats.base.remote import UnavailableError
from stats.base.zones import time_zone
from stats.numbers import query
from stats.numbers.catalogue import STATISTICS
from stats.snapshots.past import Past
from stats.snapshots.store import Snapshot, Snapshots
from tests.support.memory_s3 import MemoryBucket, refusal

DOCUMENT = query.document([0] * len(STATISTICS))
ZONE = time_zone("UTC")


class World:
    """A bucket of single snapshots, and what finds them."""

    def __init__(self, *times: str) -> None:
        self.bucket = MemoryBucket()
        self.past = Past(Snapshots(self.bucket, ZONE))
        for time in times:
            self.add(time)

    def add(self, scheduled: str, late: float = 1) -> str:
        """Store a snapshot that was read so many seconds after the time that it was scheduled for."""
        at = parse_instant(scheduled)
        snapshot = Snapshot(DOCUMENT, at + timedelta(seconds=late), at, ZONE, None)
        self.bucket.s3.objects[f"p/{snapshot.key}"] = snapshot.line
        return f"p/{snapshot.key}"

    def newest(self, instant: str, *refused: str, after: float = 0) -> str | None:
        """Return when the snapshot was scheduled that is found by a request that comes so many seconds later."""
        started = Deadline.after(10)
        now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=after)
        deadline = Deadline(now, started.began, started.ends)

        def accepts(snapshot: Snapshot) -> bool:
            return timestamp(snapshot.scheduled_for) not in refused

        found = self.past.newest(parse_instant(instant), accepts, deadline)
        return timestamp(found.scheduled_for) if found else None


HOURS = ("2025-11-23T10:00:00Z", "2025-11-23T11:00:00Z", "2025-11-23T12:00:00Z")


@pytest.mark.parametrize(
    ("instant", "found"),
    [
        ("2025-11-23T12:00:01Z", HOURS[2]),  # the very instant of its reading
        ("2025-11-23T12:00:00Z", HOURS[1]),  # scheduled, but not read yet
        ("2025-11-23T11:59:59Z", HOURS[1]),
        ("2025-11-24T12:00:01Z", HOURS[2]),  # a day before, to the second
        ("2025-11-24T12:00:02Z", None),
        ("2025-11-23T09:00:00Z", None),
        ("1969-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00Z", None),
    ],
)
def test_the_newest_within_a_day_is_found(instant: str, found: str | None) -> None:
    assert World(*HOURS).newest(instant) == found


def test_a_run_that_was_late_does_not_stand_for_an_instant_before_its_reading() -> None:
    world = World(HOURS[0])
    world.add(HOURS[1], late=1800)
    assert world.newest("2025-11-23T11:15:00Z") == HOURS[0]
    assert world.newest("2025-11-23T11:30:00Z") == HOURS[1]


def test_a_snapshot_that_is_refused_or_malformed_gives_way_to_the_one_before() -> None:
    world = World(*HOURS)
    assert world.newest("2025-11-23T12:30:00Z", HOURS[2]) == HOURS[1]
    world.bucket.s3.objects[world.add(HOURS[2])] = b"{}"
    assert world.newest("2025-11-23T12:30:00Z") == HOURS[1]


def test_of_several_in_an_hour_the_latest_counts() -> None:
    world = World(HOURS[2], "2025-11-23T12:15:00Z", "2025-11-23T12:45:00Z")
    assert world.newest("2025-11-23T12:40:00Z") == "2025-11-23T12:15:00Z"


def test_the_usual_case_takes_one_list_and_one_object() -> None:
    world = World(*HOURS)
    world.newest("2025-11-23T12:30:00Z")
    assert [operation for operation, _ in world.bucket.s3.calls] == ["list", "get"]


def test_a_failure_is_followed_by_a_pause_without_calls() -> None:
    world = World(*HOURS)
    key = world.add(HOURS[2])
    world.bucket.s3.faults[key] = refusal("SlowDown", 503)
    with pytest.raises(UnavailableError) as failure:
        world.newest("2025-11-23T12:30:00Z")
    assert timedelta() < failure.value.retry_after <= timedelta(seconds=1)
    world.bucket.s3.faults.clear()
    calls = list(world.bucket.s3.calls)
    with pytest.raises(UnavailableError):
        world.newest("2025-11-23T12:30:00Z", after=0.5)
    assert world.bucket.s3.calls == calls
    assert world.newest("2025-11-23T12:30:00Z", after=60) == HOURS[2]


def test_an_hour_that_cannot_be_listed_is_a_failure_not_an_absence() -> None:
    world = World(HOURS[0])
    world.bucket.s3.faults["p/dt=2025-11-23/2025-11-23T12-"] = refusal("AccessDenied", 403)
    with pytest.raises(UnavailableError):
        world.newest("2025-11-23T12:30:00Z")
