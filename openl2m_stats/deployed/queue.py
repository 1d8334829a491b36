"""The queue of the snapshot runs that failed at every attempt, each with its event.

For a run that failed, Lambda puts the event itself there. For a run that EventBridge Scheduler could not start, it puts
its call of Lambda there, with the event as the payload.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from openl2m_stats.terminal import printable
from stats.base.instants import timestamp

_BATCH = 10  # SQS's limit for each call
_WAIT_SECONDS = 1  # any wait is a long poll, which queries all of SQS's servers


@dataclass(frozen=True)
class Failure:
    """A failed run: its message's id, when it failed, its event, and why it failed, as far as the message says."""

    id: str
    failed_at: str
    event: dict[str, Any] | None
    error: str
    receipt: str = field(repr=False)

    @property
    def scheduled_for(self) -> str | None:
        """The time that the run was scheduled for."""
        times = (self.event or {}).get("scheduled_for"), (self.event or {}).get("time")
        return next((printable(each) for each in times if each), None)


class Queue:
    """A stack's queue. Its functions raise one of AWS_ERRORS."""

    def __init__(self, client: Any, url: str) -> None:
        self._client, self._url = client, url

    def waiting(self) -> tuple[int, int]:
        """Return about how many messages can be received, and how many others have received and not deleted."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=names)["Attributes"]
        visible, hidden = (int(found.get(name, 0)) for name in names)
        return visible, hidden

    def receive(self, seconds: int) -> Iterator[list[Failure]]:
        """Yield the failures in batches. A batch is hidden from others for `seconds`, or until it is released."""
        seen: set[str] = set()
        while True:
            answer = self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=_BATCH,
                VisibilityTimeout=seconds,
                WaitTimeSeconds=_WAIT_SECONDS,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            new = [each for each in answer.get("Messages", []) if each["MessageId"] not in seen]
            if not new:
                return
            seen.update(each["MessageId"] for each in new)
            yield list(map(parse, new))

    def release(self, failures: Sequence[Failure]) -> None:
        """Let others receive failures again."""
        for start in range(0, len(failures), _BATCH):
            entries = [
                {"Id": str(number), "ReceiptHandle": failure.receipt, "VisibilityTimeout": 0}
                for number, failure in enumerate(failures[start : start + _BATCH])
            ]
            self._client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)

    def delete(self, failure: Failure) -> None:
        """Remove a failure."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=failure.receipt)

    def purge(self) -> None:
        """Remove all failures. SQS needs up to a minute."""
        self._client.purge_queue(QueueUrl=self._url)


def parse(message: dict[str, Any]) -> Failure:
    """Return the failure in a message. Its event is None if the message has none for the snapshot function."""
    attributes = {name: each.get("StringValue", "") for name, each in message.get("MessageAttributes", {}).items()}
    sent = int(message.get("Attributes", {}).get("SentTimestamp", 0)) // 1000
    words = [attributes.get(name, "") for name in ("ERROR_CODE", "ERROR_MESSAGE", "ErrorMessage")]
    return Failure(
        message["MessageId"],
        timestamp(datetime.fromtimestamp(sent, UTC)),
        _event(message.get("Body", ""), attributes.get("SCHEDULED_TIME")),
        printable(" ".join(" ".join(filter(None, words)).split())),
        message["ReceiptHandle"],
    )


def _event(body: str, scheduled_time: str | None) -> dict[str, Any] | None:
    for found in _objects(body):
        if found.get("scheduled_for") or found.get("time"):
            return found
    return {"scheduled_for": scheduled_time} if scheduled_time else None


def _objects(text: Any) -> Iterable[dict[str, Any]]:
    """Yield the JSON object in a text, and the payload within it, which may be JSON text again."""
    found = text
    while found:
        try:
            found = json.loads(found, parse_constant=_refuse) if isinstance(found, str) else found
        except (RecursionError, ValueError):
            return
        if not isinstance(found, dict):
            return
        yield found
        found = found.get("Payload") or found.get("Input")


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
