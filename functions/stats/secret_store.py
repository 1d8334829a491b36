"""Secrets Manager through Powertools Parameters: cached, with a forced refresh."""

from typing import Literal

import boto3
from aws_lambda_powertools.utilities.parameters import GetParameterError, SecretsProvider
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_MAX_AGE_SECONDS = 300
# Botocore waits a minute and tries five times by default; a request has 10 s in all.
_CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})

Stage = Literal["AWSCURRENT", "AWSPENDING"]


class SecretUnavailableError(Exception):
    """Secrets Manager did not hand the secret out; the text is the AWS error's code or class."""


class NoValueError(SecretUnavailableError):
    """The secret exists, but no value was ever made current."""


class SecretStore:
    """Reads secrets; one client, made once a container."""

    def __init__(self) -> None:
        # Powertools would make a session of its own, and each reads botocore's endpoints anew.
        self._provider = SecretsProvider(boto3_client=boto3.client("secretsmanager", config=_CONFIG))

    def get(self, secret_id: str, *, refresh: bool = False) -> str | bytes:
        """Return the current value of a secret, at most 5 minutes old, or as it is now with `refresh`.

        Raise SecretUnavailableError, of which NoValueError is one.
        """
        return self._get(secret_id, "AWSCURRENT", _MAX_AGE_SECONDS, refresh)

    def get_pending(self, secret_id: str) -> str | bytes:
        """Return the value that a rotation is about to make current. Raise SecretUnavailableError."""
        # Powertools' cache does not tell stages apart: a pending value must not enter it.
        return self._get(secret_id, "AWSPENDING", 0, True)

    def _get(self, secret_id: str, stage: Stage, max_age: int, refresh: bool) -> str | bytes:
        try:
            value = self._provider.get(secret_id, max_age=max_age, force_fetch=refresh, VersionStage=stage)
        except GetParameterError as error:
            code = _code(error.__context__)
            if code == "ResourceNotFoundException" and self._has_no_value(secret_id):
                raise NoValueError(code) from None
            raise SecretUnavailableError(code) from None
        if not isinstance(value, str | bytes):
            raise SecretUnavailableError("no value")
        return value

    def _has_no_value(self, secret_id: str) -> bool:
        # GetSecretValue answers alike for a secret without a value and for none at all.
        try:
            stages = self._provider.client.describe_secret(SecretId=secret_id).get("VersionIdsToStages", {})
        except (BotoCoreError, ClientError):
            return False
        return not any("AWSCURRENT" in names for names in stages.values())


def _code(cause: BaseException | None) -> str:
    if isinstance(cause, ClientError):
        return str(cause.response.get("Error", {}).get("Code", "ClientError"))
    return type(cause).__name__
