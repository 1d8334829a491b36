"""Whatever the order, delay, repetition and concurrency of runs: a day's row is what was read last on it."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stats.aws.bucket import tries
from stats.base.instants import parse_instant
from stats.snapshots import months
from stats.snapshots.store import Snapshot, Snapshots
from tests.history_checker.bucket import FAULTS, FakeBucket
from tests.history_checker.histories import History

_HISTORIES = 2000


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), failing=st.sampled_from([0.0, 0.05, 0.2]))
def test_any_history(seed: int, failing: float) -> None:
    History(seed, failing).run()


def test_the_histories_are_varied() -> None:
    """What the checker tries, so that what it finds nothing in is worth something."""
    histories = [History(seed) for seed in range(200)]
    for history in histories:
        history.run()
    assert {history.writers for history in histories} == {1, 2, 3, 4, 5}
    faults = Counter(fault for history in histories for fault in history.bucket.faults)
    assert set(faults) == set(FAULTS)
    assert min(faults.values()) > 20


_KEEP = Snapshots._keep


def _unconditional(part: str) -> AbstractContextManager[Any]:
    """Let writes of keys with this part in them have no condition."""
    return patch.object(FakeBucket, "unconditional", part)


def _replaces(decide: Callable[[Any, Any], bool]) -> AbstractContextManager[Any]:
    """Let a function decide between the rows of two snapshots."""
    original = months.replaces

    def replaces(row: Any, other: Any, day: str) -> bool:
        if other is None or months.is_backfilled(row) or months.is_backfilled(other):
            return original(row, other, day)
        return decide(row, other)

    return patch.object(months, "replaces", replaces)


def _instant(name: str) -> Callable[[Any], Any]:
    return lambda row: parse_instant(row[name])


def _row_before_object(snapshots: Any, snapshot: Snapshot, deadline: Any) -> Any:
    written = months.put(snapshots.bucket, months.key_of(snapshot.day), {snapshot.day: snapshot.row}, deadline)
    kept, changed = _KEEP(snapshots, snapshot, deadline)
    return kept, changed or written


def _own_row(snapshots: Any, snapshot: Snapshot, deadline: Any) -> Any:
    kept, changed = _KEEP(snapshots, snapshot, deadline)
    written = months.put(snapshots.bucket, months.key_of(snapshot.day), {snapshot.day: snapshot.row}, deadline)
    return kept, changed or written


def _settled_by_a_later_row(snapshots: Any, snapshot: Snapshot, deadline: Any) -> bool:
    stored = snapshots.bucket.get(months.key_of(snapshot.day), deadline)
    row = months.parse(stored).get(snapshot.day) if stored else None
    return row is not None and not months.replaces(snapshot.row, row, snapshot.day)


def _goes_back(snapshots: Any, snapshot: Snapshot, deadline: Any) -> Any:
    """Write latest.json whatever is there."""
    for _ in tries("latest.json", deadline):
        stored = snapshots.bucket.get("latest.json", deadline)
        newest = snapshots._parse_or_log(stored)
        if newest and newest.scheduled_for == snapshot.scheduled_for:
            return snapshots._settle(newest, deadline)
        if newest and not snapshots._is_settled(newest, deadline):
            snapshots._settle(newest, deadline)
        if snapshots.bucket.put("latest.json", snapshot.line, stored, deadline):
            break
    return snapshots._settle(snapshot, deadline)


def _object_only(snapshots: Any, snapshot: Snapshot, deadline: Any) -> Any:
    return _KEEP(snapshots, snapshot, deadline)


# One condition less each.
PLANTED: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {
    "an object is written without a condition": lambda: _unconditional("dt="),
    "latest.json is written without a condition": lambda: _unconditional("latest"),
    "a month is written without a condition": lambda: _unconditional("history/"),
    "the row that was scheduled last counts": lambda: _replaces(
        lambda row, other: _instant("scheduled_for")(row) > _instant("scheduled_for")(other)
    ),
    "the row that was written last counts": lambda: _replaces(lambda *_: True),
    "the row that was written first counts": lambda: _replaces(lambda *_: False),
    "of two that were read at once, the one written last counts": lambda: _replaces(
        lambda row, other: _instant("taken_at")(row) >= _instant("taken_at")(other)
    ),
    "a backfilled row replaces a snapshot's": lambda: patch.object(months, "replaces", lambda *_: True),
    "the day is that of the scheduled time": lambda: patch.object(
        Snapshot, "day", property(lambda self: f"{self.scheduled_for.astimezone(self.zone).date()}")
    ),
    "the day is one in UTC": lambda: patch.object(Snapshot, "day", property(lambda self: f"{self.taken_at.date()}")),
    "nobody completes the newest snapshot": lambda: patch.object(Snapshots, "_is_settled", lambda *_: True),
    "a row that was read later settles": lambda: patch.object(Snapshots, "_is_settled", _settled_by_a_later_row),
    "a row is written before its object": lambda: patch.object(Snapshots, "_settle", _row_before_object),
    "the second delivery's row is written": lambda: patch.object(Snapshots, "_settle", _own_row),
    "no row is written": lambda: patch.object(Snapshots, "_settle", _object_only),
    "latest.json goes back": lambda: patch.object(Snapshots, "write", _goes_back),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_found(planted: str) -> None:
    with PLANTED[planted]():
        for seed in range(_HISTORIES):
            try:
                History(seed).run()
            except AssertionError:
                return
    pytest.fail(f"{_HISTORIES} histories found nothing")
