"""`openl2m-stats failures`: what is in the queue of failed snapshot runs, and what becomes of it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.core.exceptions import JsonRESTError
from moto.sqs.responses import SQSResponse

from stats.base.instants import timestamp
from tests.integration.deployed.conftest import Operate
from tests.integration.deployed.stack import STACK, Stack
from tests.support.s3 import S3

NOW = datetime.now(UTC).replace(microsecond=0)
FIRST, SECOND, THIRD = (timestamp(NOW - timedelta(hours=hours)) for hours in (3, 2, 1))
CANNED = {"key": "snapshots/dt=2026-11-26/2026-11-26T12-00-00Z.json", "written": True}


class DatabaseError(Exception):
    """What the function raises while its database is out of reach."""


class ScheduleError(Exception):
    """What the function raises for an event that is not a schedule's."""


@pytest.fixture
def stack(deploy: Callable[..., Stack], answer: Any) -> Stack:
    answer(lambda _: CANNED)
    return deploy()


def event(time: str) -> dict[str, str]:
    return {"scheduled_for": time}


def of_scheduler(time: str) -> dict[str, Any]:
    """Return what EventBridge Scheduler leaves: its call of Lambda."""
    payload = json.dumps(event(time))
    return {"FunctionName": "arn", "InvocationType": "Event", "Payload": payload}


def test_no_failures(stack: Stack, operate: Operate) -> None:
    assert operate("failures", "list") == (0, "There are no failed runs.\n", "")
    assert operate("failures", "list", "--json").out == "[]\n"
    assert operate("failures", "replay", "--all") == (0, "0 replayed.\n", "")
    assert operate("failures", "purge") == (0, "There are no failed runs.\n", "")


def test_list_shows_what_lambda_and_the_schedule_gave_up_and_changes_nothing(stack: Stack, operate: Operate) -> None:
    of_lambda = stack.fail(event(FIRST), ErrorMessage="mysql error 2003: no route to the host", ErrorCode="200")
    of_schedule = stack.fail(of_scheduler(SECOND), ERROR_CODE="TooManyRequests", ERROR_MESSAGE="Rate Exceeded")
    for _ in range(2):
        code, out, err = operate("failures", "list", "--json")
        assert (code, err) == (1, "")
        found = {each["id"]: each for each in json.loads(out)}
        assert found[of_lambda]["scheduled_for"] == FIRST
        assert found[of_lambda]["error"] == "mysql error 2003: no route to the host"
        assert found[of_schedule]["event"] == event(SECOND)
        assert found[of_schedule]["error"] == "TooManyRequests Rate Exceeded"
    assert stack.waiting() == sorted([of_lambda, of_schedule])
    code, out, _ = operate("failures", "list")
    assert code == 1
    assert all(len(line) <= 80 for line in out.splitlines())
    heading, *lines = out.splitlines()
    assert heading.split() == ["id", "scheduled", "for", "failed", "at", "reason"]
    assert f"{of_lambda[:8]}  {FIRST}" in out
    assert lines


def test_more_than_a_batch(stack: Stack, operate: Operate, invoked: list[Any]) -> None:
    times = [timestamp(NOW - timedelta(minutes=5 * number)) for number in range(1, 26)]
    for time in times:
        stack.fail(event(time))
    assert len(json.loads(operate("failures", "list", "--json").out)) == 25
    code, out, _ = operate("failures", "replay", "--all")
    assert code == 0
    assert out.endswith("\n25 replayed.\n")
    assert sorted(each["scheduled_for"] for each in invoked) == sorted(times)
    assert stack.waiting() == []


def test_replay_takes_the_snapshots_with_the_functions_own_code(
    deployed: Stack, operate_beside: Operate, s3: S3
) -> None:
    for body in (event(FIRST), of_scheduler(SECOND), {"Input": event(THIRD)}):
        deployed.fail(body)
    code, out, err = operate_beside("failures", "replay", "--all", "--json")
    assert (code, err) == (0, "")
    replayed = json.loads(out)["replayed"]
    assert sorted(each["scheduled_for"] for each in replayed) == [FIRST, SECOND, THIRD]
    assert all(each["written"] and each["key"] in s3.objects for each in replayed)
    assert deployed.waiting() == []


def test_what_is_replayed_twice_is_taken_once(deployed: Stack, operate_beside: Operate, s3: S3) -> None:
    """The first answer was lost: the event is still there, and so is its snapshot."""
    deployed.fail(event(FIRST))
    deployed.fail(event(FIRST))
    out = operate_beside("failures", "replay", "--all").out
    key = next(key for key in s3.objects if "/dt=" in key)
    assert sorted(line.partition(": ")[2] for line in out.splitlines()[:2]) == [key, f"{key}, which existed already"]
    assert sum("/dt=" in key for key in s3.objects) == 1


def test_replay_of_some(stack: Stack, operate: Operate, invoked: list[Any]) -> None:
    first, second, third = (stack.fail(event(time)) for time in (FIRST, SECOND, THIRD))
    code, out, _ = operate("failures", "replay", second, third[:8])
    assert code == 0
    assert out.endswith("\n2 replayed.\n")
    assert sorted(each["scheduled_for"] for each in invoked) == [SECOND, THIRD]
    assert stack.waiting() == [first]


def test_replay_of_one_that_is_not_there(stack: Stack, operate: Operate, invoked: list[Any]) -> None:
    first = stack.fail(event(FIRST))
    assert operate("failures", "replay", "0123abcd") == (2, "", "Not in the queue: 0123abcd.\n")
    assert (stack.waiting(), invoked) == ([first], [])


