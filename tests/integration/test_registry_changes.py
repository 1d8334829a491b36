"""Changes of the token secret: none is lost, whoever else is at work, and whatever AWS answers."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS, Container, token_record
from tests.support import leaks
from tests.support.databases import ROOT
from tests.support.secrets_manager import LOST, Gate, serving
from tests.support.tokens_command import Run, command, entries, run, text

__all__ = ["run"]  # a fixture

GET, PUT, MOVE = "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"


@pytest.fixture
def gate(aws: AWS, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """The gate that the command goes through, and the test itself does not."""
    with serving() as (gate, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield gate


def once(operation: str, act: Callable[[], str | None]) -> Callable[[str], str | None]:
    """Return what acts before the first call of an operation, and no more."""
    acts = [act]
    return lambda called: acts.pop()() if called == operation and acts else None


def names(aws: AWS) -> list[str]:
    return [entry["name"] for entry in entries(aws)]


@pytest.mark.slow
def test_twenty_at_once(gate: Gate, aws: AWS, sqlite_db: Database, new_container: Callable[..., Container]) -> None:
    aws.put_database(sqlite_db.secret())
    gate.before = lambda operation: time.sleep(0.3) if operation == PUT else None  # they are to get in each other's way
    with ThreadPoolExecutor(20) as threads:
        results = list(threads.map(lambda number: command("create", f"token-{number}"), range(20)))
    assert [result.err for result in results if result.code] == []
    assert sorted(names(aws)) == sorted(f"token-{number}" for number in range(20))
    container = new_container()
    assert {container.get(key).status for result in results for key in result.keys.values()} == {200}
    assert gate.calls.count(PUT) > 20  # and they did
    labels = aws.client.describe_secret(SecretId=aws.tokens_secret)["VersionIdsToStages"].values()
    assert sorted(label for each in labels for label in each) == [
        "AWSCURRENT",
        "AWSPREVIOUS",
        "openl2m-stats-candidate",
    ]


@pytest.mark.parametrize("operation", [PUT, MOVE])
@pytest.mark.parametrize("before", [["first"], []])
def test_a_change_in_between(operation: str, before: list[str], gate: Gate, aws: AWS, run: Run) -> None:
    records = [token_record("1" * 40, name=name) for name in before]
    aws.put_tokens(*records)
    gate.before = once(operation, lambda: aws.put_tokens(*records, token_record("0" * 40, name="other")))
    assert run("create", "grafana").code == 0
    assert names(aws) == [*before, "other", "grafana"]
    assert gate.calls.count(GET) == 2


@pytest.mark.parametrize("operation", ["DescribeSecret", PUT])
def test_two_first_writers(operation: str, gate: Gate, aws: AWS, run: Run) -> None:
    gate.before = once(operation, lambda: aws.put_tokens(token_record("0" * 40, name="other")))
    assert run("create", "grafana").code == 0
    assert names(aws) == ["other", "grafana"]


def test_a_name_taken_in_between(gate: Gate, aws: AWS, run: Run) -> None:
    aws.put_tokens()
    gate.before = once(MOVE, lambda: aws.put_tokens(token_record("0" * 40, name="grafana")))
    result = run("create", "grafana")
    assert (result.code, result.out) == (2, "")
    assert len(entries(aws)) == 1


@pytest.mark.parametrize("operation", [PUT, MOVE])
def test_an_answer_that_is_lost(operation: str, gate: Gate, aws: AWS, run: Run) -> None:
    aws.put_tokens(token_record(leaks.new_key(), name="grafana"))
    for arguments in (["create", "new"], ["rotate", "grafana"], ["rotate", "new", "--keep-old", "24h"], ["prune"]):
        gate.before = once(operation, lambda: LOST)
        result = run(*arguments)
        assert result.code == 0
        if result.out:
            assert run("check", stdin=next(iter(result.keys.values()))).code == 0
    assert result.err == "Removed: grafana.\n"
    assert names(aws) == ["new", "grafana", "new"]


@pytest.mark.parametrize("arguments", [["create", "new"], ["rotate", "old"], ["rotate", "old", "--keep-old", "24h"]])
def test_a_lost_answer_and_a_change_on_top_of_it(arguments: list[str], gate: Gate, aws: AWS, run: Run) -> None:
    aws.put_tokens(token_record("1" * 40, name="old"))
    moves: list[str] = []

    def before(operation: str) -> str | None:
        if operation == MOVE:
            moves.append(operation)
            if len(moves) == 1:
                return LOST
            if len(moves) == 2:
                gate.before = lambda _: None
                assert command("create", "other").code == 0
        return None

    gate.before = before
    result = run(*arguments)
    assert result.code == 0
    assert run("check", stdin=next(iter(result.keys.values()))).code == 0
    assert names(aws) == ["old", arguments[1], "other"]


def test_killed_before_the_version_is_current(gate: Gate, aws: AWS, run: Run) -> None:
    aws.put_tokens(token_record(leaks.new_key(), name="old"))
    before = text(aws)

    def kill() -> str:
        process.kill()
        process.wait()
        return "InternalServiceError"  # the request never came

    gate.before = once(MOVE, kill)
    environment = {**os.environ, "PYTHONPATH": "functions"}
    process = subprocess.Popen(
        [sys.executable, "-m", "openl2m_stats", "tokens", "create", "new"], cwd=ROOT, env=environment
    )
    process.wait()
    assert process.returncode == -9
    assert text(aws) == before
    assert run("create", "newer").code == 0
    assert names(aws) == ["old", "newer"]


def test_a_change_that_is_always_refused(gate: Gate, aws: AWS, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    aws.put_tokens()
    before = text(aws)
    gate.before = lambda operation: "InvalidParameterException" if operation == MOVE else None
    result = run("create", "grafana")
    assert (result.code, result.out) == (2, "")
    assert "Others keep changing the tokens, and nothing was done" in result.err
    assert gate.calls.count(MOVE) == 25
    assert text(aws) == before


def test_a_first_version_is_current_by_itself(gate: Gate, run: Run) -> None:
    assert run("create", "grafana").code == 0
    assert gate.calls == [GET, "DescribeSecret", PUT]


def test_nothing_to_change_is_nothing_to_write(gate: Gate, aws: AWS, run: Run) -> None:
    aws.put_tokens(token_record(leaks.new_key(), active=False, revoked="2026-11-23T00:00:00Z"))
    assert run("revoke", "test").code == 0
    assert gate.calls == [GET]


@pytest.mark.parametrize("operation", [GET, PUT, MOVE])
@pytest.mark.parametrize("code", ["AccessDeniedException", "DecryptionFailure"])
def test_errors_of_aws(operation: str, code: str, gate: Gate, aws: AWS, run: Run) -> None:
    aws.put_tokens()
    before = text(aws)
    gate.before = lambda called: code if called == operation else None
    result = run("create", "grafana")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"{aws.tokens_secret}: An error occurred ({code})")
    assert result.err.count("\n") == 1
    assert text(aws) == before


def test_throttling(gate: Gate, aws: AWS, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    aws.put_tokens()
    gate.before = once(PUT, lambda: "ThrottlingException")
    assert run("create", "grafana").code == 0
    gate.before = lambda _: "ThrottlingException"
    result = run("create", "nagios")
    assert result.code == 2
    assert "ThrottlingException" in result.err


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "Unable to locate credentials"),
        ({"AWS_DEFAULT_REGION": ""}, "You must specify a region: "),
        ({"AWS_PROFILE": "nobody"}, "The config profile (nobody) could not be found"),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "Invalid endpoint: nonsense"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "Could not connect to the endpoint URL"),
    ],
)
def test_no_way_to_aws(variables: dict[str, str], problem: str, aws: AWS, tmp_path: object) -> None:
    nothing = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    result = command("list", **nothing, **variables)
    assert (result.code, result.out) == (2, "")
    assert problem in result.err
    assert result.err.count("\n") == 1
