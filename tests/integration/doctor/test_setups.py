"""`openl2m-stats doctor --stack`: a deployed stack."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug import Response

from dev.servers.databases import Database
from openl2m_stats.cli import main
from tests.integration.conftest import AWS
from tests.integration.doctor.conftest import NAMES, Examine, check, edit_latest, publish
from tests.support.s3 import S3


def test_a_stack(
    sqlite_healthy: Database, aws: AWS, s3: S3, stack: str, function: str, api: str, examine: Examine, monkeypatch: Any
) -> None:
    own = {name: os.environ[name] for name in ("DATABASE_SECRET_ID", "TOKENS_SECRET_ID", "SNAPSHOT_BUCKET")}
    deployed = {
        **own,
        "DATABASE_CA_FILE": "/opt/python/rds-global-bundle.pem",
        "TIME_ZONE": "Asia/Kathmandu",
        "AWS_ENDPOINT_URL": "https://nowhere.example.test",
    }
    publish(function, deployed)
    for name in own:
        monkeypatch.delenv(name)
    edit_latest(s3, time_zone="Asia/Kathmandu")
    report = examine("--stack", stack)
    assert report.title == f"the stack openl2m-stats in us-east-1, function {function}, alias live"
    assert (report.code, report.wrong) == (0, {})
    assert [finding["name"] for finding in report.findings] == [*NAMES, "address"]
    assert report["address"]["seen"].startswith(f"{api}api/stats/ answers 401 to an unknown token, in ")
    assert report["time zone"]["seen"].startswith("Asia/Kathmandu")
    edit_latest(s3, taken_at=(datetime.now(UTC) - timedelta(seconds=310)).isoformat())
    check(examine("--stack", stack), "snapshot", "warn", "more than the 300 s")


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (Response('{"message":"Forbidden"}', 403), ("answers 403", "WAF")),
        (Response('{"message":"Not Found"}', 404), ("answers 404", "API mapping")),
        (Response('{"message":"Unauthorized"}', 401), ("answers 401, but not as the function does", "authorizer")),
        (Response('{"detail":"…"}', 503), ("answers 503", "token secret")),
        (Response("<!doctype html>", 200), ("answers 200", "login page")),
    ],
    ids=lambda each: "" if isinstance(each, tuple) else each.status,
)
def test_an_address_that_does_not_answer_as_it_should(
    response: Response,
    words: tuple[str, ...],
    answer: list[Response],
    sqlite_healthy: Database,
    stack: str,
    function: str,
    examine: Examine,
) -> None:
    names = ("DATABASE_SECRET_ID", "TOKENS_SECRET_ID", "SNAPSHOT_BUCKET")
    publish(function, {name: os.environ[name] for name in names})
    answer[0] = response
    check(examine("--stack", stack), "address", "FAIL", *words)


@pytest.mark.usefixtures("sqlite_healthy", "stack")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stack", "other"], "The stack other cannot be read. An error occurred (ValidationError)"),
        (["--stack", "openl2m-stats"], "The stack openl2m-stats cannot be read. An error occurred (ResourceNotFound"),
    ],
    ids=["no stack", "no alias"],
)
def test_no_such_stack(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["doctor", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    assert line.startswith(words)


def test_a_stack_without_credentials(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert main(["doctor", "--stack", "openl2m-stats"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("The stack openl2m-stats cannot be read. NoRegionError: ")
