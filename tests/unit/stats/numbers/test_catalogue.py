"""What is counted; the windows' bounds, by the rules in OpenL2M's own words: a date in the zone, a date in UTC."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stats.base.settings import load
from stats.numbers.catalogue import (
    STATISTICS,
    Counter,
    Distinct,
    LogDevices,
    LogRows,
    LogUsers,
    Measure,
    Rows,
    Statistic,
    columns,
)
from stats.numbers.windows import Bounds, Window, bounds

CASES = Path(__file__).parents[3] / "cases"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "zone", "expected"),
    [
        pytest.param(
            "2026-11-23 12:34:56.789012",
            "UTC",
            ("2026-11-23 11:34:56.789012", "2026-11-23", "2026-11-24", "2026-11-16", "2026-10-23"),
            id="utc",
        ),
        pytest.param(
            "2026-11-23 06:15:00",
            "America/Los_Angeles",
            ("2026-11-23 05:15", "2026-11-22 08:00", "2026-11-23 08:00", "2026-11-16 08:00", "2026-10-23 07:00"),
            id="the UTC date is ahead, and daylight saving ended within the 31 days",
        ),
        pytest.param(
            "2026-11-22 20:00:00",
            "Pacific/Kiritimati",
            ("2026-11-22 19:00", "2026-11-22 10:00", "2026-11-23 10:00", "2026-11-14 10:00", "2026-10-21 10:00"),
            id="the UTC date is behind",
        ),
        pytest.param(
            "2026-04-24 12:00:00",
            "Africa/Cairo",
            ("2026-04-24 11:00", "2026-04-23 22:00", "2026-04-24 21:00", "2026-04-16 22:00", "2026-03-23 22:00"),
            id="midnight is skipped: the offset before the skip",
        ),
        pytest.param(
            "2025-11-02 12:00:00",
            "America/Havana",
            ("2025-11-02 11:00", "2025-11-02 04:00", "2025-11-03 05:00", "2025-10-26 04:00", "2025-10-02 04:00"),
            id="midnight comes twice: the first",
        ),
        pytest.param(
            "2026-03-01 00:30:00",
            "Asia/Kolkata",
            ("2026-02-28 23:30", "2026-02-28 18:30", "2026-03-01 18:30", "2026-02-21 18:30", "2026-01-28 18:30"),
            id="the last hour began yesterday in UTC",
        ),
    ],
)
def test_bounds(now: str, zone: str, expected: tuple[str, ...]) -> None:
    settings = load({"DATABASE_SECRET_ID": "database", "TOKENS_SECRET_ID": "tokens", "TIME_ZONE": zone})
    assert bounds(at(now), settings.time_zone) == Bounds(*map(at, expected))


def test_openl2ms_statistics_are_there_in_its_order() -> None:
    recorded = json.loads((CASES / "america-havana-1002.json").read_text())["expected"]
    known = [(section, key, entry["label"]) for section, keys in recorded.items() for key, entry in keys.items()]
    assert len(known) == 30
    here = [(statistic.section, statistic.key, statistic.label) for statistic in STATISTICS]
    assert [each for each in here if each in known] == known


def test_keys_are_unique() -> None:
    # The statement's columns and the history's rows are named by the key alone.
    assert len({statistic.key for statistic in STATISTICS}) == len(STATISTICS)


def test_needed_columns() -> None:
    def needed(*measures: Measure) -> dict[str, tuple[str, ...]]:
        return columns(
            [Statistic("database", f"key{n}", "Label", "things", m, "Things.") for n, m in enumerate(measures)]
        )

    assert needed(Rows("one")) == {"one": ("id",)}
    assert needed(Rows("one"), Distinct("one", "a"), Distinct("one", "b")) == {"one": ("a", "b")}
    assert needed(Counter("changes"), Counter("logins")) == {"counters_counter": ("name", "value")}
    log = Rows("switches_log")
    assert needed(log, LogRows(1, Window.TODAY)) == {"switches_log": ("timestamp", "type")}
    assert needed(log, LogRows(5, Window.TODAY, 95)) == {"switches_log": ("timestamp", "type", "action")}
    assert needed(LogDevices(Window.TODAY)) == {"switches_log": ("timestamp", "switch_id")}
    assert needed(LogDevices(Window.TODAY, (0, 1))) == {"switches_log": ("timestamp", "type", "switch_id")}
    assert needed(LogUsers(5, Window.TODAY)) == {"switches_log": ("timestamp", "type", "user_id")}
