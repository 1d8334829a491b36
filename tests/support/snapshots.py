"""What tests ask of snapshots: an event that takes one, and what must be in the bucket then."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from stats.numbers.catalogue import STATISTICS
from tests.support.s3 import S3


def at(time: str) -> dict[str, str]:
    """Return the Scheduler's input for a time."""
    return {"scheduled_for": time}


def numbers(document: Any) -> dict[str, int]:
    return {key: entry["value"] for section in document.values() for key, entry in section.items()}


def check_bucket(s3: S3, *times: str, prefix: str = "snapshots/") -> None:
    """Check that the bucket holds the snapshots of these times, ascending, and all that follows from them."""
    objects = s3.objects
    snapshots = {time: f"{prefix}dt={time[:10]}/{time.replace(':', '-')}.json" for time in times}
    rows: dict[str, list[Any]] = {}
    for time, name in snapshots.items():
        assert objects[name].endswith(b"}\n")
        assert objects[name].count(b"\n") == 1
        content = s3.json(name)
        assert content["scheduled_for"] == time
        row = {key: content.pop(key) for key in ("taken_at", "scheduled_for", "time_zone", "read_from")}
        rows.setdefault(day_of(row), []).append({**row, "values": numbers(content)})
        assert len(numbers(content)) == len(STATISTICS)
    months = {f"{prefix}history/{day[:7]}.json" for day in rows}
    latest = f"{prefix}latest.json"
    assert set(objects) == {*snapshots.values(), *months, latest}
    assert objects[latest] == objects[snapshots[max(times)]]
    for name in months:
        days = [day for day in rows if day.startswith(name[-12:-5])]
        assert s3.json(name) == {day: max(rows[day], key=order) for day in days}
        assert list(s3.json(name)) == sorted(days)


def day_of(row: Any) -> str:
    """Return the day on which a snapshot was read, in its own time zone."""
    return f"{datetime.fromisoformat(row['taken_at']).astimezone(ZoneInfo(row['time_zone'])).date()}"


def order(row: Any) -> tuple[datetime, datetime]:
    """Return what decides which of a day's snapshots is its row."""
    return datetime.fromisoformat(row["taken_at"]), datetime.fromisoformat(row["scheduled_for"])
