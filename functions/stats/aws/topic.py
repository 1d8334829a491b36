"""Messages to one SNS topic, each published at most once."""

from collections.abc import Mapping

from stats.aws import clients
from stats.base.deadline import Deadline
from stats.base.remote import RemoteError

_MOST_CHARACTERS = 99  # of a subject: "less than 100"
# What botocore raises before it has sent anything.
_UNSENT = {
    *("ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError", "InvalidProxiesConfigError"),
    *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError"),
    *("NoRegionError", "ParamValidationError"),
}


class TopicError(RemoteError):
    """A message was not published, if `refused`; otherwise it is not known whether it was."""

    def __init__(self, text: str, *, refused: bool) -> None:
        super().__init__(text)
        self.refused = refused


class Topic:
    """Publishes to a topic. The first message makes the client."""

    def __init__(self, arn: str) -> None:
        self._arn = arn

    def publish(self, subject: str, text: str, attributes: Mapping[str, str], deadline: Deadline) -> None:
        """Publish a message with attributes that subscriptions can filter by. Raise TopicError."""
        # A second attempt after a lost answer would be a second message.
        try:
            client = clients.client("sns", attempts=1)
        except Exception as error:  # noqa: BLE001 botocore raises what its configuration makes it raise
            raise TopicError(f"{self._arn}: {type(error).__name__}", refused=True) from None
        message = {
            "TopicArn": self._arn,
            "Subject": _subject(subject),
            "Message": text,
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
            },
        }
        try:
            clients.ask(deadline, lambda: client.publish(**message))
        except clients.AWSError as error:
            # 503: SNS is too busy to begin. Of other errors of its own it does not say what it has done.
            refused = error.code in _UNSENT if error.status is None else error.status < 500 or error.status == 503
            raise TopicError(f"{self._arn}: {error.code}", refused=refused) from None


def _subject(text: str) -> str:
    """Return a subject as SNS takes it: fewer than 100 characters of ASCII, in one line."""
    plain = text.encode("ascii", "replace").decode()
    line = " ".join("".join(each if each.isprintable() else " " for each in plain).split())
    return line if len(line) <= _MOST_CHARACTERS else f"{line[: _MOST_CHARACTERS - 3]}..."
