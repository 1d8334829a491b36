"""A history in a bucket that keeps old versions, as the stack's does."""

import json
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import boto3
import pytest

from stats.base.zones import time_zone
from stats.numbers.catalogue import STATISTICS
from stats.numbers.query import document
from stats.snapshots.store import Snapshot
from tests.integration.conftest import Travel
from tests.support.s3 import S3
from tests.unit.openl2m_stats.conftest import Run

PREFIX = "snapshots/"
OCTOBER, NOVEMBER = f"{PREFIX}history/2026-10.json", f"{PREFIX}history/2026-11.json"
DELAY = timedelta(seconds=2)


def snapshot(scheduled_for: str, number: int, zone: str = "Asia/Tokyo") -> Snapshot:
    """Return a snapshot whose numbers are all the same."""
    instant = datetime.fromisoformat(scheduled_for)
    return Snapshot(document([number] * len(STATISTICS)), instant + DELAY, instant, time_zone(zone), None)


def month(*snapshots: Snapshot) -> bytes:
    """Return a month of the history with the rows of snapshots."""
    return json.dumps({each.day: each.row for each in snapshots}).encode()


@pytest.fixture
def client(s3: S3, travel: Travel, monkeypatch: pytest.MonkeyPatch) -> Any:
    """S3's client for the bucket of SNAPSHOT_BUCKET; days are those of Tokyo, and the clock stands."""
    monkeypatch.setenv("TIME_ZONE", "Asia/Tokyo")
    found: Any = boto3.client("s3")
    found.put_bucket_versioning(Bucket=s3.bucket, VersioningConfiguration={"Status": "Enabled"})
    return found


@pytest.fixture
def put(client: Any, s3: S3) -> Any:
    """Return a function that writes an object, as a version of its own."""
    return lambda key, content: client.put_object(Bucket=s3.bucket, Key=key, Body=content)


@pytest.fixture
def history(run: Run, client: Any) -> Run:
    return partial(run, "history")
