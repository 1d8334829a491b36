"""The token secret, read and changed. tests/integration/test_registry_changes.py has two writers at once."""

import json
from collections.abc import Generator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from openl2m_stats.tokens.registry import MOST_BYTES, Registry, RegistryError


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Generator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    with mock_aws():
        yield boto3.client("secretsmanager")


def current(secrets: Any) -> dict[str, str]:
    value: dict[str, str] = secrets.get_secret_value(SecretId="tokens", VersionStage="AWSCURRENT")
    return value


def add(entries: list[Any]) -> str:
    entries.append({"name": "new"})
    return "added"


def test_a_change_is_current_and_what_it_does_not_know_stays(secrets: Any) -> None:
    secrets.create_secret(Name="tokens", SecretString='{"tokens": ["nonsense"], "note": "mine"}')
    assert Registry("tokens").change(add) == "added"
    assert Registry("tokens").entries() == ["nonsense", {"name": "new"}]
    assert json.loads(current(secrets)["SecretString"])["note"] == "mine"


@pytest.mark.parametrize("do", ["preview", "change"])
def test_nothing_is_written_for_a_preview_or_without_a_change(do: str, secrets: Any) -> None:
    secrets.create_secret(Name="tokens", SecretString='{"tokens": []}')
    before = current(secrets)["VersionId"]
    if do == "preview":
        assert Registry("tokens").preview(add) == "added"
    else:
        assert Registry("tokens").change(len) == 0
    assert current(secrets)["VersionId"] == before


@pytest.mark.parametrize("text", ["nonsense", "[]", '{"tokens": {}}'])
def test_a_malformed_secret_is_an_error_that_does_not_repeat_it(text: str, secrets: Any) -> None:
    secrets.create_secret(Name="tokens", SecretString=text)
    with pytest.raises(RegistryError, match=r"The token secret cannot be used \(") as refused:
        Registry("tokens").change(add)
    assert text not in str(refused.value)
    assert current(secrets)["SecretString"] == text


@pytest.mark.parametrize("do", ["preview", "change"])
def test_more_than_a_secret_takes_is_refused(do: str, secrets: Any) -> None:
    secrets.create_secret(Name="tokens", SecretString='{"tokens": []}')

    def fill(entries: list[Any]) -> None:
        entries += ["x" * (MOST_BYTES // 4)] * 4

    with pytest.raises(RegistryError, match=r"Nothing was written: .* about 3 tokens like these"):
        getattr(Registry("tokens"), do)(fill)
    assert Registry("tokens").entries() == []
