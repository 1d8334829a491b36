"""`openl2m-stats doctor`: all checks together, and the settings."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dev.servers.databases import Database
from stats.numbers import catalogue
from tests.integration.conftest import AWS
from tests.integration.doctor.conftest import NAMES, OF_DATABASE, Examine, check


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


@pytest.mark.parametrize("secret", ["DATABASE_SECRET_ID", "TOKENS_SECRET_ID"])
def test_settings(secret: str, sqlite_healthy: Database, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIME_ZONE", "Mars")
    monkeypatch.delenv(secret)
    report = examine()
    check(report, "settings", "FAIL", f"{secret} is not set: it takes", "TIME_ZONE is wrong: it takes a zone")
    assert report.skipped == NAMES[1:]


def test_api_switched_off(sqlite_healthy: Database, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_ENABLED", "false")
    check(examine(), "settings", "warn", "API_ENABLED is false", "401")


def test_a_file_that_is_no_database(sqlite_healthy: Database, aws: AWS, tmp_path: Path, examine: Examine) -> None:
    (tmp_path / "other").write_text("nothing of the kind")
    aws.put_database(sqlite_healthy.secret(dbname=str(tmp_path / "other")))
    report = examine()
    assert report.code == 1
    assert report.wrong["grants"] == "FAIL"
    assert "SQLITE_NOTADB" in report["grants"]["seen"]
    assert "documentation" in report["grants"]["advice"]
    assert report.skipped == OF_DATABASE[-3:]
