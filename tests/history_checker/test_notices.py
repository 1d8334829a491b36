"""Whatever fails: no notice is received twice, and one that is lost was claimed by a run that was killed or says so."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stats.aws.bucket import StorageError
from stats.aws.topic import TopicError
from stats.notices import said, sending
from stats.notices.said import Claim, State
from tests.history_checker.bucket import FAULTS, FakeBucket
from tests.history_checker.notices import NoticesHistory
from tests.history_checker.topic import TOPIC_FAULTS

_HISTORIES = 2000


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), failing=st.sampled_from([0.0, 0.05, 0.2]))
def test_any_history(seed: int, failing: float) -> None:
    NoticesHistory(seed, failing).run()


def test_the_histories_are_varied() -> None:
    histories = [NoticesHistory(seed) for seed in range(200)]
    for history in histories:
        history.run()
    assert {history.writers for history in histories} == {1, 2, 3, 4}
    faults = Counter(fault for history in histories for fault in (*history.bucket.faults, *history.topic.faults))
    assert set(faults) == {*FAULTS, *TOPIC_FAULTS}
    assert min(faults.values()) > 20
    kinds = Counter(each.kind for history in histories for each in history.topic.received)
    assert kinds["drop"] > kinds["summary"] > 200


def _undoing_all(state: State, claim: Claim) -> State:
    return replace(state, entries=said._changed(state.entries, claim.before))


def _claim_in_one_try(bucket: Any, due: Any, as_of: Any, deadline: Any, *, trusting: bool) -> Any:
    """Claim, and count a write without an answer as one's own or, like a refused one, as another's."""
    state, stored = said.read(bucket, deadline)
    notice = due(state)
    if notice is None:
        return None
    new = said._claim(notice, state)
    try:
        return new if bucket.put(said.KEY, said._with(state, new, as_of).line, stored, deadline) else None
    except StorageError:
        return new if trusting else None


def _takes_back_anything(snapshots: Any, claim: Any, topic: Any, deadline: Any) -> None:
    notice = claim.notice
    try:
        topic.publish(notice.subject, notice.text, {"notice": notice.kind}, deadline)
    except TopicError:
        said.take_back(snapshots.bucket, claim, deadline)
        raise


PLANTED: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {
    "a claim has no condition": lambda: patch.object(FakeBucket, "unconditional", "notices"),
    "a claim that has no answer is another's": lambda: patch.object(
        said, "claim", partial(_claim_in_one_try, trusting=False)
    ),
    "a claim that has no answer is one's own": lambda: patch.object(
        said, "claim", partial(_claim_in_one_try, trusting=True)
    ),
    "a claim is not looked for": lambda: patch.object(State, "has", lambda *_: False),
    "a refused notice is not taken back": lambda: patch.object(said, "take_back", lambda *_: None),
    "one without an answer is taken back": lambda: patch.object(sending, "_publish", _takes_back_anything),
    "older numbers count": lambda: patch.object(said, "_is_overtaken", lambda *_: False),
    "what others have said is undone": lambda: patch.object(said, "_without", _undoing_all),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_fault_is_found(planted: str) -> None:
    with PLANTED[planted]():
        for seed in range(_HISTORIES):
            try:
                NoticesHistory(seed).run()
            except AssertionError:
                return
    pytest.fail(f"{_HISTORIES} histories found nothing")
