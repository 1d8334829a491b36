"""SNS for tests: moto's, with failures on demand, and a queue in moto's SQS that is subscribed to its topic."""

import contextlib
import io
import json
import secrets
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app

from tests.support.wsgi import served

CODES = {
    400: "Throttling",
    403: "AuthorizationError",
    404: "NotFound",
    500: "InternalFailure",
    503: "ServiceUnavailable",
}
# Not carried out and not answered; carried out and answered late, by a closed connection, or with noise.
FAULTS = (*CODES, "silent", "slow", "reset", "garbage")


@dataclass
class Topic:
    """A topic of the test's own, and what a subscriber receives.

    `fault` says what becomes of a message: one of CODES; "silent": not carried out and not answered; "slow", "reset",
    "garbage": carried out and answered late, by a closed connection, or with noise.
    """

    arn: str
    queue: str
    url: str
    sqs: Any = field(repr=False)
    subscribe: Callable[..., None] = field(repr=False)
    fault: int | str | None = None
    released: threading.Event = field(default_factory=threading.Event)

    def received(self) -> list[dict[str, Any]]:
        """Return the messages since the last call, as SNS hands them to a queue."""
        found: list[dict[str, Any]] = []
        while True:
            messages = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
            if not messages:
                return found
            for message in messages:
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])

    def recover(self) -> None:
        """End the failures."""
        self.fault = None
        self.released.set()
        self.released = threading.Event()


class _Gate:
    """The WSGI application between the SDK and moto."""

    def __init__(self) -> None:
        self.topic: Topic | None = None
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        topic = self.topic
        fault = topic.fault if topic and b"Action=Publish" in environ["wsgi.input"].getvalue() else None
        if topic is None or fault is None:
            return list(self._moto(environ, start_response))
        if isinstance(fault, int):
            start_response(f"{fault} error", [("Content-Type", "text/xml")])
            code = f"<Code>{CODES[fault]}</Code><Message>no</Message><Type>Sender</Type>"
            return [f"<ErrorResponse><Error>{code}</Error></ErrorResponse>".encode()]
        if fault != "silent":
            run_wsgi_app(self._moto, environ)
        if fault in {"silent", "slow"}:
            topic.released.wait(30)
        if fault == "garbage":
            start_response("200 OK", [("Content-Type", "text/xml")])
            return [b"\xff\x00 noise"]
        with contextlib.suppress(OSError):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return []


@contextlib.contextmanager
def new_topic(**attributes: str) -> Iterator[Topic]:
    """Make a topic with a subscriber; yield it, and where to publish to it."""
    gate = _Gate()
    with served(gate) as url:
        options: dict[str, Any] = {"endpoint_url": url, "region_name": "us-east-1"}
        options |= {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        sns: Any = boto3.client("sns", **options)
        sqs: Any = boto3.client("sqs", **options)
        name = f"notices-{secrets.token_hex(4)}"
        arn = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
        queue = sqs.create_queue(QueueName=name)["QueueUrl"]
        queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

        def subscribe(**attributes: str) -> None:
            sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn, Attributes=attributes)

        gate.topic = Topic(arn, queue, url, sqs, subscribe)
        yield gate.topic
        gate.topic.recover()
