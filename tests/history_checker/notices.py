"""Random runs with notices: what the subscriber receives, however the bucket, the topic and the runs themselves fail.

A number falls and comes back several times. Every level is another one, and so is the subject of every notice about it.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from stats.aws.bucket import StorageError
from stats.aws.topic import TopicError
from stats.base.deadline import Deadline
from stats.base.zones import time_zone
from stats.notices.sending import send
from stats.snapshots.store import Snapshot, Snapshots
from tests.history_checker.bucket import FakeBucket, KilledError, without_pauses
from tests.history_checker.topic import FakeTopic
from tests.support.sqlite_app import deadline_at, new_settings

_NORMAL = 1000
_ROUNDS = 8
_MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass
class Episode:
    """A time at one level, and how its runs ended: well, refused by the topic, or so that a notice may be lost."""

    level: int
    rounds: list[list[str]] = field(default_factory=list)

    @property
    def is_low(self) -> bool:
        return self.level < _NORMAL

    @property
    def is_excused(self) -> bool:
        """Whether a notice may be lost: a run was killed, or said so, or came late."""
        return any("lost" in outcomes for outcomes in self.rounds)

    @property
    def ended_well(self) -> bool:
        return set(self.rounds[-1]) == {"well"}


class NoticesHistory:
    """One history: its parameters follow from the seed."""

    def __init__(self, seed: int, failing: float = 0.1) -> None:
        self._chance = random.Random(seed)
        self.bucket = FakeBucket(self._chance, failing)
        self.topic = FakeTopic(self.bucket, self._chance, min(3 * failing, 1))
        self.writers = self._chance.randint(1, 4)
        self._snapshots = Snapshots(self.bucket, time_zone("UTC"))
        self._settings = new_settings()
        # In some, the Monday's summary is due while they go on.
        self._begin = _MONDAY + timedelta(hours=self._chance.choice((2, 5, 7, 12, 30)))
        self.episodes: list[Episode] = []
        self.is_late = False

    def run(self) -> None:
        """Let everything happen, and check what was received. Raise AssertionError."""
        for number in range(_ROUNDS + 2):
            yesterday = self._snapshot(_NORMAL, self._begin + timedelta(hours=number - 24))
            self.bucket.objects[yesterday.key] = yesterday.line
        with without_pauses():
            for number in range(_ROUNDS):
                self._round(self._begin + timedelta(hours=number))
            self.bucket.recover()
            self.topic.recover()
            # The last level once more, without failures.
            now = self._begin + timedelta(hours=_ROUNDS)
            self.episodes[-1].rounds.append([])
            self._job(self.episodes[-1].level, now, [self.episodes[-1]])()
        self._check()

    def _round(self, now: datetime) -> None:
        before = self.episodes[-1] if self.episodes else None
        if before is None or self._chance.random() < 0.5:
            low = not before.is_low if before else self._chance.random() < 0.5
            number = len(self.episodes)
            self.episodes.append(Episode(800 - number if low else _NORMAL + number))
        now_at = self.episodes[-1]
        now_at.rounds.append([])
        jobs = [self._job(now_at.level, now + timedelta(seconds=second), [now_at]) for second in range(self.writers)]
        if before and self._chance.random() < 0.2:  # one that read before the others, and comes late
            jobs.append(self._job(before.level, now - timedelta(minutes=1), [before, now_at]))
            self.is_late = True
        self.bucket.interleave(*jobs)
        self.bucket.land()

    def _job(self, level: int, read_at: datetime, episodes: Sequence[Episode]) -> Callable[[], None]:
        snapshot = self._snapshot(level, read_at)

        def run() -> None:
            outcome = self._send(snapshot, deadline_at(read_at, 60))
            for episode in episodes:
                # What was read at another level may be said after all runs of now have found nothing to say.
                episode.rounds[-1].append("lost" if episodes[0] is not episodes[-1] else outcome)

        return run

    def _send(self, snapshot: Snapshot, deadline: Deadline) -> str:
        """Return how a run ends: well, refused by the topic, or so that a notice may be lost."""
        try:
            send(self._settings, self._snapshots, snapshot, self.topic, deadline)
        except KilledError:
            return "lost"
        except TopicError as error:
            return "refused" if error.refused else "lost"
        except StorageError as error:
            # What fails before anything was claimed is done by the next run.
            return "lost" if "sent" in str(error) else "refused"
        return "well"

    def _snapshot(self, level: int, now: datetime) -> Snapshot:
        document: Any = {"database": {"switches": {"label": "Switches", "value": level}}}
        return Snapshot(document, now, now.replace(minute=0, second=0), time_zone("UTC"), None)

    def _check(self) -> None:
        order = [each.subject for each in self.topic.received]
        assert len(order) == len(set(order)), "nothing is said twice"
        active: bool | None = False  # None: not known, since a run ended badly
        for episode in self.episodes:
            is_said = _subject(episode) in order
            is_due = None if active is None else episode.is_low != active
            if episode.is_excused:
                active = None
                continue
            assert not is_said or is_due is not False, f"{episode} is not due"
            if episode.ended_well:
                assert is_said == is_due or is_due is None, f"{episode} is said"
                active = episode.is_low
            elif is_said:
                active = episode.is_low
        if not self.is_late:
            numbers = [order.index(_subject(each)) for each in self.episodes if _subject(each) in order]
            assert numbers == sorted(numbers), "in the order in which it happened"
        # The first run sums up a week, whatever its day, and the first one after Monday 08:00 the next.
        summaries = sum(each.kind == "summary" for each in self.topic.received)
        mondays = 1 + (self._begin < _MONDAY + timedelta(hours=8) <= self._begin + timedelta(hours=_ROUNDS))
        assert summaries <= mondays
        assert summaries >= 1 or any(episode.is_excused for episode in self.episodes)


def _subject(episode: Episode) -> str:
    if episode.is_low:
        return f"OpenL2M: Switches fell from {_NORMAL:,} to {episode.level:,}"
    return f"OpenL2M: Switches back at {episode.level:,}"
