"""The snapshot function's own processes, side by side, over an S3 that fails: the checker of tests/history_checker."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dev.servers.databases import Database
from tests.history_checker.histories import ZONES
from tests.history_checker.model import Acknowledged, check
from tests.integration.conftest import AWS
from tests.support.s3 import S3
from tests.support.snapshots import at
from tests.support.workers import Worker, workers

_FAULTS = (409, 412, 503, "broken")
_WRITERS, _ROUNDS = 4, 4
_DELAYS = (1, 1, 2, 40, 65, 301, 3000)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 8))])
def test_a_history(
    seed: int, aws: AWS, sqlite_db: Database, s3: S3, monkeypatch: pytest.MonkeyPatch, record_property: Any
) -> None:
    aws.put_database(sqlite_db.secret())
    chance = random.Random(seed)
    monkeypatch.setenv("TIME_ZONE", chance.choice(ZONES))
    midnight = datetime(2026, 4, 1, chance.randrange(24), tzinfo=UTC)
    times = [midnight + timedelta(minutes=5 * number) for number in range(-3, 3)]
    faults: list[Any] = []

    def fault(*_: Any) -> Any:
        found = chance.choice(_FAULTS) if chance.random() < 0.1 else None
        faults.append(found)
        return found

    acknowledged: list[Acknowledged] = []

    def run(scheduled_for: datetime) -> Any:
        return at(scheduled_for.isoformat()), scheduled_for + timedelta(
            seconds=chance.choice(_DELAYS) + chance.random()
        )

    def collect(writer: Worker) -> None:
        try:
            [result] = writer.collect()
        except AssertionError as error:
            assert "StorageError" in str(error)  # noqa: PT017 what else a run ends with is a finding
            return
        taken_at, scheduled_for = (datetime.fromisoformat(result[name]) for name in ("taken_at", "scheduled_for"))
        acknowledged.append(Acknowledged(scheduled_for, None, taken_at))

    with workers(_WRITERS, "stats.schedule") as writers:
        s3.fault = fault
        for _ in range(_ROUNDS):
            for writer in writers:
                writer.hand([run(chance.choice(times))])
            for writer in writers:
                collect(writer)
            sqlite_db.insert("switches_vlan", [{}])
        s3.recover()
        for scheduled_for in [*times, midnight + timedelta(hours=1)]:
            writers[0].hand([run(scheduled_for)])
            collect(writers[0])
    objects = {key.removeprefix("snapshots/"): content for key, content in s3.objects.items()}
    check(objects, [], acknowledged, {})
    assert {each.scheduled_for for each in acknowledged} == {*times, midnight + timedelta(hours=1)}
    record_property("faults", sum(each is not None for each in faults))
    assert any(faults)
