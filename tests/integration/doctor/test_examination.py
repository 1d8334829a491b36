"""`openl2m-stats doctor`: all checks together, and the settings."""

from datetime import UTC, datetime
from typing import Any

from dev.servers.databases import Database
from stats.numbers import catalogue
from tests.integration.doctor.conftest import NAMES, Examine


def test_all_is_well(database: Database, healthy: Any, examine: Examine) -> None:
    database.insert("switches_log", [{"type": 1, "action": 1, "timestamp": datetime.now(UTC)}])
    healthy(database)
    report = examine()
    assert report.title == "the set-up that this environment's variables describe"
    assert (report.code, report.wrong) == (0, {})
    assert [finding["name"] for finding in report.findings] == NAMES
    needed = catalogue.columns().values()
    count = sum(len(names) for names in needed)
    assert report["grants"]["seen"] == f"all {count} columns of {len(needed)} tables can be read"
    assert "1 log entries" in report["statement"]["seen"]
    assert report["token secret"]["seen"].startswith("1 usable; ")
    if database.server:
        assert f"user {database.user} with a password" in report["database secret"]["seen"]
        assert " MB" in report["statement"]["seen"]
