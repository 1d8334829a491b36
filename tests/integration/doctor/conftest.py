"""What the tests of the doctor share: a deployment that is well, and a run of the command."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from dev.servers.databases import Database
from openl2m_stats.cli import main
from tests.integration.conftest import AWS, cold_start
from tests.support import leaks
from tests.support.s3 import S3
from tests.support.tls_servers import HOST

OF_DATABASE = [
    "network",
    "TLS",
    "login",
    "grants",
    "least privilege",
    "clock",
    "time limit",
    "time zone",
    "statement",
    "index",
]
NAMES = ["settings", "AWS", "database secret", *OF_DATABASE, "token secret", "snapshot"]


@dataclass(frozen=True)
class Report:
    """What a run printed, and its exit code."""

    code: int
    title: str
    findings: list[dict[str, str]]

    def __getitem__(self, name: str) -> dict[str, str]:
        [finding] = [finding for finding in self.findings if finding["name"] == name]
        return finding

    @property
    def skipped(self) -> list[str]:
        return [finding["name"] for finding in self.findings if finding["state"] == "skip"]

    @property
    def wrong(self) -> dict[str, str]:
        """The states that are not `ok`, by the check's name, without those that were skipped."""
        return {
            finding["name"]: finding["state"] for finding in self.findings if finding["state"] not in {"ok", "skip"}
        }


Examine = Callable[..., Report]


@pytest.fixture
def examine(capsys: pytest.CaptureFixture[str]) -> Examine:
    """Return a function that runs the command, with arguments."""

    def run(*arguments: str) -> Report:
        capsys.readouterr()
        code = main(["doctor", "--json", *arguments])
        printed = capsys.readouterr()
        assert printed.err == ""
        assert not leaks.found_in(printed.out)
        report = json.loads(printed.out)
        assert all(bool(each["advice"]) == (each["state"] in {"warn", "FAIL"}) for each in report["findings"])
        return Report(code, report["checked"], report["findings"])

    return run


def check(report: Report, name: str, state: str, *words: str) -> None:
    """Check that this is the one finding that is not `ok`, and that it has the words."""
    assert report.wrong == {name: state}
    assert report.code == (1 if state == "FAIL" else 0)
    finding = report[name]
    for word in words:
        assert word in f"{finding['seen']}. {finding['advice']}"


def ask(database: Database, sql: str) -> Any:
    """Return what the superuser is told."""
    with contextlib.closing(database.connect()) as connection, contextlib.closing(connection.cursor()) as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


@pytest.fixture
def healthy(aws: AWS, s3: S3) -> Callable[[Database], None]:
    """Return a function that makes a deployment of a database: a secret, a token and a snapshot of just now."""

    def deploy(database: Database) -> None:
        aws.put_database(database.secret())
        aws.new_token()
        schedule = cold_start("stats.schedule")
        schedule.handler({}, None)
        schedule._parts[0].database.close()

    return deploy


@pytest.fixture
def sqlite_healthy(sqlite_db: Database, healthy: Any) -> Database:
    healthy(sqlite_db)
    return sqlite_db


@pytest.fixture
def server_healthy(server_db: Database, healthy: Any) -> Database:
    healthy(server_db)
    return server_db


def elsewhere(**changes: Any) -> dict[str, Any]:
    """Return the secret of a database that is not there."""
    secret = {"engine": "postgres", "host": HOST, "username": "nobody", "password": leaks.new_password()}
    return {**secret, **changes}


def edit_latest(s3: S3, **changes: Any) -> None:
    latest = s3.json("snapshots/latest.json")
    s3.objects = {"snapshots/latest.json": json.dumps({**latest, **changes}).encode()}
