"""Every alarm, with a fault that fires it and the cure that ends it: run by test_alarms.py, shown in docs/operate.md.

What the functions count themselves is read from what they write. What AWS counts is counted here as AWS documents it:
each answer by its status, each invocation and its error, and the events in the queue after the last attempt.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from dev.markdown import table
from tests.faults.services import bucket_holds
from tests.faults.table import ROWS
from tests.faults.world import BUCKET, CONNECT, REGISTRY, SECRET, STATEMENT, World
from tests.integration.conftest import Container, LambdaContext, cold_start
from tests.support.alarms import Point, emitted, of_template, period
from tests.support.events import PATH, http_api
from tests.support.sns import Topic
from tests.support.stack import load

_HISTORY, _MONTH = "/api/stats/history/", "snapshots/history/2026-11.json"
_UNKNOWN_KEY = "0" * 40


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


Trouble = Callable[[Course], AbstractContextManager[None]]


@dataclass(frozen=True)
class Shown:
    """An alarm, what fires it and what ends it in words, and both as they are tried.

    `step` is what happens in each period, before, during and after the trouble. `variables` are the functions',
    `given` the template's parameters. `notices`: whether notices are sent.
    """

    alarm: str
    fault: str
    cure: str
    trouble: Trouble
    step: Callable[[Course], None] = Course.call
    path: str = PATH
    variables: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    notices: bool = False


def _row(dependency: str, fault: str) -> Trouble:
    [row] = [row for row in ROWS if (row.dependency, row.fault) == (dependency, fault)]
    return lambda course: row.begin(course.world)


@contextlib.contextmanager
def _wrong_setting(course: Course) -> Iterator[None]:
    course.stop()
    course.monkeypatch.setenv("TOKENS_TTL_SECONDS", "soon")
    yield
    course.monkeypatch.setenv("TOKENS_TTL_SECONDS", "60")


@contextlib.contextmanager
def _throttled(course: Course) -> Iterator[None]:
    course.throttled = True
    yield
    course.throttled = False


def _calls(number: int, key: str | None = None) -> Trouble:
    """Let so many calls come in a period, with another key."""

    @contextlib.contextmanager
    def trouble(course: Course) -> Iterator[None]:
        before = course.calls, course.key
        course.calls, course.key = number, key or course.key
        yield
        course.calls, course.key = before

    return trouble


@contextlib.contextmanager
def _failed_runs(course: Course) -> Iterator[None]:
    with _row(CONNECT, "refused")(course):
        yield
    course.queue.purge()


@contextlib.contextmanager
def _topic_denied(course: Course) -> Iterator[None]:
    course.world.clock.shift(timedelta(days=7))  # the next summary of a week is due
    course.topic.fault = 403
    yield
    course.topic.recover()


SHOWN = (
    Shown(
        "FunctionErrorsAlarm",
        "a setting is wrong, so the function does not start",
        "the setting is corrected",
        _wrong_setting,
    ),
    Shown(
        "FunctionThrottlesAlarm",
        "the concurrency is used up; Lambda alone counts that",
        "fewer calls, or a higher limit",
        _throttled,
    ),
    Shown(
        "ApiErrorsAlarm",
        "the database refuses connections, and nothing is cached that could be served",
        "the database accepts connections again",
        _row(CONNECT, "refused"),
        variables={"MAX_STALE_SECONDS": "0"},
    ),
    Shown(
        "ClientErrorsAlarm",
        "a client repeats an unknown token more than once a second",
        "the client stops",
        _calls(301, _UNKNOWN_KEY),
    ),
    Shown(
        "RequestsNearLimitAlarm",
        "calls come at 81 % of `ThrottlingRate`",
        "fewer calls",
        _calls(243),
        path="/",  # all paths count
        given={"ThrottlingRate": 1},
    ),
    Shown(
        "StaleAnswersAlarm",
        "the database refuses connections, and the last numbers are served",
        "the database accepts connections again",
        _row(CONNECT, "refused"),
    ),
    Shown(
        "StatisticsMissingAlarm",
        "the database user loses the right to read a table",
        "the right is granted again",
        _row(STATEMENT, "denied"),
    ),
    Shown(
        "DatabaseFailuresAlarm",
        "the database refuses connections",
        "the database accepts connections again",
        _row(CONNECT, "refused"),
    ),
    Shown(
        "DatabaseSecretFailuresAlarm",
        "the function's role may not read the database secret any more",
        "the right is given back",
        _row(SECRET, "denied"),
        step=Course.call_with_a_new_session,
    ),
    Shown(
        "TokenSecretFailuresAlarm",
        "the token secret is edited into something that is not JSON",
        "the last good version is restored",
        _row(REGISTRY, "malformed"),
    ),
    Shown(
        "SnapshotsMissedAlarm",
        "the database refuses connections, so every snapshot run fails",
        "a run succeeds",
        _row(CONNECT, "refused"),
        step=Course.take_snapshot,
    ),
    Shown(
        "NoticeFailuresAlarm",
        "the topic refuses a notice, which every run tries to send",
        "the topic accepts it",
        _topic_denied,
        step=Course.take_snapshot,
        notices=True,
    ),
    Shown(
        "SnapshotFailuresAlarm",
        "a snapshot run fails at all of its three attempts",
        "the queue is emptied",
        _failed_runs,
        step=Course.take_snapshot,
    ),
    Shown(
        "SnapshotReadFailuresAlarm",
        "S3 answers 403 to every call",
        "S3 answers again",
        _row(BUCKET, "denied"),
    ),
    Shown(
        "HistoryReadFailuresAlarm",
        "S3 answers 403 to every call",
        "S3 answers again",
        _row(BUCKET, "denied"),
        path=_HISTORY,
    ),
    Shown(
        "HistoryDamagedAlarm",
        "the object of the current month is not JSON",
        "the month is restored",
        lambda course: bucket_holds({_MONTH: b"{"})(course.world),
        path=_HISTORY,
    ),
)


def shown() -> str:
    """Return the table of all alarms, in Markdown."""
    alarms = of_template()
    rows = ([f"`{each.alarm}`", each.fault, _lasting(alarms[each.alarm]), each.cure] for each in SHOWN)
    return table(["alarm", "fired by", "after", "ended by"], rows)


def _lasting(alarm: Mapping[str, Any]) -> str:
    seconds, all_ = period(alarm), int(alarm["EvaluationPeriods"])
    length = f"{seconds // 60} minutes"
    needed = int(alarm.get("DatapointsToAlarm", all_))
    return length if needed == all_ == 1 else f"{needed} of {all_} periods of {length}"
