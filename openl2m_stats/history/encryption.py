"""The encryption of the bucket's objects, and rewriting them with the bucket's current key."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from botocore.config import Config
from botocore.exceptions import ClientError

from openl2m_stats.aws import AWS_ERRORS, client
from openl2m_stats.errors import Failed

_WORKERS = 16
_TRIES = 10  # for an object that others write at the same time
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=_WORKERS,
)
_KINDS = ("latest.json", "notices.json", "history/", "dt=")  # the prefixes of this project's objects
_LOST = {"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"}


@dataclass(frozen=True)
class Encryption:
    """An algorithm, such as `AES256` or `aws:kms`, and the ARN or id of the KMS key, if there is one."""

    algorithm: str
    key: str | None = None

    @property
    def name(self) -> str:
        """The KMS key, or the algorithm for S3's own keys."""
        return self.key or self.algorithm

    def covers(self, other: "Encryption") -> bool:
        """Return whether `other` is the same. Objects name their key by its ARN, buckets also by its id."""
        return self.algorithm == other.algorithm and _id(self.key) == _id(other.key)


def _id(key: str | None) -> str | None:
    return key and key.rpartition("/")[2]


@dataclass(frozen=True)
class Outcome:
    """What happened to an object, and how it was encrypted before. `error` says why re-encrypting failed."""

    state: Literal["current", "former", "gone", "failed"]
    key: str
    before: Encryption | None = None
    error: str = ""


class Objects:
    """The objects of a bucket below a prefix. Its functions raise one of AWS_ERRORS."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket, self._prefix = bucket, prefix
        self._client = client("s3", _CONFIG)

    def present(self) -> Encryption:
        """Return the bucket's default encryption. Raise Failed if it names an alias or no key."""
        answer = self._client.get_bucket_encryption(Bucket=self._bucket)
        [rule, *_] = answer["ServerSideEncryptionConfiguration"]["Rules"]
        default = rule["ApplyServerSideEncryptionByDefault"]
        found = Encryption(default["SSEAlgorithm"], default.get("KMSMasterKeyID"))
        if found.algorithm != "AES256" and (found.key is None or ":alias/" in f":{found.key}"):
            named = f"the alias {found.key}" if found.key else "no key"
            raise Failed(
                f"The default encryption of {self._bucket} names {named}: set it to the ARN of a key, as S3 names the "
                "keys of its objects."
            )
        return found

    def keys(self) -> list[str]:
        """Return the keys of all objects that the functions read."""
        pages = self._client.get_paginator("list_objects_v2")
        found = (
            entry["Key"]
            for kind in _KINDS
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + kind)
            for entry in page.get("Contents", [])
        )
        return list(found)

    def reencrypt(self, keys: Sequence[str], present: Encryption, *, dry_run: bool) -> Iterator[Outcome]:
        """Rewrite each object with another encryption; yield an outcome for each object. `dry_run`: write nothing."""
        workers = ThreadPoolExecutor(_WORKERS)
        try:
            yield from workers.map(partial(self._outcome, present=present, dry_run=dry_run), keys)
        finally:
            workers.shutdown(cancel_futures=True)  # Ctrl-C waits only for the calls in progress

    def _outcome(self, key: str, present: Encryption, dry_run: bool) -> Outcome:
        before: Encryption | None = None
        try:
            for _ in range(_TRIES):
                found = self._encryption(key)
                if found is None:
                    return Outcome("gone", key)
                if present.covers(found):
                    # We wrote it and the response was lost, or somebody else has written it since.
                    return Outcome("former" if before else "current", key, before or found)
                before = found
                if dry_run or self._rewrite(key):
                    return Outcome("former", key, before)
        except AWS_ERRORS as error:
            return Outcome("failed", key, before, _reason(error))
        return Outcome("failed", key, before, "others keep writing it")

    def _encryption(self, key: str) -> Encryption | None:
        """Return how an object is encrypted; None if it no longer exists."""
        try:
            head = self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                return None
            raise
        return Encryption(head.get("ServerSideEncryption", "AES256"), head.get("SSEKMSKeyId"))

    def _rewrite(self, key: str) -> bool:
        """Rewrite an object unchanged; return False if somebody else has written or deleted it since it was read.

        CopyObject supports that condition only in new versions of the SDK.
        """
        try:
            found: dict[str, Any] = self._client.get_object(Bucket=self._bucket, Key=key)
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=found["Body"].read(),
                ContentType=found["ContentType"],
                Metadata=found["Metadata"],
                IfMatch=found["ETag"],
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _LOST:
                return False
            raise
        return True


def _reason(error: Exception) -> str:
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__


def of_state(outcomes: Iterable[Outcome], state: str) -> list[Outcome]:
    """Return the outcomes of one state."""
    return [outcome for outcome in outcomes if outcome.state == state]
