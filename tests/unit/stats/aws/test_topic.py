"""What becomes of a message, by what SNS answers; tests/integration/test_notices.py has SNS itself fail."""

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from stats.aws import clients
from stats.aws.topic import Topic, TopicError
from stats.base.deadline import Deadline

ARN = "arn:aws:sns:us-east-1:123456789012:network"


class SNS:
    """What a Topic calls of SNS's client. `fault` is what a message raises."""

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.messages: list[dict[str, Any]] = []

    def publish(self, **message: Any) -> None:
        self.messages.append(message)
        if self.fault:
            raise self.fault


@pytest.fixture
def sns(monkeypatch: pytest.MonkeyPatch) -> SNS:
    sns = SNS()

    def client(service: str, attempts: int) -> SNS:
        assert (service, attempts) == ("sns", 1), "a second attempt may be a second message"
        return sns

    monkeypatch.setattr(clients, "client", client)
    return sns


def publish(subject: str = "subject") -> None:
    Topic(ARN).publish(subject, "text", {"notice": "drop"}, Deadline.after(5))


def test_a_message(sns: SNS) -> None:
    publish()
    [message] = sns.messages
    assert message == {
        "TopicArn": ARN,
        "Subject": "subject",
        "Message": "text",
        "MessageAttributes": {"notice": {"DataType": "String", "StringValue": "drop"}},
    }


@pytest.mark.parametrize(
    ("subject", "sent"),
    [
        ("Campus Zürich", "Campus Z?rich"),
        ("two\nlines\t", "two lines"),
        ("bell\a, escape\x1b and delete\x7f", "bell , escape and delete"),
        ("a" * 99, "a" * 99),
        ("a" * 100, f"{'a' * 96}..."),
    ],
)
def test_a_subject_is_one_line_of_ascii(subject: str, sent: str, sns: SNS) -> None:
    publish(subject)
    assert sns.messages[0]["Subject"] == sent


def answer(status: int, code: str) -> ClientError:
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Publish")


@pytest.mark.parametrize(
    ("fault", "refused", "text"),
    [
        (answer(403, "AuthorizationError"), True, "AuthorizationError"),
        (answer(400, "KMSAccessDenied"), True, "KMSAccessDenied"),
        (answer(429, "Throttled"), True, "Throttled"),
        (answer(503, "ServiceUnavailable"), True, "ServiceUnavailable"),
        (answer(500, "InternalError"), False, "InternalError"),
        (answer(504, "GatewayTimeout"), False, "GatewayTimeout"),
        (EndpointConnectionError(endpoint_url="https://sns"), True, "EndpointConnectionError"),
        (ConnectTimeoutError(endpoint_url="https://sns"), True, "ConnectTimeoutError"),
        (NoCredentialsError(), True, "NoCredentialsError"),
        (ReadTimeoutError(endpoint_url="https://sns"), False, "ReadTimeoutError"),
        (ValueError("noise"), False, "ValueError"),
    ],
)
def test_what_sns_did_not_do_is_told_from_what_it_may_have_done(
    fault: Exception, refused: bool, text: str, sns: SNS
) -> None:
    sns.fault = fault
    with pytest.raises(TopicError) as caught:
        publish()
    assert (caught.value.refused, str(caught.value)) == (refused, f"{ARN}: {text}")


def test_a_client_that_cannot_be_made_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def client(*_: Any, **__: Any) -> None:
        raise ValueError("Invalid endpoint: a-secret")

    monkeypatch.setattr(clients, "client", client)
    with pytest.raises(TopicError, match=r": ValueError$") as caught:
        publish()
    assert caught.value.refused


def test_what_the_deadline_ends_may_have_been_sent(sns: SNS) -> None:
    with pytest.raises(TopicError) as caught:
        Topic(ARN).publish("subject", "text", {}, Deadline.after(0))
    assert not caught.value.refused
