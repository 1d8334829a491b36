"""What the function writes: JSON lines and metrics, and never a secret."""

import io
import json
from typing import Any

import pytest

from dev.servers.databases import Database
from dev.servers.processes import free_port
from tests.integration.conftest import AWS, token_record
from tests.support import leaks
from tests.support.events import http_api


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.filterwarnings("ignore:POWERTOOLS_D")  # that it makes more noise is what is tried here
@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"POWERTOOLS_LOGGER_LOG_EVENT": "true", "POWERTOOLS_DEV": "true"},
        {"POWERTOOLS_LOGGER_LOG_EVENT": "true", "POWERTOOLS_DEBUG": "true", "POWERTOOLS_LOG_LEVEL": "DEBUG"},
    ],
    ids=lambda variables: "+".join(variables) or "none",
)
def test_no_output_holds_a_secret(
    variables: dict[str, str], server_db: Database, aws: AWS, new_container: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    key, expired = leaks.new_key(), leaks.new_key()
    aws.put_tokens(token_record(key), token_record(expired, expires="2020-01-01T00:00:00Z"), {"name": "bad"})
    aws.put_database(server_db.secret())
    assert new_container(**variables).get(key).status == 200
    for secret in (
        server_db.secret(password=leaks.new_password()),
        server_db.secret(port=free_port()),
        server_db.secret(port=leaks.new_password()),
        server_db.secret(engine=leaks.new_password()),
        f"{leaks.new_password()}{{",
    ):
        aws.put_database(secret)
        assert new_container().get(key).status == 503
    container = new_container()
    for refused in (leaks.new_key(), expired, leaks.new_key().upper(), leaks.new_password()):
        assert container.get(refused).status == 401
    aws.put_registry(leaks.new_password())
    assert new_container().get(key).status == 503

    output = "".join(capfd.readouterr())
    assert "database failed" in output
    assert "token registry not readable" in output
    assert not leaks.found_in(output)


def test_what_a_request_counts(
    server_db: Database, aws: AWS, new_container: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    key = aws.new_token()
    aws.put_database(server_db.secret())
    container = new_container()

    container.get(key)
    (miss,) = lines(capsys)
    assert miss["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "OpenL2MStats"
    assert miss["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]
    assert miss["service"] == "openl2m-stats"
    assert miss["CacheMiss"] == [1.0]
    assert miss["ReadTime"][0] > 0

    container.get(key)
    (hit,) = lines(capsys)
    assert hit["CacheHit"] == [1.0]
    assert "ReadTime" not in hit

    container.get(method="OPTIONS")
    assert not lines(capsys)


def test_a_failure_is_counted_and_explained(aws: AWS, new_container: Any, capsys: pytest.CaptureFixture[str]) -> None:
    key = aws.new_token()
    aws.put_database({"engine": "mysql", "host": "127.0.0.1", "port": free_port(), "username": "u", "password": "p"})
    assert new_container().get(key).status == 503
    explanation, counted = lines(capsys)
    assert explanation["level"] == "ERROR"
    assert explanation["error"].startswith("ConnectionRefusedError: ") or "111" in explanation["error"]
    assert explanation["function_request_id"] == "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    assert explanation["correlation_id"] == "JKJaXmPLvHcESHA="
    assert counted["DatabaseFailure"] == [1.0]
    assert "CacheMiss" not in counted


def test_half_a_character_loses_no_line(
    sqlite_db: Database, aws: AWS, new_container: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    half = "\ud83d"
    aws.put_database(sqlite_db.secret())
    aws.put_tokens({"name": half})
    event = http_api(headers=[("Authorization", f"Token {leaks.new_key()}")], client=f"192.0.2.7{half}")
    event["requestContext"]["requestId"] = half
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")  # as strict as Lambda's, which pytest's is not
    monkeypatch.setattr("sys.stdout", stdout)
    assert new_container().invoke(event).status == 401
    assert capsys.readouterr().err == ""
    stdout.seek(0)
    ignored, refused, counted = [json.loads(line) for line in stdout]
    assert (ignored["message"], ignored["token"]) == ("token ignored", half)
    assert (refused["message"], refused["reason"]) == ("refused", "unknown token")
    assert (refused["client_address"], refused["correlation_id"]) == (f"192.0.2.7{half}", half)
    assert counted["Refused"] == [1.0]
