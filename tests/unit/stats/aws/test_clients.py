"""Clients with our loader of botocore's data behave as clients of a stock session do."""

import gzip
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import botocore
import botocore.session
import pytest
from botocore.exceptions import BotoCoreError, ClientError, UnknownServiceError
from botocore.loaders import Loader

from stats.aws import clients
from stats.aws.loader import SERVICES, ServiceLoader

Asked = tuple[str, str | None]
ENDPOINTS = Path(botocore.__file__).parent / "data/endpoints.json"
PARTITIONS = json.loads(ENDPOINTS.read_bytes())["partitions"]
ONE_A_PARTITION = [next(iter(partition["regions"])) for partition in PARTITIONS]
CALLS: dict[str, Callable[[Any], Any]] = {
    "secretsmanager": lambda client: client.get_secret_value(SecretId="id"),
    "s3": lambda client: client.get_object(Bucket="a-bucket", Key="key"),
    "rds": lambda client: client.describe_db_instances(),
    "signin": lambda client: client.create_o_auth2_token(
        tokenInput={"clientId": "id", "grantType": "refresh_token", "refreshToken": "token"}
    ),
    "sns": lambda client: client.publish(TopicArn="arn:aws:sns:us-east-1:123456789012:topic", Message="text"),
    "sso": lambda client: client.get_role_credentials(roleName="role", accountId="1", accessToken="token"),
    "sso-oidc": lambda client: client.create_token(clientId="id", clientSecret="secret", grantType="refresh_token"),
    "sts": lambda client: client.get_caller_identity(),
}
KNOWN = {*SERVICES} & {*Loader().list_available_services("service-2")}  # `signin` is newer than the rest
FIPS, DUAL_STACK = "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"
VARIANTS = [{FIPS}, {DUAL_STACK}, {FIPS, DUAL_STACK}]


class SentError(Exception):
    """In the place of sending a request."""

    def __init__(self, request: Any) -> None:
        super().__init__(request.url)
        self.url = request.url
        self.headers = request.headers


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    clients._session.cache_clear()
    yield
    clients._session.cache_clear()


def new_stock() -> Callable[[str], Any]:
    """Return create_client() of a new session with botocore's own loader."""
    return botocore.session.get_session().create_client


stock = cache(new_stock)  # reading all of botocore's endpoints takes long


def asked(new_client: Callable[[str], Any], service: str) -> Asked:
    """Return the URL that a client requests, and the region and service that it signs for; or its error's text."""

    def send(request: Any, **_: Any) -> None:
        raise SentError(request)

    try:
        client = new_client(service)
        client.meta.events.register("before-send", send)
        CALLS[service](client)
    except SentError as sent:
        header = sent.headers.get("Authorization", b"")
        signed = re.search(r"Credential=id/\d+/(\S+)/aws4_request", header.decode() if header else "")
        return sent.url, signed and signed[1]
    except BotoCoreError as error:
        return str(error), None
    raise AssertionError


