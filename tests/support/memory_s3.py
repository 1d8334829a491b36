"""S3 in memory in the place of its client: objects with conditional reads and writes, and faults that a test sets."""

import io
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from stats.aws.bucket import Bucket


class MemoryS3:
    """What a Bucket calls of S3's client. `calls` are the operations and keys so far; `faults` has the error by key."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.faults: dict[str, Exception] = {}
        self.calls: list[tuple[str, str]] = []

    def get_object(self, *, Bucket: str, Key: str, IfNoneMatch: str | None = None) -> Mapping[str, Any]:  # noqa: ARG002, N803 boto's names
        self._begin("get", Key)
        if Key not in self.objects:
            raise refusal("NoSuchKey", 404)
        if IfNoneMatch == self._tag(Key):
            raise refusal("304", 304)
        return {"Body": io.BytesIO(self.objects[Key]), "ETag": self._tag(Key)}

    def list_objects_v2(self, *, Bucket: str, Prefix: str) -> Mapping[str, Any]:  # noqa: ARG002, N803
        self._begin("list", Prefix)
        found = [{"Key": key} for key in sorted(self.objects) if key.startswith(Prefix)]
        return {"Contents": found} if found else {}

    def put_object(
        self,
        *,
        Bucket: str,  # noqa: ARG002, N803
        Key: str,  # noqa: N803
        Body: bytes,  # noqa: N803
        ContentType: str,  # noqa: N803
        IfMatch: str | None = None,  # noqa: N803
        IfNoneMatch: str | None = None,  # noqa: N803
    ) -> None:
        self._begin("put", Key)
        assert ContentType == "application/json"
        assert (IfMatch is None) == (IfNoneMatch == "*"), "a write without a condition"
        if IfMatch and Key not in self.objects:
            raise refusal("NoSuchKey", 404)
        if (Key in self.objects) if IfNoneMatch else (IfMatch != self._tag(Key)):
            raise refusal("PreconditionFailed", 412)
        self.objects[Key] = Body

    def _begin(self, operation: str, key: str) -> None:
        self.calls.append((operation, key))
        if key in self.faults:
            raise self.faults[key]

    def _tag(self, key: str) -> str:
        return f'"{hash(self.objects[key])}"'


class MemoryBucket(Bucket):
    """A bucket below the prefix `p/`, whose client is `s3`."""

    def __init__(self) -> None:
        super().__init__("bucket", "p/", 1)
        self.client = self.s3 = MemoryS3()


def refusal(code: str, status: int) -> ClientError:
    """Return the error that botocore raises for S3's answer."""
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Operation")  # type: ignore[typeddict-item]
