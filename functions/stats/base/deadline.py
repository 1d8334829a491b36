"""Deadlines of requests, and the few threads that wait for calls that cannot be interrupted."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

THREAD = "uninterruptible"  # the name of each of these threads
_RESERVE_SECONDS = 0.5
_free_threads = threading.BoundedSemaphore(4)


@dataclass(frozen=True)
class Deadline:
    """When a request, or a stage of it, must end.

    `now` is the request's one reading of the wall clock, in UTC. `began` and `ends` are of time.monotonic().
    """

    now: datetime
    began: float
    ends: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the deadline of a request that begins now."""
        began = time.monotonic()
        return cls(datetime.now(UTC), began, began + seconds)

    @classmethod
    def of_invocation(cls, seconds: float, context: Any) -> "Deadline":
        """Return the deadline of an invocation that begins now: after `seconds`, but before Lambda ends it.

        `context` is Lambda's; outside Lambda it can be anything.
        """
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        return cls.after(min(seconds, remaining() / 1000 - _RESERVE_SECONDS) if remaining else seconds)

    @property
    def left(self) -> float:
        """The remaining seconds, at least 0."""
        return max(self.ends - time.monotonic(), 0.0)

    @property
    def passed(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self.ends

    @property
    def clock(self) -> datetime:
        """`now`, and the time that has passed since the request began."""
        return self.now + timedelta(seconds=time.monotonic() - self.began)

    def share(self, part: float, most_seconds: float = math.inf) -> "Deadline":
        """Return the deadline of a stage that gets a share of the remaining time, so that others get the rest."""
        return replace(self, ends=time.monotonic() + min(self.left * part, most_seconds))


def within(deadline: Deadline, call: Callable[[], T]) -> T:
    """Return the result of a call, or raise its error; raise TimeoutError at the deadline.

    A name lookup has no timeout, and botocore's timeouts apply to each receive. So the call runs on a daemon thread,
    which is abandoned if it outlives the deadline. While 4 such threads are stuck, raise TimeoutError immediately.
    """
    [future] = each_within(deadline, [call])
    try:
        return future.result(0)
    finally:
        del future  # breaks a reference cycle: future, error, this frame


def each_within(deadline: Deadline, calls: Sequence[Callable[[], T]]) -> "list[Future[T]]":
    """Run calls in parallel on the free threads; return a future for each, in the same order.

    A call that did not end in time leaves its future pending: its result(0) raises TimeoutError. Raise TimeoutError if
    no time is left, or no thread is free: see within().
    """
    if deadline.passed:
        raise TimeoutError("no time left")
    futures: list[Future[T]] = [Future() for _ in calls]
    queue = deque(zip(calls, futures, strict=True))
    threads = 0
    while threads < len(calls) and _free_threads.acquire(blocking=False):
        threading.Thread(target=_run, args=(queue,), name=THREAD, daemon=True).start()
        threads += 1
    if calls and not threads:
        raise TimeoutError("too many earlier calls are still waiting")
    wait(futures, deadline.left)
    queue.clear()  # calls that have not begun must not begin
    return futures


def _run(queue: "deque[tuple[Callable[[], T], Future[T]]]") -> None:
    try:
        while True:
            call, future = queue.popleft()
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 the waiting thread raises it
                future.set_exception(error)
            finally:
                del call, future
    except IndexError:
        pass  # none is left
    finally:
        _free_threads.release()
