"""When a value is refreshed, what is kept, and how long the back-off is."""

from datetime import UTC, datetime, timedelta

import pytest

from stats.base.deadline import Deadline
from stats.base.remote import Remote, RemoteError

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class World:
    """What is read from, and the time that each attempt takes."""

    def __init__(self) -> None:
        self.answers: str | RemoteError | None = "value"
        self.asked = 0
        self.took = 0.0
        self.remote = Remote(self.read, "message", "Metric")

    def read(self, _deadline: Deadline) -> str | None:
        self.asked += 1
        if isinstance(self.answers, RemoteError):
            raise self.answers
        return self.answers

    def ask(self, seconds: float) -> bool:
        return self.remote.refresh(self.deadline(seconds))

    def deadline(self, seconds: float) -> Deadline:
        """Return the deadline of a request that came so many seconds after NOW, whose attempts take `took` seconds."""
        deadline = Deadline.after(10)
        return Deadline(NOW + timedelta(seconds=seconds), deadline.began - self.took, deadline.ends)

    def wait(self, seconds: float) -> float:
        return self.remote.remaining(NOW + timedelta(seconds=seconds)).total_seconds()


@pytest.fixture
def world() -> World:
    return World()


def test_nothing_is_known_before_the_first_reading(world: World) -> None:
    assert (world.remote.value, world.remote.age(NOW), world.remote.since_attempt(NOW)) == (None, None, None)
    assert world.wait(0) == 0


def test_a_value_ages_and_is_kept_through_failures(world: World) -> None:
    assert world.ask(0)
    world.answers = RemoteError("down")
    assert not world.ask(5)
    now = NOW + timedelta(seconds=7)
    assert (world.remote.value, world.remote.age(now), world.remote.since_attempt(now)) == ("value", 7, 2)
    assert str(world.remote.error) == "down"

    world.answers = "newer"
    assert world.ask(7)
    assert (world.remote.value, world.remote.age(now), world.remote.error) == ("newer", 0, None)


def test_nothing_new_leaves_the_value_and_its_age(world: World) -> None:
    assert world.ask(0)
    world.answers = None
    assert world.ask(3)
    assert (world.remote.value, world.remote.age(NOW + timedelta(seconds=3))) == ("value", 3)


def test_the_wait_doubles_up_to_half_a_minute_and_a_success_ends_it(world: World) -> None:
    world.answers = RemoteError("down")
    at = 0.0
    for wait in (1, 2, 4, 8, 16, 30, 30, *[30] * 100):
        assert not world.ask(at)
        assert world.wait(at) == pytest.approx(wait, abs=0.5)
        at += 100
    asked, world.answers = world.asked, "value"
    assert world.ask(at)
    assert world.wait(at) == 0
    world.answers = RemoteError("down")
    assert not world.ask(at)
    assert world.wait(at) == pytest.approx(1, abs=0.5)
    assert world.asked == asked + 2


def test_a_source_is_left_alone_while_it_is_to_wait(world: World) -> None:
    world.answers = RemoteError("down")
    assert not world.ask(0)
    world.answers = "value"
    assert not world.ask(0.5)
    assert world.asked == 1
    assert world.remote.refresh_now(world.deadline(0.5))


def test_the_wait_begins_when_the_attempt_ends_whatever_came_before_it(world: World) -> None:
    world.answers = RemoteError("down")
    world.took = 6.0  # since the request began
    assert not world.ask(0)
    assert world.wait(6) == pytest.approx(1, abs=0.5)
    assert world.wait(0) == pytest.approx(7, abs=0.5)


def test_a_clock_that_was_set_back_makes_age_and_wait_unknown(world: World) -> None:
    assert world.ask(100)
    world.answers = RemoteError("down")
    assert not world.ask(200)
    assert world.wait(150) == 0
    assert world.remote.age(NOW) is None
    assert world.remote.since_attempt(NOW) is None
    world.answers = "value"
    assert world.ask(50)
    assert world.remote.age(NOW + timedelta(seconds=50)) == 0
