"""Reads of secrets from Secrets Manager."""

import json
from typing import Any, Literal

from botocore.exceptions import ClientError

from stats.aws import clients
from stats.base.deadline import Deadline
from stats.base.remote import RemoteError

Stage = Literal["AWSCURRENT", "AWSPENDING"]


class SecretUnavailableError(RemoteError):
    """The secret could not be read from Secrets Manager; the text is the AWS error's code or class."""


class NoValueError(SecretUnavailableError):
    """The secret exists, but has no current version."""


def parse_json(text: str | bytes) -> Any:
    """Return the parsed JSON of a secret's value. Raise ValueError("not JSON"), which does not repeat the value.

    A byte order mark is skipped: Windows PowerShell writes one into the files that secrets are stored from. The AWS CLI
    may have read it as three letters of code page 1252.
    """
    if isinstance(text, str):
        text = text.removeprefix("\ufeff").removeprefix("ï»¿")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        # The decoder's error contains the value.
        raise ValueError("not JSON") from None


class SecretStore:
    """Reads secrets, with one client for the life of the execution environment."""

    def __init__(self) -> None:
        self._client = clients.client("secretsmanager")

    def get(self, secret_id: str, deadline: Deadline, stage: Stage = "AWSCURRENT") -> str | bytes:
        """Return a secret's current value, or the pending one of a rotation.

        Raise SecretUnavailableError, of which NoValueError is one.
        """
        try:
            answer = clients.ask(deadline, lambda: self._answer(secret_id, stage))
        except clients.AWSError as error:
            raise SecretUnavailableError(error.code) from None
        if answer is None:
            raise NoValueError("ResourceNotFoundException")
        value = answer.get("SecretString", answer.get("SecretBinary"))
        if not isinstance(value, str | bytes):
            raise SecretUnavailableError("no value")
        return value

    def _answer(self, secret_id: str, stage: Stage) -> dict[str, Any] | None:
        """Return Secrets Manager's response; None if the secret has no such version."""
        try:
            answer: dict[str, Any] = self._client.get_secret_value(SecretId=secret_id, VersionStage=stage)
        except ClientError as error:
            if clients.code_of(error) != "ResourceNotFoundException":
                raise
            # The error is the same for a secret without a value and for one that does not exist. For the latter,
            # this call raises it again.
            stages = self._client.describe_secret(SecretId=secret_id).get("VersionIdsToStages", {})
            if any("AWSCURRENT" in names for names in stages.values()):
                raise
            return None
        return answer