def differing(services: Iterable[str], regions: Iterable[str], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the requests in which our client and a stock client differ."""
    found = []
    for region in regions:
        monkeypatch.setenv("AWS_DEFAULT_REGION", region)
        for service in services:
            ours, expected = asked(clients.client, service), asked(stock(), service)
            if ours != expected:
                found.append((region, service, ours, expected))
    return found


@pytest.mark.parametrize("service", ["secretsmanager", "s3"])
def test_every_region_has_the_stock_url_and_signature(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    regions = [region for partition in PARTITIONS for region in partition["regions"]]
    assert not differing([service], regions, monkeypatch)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-gov-west-1")
    url, signed = asked(clients.client, service)
    assert (".us-gov-west-1.amazonaws.com" in url, signed) == (True, f"us-gov-west-1/{service}")


@pytest.mark.parametrize("variables", VARIANTS)
def test_fips_and_dual_stack_have_the_stock_url_and_signature(
    variables: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = asked(clients.client, "s3")
    for name in variables:
        monkeypatch.setenv(name, "true")
    assert not differing(["secretsmanager", "s3"], ONE_A_PARTITION, monkeypatch)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert asked(clients.client, "s3") != plain


def test_the_other_services_have_the_stock_url_and_signature(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert set(CALLS) == set(SERVICES)
    assert not differing(KNOWN - {"secretsmanager", "s3"}, ONE_A_PARTITION, monkeypatch)


@pytest.mark.parametrize(
    ("service", "variable"),
    [
        ("secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER"),
        ("s3", "AWS_ENDPOINT_URL_S3"),
        ("secretsmanager", "AWS_ENDPOINT_URL"),
        ("s3", "AWS_ENDPOINT_URL"),
        ("sns", "AWS_ENDPOINT_URL_SNS"),
    ],
)
def test_vpc_endpoints_are_used(service: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "https://vpce-1.example.com")
    assert not differing([service], ["eu-central-1"], monkeypatch)
    url, signed = asked(clients.client, service)
    assert "vpce-1.example.com/" in url
    assert signed == f"eu-central-1/{service}"


@pytest.mark.parametrize("service", ["secretsmanager", "s3"])
def test_a_profile_of_the_config_file_is_used(service: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_PROFILE", "p")
    (tmp_path / "config").write_text("[profile p]\nregion = sa-east-1\nuse_dualstack_endpoint = true\n")
    ours = asked(clients.client, service)
    assert ours == asked(new_stock(), service)
    assert ours[1] == f"sa-east-1/{service}"


class _Metadata(BaseHTTPRequestHandler):
    """The credentials endpoint of a container, as under SnapStart; and a service that always answers 500."""

    requests: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        expires = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        names = ("AccessKeyId", "SecretAccessKey", "Token")
        self._answer(200, {**dict.fromkeys(names, self.headers["Authorization"]), "Expiration": expires})

    def do_POST(self) -> None:
        self.requests.append(self.headers["Authorization"])
        self._answer(500, {})

    def _answer(self, status: int, content: dict[str, str]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def server() -> Iterator[str]:
    _Metadata.requests.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Metadata) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_container_credentials_sign_and_failures_are_retried(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server}/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "of-the-container")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    for attempts in (1, 2, 3):
        with pytest.raises(ClientError):
            CALLS["secretsmanager"](clients.client("secretsmanager", attempts))
    assert len(_Metadata.requests) == 1 + 2 + 3
    assert all("Credential=of-the-container/" in signature for signature in _Metadata.requests)


def test_aws_data_path_is_searched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert str(tmp_path) in clients._session().get_component("data_loader").search_paths
    assert asked(clients.client, "sts") == asked(new_stock(), "sts")


@pytest.mark.parametrize("type_name", ["service-2", "endpoint-rule-set-1"])
def test_models_are_the_stock_ones(type_name: str) -> None:
    loader = ServiceLoader()
    assert {*SERVICES} - {*Loader().list_available_services(type_name)} <= {"signin"}
    for service in KNOWN:
        assert loader.load_service_model(service, type_name) == Loader().load_service_model(service, type_name)
    with pytest.raises(UnknownServiceError):
        loader.load_service_model("ec2", type_name)


@pytest.mark.parametrize("name", ["endpoints", "partitions", "_retry", "sdk-default-configuration"])
def test_what_all_services_share_is_the_stock_data(name: str) -> None:
    assert ServiceLoader().load_data(name) == Loader().load_data(name)


def test_data_files_may_be_compressed(tmp_path: Path) -> None:
    (tmp_path / "endpoints.json.gz").write_bytes(gzip.compress(ENDPOINTS.read_bytes()))
    loader = ServiceLoader()
    loader.search_paths.insert(0, str(tmp_path))
    data, path = loader.load_data_with_path("endpoints")
    assert (data["partitions"], path) == (PARTITIONS, str(tmp_path / "endpoints"))
