"""The rows of the history: one a day, in one object a month.

    history/2026-11.json    {"2026-11-23": {"scheduled_for", "taken_at", "values": {KEY: INTEGER or null, …}}, …}

A row is the day's last snapshot, or it has `"source": "backfill"`: what OpenL2M's log told later about a day
without one.
"""

import json
from collections.abc import Mapping
from typing import Any

from stats.aws.bucket import Bucket, StorageError, Stored, tries
from stats.base.deadline import Deadline
from stats.base.instants import parse_instant

Row = dict[str, Any]

BACKFILL = "backfill"
# What broken JSON, or JSON of another form, makes its readers raise.
MALFORMED = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError)


def key_of(day: str) -> str:
    """Return where the rows of the day's month are."""
    return f"history/{day[:7]}.json"


def parse(stored: Stored) -> dict[str, Row]:
    """Return a month's rows by day, with all that is in them. Raise StorageError when it is no such object."""
    try:
        rows: dict[str, Row] = json.loads(stored.body)
        for row in rows.values():
            parse_instant(row["scheduled_for"])
            row["values"].items()
    except MALFORMED:
        raise StorageError(f"{stored.key} is no history") from None
    return rows


def is_backfilled(row: Row) -> bool:
    """Tell whether the row was told by OpenL2M's log instead of taken."""
    return row.get("source") == BACKFILL


def replaces(row: Row, other: Row | None) -> bool:
    """Tell whether a row takes another's place: a later one does, and one that was taken always does.

    Of two that were told, the new one does unless they are the same.
    """
    if other is None:
        return True
    if is_backfilled(row) and is_backfilled(other):
        return row != other
    if is_backfilled(row) != is_backfilled(other):
        return is_backfilled(other)
    return parse_instant(row["scheduled_for"]) > parse_instant(other["scheduled_for"])


def put(bucket: Bucket, key: str, rows: Mapping[str, Row], deadline: Deadline) -> bool:
    """Write rows, by day, to their month, but none that does not replace the one there. Return whether any was.

    Raise StorageError, also when the object is no history: to begin anew would lose the month.
    """
    for _ in tries(key, deadline):
        stored = bucket.get(key, deadline)
        month = parse(stored) if stored else {}
        new = {day: row for day, row in rows.items() if replaces(row, month.get(day))}
        if not new:
            break
        if bucket.put(key, line(dict(sorted({**month, **new}.items()))), stored, deadline):
            return True
    return False


def line(content: Mapping[str, Any]) -> bytes:
    """Return an object of the bucket: JSON in one line."""
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"
