"""What 1.0.0 itself has stored: `release_1_0_0/` has its token secret, and its bucket after three runs of the schedule.

Its time zone was America/Los_Angeles, so that the row of 1 November, by a day in UTC, is of the same day there.
"""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stats.numbers.catalogue import COUNTERS, STATISTICS
from tests.integration.conftest import AWS, Command, Container, Take, Travel
from tests.support.events import http_api
from tests.support.s3 import S3
from tests.support.snapshots import at

STORED = Path(__file__).with_name("release_1_0_0")
BUCKET = {path.relative_to(STORED / "bucket").as_posix(): path.read_bytes() for path in STORED.glob("bucket/**/*.json")}
TOKENS = json.loads((STORED / "tokens.json").read_text())
KEY, RESTRICTED = TOKENS["keys"]["grafana"], TOKENS["keys"]["campus"]
NEWEST = "snapshots/dt=2026-11-23/2026-11-23T11-55-00Z.json"
DAYS = ("2026-10-31", "2026-11-01", "2026-11-23")
UNREACHABLE = {"engine": "mysql", "host": "127.0.0.1", "port": 1, "username": "u", "password": "p"}


@pytest.fixture
def container(aws: AWS, s3: S3, travel: Travel, new_container: Callable[..., Container]) -> Container:
    """A container of today's, a few minutes after the last run of 1.0.0's, without a database."""
    s3.objects = dict(BUCKET)
    aws.put_database(UNREACHABLE)
    aws.put_registry(TOKENS["secret"])
    return new_container(TIME_ZONE="America/Los_Angeles", CACHE_TTL_SECONDS="360")


def test_what_is_stored_is_what_1_0_0_wrote() -> None:
    assert set(BUCKET) == {
        "snapshots/dt=2026-10-31/2026-10-31T18-00-00Z.json",
        "snapshots/dt=2026-11-01/2026-11-01T18-00-00Z.json",
        NEWEST,
        "snapshots/history/2026-10.json",
        "snapshots/history/2026-11.json",
        "snapshots/latest.json",
    }
    assert "time_zone" not in json.loads(BUCKET[NEWEST])


def test_its_tokens_work(container: Container) -> None:
    assert container.get(KEY).status == 200
    campus = http_api(headers=[("Authorization", f"Token {RESTRICTED}")], client="10.1.2.3")
    assert container.invoke(campus).status == 200
    elsewhere = http_api(headers=[("Authorization", f"Token {RESTRICTED}")], client="192.0.2.1")
    assert container.invoke(elsewhere).status == 401


def test_its_newest_snapshot_is_served(container: Container) -> None:
    answer = container.get(KEY)
    assert "detail=snapshot" in answer.headers["Cache-Status"]
    stored = json.loads(BUCKET["snapshots/latest.json"])
    assert answer.json == {section: stored[section] for section in ("database", "usage")}
    assert "openl2m_switches 1246.0" in container.get(KEY, path="/metrics").body


def test_its_single_snapshots_are_served(container: Container) -> None:
    for key, content in BUCKET.items():
        if "/dt=" in key:
            stored = json.loads(content)
            answer = container.get(KEY, path="/api/stats/at/", query=f"time={stored['taken_at']}")
            assert answer.json == {section: stored[section] for section in ("database", "usage")}


def test_its_history_is_served(container: Container) -> None:
    answer = container.get(KEY, path="/api/stats/history/", query="from=2026-10-31&to=2026-11-23&format=csv")
    rows = {row["day"]: row for row in csv.DictReader(io.StringIO(answer.body, newline=""))}
    assert [day for day, row in rows.items() if row["source"]] == list(DAYS)
    for day in DAYS:
        stored = json.loads(BUCKET[f"snapshots/history/{day[:7]}.json"])[day]["values"]
        assert {key: int(rows[day][key]) for key in stored} == stored
        assert {rows[day][each.key] for each in STATISTICS if each.section == COUNTERS} == {""}


def test_todays_runs_go_on_with_it(container: Container, sqlite_db: Any, aws: AWS, s3: S3, new_schedule: Any) -> None:
    """They replace the newest snapshot and today's row, and leave everything else as it is."""
    aws.put_database(sqlite_db.secret())
    take: Take = new_schedule(TIME_ZONE="America/Los_Angeles")
    assert take(at("2026-11-23T12:00:00Z"))["written"] is True
    now = s3.objects
    changed = {key for key in BUCKET if now[key] != BUCKET[key]}
    assert changed == {"snapshots/latest.json", "snapshots/history/2026-11.json"}
    old, new = json.loads(BUCKET["snapshots/history/2026-11.json"]), s3.json("snapshots/history/2026-11.json")
    assert new["2026-11-01"] == old["2026-11-01"]
    assert new["2026-11-23"]["values"]["switches"] == 0


def test_the_history_command_reads_and_rebuilds_it(
    container: Container, aws: AWS, s3: S3, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIME_ZONE", "America/Los_Angeles")
    assert command("history", "rebuild", "2026-11").code == 0
    for month in ("2026-10", "2026-11"):
        name = f"snapshots/history/{month}.json"
        old, new = json.loads(BUCKET[name]), s3.json(name)
        assert {day: row["values"] for day, row in new.items()} == {day: row["values"] for day, row in old.items()}


def test_its_snapshot_grows_stale_as_any_other(container: Container, travel: Travel) -> None:
    travel(datetime(2026, 11, 23, 12, 30, tzinfo=UTC))
    answer = container.get(KEY)
    assert answer.headers["Cache-Status"].endswith("detail=stale")
    assert answer.headers["Age"] == str(int(timedelta(minutes=34, seconds=58).total_seconds()))
