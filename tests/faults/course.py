"""A stack over time, and the data points that come of it: what tests/faults/alarms.py lets fail and recover.

What the functions count themselves is read from what they write. What AWS counts is counted here as AWS documents it:
each answer by its status, each invocation and its error, and the events in the queue after the last attempt.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.faults.world import World
from tests.integration.conftest import Container, LambdaContext, cold_start
from tests.support.alarms import Point, emitted
from tests.support.events import PATH, http_api
from tests.support.sns import Topic
from tests.support.stack import load


@dataclass
class Course:
    """A stack over time: how it is called, and the data points that come of it. `queue` is SQS', `topic` SNS'."""

    world: World
    queue: Any
    topic: Topic
    monkeypatch: pytest.MonkeyPatch
    key: str
    path: str = PATH
    calls: int = 1  # in a period
    throttled: bool = False
    points: list[Point] = field(default_factory=list)
    _container: Container | None = None
    _schedule: Any = None

    def call(self) -> None:
        """Call the API, whose function starts first unless it has."""
        if self.throttled:
            self._count("AWS/Lambda", "Throttles", _of("StatsFunction"))
        elif self._starts():
            for _ in range(self.calls):
                self._call()
            self.points += emitted(self.world.told().lines)

    def call_with_a_new_session(self) -> None:
        """Call the API after the session with the database has ended."""
        self.world.to_database.cut()
        self.call()

    def _starts(self) -> bool:
        try:
            self._container = self._container or self.world.start()[0]
        except Exception as error:
            if type(error).__name__ != "SettingsError":  # of a module that is imported anew for each start
                raise
            self._count("AWS/Lambda", "Errors", _of("StatsFunction"))
        return self._container is not None

    def _call(self) -> None:
        assert self._container
        event = http_api(path=self.path, headers=[("Authorization", f"Token {self.key}")])
        status = self._container.invoke(event).status
        self._count("AWS/Lambda", "Errors", _of("StatsFunction"), 0)
        self._count("AWS/Lambda", "Throttles", _of("StatsFunction"), 0)
        for metric, value in (("Count", 1), ("4xx", 400 <= status < 500), ("5xx", status >= 500)):
            self._count("AWS/ApiGateway", metric, {"ApiId": {"Ref": "Api"}}, value)

    def stop(self) -> None:
        """End the container: the next call starts another."""
        self._container = None

    def take_snapshot(self) -> None:
        """Invoke the snapshot function as Lambda does for the schedule: with further attempts, and with the queue."""
        self._schedule = self._schedule or cold_start("stats.schedule")
        function = load()["Resources"]["SnapshotFunction"]["Properties"]
        for attempt in range(1 + function["EventInvokeConfig"]["MaximumRetryAttempts"]):
            if attempt:
                self.world.clock.shift(60)
            failed = self._run_fails()
            self._count("AWS/Lambda", "Invocations", _of("SnapshotFunction"))
            self._count("AWS/Lambda", "Errors", _of("SnapshotFunction"), failed)
            if not failed:
                break
        else:
            self.queue.send_message(MessageBody="{}")
        self.points += emitted(self.world.told().lines)
        self.queue.reload()
        name = {"QueueName": {"Fn::GetAtt": ["SnapshotFailures", "QueueName"]}}
        waiting = int(self.queue.attributes["ApproximateNumberOfMessages"])
        self._count("AWS/SQS", "ApproximateNumberOfMessagesVisible", name, waiting)

    def _run_fails(self) -> bool:
        try:
            self._schedule.handler({}, LambdaContext())
        except Exception:  # noqa: BLE001 Lambda sees no more of it
            return True
        return False

    def _count(self, namespace: str, metric: str, dimensions: Mapping[str, Any], value: float = 1) -> None:
        self.points.append(Point(time.time(), namespace, metric, dimensions, value))

    def close(self) -> None:
        """Close the session of the snapshot function."""
        if self._schedule:
            self._schedule._parts[0].database.close()


def _of(function: str) -> Mapping[str, Any]:
    return {"FunctionName": {"Ref": function}, "Resource": f"${{{function}}}:live"}
