"""What a bucket must hold after any history of runs, worked out without the code that writes it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Acknowledged:
    """A run that ended well: its scheduled time, and the number and the instant of the snapshot that it reported."""

    scheduled_for: datetime
    number: int | None  # None: not known
    taken_at: datetime


def check(
    objects: Mapping[str, bytes],
    written: Sequence[bytes],
    acknowledged: Iterable[Acknowledged],
    backfilled: Mapping[str, int],
) -> None:
    """Check a bucket's objects, by their keys without the prefix, after the next run that ended well.

    A snapshot's number is its `vlans`. `written` has every content that latest.json had, `backfilled` the number of
    each backfilled day. Raise AssertionError.
    """
    contents = {key: json.loads(body) for key, body in objects.items()}
    latest = contents.pop("latest.json")
    rows = {day: row for key in list(contents) if key.startswith("history/") for day, row in contents.pop(key).items()}
    by_time: dict[datetime, Any] = {}
    for key, content in contents.items():
        scheduled_for = scheduled_for_of(content)
        assert key == f"dt={scheduled_for:%Y-%m-%d}/{scheduled_for:%Y-%m-%dT%H-%M-%S}Z.json"
        by_time[scheduled_for] = content

    for run in acknowledged:
        stored = by_time[run.scheduled_for]
        assert run.number in {_number(stored), None}, "what a run reported is stored"
        assert datetime.fromisoformat(stored["taken_at"]) == run.taken_at
    assert latest == by_time[max(by_time)], "latest.json is the newest snapshot"
    times = [scheduled_for_of(json.loads(body)) for body in written]
    assert times == sorted(set(times)), "latest.json never goes back"
    for time, body in zip(times, written, strict=True):
        assert by_time.get(time) == json.loads(body), "what was begun is completed"

    last: dict[str, tuple[datetime, datetime]] = {}
    for scheduled_for, content in by_time.items():
        taken_at = datetime.fromisoformat(content["taken_at"])
        offset = taken_at.astimezone(ZoneInfo(content["time_zone"])).utcoffset()
        assert offset is not None
        day = (taken_at + offset).strftime("%Y-%m-%d")
        last[day] = max(last.get(day, (taken_at, scheduled_for)), (taken_at, scheduled_for))
    assert set(rows) == {*last, *backfilled}, "each day has a row"
    for day, row in rows.items():
        if day in last:
            content = by_time[last[day][1]]
            assert row["values"]["vlans"] == _number(content), f"the row of {day} is what was read last on it"
            assert {name: row[name] for name in ("taken_at", "scheduled_for", "time_zone")} == {
                name: content[name] for name in ("taken_at", "scheduled_for", "time_zone")
            }
        else:
            assert row["values"]["vlans"] == backfilled[day]


def scheduled_for_of(content: Any) -> datetime:
    return datetime.fromisoformat(content["scheduled_for"])


def _number(content: Any) -> int:
    number: int = content["database"]["vlans"]["value"]
    return number
