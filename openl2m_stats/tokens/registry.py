"""Reads and changes the token secret, without losing concurrent changes.

A change is written as a version of its own, which is made current only if the version that was read still is:
UpdateSecretVersionStage refuses that otherwise, and the change is made anew on what is current then.
"""

import json
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import ClientError

from openl2m_stats.aws import client
from openl2m_stats.errors import Failed
from stats.aws.clients import code_of
from stats.tokens.registry import parse_document

T = TypeVar("T")
# Entries are any JSON, because malformed ones stay where they are. An edit changes the list in place,
# may be called several times, each time with the current entries, and returns its result or raises RegistryError.
Entry = dict[str, Any]
Edit = Callable[[list[Any]], T]

MOST_BYTES = 65_536
# One label for all, which moves to each new version. Labels of their own would soon be too many: a
# secret has room for 20, and whoever is killed leaves one.
STAGE = "openl2m-stats-candidate"
_REFUSALS = {"InvalidParameterException", "InvalidRequestException", "ResourceNotFoundException"}
_ATTEMPTS = 25
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 4.0
_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5})


class RegistryError(Failed):
    """The tokens cannot be read or changed; the text has the reason and the remedy in one line."""


class Registry:
    """The token secret with a name or ARN, in the account and region that boto3 finds.

    Methods raise RegistryError, and what boto3 raises: ClientError and BotoCoreError.
    """

    def __init__(self, secret_id: str) -> None:
        self._id = secret_id
        try:
            self._client = client("secretsmanager", _CONFIG)
        except ValueError as error:  # of AWS_ENDPOINT_URL
            raise RegistryError(str(error)) from None

    def entries(self) -> list[Any]:
        """Return the entries, unchanged."""
        document, _ = self._read()
        return list(document["tokens"])

    def preview(self, edit: Edit[T]) -> T:
        """Return the edit's result, without writing."""
        document, _ = self._read()
        result = edit(document["tokens"])
        _encode(document)
        return result

    def change(self, edit: Edit[T]) -> T:
        """Apply the edit, write the entries if they changed, and return the edit's result."""
        tried: tuple[str, T] | None = None
        for attempt in range(_ATTEMPTS):
            document, version = self._read()
            if tried and tried[0] == version:  # an earlier try made it current, but its response was lost
                return tried[1]
            before = json.dumps(document)
            result = edit(document["tokens"])
            if json.dumps(document) == before:
                return result
            written = self._client.put_secret_value(
                SecretId=self._id, SecretString=_encode(document), VersionStages=[STAGE]
            )
            tried = written["VersionId"], result
            # The very first version becomes current automatically.
            if "AWSCURRENT" in written["VersionStages"] or self._make_current(written["VersionId"], version):
                return result
            longest = min(_FIRST_WAIT * 2**attempt, _LONGEST_WAIT)
            time.sleep(random.uniform(0, longest))  # noqa: S311 no secret, it keeps writers apart
        raise RegistryError("Others keep changing the tokens, and nothing was done. Try again.")

    def _read(self) -> tuple[dict[str, Any], str | None]:
        """Return the registry and its version; for a secret without a value, an empty one and None."""
        try:
            return self._current()
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
        # Another writer may have created the first version between the two calls.
        return self._current() if self._has_value() else ({"tokens": []}, None)

    def _current(self) -> tuple[dict[str, Any], str]:
        value = self._client.get_secret_value(SecretId=self._id, VersionStage="AWSCURRENT")
        return _decode(value.get("SecretString") or value.get("SecretBinary") or ""), value["VersionId"]

    def _has_value(self) -> bool:
        # GetSecretValue's error is the same for a secret without a value and one that does not exist: then this raises.
        stages = self._client.describe_secret(SecretId=self._id).get("VersionIdsToStages", {})
        return any("AWSCURRENT" in names for names in stages.values())

    def _make_current(self, candidate: str, version: str | None) -> bool:
        """Make a version current instead of another; return whether the other was still current."""
        replaced = {"RemoveFromVersionId": version} if version else {}
        try:
            self._client.update_secret_version_stage(
                SecretId=self._id, VersionStage="AWSCURRENT", MoveToVersionId=candidate, **replaced
            )
        except ClientError as error:
            if code_of(error) in _REFUSALS:
                return False
            raise
        return True


def _decode(text: str | bytes) -> dict[str, Any]:
    try:
        return parse_document(text)
    except ValueError as error:
        advice = "correct it, or put its last good version back"
        raise RegistryError(f"The token secret cannot be used ({error}): {advice}.") from None


def _encode(document: dict[str, Any]) -> str:
    text = json.dumps(document, separators=(",", ":"))
    if len(text) > MOST_BYTES:
        fit = MOST_BYTES * len(document["tokens"]) // len(text)
        raise RegistryError(
            f"Nothing was written: the tokens would take {len(text):,} bytes, and a secret holds {MOST_BYTES:,}, which "
            f"is about {fit} tokens like these. `openl2m-stats tokens prune` removes those that are revoked or expired."
        )
    return text
