"""A bucket in memory that several writers use in turns, and that fails as S3 does."""

import hashlib
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from stats.aws.bucket import Bucket, StorageError, Stored
from stats.base.deadline import Deadline

# What becomes of a call. 503: nothing happens. 409: a write is refused. 412: a write happens, its response is lost, and
# the SDK's second attempt finds the object changed. "lost": a write happens, its response is lost. "late": a write
# happens only after its writer has given up. "killed": the writer ends before the call.
FAULTS = ("503", "409", "412", "lost", "late", "killed")


class KilledError(Exception):
    """The writer's process has ended."""


class FakeBucket(Bucket):
    """Holds objects, and lets the writers of `interleave` take turns. Each call fails with the chance of `failing`.

    `written` has every content of latest.json in turn. Writes of keys with `unconditional` in them have no condition.
    """

    unconditional: str | None = None

    def __init__(self, chance: random.Random, failing: float) -> None:
        self.objects: dict[str, bytes] = {}
        self.faults: list[str] = []
        self.written: list[bytes] = []
        self._chance, self._failing = chance, failing
        self._in_flight: list[Callable[[], bool]] = []
        self._writers: dict[int, threading.Semaphore] = {}
        self._main = threading.Semaphore(0)

    def get(self, key: str, _deadline: Deadline) -> Stored | None:
        """Return an object, as Bucket does."""
        if self._fault() in {"503", "lost", "late"}:
            raise StorageError(key)
        return self._stored(key)

    def list_each(self, prefixes: Sequence[str], _deadline: Deadline) -> list[list[str] | StorageError]:
        """List keys, as Bucket does."""
        if self._fault() in {"503", "lost", "late"}:
            return [StorageError(prefix) for prefix in prefixes]
        return [sorted(key for key in self.objects if key.startswith(prefix)) for prefix in prefixes]

    def put(self, key: str, body: bytes, replaces: Stored | None, _deadline: Deadline) -> bool:
        """Write an object on a condition, as Bucket does."""

        def write() -> bool:
            now = self._stored(key)
            is_free = self.unconditional and self.unconditional in key
            if not is_free and (now and now.etag) != (replaces and replaces.etag):
                return False
            self.objects[key] = body
            self.written += [body] * (key == "latest.json")
            return True

        fault = self._fault()
        if fault == "late":
            self._in_flight.append(write)
        if fault in {"412", "lost"}:
            write()
        if fault in {"503", "lost", "late"}:
            raise StorageError(key)
        return False if fault else write()

    def _stored(self, key: str) -> Stored | None:
        body = self.objects.get(key)
        return None if body is None else Stored(key, body, hashlib.sha256(body).hexdigest())

    def turn(self) -> None:
        """Let another writer be next, if this one has others beside it."""
        own = self._writers.get(threading.get_ident())
        if own:
            self._main.release()
            own.acquire()

    def _fault(self) -> str | None:
        self.turn()
        fault = self._chance.choice(FAULTS) if self._chance.random() < self._failing else None
        if fault:
            self.faults.append(fault)
        if fault == "killed":
            raise KilledError
        return fault

    def interleave(self, *jobs: Callable[[], Any]) -> None:
        """Run jobs side by side, one call of one of them at a time; writes that were in flight end at any time."""
        waiting = [threading.Semaphore(0) for _ in jobs]
        unforeseen: list[BaseException] = []

        def run(job: Callable[[], Any], own: threading.Semaphore) -> None:
            own.acquire()
            self._writers[threading.get_ident()] = own
            try:
                job()
            except BaseException as error:  # noqa: BLE001 it is raised below
                unforeseen.append(error)
            finally:
                del self._writers[threading.get_ident()]
                waiting.remove(own)
                self._main.release()

        threads = [threading.Thread(target=run, args=each) for each in zip(jobs, list(waiting), strict=True)]
        for thread in threads:
            thread.start()
        while waiting:
            self._chance.choice(waiting).release()
            self._main.acquire()
            if self._in_flight and self._chance.random() < 0.3:
                self._in_flight.pop(0)()
        for thread in threads:
            thread.join()
        if unforeseen:
            raise unforeseen[0]

    def recover(self) -> None:
        """End the failures, and whatever is still in flight."""
        self._failing = 0
        self.land()

    def land(self) -> None:
        """Carry out the writes that are still in flight."""
        while self._in_flight:
            self._in_flight.pop(0)()


@contextmanager
def without_pauses() -> Iterator[None]:
    """Let writers that were beaten try again at once."""
    with patch("stats.aws.bucket.time.sleep"):
        yield
