"""Which statistics are served: memory's, a snapshot's, the database's or stale ones, and what each source is asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest

from stats.aws.bucket import StorageError
from stats.base.deadline import Deadline
from stats.base.remote import UnavailableError
from stats.base.settings import load
from stats.base.zones import time_zone
from stats.database.driver import DatabaseError, Row, Server
from stats.database.session import Database
from stats.numbers import query
from stats.numbers.catalogue import STATISTICS
from stats.reading import Reader
from stats.service import Origin, Service
from stats.snapshots.store import Snapshot, Snapshots

T = TypeVar("T")

UTC_ZONE = time_zone("UTC")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DOCUMENT = query.document([0] * len(STATISTICS))


@dataclass
class Numbers(Database):
    """A database that answers or fails; `seconds` is the time that each question might take."""

    answers: bool = True
    server: Server | None = None  # not a property here
    seconds: list[float] = field(default_factory=list)

    def read(self, _statement: object, parse: Callable[[Sequence[Row]], T], deadline: Deadline) -> T:
        """Return what is made of the rows, as Database does."""
        self.seconds.append(deadline.left)
        if not self.answers:
            raise DatabaseError("2003", "no connection")
        return parse([[0] * len(STATISTICS)])


@dataclass
class Newest(Snapshots):
    """A bucket whose newest snapshot was taken so many seconds after NOW; it fails so often first."""

    taken: float | None = None
    failures: int = 0
    zone: ZoneInfo = UTC_ZONE
    read_from: dict[str, str | int] | None = None
    seconds: list[float] = field(default_factory=list)

    def latest(self, deadline: Deadline) -> Snapshot | None:
        """Return the newest snapshot, as Snapshots does."""
        self.seconds.append(deadline.left)
        if self.failures:
            self.failures -= 1
            raise StorageError("slow down")
        if self.taken is None:
            return None
        at = NOW + timedelta(seconds=self.taken)
        return Snapshot(DOCUMENT, at, at, self.zone, self.read_from)


class World:
    """A service that serves stale numbers for 300 s."""

    def __init__(self, *, time_to_live: int = 60, bucket: bool = True) -> None:
        settings = load(
            {
                "DATABASE_SECRET_ID": "database",
                "TOKENS_SECRET_ID": "tokens",
                "CACHE_TTL_SECONDS": str(time_to_live),
                "MAX_STALE_SECONDS": "300",
            }
        )
        self.database, self.snapshots = Numbers(), Newest()
        self.service = Service(settings, Reader(self.database, settings.time_zone), self.snapshots if bucket else None)

    def ask(self, seconds: float, left: float = 12) -> tuple[Origin, float]:
        """Return where the numbers come from that are served so many seconds after NOW, and their age."""
        started = Deadline.after(left)
        now = NOW + timedelta(seconds=seconds)
        statistics, origin = self.service.statistics(Deadline(now, started.began, started.ends))
        return origin, statistics.age(now)

    def asked(self) -> tuple[int, int]:
        """Return how often the bucket and the database have been asked since the last call."""
        counts = len(self.snapshots.seconds), len(self.database.seconds)
        self.snapshots.seconds.clear()
        self.database.seconds.clear()
        return counts


@pytest.fixture
def world() -> World:
    return World()


def test_the_database_is_asked_once_a_time_to_live(world: World) -> None:
    answers = [(Origin.DATABASE, 0), (Origin.MEMORY, 0), (Origin.MEMORY, 59.9)]
    assert [world.ask(at) for at in (0, 0, 59.9)] == answers
    assert world.asked() == (1, 1)
    assert world.ask(60) == (Origin.DATABASE, 0)
    assert world.asked() == (1, 1)


def test_without_a_bucket_only_the_database_is_asked() -> None:
    world = World(bucket=False)
    assert world.ask(0) == (Origin.DATABASE, 0)
    world.database.answers = False
    assert world.ask(60) == (Origin.STALE, 60)
    assert world.asked() == (0, 2)


def test_a_fresh_snapshot_spares_the_database_a_question(world: World) -> None:
    world.snapshots.taken = 0
    assert [world.ask(at) for at in (59.9, 59.95)] == [(Origin.SNAPSHOT, 59.9), (Origin.MEMORY, 59.95)]
    assert world.asked() == (1, 0)
    assert world.ask(60) == (Origin.DATABASE, 0)


def test_the_snapshot_gets_a_quarter_of_the_time_and_at_most_two_seconds(world: World) -> None:
    for at, left in ((0, 4), (100, 7), (200, 12)):
        world.ask(at, left)
    assert world.snapshots.seconds == pytest.approx([1, 1.75, 2], abs=0.3)
    assert world.database.seconds == pytest.approx([4, 7, 12], abs=0.3)


def test_stale_numbers_are_served_while_they_are_young_enough(world: World) -> None:
    world.snapshots.taken = 0
    world.database.answers = False
    assert world.ask(300) == (Origin.STALE, 300)
    with pytest.raises(UnavailableError) as caught:
        world.ask(310)
    assert caught.value.retry_after.total_seconds() == pytest.approx(2, abs=0.5)


def test_the_newer_numbers_are_served(world: World) -> None:
    world.ask(0)
    world.database.answers = False
    world.snapshots.taken = -10
    assert world.ask(100) == (Origin.STALE, 100)
    world.snapshots.taken = 20
    assert world.ask(200) == (Origin.STALE, 180)


def test_numbers_from_the_future_are_not_served(world: World) -> None:
    world.ask(0)
    world.snapshots.taken = 1
    assert world.ask(-1) == (Origin.DATABASE, 0)


def test_a_bucket_that_failed_is_left_alone_for_a_while() -> None:
    world = World(time_to_live=0)
    world.snapshots.failures = 1
    for at in (0, 0.1, 2):
        assert world.ask(at) == (Origin.DATABASE, 0)
    assert world.asked() == (2, 3)


def test_with_nothing_else_to_serve_the_bucket_is_asked_again_with_all_the_time(world: World) -> None:
    world.snapshots.taken, world.snapshots.failures = -100, 1
    world.database.answers = False
    assert world.ask(0) == (Origin.STALE, 100)
    assert world.snapshots.seconds == pytest.approx([2, 12], abs=0.3)


def test_a_fresh_snapshot_that_is_had_at_the_second_try_is_no_stale_one(world: World) -> None:
    world.snapshots.taken, world.snapshots.failures = -10, 1
    world.database.answers = False
    assert world.ask(0) == (Origin.SNAPSHOT, 10)


@pytest.mark.parametrize(("failures", "left"), [(0, 12.0), (1, 0.0)])
def test_the_bucket_is_asked_once_when_it_holds_nothing_or_no_time_is_left(
    failures: int, left: float, world: World
) -> None:
    world.snapshots.failures = failures
    world.database.answers = False
    with pytest.raises(UnavailableError):
        world.ask(0, left)
    assert world.asked() == (1, 1)


def test_with_stale_numbers_to_serve_the_bucket_is_asked_once(world: World) -> None:
    world.ask(0)
    world.asked()
    world.database.answers = False
    world.snapshots.failures = 1
    assert world.ask(100) == (Origin.STALE, 100)
    assert world.asked() == (1, 1)


DATABASE = Server("postgres", "db.example.com", 5432, "openl2m_stats", "secret", "openl2m")


@pytest.mark.parametrize(
    ("changed", "served"),
    [
        ({}, True),
        ({"user": "openl2m_stats_clone", "password": None}, True),
        ({"host": "db2.example.com"}, False),
        ({"port": 5433}, False),
        ({"database": "staging"}, False),
        ({"engine": "aurora-postgres"}, False),
    ],
)
def test_a_snapshot_of_another_database_is_not_served(changed: Any, served: bool, world: World) -> None:
    world.snapshots.taken, world.snapshots.read_from = -10, DATABASE.place
    world.database.server = replace(DATABASE, **changed)
    assert world.ask(0)[0] == (Origin.SNAPSHOT if served else Origin.DATABASE)


def test_a_snapshot_of_another_database_is_served_once_it_is_stale_and_nothing_else_is_there(world: World) -> None:
    world.snapshots.taken, world.snapshots.read_from = -10, {**DATABASE.place, "host": "db2.example.com"}
    world.database.server, world.database.answers = DATABASE, False
    with pytest.raises(UnavailableError):
        world.ask(49)
    assert world.ask(50) == (Origin.STALE, 60)
    world.database.answers = True
    assert world.ask(100) == (Origin.DATABASE, 0)
    world.snapshots.taken, world.database.answers = 110, False
    assert world.ask(200) == (Origin.STALE, 100)  # this database's own, although they are older


def test_a_database_that_nobody_names_counts_as_the_same(world: World) -> None:
    world.snapshots.taken = -10
    world.database.server = DATABASE
    assert world.ask(0) == (Origin.SNAPSHOT, 10)
    other = World()
    other.snapshots.taken, other.snapshots.read_from = -10, DATABASE.place
    assert other.ask(0) == (Origin.SNAPSHOT, 10)


def test_a_snapshot_of_another_time_zone_is_not_served(world: World) -> None:
    world.snapshots.taken, world.snapshots.zone = -10, time_zone("Asia/Tokyo")
    assert world.ask(0) == (Origin.DATABASE, 0)
