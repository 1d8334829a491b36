"""Conditional writes in S3, which the snapshots rely on."""

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
_NEEDS = (
    "Your credentials need s3:PutObject, s3:GetObject and s3:DeleteObjectVersion below it, and s3:ListBucketVersions."
)


def check_conditional_writes(account: Account, bucket: str, prefix: str) -> Finding:
    """Check that concurrent runs cannot overwrite each other's work. It deletes what it writes."""
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
        advice = "The store does not behave like S3: concurrent runs would overwrite each other's work."
        return Finding("FAIL", "S3 carried out a write whose condition is false", advice)
    if not (written and replaced):
        return Finding("FAIL", "S3 refused a write whose condition is true", "Does somebody else write to this prefix?")
    return Finding("ok", "S3 carries out conditional writes when their condition is true, and refuses the others")


def _delete(client: Any, bucket: str, prefix: str) -> None:
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    for version in [version for page in pages for version in page.get("Versions", [])]:
        client.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
