"""How long a request may wait, and what it does not wait for."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import time_machine

from stats.base.deadline import THREAD, Deadline, each_within, within

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Context:
    """Lambda's context, as far as it tells the time."""

    def __init__(self, milliseconds: int) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


def started() -> Deadline:
    return Deadline(NOW, began=time.monotonic(), ends=time.monotonic() + 10)


@pytest.mark.parametrize(
    ("milliseconds", "seconds"),
    [(15_000, 10), (10_500, 10), (10_400, 9.9), (3_000, 2.5), (500, 0), (200, -0.3), (0, -0.5)],
)
def test_an_invocation_ends_before_lambda_ends_it(milliseconds: int, seconds: float) -> None:
    deadline = Deadline.of_invocation(10, Context(milliseconds))
    assert deadline.ends - deadline.began == pytest.approx(seconds)
    assert 0 <= deadline.left <= max(seconds, 0) + 1e-6
    assert deadline.passed == (seconds <= 0)


def test_an_invocation_without_lambda_has_all_its_time() -> None:
    for context in (None, object()):
        deadline = Deadline.of_invocation(10, context)
        assert deadline.ends - deadline.began == pytest.approx(10)


def test_the_wall_clock_is_read_once() -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        deadline = Deadline.after(10)
        clock.shift(1000)
        assert deadline.now == NOW
        assert timedelta() <= deadline.clock - NOW < timedelta(seconds=10)


@pytest.mark.parametrize(("part", "most", "seconds"), [(0.5, 60, 5), (0.5, 2, 2), (1, 3, 3), (1, 60, 10)])
def test_a_share_is_a_part_of_what_is_left(part: float, most: float, seconds: float) -> None:
    deadline = started()
    share = deadline.share(part, most)
    assert share.left == pytest.approx(seconds, abs=1)
    assert share.ends <= deadline.ends + 1e-6
    assert (share.now, share.began) == (deadline.now, deadline.began)


def test_a_call_returns_or_raises_what_it_did() -> None:
    deadline = started()
    assert within(deadline, lambda: 1) == 1
    with pytest.raises(ZeroDivisionError):
        within(deadline, lambda: 1 // 0)


def test_no_call_is_made_when_no_time_is_left() -> None:
    called: list[int] = []
    with pytest.raises(TimeoutError, match=r"^no time left$"):
        within(Deadline.after(0), lambda: called.append(1))
    assert not called


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join()


def test_four_stuck_calls_make_the_next_fail_at_once_and_an_ended_one_makes_room(released: threading.Event) -> None:
    ended = threading.Event()

    def first() -> None:
        released.wait(30)
        ended.set()

    one_ends = threading.Event()
    calls: list[Callable[[], object]] = [lambda: one_ends.wait(30), first, first, first]
    for call in calls:
        with pytest.raises(TimeoutError):
            within(Deadline.after(0.01), call)
    stuck = [thread for thread in threading.enumerate() if thread.name == THREAD]
    assert len(stuck) == 4
    assert all(thread.daemon for thread in stuck)  # no process waits for them to end

    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"^too many"):
        within(Deadline.after(3600), lambda: None)
    assert time.monotonic() - began < 60

    one_ends.set()
    until = time.monotonic() + 30
    while sum(thread.name == THREAD for thread in threading.enumerate()) == 4 and time.monotonic() < until:
        time.sleep(0.01)
    assert within(Deadline.after(30), lambda: "room") == "room"
    assert not ended.is_set()


def test_many_calls_share_four_threads_and_keep_their_order() -> None:
    four = threading.Barrier(4)
    running: list[int] = []

    def call(number: int) -> int:
        if number < 4:
            four.wait(30)  # breaks unless four of them run at once
        running.append(sum(thread.name == THREAD for thread in threading.enumerate()))
        return number // (number - 7)

    futures = each_within(Deadline.after(60), [partial(call, number) for number in range(13)])

    assert max(running) <= 4
    with pytest.raises(ZeroDivisionError):
        futures.pop(7).result(0)
    assert [future.result(0) for future in futures] == [n // (n - 7) for n in range(13) if n != 7]
    assert each_within(Deadline.after(60), []) == []


def test_of_many_calls_those_that_ended_in_time_count(released: threading.Event) -> None:
    begun: list[int] = []

    def call(number: int) -> int:
        begun.append(number)
        if number not in {0, 2}:
            released.wait(30)
        return number

    futures = each_within(Deadline.after(0.5), [partial(call, number) for number in range(13)])

    assert [future.result(0) for future in (futures[0], futures[2])] == [0, 2]
    for future in [futures[1], *futures[3:]]:
        with pytest.raises(TimeoutError):
            future.result(0)
    with pytest.raises(TimeoutError, match=r"^too many"):
        each_within(Deadline.after(60), [lambda: None])
    released.set()
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join()
    assert sorted(begun) == [0, 1, 2, 3, 4, 5]  # what had not begun by then never did
