"""Objects in an S3 bucket: reads and conditional writes, each call bounded by a deadline."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from stats.aws import clients
from stats.base.deadline import Deadline
from stats.base.remote import RemoteError

_TYPE = "application/json"
_TRIES = 30
_LONGEST_PAUSE_SECONDS = 0.5


class StorageError(RemoteError):
    """An object could not be read or written, or is malformed."""


@dataclass(frozen=True)
class Stored:
    """An object: its full key, content and ETag."""

    key: str
    body: bytes
    etag: str


class Bucket:
    """Reads and writes objects below a prefix. Each call has at most `attempts` tries."""

    def __init__(self, name: str, prefix: str, attempts: int) -> None:
        self._name = name
        self._prefix = prefix
        self._attempts = attempts

    @cached_property
    def client(self) -> Any:
        """The S3 client, created at its first use."""
        return clients.client("s3", self._attempts)

    def get(self, key: str, deadline: Deadline) -> Stored | None:
        """Return an object; None if it does not exist. Raise StorageError."""
        [outcome] = self.get_each({key: None}, deadline)
        try:
            if isinstance(outcome, StorageError):
                raise outcome
            return outcome
        finally:
            del outcome  # breaks a reference cycle: error, this frame

    def get_each(self, cached: Mapping[str, Stored | None], deadline: Deadline) -> list[Stored | StorageError | None]:
        """Read objects in parallel; return for each key its object, None if it does not exist, or the error.

        A cached object that has not changed since is returned itself: S3 then sends no content.
        """
        outcomes = clients.ask_each(deadline, [partial(self._read, key, stored) for key, stored in cached.items()])
        return [_outcome(self._prefix + key, each, cached[key]) for key, each in zip(cached, outcomes, strict=True)]

    def _read(self, key: str, cached: Stored | None) -> Stored:
        where = self._prefix + key
        condition = {"IfNoneMatch": cached.etag} if cached else {}
        answer = self.client.get_object(Bucket=self._name, Key=where, **condition)
        return Stored(where, answer["Body"].read(), answer.get("ETag", ""))

    def list_each(self, prefixes: Sequence[str], deadline: Deadline) -> list[list[str] | StorageError]:
        """List in parallel the keys with each prefix: return for each at most 1,000 keys, or the error."""
        outcomes = clients.ask_each(deadline, [partial(self._list, prefix) for prefix in prefixes])
        return [
            outcome if isinstance(outcome, list) else StorageError(f"{self._prefix}{prefix}: {outcome.code}")
            for prefix, outcome in zip(prefixes, outcomes, strict=True)
        ]

    def _list(self, prefix: str) -> list[str]:
        answer = self.client.list_objects_v2(Bucket=self._name, Prefix=self._prefix + prefix)
        return [each["Key"].removeprefix(self._prefix) for each in answer.get("Contents", [])]

    def put(self, key: str, body: bytes, replaces: Stored | None, deadline: Deadline) -> bool:
        """Write an object if it has not changed since it was read as `replaces` (None: if it does not exist).

        Return whether it was written: another writer may have been faster. Raise StorageError, after which
        it is not known.
        """
        where = self._prefix + key
        content = {"Bucket": self._name, "Key": where, "Body": body, "ContentType": _TYPE}
        condition = {"IfMatch": replaces.etag} if replaces else {"IfNoneMatch": "*"}
        try:
            clients.ask(deadline, lambda: self.client.put_object(**content, **condition))
        except clients.AWSError as error:
            # 412: the condition is false; 409: a concurrent write; no such key: deleted since it was read.
            if error.status in {409, 412} or error.code == "NoSuchKey":
                return False
            raise StorageError(f"{where}: {error.code}") from None
        return True


def _outcome(where: str, outcome: Stored | clients.AWSError, cached: Stored | None) -> Stored | StorageError | None:
    if isinstance(outcome, Stored):
        return outcome
    if cached and outcome.status == 304:
        return cached
    # S3 answers 404 for an absent key if the caller may list the bucket, as the function may: 403 is a failure.
    return None if outcome.code == "NoSuchKey" else StorageError(f"{where}: {outcome.code}")


def tries(key: str, deadline: Deadline) -> Iterator[None]:
    """Yield once for each try of a contended write, with random pauses; after the last one raise StorageError."""
    for number in range(_TRIES):
        if number:
            longest = min(0.01 * 2**number, _LONGEST_PAUSE_SECONDS, deadline.left)
            time.sleep(random.uniform(0, longest))  # noqa: S311 no secret
        yield
    raise StorageError(f"{key} cannot be written: others write it all the time, or it may not be read")
