"""What the snapshots rest on: S3 writes an object on a condition, or not at all."""

import contextlib
import secrets
from typing import Any

from openl2m_stats.aws import AWS_ERRORS, explain
from openl2m_stats.deployed.stack import Account
from openl2m_stats.findings import Finding
from stats.aws.bucket import Bucket, StorageError
from stats.base.deadline import Deadline

_SECONDS = 30
_KEY = "object.json"
_NEEDS = "It takes s3:PutObject, s3:GetObject and s3:DeleteObjectVersion below it, and s3:ListBucketVersions."


def check_conditional_writes(account: Account, bucket: str, prefix: str) -> Finding:
    """Tell whether two runs at once could overwrite each other's work. What this writes, it deletes."""
    scratch = f"{prefix}verify/{secrets.token_hex(8)}/"
    where = f"s3://{bucket}/{scratch}"
    try:
        finding = _try(Bucket(bucket, scratch, attempts=3))
    except StorageError as error:
        finding = Finding("FAIL", f"{where} cannot be written: {error}", _NEEDS)
    except KeyboardInterrupt:
        with contextlib.suppress(*AWS_ERRORS):
            _delete(account.client("s3"), bucket, scratch)
        raise
    try:
        _delete(account.client("s3"), bucket, scratch)
    except AWS_ERRORS as error:
        if finding.state == "ok":
            return Finding("warn", f"{finding.seen}; {where} was left there: {explain(error)}", _NEEDS)
    return finding


def _try(bucket: Bucket) -> Finding:
    deadline = Deadline.after(_SECONDS)
    written = bucket.put(_KEY, b"1", None, deadline)
    first = bucket.get(_KEY, deadline)
    overwritten = bucket.put(_KEY, b"2", None, deadline)
    replaced = first is not None and bucket.put(_KEY, b"3", first, deadline)
    replaced_twice = first is not None and bucket.put(_KEY, b"4", first, deadline)
    if overwritten or replaced_twice:
        advice = "This is not S3: runs at the same time would overwrite each other's work."
        return Finding("FAIL", "a write whose condition does not hold is carried out", advice)
    if not (written and replaced):
        return Finding("FAIL", "a write whose condition holds is refused", "Does somebody else write there?")
    return Finding("ok", "writes are carried out if their condition holds, and refused if not")


def _delete(client: Any, bucket: str, prefix: str) -> None:
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    for version in [version for page in pages for version in page.get("Versions", [])]:
        client.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
