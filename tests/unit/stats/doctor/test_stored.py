"""The token secret and the bucket, in memory."""

import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import EndpointConnectionError

from stats.aws.bucket import StorageError
from stats.base.deadline import Deadline
from stats.doctor.findings import Finding, Known
from stats.doctor.stored import READING, TOKENS, WRITING
from stats.numbers.catalogue import STATISTICS
from stats.numbers.query import document
from stats.snapshots.store import Snapshot
from tests.support.memory_s3 import MemoryBucket, refusal
from tests.support.secret import Secret

NEWEST, HISTORY = READING
NOW = datetime.now(UTC).replace(microsecond=0)
TOKEN = {"name": "grafana", "sha256": "0" * 64}


def make(check: object, known: Known) -> Finding:
    found: Finding = check.make(known, Deadline.after(10))  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize(
    ("text", "state", "code"),
    [
        (json.dumps({"tokens": [TOKEN]}), "ok", ""),
        (json.dumps({"tokens": [TOKEN, {"name": "other"}]}), "warn", "malformed"),
        ('{"tokens": []}', "warn", "no token"),
        (None, "warn", "no token"),
        ("[]", "FAIL", "malformed"),
    ],
)
def test_tokens(text: str | None, state: str, code: str, known: Known, secret: Secret) -> None:
    secret.texts = {"AWSCURRENT": text} if text else {}
    found = make(TOKENS, known)
    assert (found.state, found.code) == (state, code)


def put_snapshot(known: Known) -> None:
    assert known.app.snapshots
    taken = Snapshot(document([0] * len(STATISTICS)), NOW, NOW, known.app.settings.time_zone, None)
    known.app.snapshots.write(taken, Deadline.after(10))


def test_an_empty_bucket(known: Known) -> None:
    assert make(NEWEST, known) == Finding("warn", "there is none yet", "none")
    assert make(HISTORY, known).seen == f"0 days of {NOW:%Y-%m}; single snapshots: 0 in this hour"


def test_a_snapshot(known: Known) -> None:
    put_snapshot(known)
    assert make(NEWEST, known).seen.startswith(f"the newest is of {NOW:%Y-%m-%dT%H:%M:%S}Z, ")
    assert make(HISTORY, known).seen.startswith(f"1 days of {NOW:%Y-%m}; single snapshots: 1 in this hour, the last")


def test_a_single_snapshot_that_may_not_be_read(known: Known, bucket: MemoryBucket) -> None:
    put_snapshot(known)
    [key] = [key for key in bucket.s3.objects if "dt=" in key]
    bucket.s3.faults[key] = refusal("AccessDenied", 403)
    with pytest.raises(StorageError, match="AccessDenied"):
        make(HISTORY, known)


def test_a_write_that_the_role_may_make_is_not_made(known: Known, bucket: MemoryBucket) -> None:
    assert make(WRITING, known).state == "ok"
    assert bucket.s3.calls == [("put", "p/doctor")]
    assert not bucket.s3.objects


@pytest.mark.parametrize("fault", [refusal("AccessDenied", 403), EndpointConnectionError(endpoint_url="s3")])
def test_a_write_that_fails(fault: Exception, known: Known, bucket: MemoryBucket) -> None:
    bucket.s3.faults["p/doctor"] = fault
    with pytest.raises(StorageError):
        make(WRITING, known)
