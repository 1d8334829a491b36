"""What tests ask of snapshots: an event that takes one, and what must be in the bucket then."""

from typing import Any

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
    months = {f"{prefix}history/{time[:7]}.json" for time in times}
    latest = f"{prefix}latest.json"
    assert set(objects) == {*snapshots.values(), *months, latest}
    assert objects[latest] == objects[snapshots[max(times)]]
    rows: dict[str, dict[str, Any]] = {}
    for time, name in snapshots.items():
        assert objects[name].endswith(b"}\n")
        assert objects[name].count(b"\n") == 1
        content = s3.json(name)
        assert content.pop("scheduled_for") == time
        taken_at = content.pop("taken_at")
        row = {"scheduled_for": time, "taken_at": taken_at, "values": numbers(content)}
        assert len(row["values"]) == len(STATISTICS)
        rows.setdefault(f"{prefix}history/{time[:7]}.json", {})[time[:10]] = row
    for name, days in rows.items():
        assert s3.json(name) == days
        assert list(s3.json(name)) == sorted(days)
