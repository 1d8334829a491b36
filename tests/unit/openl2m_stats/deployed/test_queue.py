"""What is in the queue of failed runs."""

import json
from typing import Any

import pytest

from openl2m_stats.deployed.queue import Failure, Queue, parse

TIME = "2026-11-26T12:00:00Z"
EVENT = {"scheduled_for": TIME}


def message(body: Any, id_: str = "a", **attributes: str) -> dict[str, Any]:
    return {
        "MessageId": id_,
        "ReceiptHandle": f"handle of {id_}",
        "Body": body if isinstance(body, str) else json.dumps(body),
        "Attributes": {"SentTimestamp": "1795777200123"},
        "MessageAttributes": {name: {"StringValue": value} for name, value in attributes.items()},
    }


@pytest.mark.parametrize(
    ("body", "event"),
    [
        (EVENT, EVENT),
        ({"time": TIME, "detail-type": "Scheduled Event"}, {"time": TIME, "detail-type": "Scheduled Event"}),
        ({"FunctionName": "arn", "Payload": json.dumps(EVENT)}, EVENT),
        ({"FunctionName": "arn", "Payload": EVENT}, EVENT),
        ({"Input": json.dumps(EVENT)}, EVENT),
        ({"FunctionName": "arn"}, None),
        ({"Payload": "nonsense"}, None),
        ("nonsense", None),
        ("[]", None),
        ("", None),
        ("[" * 100_000, None),
        ('{"Payload":' * 5_000 + "1" + "}" * 5_000, None),
        ('{"scheduled_for": NaN}', None),
    ],
)
def test_the_event(body: Any, event: Any) -> None:
    assert parse(message(body)).event == event


def test_the_time_of_a_schedule_counts_where_the_body_has_none() -> None:
    assert parse(message('{"FunctionName": "ar', SCHEDULED_TIME=TIME)).event == EVENT
    assert parse(message(EVENT, SCHEDULED_TIME="2020-01-01T00:00:00Z")).event == EVENT


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        ({}, ""),
        ({"ErrorCode": "200", "ErrorMessage": "mysql error 2003:\n no route"}, "mysql error 2003: no route"),
        ({"ERROR_CODE": "Denied", "ERROR_MESSAGE": "not authorized"}, "Denied not authorized"),
        ({"ErrorMessage": "a\x1b[31m"}, r"'a\x1b[31m'"),
    ],
)
def test_why_it_failed(attributes: dict[str, str], error: str) -> None:
    assert parse(message(EVENT, **attributes)).error == error


def test_when_it_failed_and_for_what_time_it_was_scheduled() -> None:
    failure = parse(message(EVENT))
    assert (failure.failed_at, failure.scheduled_for) == ("2026-11-27T11:00:00Z", TIME)
    assert parse(message({"time": TIME})).scheduled_for == TIME
    assert parse(message("nonsense")).scheduled_for is None
    assert parse(message({"scheduled_for": "\x1b[31m"})).scheduled_for == r"'\x1b[31m'"
    assert "handle" not in repr(failure)


class SQS:
    """SQS, which may return a message twice, and never more than ten."""

    def __init__(self, *batches: list[str]) -> None:
        self.batches = list(batches)
        self.released: list[list[str]] = []

    def receive_message(self, **_: Any) -> dict[str, Any]:
        if not self.batches:
            return {}
        return {"Messages": [message(EVENT, id_) for id_ in self.batches.pop(0)]}

    def change_message_visibility_batch(self, *, Entries: list[dict[str, Any]], **_: Any) -> None:  # noqa: N803 boto3's
        assert {entry["VisibilityTimeout"] for entry in Entries} == {0}
        assert len({entry["Id"] for entry in Entries}) == len(Entries) <= 10
        self.released.append([entry["ReceiptHandle"] for entry in Entries])


def test_each_is_received_once() -> None:
    queue = Queue(SQS(["a", "b"], ["b", "c"]), "url")
    assert [[each.id for each in batch] for batch in queue.receive(60)] == [["a", "b"], ["c"]]


def test_receiving_ends_when_nothing_new_comes() -> None:
    """Those that were received first may be back by then."""
    sqs = SQS(["a"], ["a"], ["b"])
    assert [[each.id for each in batch] for batch in Queue(sqs, "url").receive(60)] == [["a"]]


def test_release_takes_ten_at_a_time() -> None:
    sqs = SQS()
    failures = [Failure(f"{number}", "", None, "", f"{number}") for number in range(23)]
    Queue(sqs, "url").release(failures)
    assert [len(batch) for batch in sqs.released] == [10, 10, 3]
    assert sorted(handle for batch in sqs.released for handle in batch) == sorted(each.receipt for each in failures)
