"""The rows of the history: one for each day in TIME_ZONE, one object for each month.

    history/2026-11.json    {"2026-11-23": {"scheduled_for", "taken_at", "time_zone", "values": {KEY: INTEGER or null,
                            …}, …}, …}

A row is the snapshot that was read last within the day, or it has `"source": "backfill"`: the usage that OpenL2M's log
shows for a day without a snapshot. Version 1.0 wrote rows that name no time zone: their days are days in UTC.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stats.aws.bucket import Bucket, StorageError, Stored, tries
from stats.base.deadline import Deadline
from stats.base.instants import parse_instant
from stats.base.zones import time_zone

Row = dict[str, Any]

BACKFILL = "backfill"
# Raised for malformed JSON, or JSON of another form.
MALFORMED = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError)


def key_of(day: str) -> str:
    """Return the key of the object for the day's month."""
    return f"history/{day[:7]}.json"


def parse(stored: Stored) -> dict[str, Row]:
    """Return a month's complete rows by day. Raise StorageError if the object is malformed."""
    try:
        rows: dict[str, Row] = json.loads(stored.body)
        for row in rows.values():
            _instants(row)
            row["values"].items()
    except MALFORMED:
        raise StorageError(f"{stored.key} is not a valid history object") from None
    return rows


def is_backfilled(row: Row) -> bool:
    """Return whether the row was backfilled from OpenL2M's log, not read from a snapshot."""
    return row.get("source") == BACKFILL


def replaces(row: Row, other: Row | None, day: str) -> bool:
    """Return whether a row replaces another.

    A snapshot that was read later does, and a snapshot always replaces a backfilled row. A row of version 1.0 gives
    way if it was read on another day of TIME_ZONE. Of two backfilled rows, the new one counts.
    """
    if other is None or row == other:
        return other is None
    if is_backfilled(row) or is_backfilled(other):
        return is_backfilled(other)
    return _instants(row) >= _instants(other) or not _was_read_on(day, other, row["time_zone"])


def _was_read_on(day: str, row: Row, zone: str) -> bool:
    """Return whether a row was read on its day. A row without a time zone is in `zone`."""
    return "time_zone" in row or _instants(row)[0].astimezone(time_zone(zone)).date().isoformat() == day


def _instants(row: Row) -> tuple[datetime, datetime]:
    """Return when a row was read and, to break a tie, when it was scheduled."""
    return parse_instant(row["taken_at"]), parse_instant(row["scheduled_for"])


def put(bucket: Bucket, key: str, rows: Mapping[str, Row], deadline: Deadline) -> bool:
    """Write rows, by day, to their month, if they replace those in it. Return whether any was written.

    Raise StorageError, also if the object is malformed: starting over would lose the month.
    """
    for _ in tries(key, deadline):
        stored = bucket.get(key, deadline)
        month = parse(stored) if stored else {}
        new = {day: row for day, row in rows.items() if replaces(row, month.get(day), day)}
        if not new:
            break
        if bucket.put(key, line(dict(sorted({**month, **new}.items()))), stored, deadline):
            return True
    return False


def line(content: Mapping[str, Any]) -> bytes:
    """Return an object of the bucket: JSON in one line."""
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"
