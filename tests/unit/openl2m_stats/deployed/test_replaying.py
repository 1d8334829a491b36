"""Which events are replayed, and that the others can be received again. tests/integration/deployed replays them."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from openl2m_stats.deployed.queue import Failure
from openl2m_stats.deployed.replaying import chosen as chosen_of
from openl2m_stats.errors import Failed


class Held:
    """A queue whose failures come in batches."""

    def __init__(self, *batches: str) -> None:
        self._batches = [[Failure(id_, "", None, "", id_) for id_ in batch.split()] for batch in batches]
        self.received: list[str] = []
        self.released: list[str] = []

    def receive(self, _seconds: int) -> Iterator[list[Failure]]:
        for batch in self._batches:
            self.received += [failure.id for failure in batch]
            yield batch

    def release(self, failures: Sequence[Failure]) -> None:
        self.released += [failure.id for failure in failures]


def chosen(queue: Any, *ids: str, stop_at: str = "") -> list[str]:
    found = []
    with contextlib.closing(chosen_of(queue, ids)) as failures:
        for failure in failures:
            found.append(failure.id)
            if failure.id == stop_at:
                break
    return found


def test_all_of_them() -> None:
    queue = Held("aaaa1 bbbb2", "cccc3")
    assert chosen(queue) == ["aaaa1", "bbbb2", "cccc3"]


def test_those_that_are_named_and_no_batch_after_the_last() -> None:
    queue = Held("aaaa1 bbbb2", "cccc3", "dddd4")
    assert chosen(queue, "bbbb", "cccc3") == ["bbbb2", "cccc3"]
    assert queue.received == ["aaaa1", "bbbb2", "cccc3"]


def test_one_that_is_not_there() -> None:
    queue = Held("aaaa1")
    with pytest.raises(Failed, match=r"^Not in the queue: dddd, eeee\.$"):
        chosen(queue, "eeee", "dddd")
    assert queue.released == ["aaaa1"]


@pytest.mark.parametrize("stop_at", ["aaaa1", "bbbb2", "cccc3", ""])
def test_a_whole_batch_is_released_wherever_it_stops(stop_at: str) -> None:
    queue = Held("aaaa1 bbbb2", "cccc3 dddd4")
    chosen(queue, stop_at=stop_at)
    assert queue.released == queue.received
