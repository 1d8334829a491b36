"""Objects in one S3 bucket: read, and written only on a condition; every call ends at a deadline."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

T = TypeVar("T")

_TYPE = "application/json"


class StorageError(Exception):
    """An object could not be read or written, or is not what it should be; the text is fit for a log."""


@dataclass(frozen=True)
class Stored:
    """An object's whole key, its content, and the tag of that content."""

    key: str
    body: bytes
    etag: str


class Bucket:
    """Reads and writes below a prefix; one client, made once a container. Deadlines are of time.monotonic()."""

    def __init__(self, name: str, prefix: str, attempts: int) -> None:
        self._name = name
        self._prefix = prefix
        config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": attempts})
        self._client = boto3.client("s3", config=config)

    def get(self, key: str, deadline: float) -> Stored | None:
        """Return an object; None when there is none. Raise StorageError."""
        where = self._prefix + key

        def read() -> Stored:
            answer = self._client.get_object(Bucket=self._name, Key=where)
            return Stored(where, answer["Body"].read(), answer["ETag"])

        try:
            return _within(deadline, read)
        except (BotoCoreError, ClientError, OSError) as error:
            # S3 answers 403 for an absent key when the caller may not list.
            if _code(error) == "NoSuchKey" or _status(error) == 403:
                return None
            raise StorageError(f"{where}: {_code(error)}") from None

    def put(self, key: str, body: bytes, replaces: Stored | None, deadline: float) -> bool:
        """Write an object in the place of one that was read; `replaces` None: where there was none.

        Return whether it was written: another writer may have been faster. Raise StorageError, after which
        it is not known.
        """
        where = self._prefix + key

        def write() -> None:
            put = self._client.put_object
            if replaces is None:
                put(Bucket=self._name, Key=where, Body=body, ContentType=_TYPE, IfNoneMatch="*")
            else:
                put(Bucket=self._name, Key=where, Body=body, ContentType=_TYPE, IfMatch=replaces.etag)

        try:
            _within(deadline, write)
        except (BotoCoreError, ClientError, OSError) as error:
            # 412: the condition does not hold; 409: a write at the same time; no such key: deleted since it was read.
            if _status(error) in {409, 412} or _code(error) == "NoSuchKey":
                return False
            raise StorageError(f"{where}: {_code(error)}") from None
        return True


def _within(deadline: float, call: Callable[[], T]) -> T:
    """Return what the call returns, or raise what it raises; TimeoutError at the deadline.

    Botocore's timeouts are for each receive, and there are none for a name that does not resolve. A call that
    outlives the deadline is left to itself.
    """
    left = deadline - time.monotonic()
    results: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:  # noqa: BLE001 it is raised where it is waited for
            errors.append(error)

    if left > 0:
        thread = threading.Thread(target=run, name="s3", daemon=True)
        thread.start()
        thread.join(left)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]


def _status(error: Exception) -> int | None:
    return error.response["ResponseMetadata"]["HTTPStatusCode"] if isinstance(error, ClientError) else None


def _code(error: Exception) -> str:
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
