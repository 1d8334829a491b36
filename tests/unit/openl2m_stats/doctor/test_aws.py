"""The check of AWS: credentials, region, and what its error codes mean."""

import json

import pytest
from werkzeug import Request, Response

from dev.servers.processes import free_port
from openl2m_stats.doctor.aws import check_aws
from openl2m_stats.doctor.database_secret import check_database_secret
from openl2m_stats.doctor.token_secret import check_token_secret
from tests.support import leaks
from tests.support.wsgi import served
from tests.unit.openl2m_stats.doctor.conftest import Knowing, check


def test_all_is_well(knowing: Knowing) -> None:
    known = knowing()
    del known.store
    check(check_aws(known), "ok", "region us-east-1, credentials from env")
    assert known.store


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
def test_what_lacks(
    variables: dict[str, str], words: list[str], knowing: Knowing, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = knowing()
    for file in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(file, "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in variables.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    check(check_aws(known), "FAIL", *words)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDeniedException", "secretsmanager:GetSecretValue"),
        ("ExpiredTokenException", "log in again"),
        ("UnrecognizedClientException", "log in again"),
        ("InvalidSignatureException", "clock"),
        ("DecryptionFailure", "KMS key"),
        ("InvalidRequestException", "restore-secret"),
        ("TeapotException", "is us-east-1 within reach of this machine"),
    ],
)
def test_secrets_that_may_not_be_read(code: str, words: str, knowing: Knowing, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = json.dumps({"__type": code, "Message": leaks.new_password()})
    answer = Response(refusal, 400, content_type="application/x-amz-json-1.1")
    with served(Request.application(lambda _: answer)) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", url)
        found = [check_database_secret(knowing()), check_token_secret(knowing())]
    for finding in found:
        check(finding, "FAIL", f"cannot be read: {code}", words)
        assert not leaks.found_in(str(finding))


def test_secrets_manager_out_of_reach(knowing: Knowing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{free_port()}")
    check(check_token_secret(knowing()), "FAIL", "cannot be read: EndpointConnectionError")
