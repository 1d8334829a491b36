"""The bucket: the history's months with their versions, and the single snapshots."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from openl2m_stats.aws import client
from stats.aws.bucket import Bucket, StorageError, Stored
from stats.base.deadline import Deadline
from stats.base.settings import Settings
from stats.snapshots import months
from stats.snapshots.store import Snapshot, parse

Rows = dict[str, months.Row]

_SECONDS = 30  # to read a month, or to write one with all attempts
_ATTEMPTS = 3  # of each call to S3
_READERS = 16
# A run reads at most 14 days after its time, and a day begins up to 14 hours before it does in UTC.
_LONGEST_DELAY, _FURTHEST_ZONE = timedelta(days=14), timedelta(days=1)
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
    max_pool_connections=_READERS,
)
_MONTH = re.compile(r"history/(\d{4}-\d{2})\.json")


@dataclass(frozen=True)
class Month:
    """A month's current object, None if it does not exist, and its rows by day, None if it is damaged."""

    stored: Stored | None
    rows: Rows | None


class Archive:
    """The settings' bucket. Its methods raise StorageError, or boto3's errors."""

    def __init__(self, settings: Settings) -> None:
        self._name, self._prefix = str(settings.snapshot_bucket), settings.snapshot_prefix
        self._zone = settings.time_zone
        self._bucket = Bucket(self._name, self._prefix, _ATTEMPTS)
        self._client = client("s3", _CONFIG)

    def months(self) -> list[str]:
        """Return the months that have an object, such as 2026-11."""
        keys = (entry["Key"].removeprefix(self._prefix) for entry in self._list("history/"))
        return sorted(found[1] for found in map(_MONTH.fullmatch, keys) if found)

    def month(self, month: str) -> Month:
        """Return a month in its current state."""
        stored = self._bucket.get(months.key_of(month), Deadline.after(_SECONDS))
        return Month(stored, _rows(stored) if stored else {})

    def last_good(self, month: str) -> tuple[datetime, Rows] | None:
        """Return when a month's newest usable version was written, and its rows; None if no version is usable."""
        key = self._prefix + months.key_of(month)
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._name, Prefix=key)
        for version in (version for page in pages for version in page.get("Versions", []) if version["Key"] == key):
            answer = self._client.get_object(Bucket=self._name, Key=key, VersionId=version["VersionId"])
            rows = _rows(Stored(key, answer["Body"].read(), ""))
            if rows is not None:
                return version["LastModified"], rows
        return None

    def replace(self, month: str, rows: Rows, now: Month) -> bool:
        """Replace a month that is still as in `now`. Return False if it has been written since."""
        content = months.line(dict(sorted(rows.items())))
        return self._bucket.put(months.key_of(month), content, now.stored, Deadline.after(_SECONDS))

    def put(self, month: str, rows: Rows) -> bool:
        """Add rows to a month, if they replace those in it. Return whether any was added."""
        return months.put(self._bucket, months.key_of(month), rows, Deadline.after(_SECONDS))

    def keys(self, month: str | None) -> list[str]:
        """Return the keys of the single snapshots that may be of a month's days, or of all."""
        if month is None:
            return [entry["Key"] for entry in self._list("dt=")]
        first = date.fromisoformat(f"{month}-01")
        begin, end = first - _FURTHEST_ZONE, first + timedelta(days=31) + _FURTHEST_ZONE
        oldest, newest = (f"{self._prefix}dt={day}" for day in (begin - _LONGEST_DELAY, end))
        found = []
        for entry in self._list("dt=", StartAfter=oldest):
            if entry["Key"] > f"{newest}/~":
                break
            # A snapshot written before the month began was also read before it.
            if entry["LastModified"].date() >= begin:
                found.append(entry["Key"])
        return found

    def snapshots(self, keys: list[str]) -> Iterator[Snapshot | None]:
        """Yield the snapshots at some keys; None for an object that is malformed or has just expired."""
        with ThreadPoolExecutor(_READERS) as readers:
            yield from readers.map(self._snapshot, keys)

    def _snapshot(self, key: str) -> Snapshot | None:
        try:
            body = self._client.get_object(Bucket=self._name, Key=key)["Body"].read()
            return parse(Stored(key, body, ""), self._zone)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        except StorageError:
            return None

    def _list(self, prefix: str, **options: str) -> Iterator[Any]:
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._name, Prefix=self._prefix + prefix, **options):
            yield from page.get("Contents", [])


def _rows(stored: Stored) -> Rows | None:
    try:
        return months.parse(stored)
    except StorageError:
        return None
