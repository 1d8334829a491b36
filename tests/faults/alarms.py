"""Every alarm, with a fault that fires it and the cure that ends it: tried by test_alarms.py, shown in operate.md."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from dev.markdown import table
from tests.faults.course import Course
from tests.faults.services import bucket_holds
from tests.faults.table import ROWS
from tests.faults.world import BUCKET, CONNECT, REGISTRY, SECRET, STATEMENT
from tests.support.alarms import of_template, period
from tests.support.events import PATH

_HISTORY, _MONTH = "/api/stats/history/", "snapshots/history/2026-11.json"
_UNKNOWN_KEY = "0" * 40


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