def test_replay_reports_what_it_did_before_one_was_not_there(stack: Stack, operate: Operate) -> None:
    first = stack.fail(event(FIRST))
    code, out, err = operate("failures", "replay", first, "0123abcd", "--json")
    assert (code, err) == (2, "Not in the queue: 0123abcd.\n")
    done = json.loads(out)
    assert [each["id"] for each in done["replayed"]] == [first]
    assert done["stopped"] == "Not in the queue: 0123abcd."
    assert stack.waiting() == []


def test_replay_that_fails_halfway_loses_nothing(
    stack: Stack, operate: Operate, answer: Any, invoked: list[Any]
) -> None:
    ids = {stack.fail(event(time)): time for time in (FIRST, SECOND, THIRD)}

    def fail_second(_: Any) -> Any:
        if len(invoked) == 2:
            raise DatabaseError("mysql error 2003: no route to the host")
        return CANNED

    answer(fail_second)
    code, out, err = operate("failures", "replay", "--all")
    assert code == 1
    assert err == "Stopped: mysql error 2003: no route to the host.\n"
    assert out.endswith("\n1 replayed. The others stay in the queue.\n")
    [done, failed] = [each["scheduled_for"] for each in invoked]
    assert {ids[each] for each in stack.waiting()} == set(ids.values()) - {done}

    answer(lambda _: CANNED)
    assert operate("failures", "replay", "--all").code == 0
    assert stack.waiting() == []
    counted = [each["scheduled_for"] for each in invoked]
    assert counted.count(done) == 1
    assert (counted.count(failed), len(counted)) == (2, 4)


def test_an_event_that_cannot_be_removed_stays(stack: Stack, operate: Operate, monkeypatch: pytest.MonkeyPatch) -> None:
    first = stack.fail(event(FIRST))

    def deny(*_: Any) -> None:
        raise JsonRESTError("AccessDenied", "not authorized to perform: sqs:deletemessage")

    with monkeypatch.context() as context:
        context.setattr(SQSResponse, "delete_message", deny)
        code, out, err = operate("failures", "replay", "--all")
    assert (code, out) == (1, "0 replayed. The others stay in the queue.\n")
    assert err.startswith("Stopped: An error occurred (AccessDenied)")
    assert stack.waiting() == [first]


def test_events_that_will_never_do_hold_up_no_other(
    stack: Stack, operate: Operate, answer: Any, invoked: list[Any]
) -> None:
    """One is not a schedule's at all, and one is refused by the function, as when it is too old."""
    old, nonsense, good = stack.fail(event(FIRST)), stack.fail("nonsense"), stack.fail(event(SECOND))

    def refuse_old(given: Any) -> Any:
        if given == event(FIRST):
            raise ScheduleError("the event's 'scheduled_for' is more than 14 days ago")
        return CANNED

    answer(refuse_old)
    code, out, err = operate("failures", "replay", "--all")
    assert code == 1
    assert sorted(err.splitlines()) == sorted(
        [
            f"{old[:8]} was refused: the event's 'scheduled_for' is more than 14 days ago.",
            f"{nonsense[:8]} was refused: it is not a schedule's event.",
        ]
    )
    assert out.splitlines() == [
        f"{good[:8]}: {CANNED['key']}",
        "1 replayed. The others stay in the queue.",
    ]
    assert stack.waiting() == sorted([old, nonsense])
    assert len(invoked) == 2


def test_the_scheduled_time_of_an_event_that_was_cut_off(stack: Stack, operate: Operate, invoked: list[Any]) -> None:
    stack.fail('{"FunctionName": "arn:aws:lam', SCHEDULED_TIME=FIRST, IS_PAYLOAD_TRUNCATED="true")
    assert operate("failures", "replay", "--all").code == 0
    assert invoked == [event(FIRST)]


def test_events_that_somebody_else_replays_are_not_replayed_twice(
    stack: Stack, operate: Operate, invoked: list[Any]
) -> None:
    stack.fail(event(FIRST))
    stack.sqs.receive_message(QueueUrl=stack.queue_url, VisibilityTimeout=60)
    assert operate("failures", "replay", "--all") == (0, "0 replayed.\n", "")
    assert invoked == []
    code, out, err = operate("failures", "list")
    assert (code, out) == (0, "There are no failed runs.\n")
    assert err == "1 more are being replayed, or were until a moment ago.\n"


def test_purge_asks_first(stack: Stack, operate: Operate) -> None:
    first = stack.fail(event(FIRST))
    code, out, err = operate("failures", "purge", stdin="n\n")
    assert (code, out) == (2, "")
    assert err == f"Delete about 1 event of {STACK}? [y/N] Nothing was changed.\n"
    assert stack.waiting() == [first]
    assert operate("failures", "purge", stdin="y\n").code == 0
    assert stack.waiting() == []


def test_purge_without_anybody_to_answer(stack: Stack, operate: Operate) -> None:
    first = stack.fail(event(FIRST))
    code, out, err = operate("failures", "purge")
    assert (code, out) == (2, "")
    assert err.endswith("\nNothing was changed: there was no answer. Where nobody can answer, use --yes.\n")
    assert stack.waiting() == [first]
    assert operate("failures", "purge", "--yes") == (0, "SQS is deleting about 1 event.\n", "")
    assert stack.waiting() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name the events by their ids, or use --all"),
        (["--all", "0123abcd"], "name the events by their ids, or use --all"),
        (["hunter2"], "it takes an id from `failures list`, or at least its first 4 characters"),
    ],
)
def test_a_wrong_use(arguments: list[str], words: str, stack: Stack, operate: Operate) -> None:
    code, out, err = operate("failures", "replay", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert "hunter2" not in err
