"""`openl2m-stats failures`: what it takes, and what it leaves. tests/integration/deployed runs it on a stack."""

from collections.abc import Iterator

import pytest

from openl2m_stats.deployed.failures import _id, _look
from openl2m_stats.deployed.queue import Failure
from tests.unit.openl2m_stats.deployed.test_replaying import Held


def test_what_was_looked_at_is_released_even_after_an_interruption() -> None:
    queue = Held("aaaa1", "bbbb2")
    assert [failure.id for failure in _look(queue)] == ["aaaa1", "bbbb2"]  # type: ignore[arg-type]
    assert queue.released == ["aaaa1", "bbbb2"]

    class Interrupted(Held):
        def receive(self, seconds: int) -> Iterator[list[Failure]]:
            yield from super().receive(seconds)
            raise KeyboardInterrupt

    queue = Interrupted("aaaa1")
    with pytest.raises(KeyboardInterrupt):
        _look(queue)  # type: ignore[arg-type]
    assert queue.released == ["aaaa1"]


@pytest.mark.parametrize("text", ["0123", "0123abcd-ef", "0f" * 18])
def test_an_id(text: str) -> None:
    assert _id(text) == text


@pytest.mark.parametrize("text", ["", "abc", "ABCD", "hunter2"])
def test_what_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match=r"^it takes an id from `failures list`"):
        _id(text)
