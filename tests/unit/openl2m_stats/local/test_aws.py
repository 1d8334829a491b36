"""AWS on this machine: what the local commands find there."""

import hashlib
import json
import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import boto3
import pytest

from dev.servers.databases import Database
from openl2m_stats.database_url import DatabaseURLError
from openl2m_stats.files import CA_FILE
from openl2m_stats.local import demo
from openl2m_stats.local.aws import local_aws, served_aws

pytestmark = pytest.mark.usefixtures("fresh")

SECRETS = ("openl2m-stats/database", "openl2m-stats/tokens")


def secret(name: str) -> Any:
    client: Any = boto3.client("secretsmanager")
    return json.loads(client.get_secret_value(SecretId=name)["SecretString"])


def keys() -> list[str]:
    client: Any = boto3.client("s3")
    return [each["Key"] for each in client.list_objects_v2(Bucket="openl2m-stats").get("Contents", [])]


def test_a_database_of_the_users_own(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_PROFILE": "mine",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "DATABASE_CA_FILE": "/mine.pem",
        "TIME_ZONE": "Mars",
    }.items():
        monkeypatch.setenv(name, value)
    with local_aws(f"sqlite:///{sqlite_db.name}"):
        database, tokens = map(secret, SECRETS)
        assert database == {"engine": "sqlite", "dbname": sqlite_db.name}
        assert tokens == {"tokens": [{"name": "demo", "sha256": hashlib.sha256(demo.TOKEN.encode()).hexdigest()}]}
        assert keys() == []
    found = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "DATABASE_", "TIME_"))}
    assert found == {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "DATABASE_SECRET_ID": SECRETS[0],
        "DATABASE_CA_FILE": "/mine.pem",
        "TIME_ZONE": "Mars",
    }
    assert (os.environ["TOKENS_SECRET_ID"], os.environ["SNAPSHOT_BUCKET"]) == (SECRETS[1], "openl2m-stats")


def test_what_a_url_says_of_tls_is_a_setting() -> None:
    with local_aws("mysql://ann:x@127.0.0.1/openl2m?sslmode=disable"):
        assert secret(SECRETS[0])["username"] == "ann"
        assert os.environ["DATABASE_TLS"] == "off"
        assert os.environ["DATABASE_CA_FILE"] == str(CA_FILE)


def test_a_url_that_cannot_be_used_leaves_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    with pytest.raises(DatabaseURLError), local_aws("oracle://"):
        raise AssertionError
    assert os.environ["AWS_PROFILE"] == "mine"
    assert "TOKENS_SECRET_ID" not in os.environ


@pytest.mark.parametrize("start", [lambda: local_aws(None), served_aws], ids=["local", "served"])
def test_the_demo_has_a_past(
    start: Callable[[], AbstractContextManager[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNAPSHOT_PREFIX", "mine/")
    with start():
        path = Path(secret(SECRETS[0])["dbname"])
        assert path.exists()
        found = keys()
        assert {key.split("/")[0] for key in found} == {"mine"}
        months = [key for key in found if key.startswith("mine/history/")]
        assert len(months) in {3, 4, 5}  # which 90 days reach into, by the time of the year
        assert len([key for key in found if key.startswith("mine/dt=")]) == 12
    assert not path.exists()


def test_the_demo_without_a_past_where_a_setting_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIME_ZONE", "Mars")
    with local_aws(None):
        assert keys() == []


def test_other_processes_reach_it_on_loopback_until_it_ends() -> None:
    with served_aws():
        host, port = os.environ["AWS_ENDPOINT_URL"].removeprefix("http://").split(":")
        assert host == "127.0.0.1"
        socket.create_connection((host, int(port)), 10).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), 10)
