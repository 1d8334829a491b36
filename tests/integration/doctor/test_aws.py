"""`openl2m-stats doctor`: credentials, region, and secrets that cannot be read."""

import json

import pytest
from werkzeug import Request, Response

from dev.servers.databases import Database
from dev.servers.processes import free_port
from tests.integration.conftest import AWS
from tests.integration.doctor.conftest import NAMES, OF_DATABASE, Examine, check
from tests.support import leaks
from tests.support.s3 import S3
from tests.support.wsgi import served


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, ["no credentials", "log in"]),
        ({"AWS_DEFAULT_REGION": ""}, ["region", "AWS_REGION"]),
        ({"AWS_PROFILE": "nobody"}, ["nobody", "AWS_PROFILE"]),
        ({"AWS_ENDPOINT_URL": "nonsense"}, ["Invalid endpoint: nonsense", "AWS_ENDPOINT_URL"]),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_aws(
    variables: dict[str, str],
    words: list[str],
    sqlite_healthy: Database,
    examine: Examine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for file in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(file, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in variables.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    report = examine()
    check(report, "AWS", "FAIL", *words)
    assert report.skipped == NAMES[2:]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDeniedException", "secretsmanager:GetSecretValue"),
        ("ExpiredTokenException", "log in again"),
        ("UnrecognizedClientException", "log in again"),
        ("InvalidSignatureException", "clock"),
        ("DecryptionFailure", "KMS key"),
        ("InvalidRequestException", "restore-secret"),
        ("TeapotException", "within reach of this machine"),
    ],
)
def test_secrets_that_may_not_be_read(
    code: str, words: str, sqlite_healthy: Database, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = json.dumps({"__type": code, "Message": leaks.new_password()})
    with served(
        Request.application(lambda _: Response(refusal, 400, content_type="application/x-amz-json-1.1"))
    ) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        report = examine()
    assert (report.code, report.wrong) == (1, {"database secret": "FAIL", "token secret": "FAIL"})
    assert report.skipped == OF_DATABASE
    for name in report.wrong:
        assert f"cannot be read: {code}" in report[name]["seen"]
        assert words in report[name]["advice"]


def test_secrets_manager_out_of_reach(
    sqlite_healthy: Database, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{free_port()}")
    report = examine()
    assert (report.code, report.wrong) == (1, {"database secret": "FAIL", "token secret": "FAIL"})
    assert "EndpointConnectionError" in report["database secret"]["seen"]


@pytest.mark.parametrize(
    ("name", "variable"), [("database secret", "DATABASE_SECRET_ID"), ("token secret", "TOKENS_SECRET_ID")]
)
def test_no_such_secret(
    name: str, variable: str, sqlite_healthy: Database, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "elsewhere")
    seen = "elsewhere cannot be read: ResourceNotFoundException"
    check(examine(), name, "FAIL", seen, f"It does not exist in us-east-1: look at {variable}")


def test_secrets_without_a_value(aws: AWS, s3: S3, examine: Examine) -> None:
    report = examine()
    assert report.wrong == {"database secret": "FAIL", "token secret": "warn", "snapshot": "warn"}
    assert report["database secret"]["seen"] == f"{aws.database_secret} has no value"
    assert report["token secret"]["seen"] == f"{aws.tokens_secret} has no value: every caller gets 401"
    assert report.skipped == OF_DATABASE
