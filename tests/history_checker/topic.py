"""A topic in memory that fails as SNS does, and what its subscriber receives."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from stats.aws.topic import Topic, TopicError
from stats.base.deadline import Deadline
from tests.history_checker.bucket import FakeBucket, KilledError

# What becomes of a message. "refused": SNS says no. "unanswered": it is delivered, its answer is lost. "vanished": it
# is not delivered, and nobody says so. "killed": the writer ends before, "killed after" after it was delivered.
TOPIC_FAULTS = ("refused", "refused", "unanswered", "vanished", "killed", "killed after")


@dataclass(frozen=True)
class Received:
    """A message as the subscriber gets it."""

    at: datetime
    kind: str
    subject: str
    text: str


class FakeTopic(Topic):
    """Publishes to one subscriber, taking turns with the writers of a bucket."""

    def __init__(self, bucket: FakeBucket, chance: random.Random, failing: float) -> None:
        super().__init__("topic")
        self.received: list[Received] = []
        self.faults: list[str] = []
        self.refuses = False
        self._bucket, self._chance, self._failing = bucket, chance, failing

    def publish(self, subject: str, text: str, attributes: Mapping[str, str], deadline: Deadline) -> None:
        """Deliver a message, as Topic does."""
        self._bucket.turn()
        fault = self._chance.choice(TOPIC_FAULTS) if self._chance.random() < self._failing else None
        if self.refuses:
            fault = "refused"
        if fault:
            self.faults.append(fault)
        if fault == "killed":
            raise KilledError
        if fault not in {"refused", "vanished"}:
            self.received.append(Received(deadline.now, attributes["notice"], subject, text))
        if fault == "killed after":
            raise KilledError
        if fault:
            raise TopicError(fault, refused=fault == "refused")

    def recover(self) -> None:
        """End the failures."""
        self._failing = 0
