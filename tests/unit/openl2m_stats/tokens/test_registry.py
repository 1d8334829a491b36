"""The token secret, read and changed. tests/integration/test_registry_changes.py has two writers at once."""

import json
from typing import Any

import pytest

from openl2m_stats.tokens.registry import MOST_BYTES, Registry, RegistryError
from tests.integration.conftest import AWS
from tests.support.tokens_command import entries, text


def add(entries: list[Any]) -> str:
    entries.append({"name": "new"})
    return "added"


def version(aws: AWS) -> str:
    """Return which version of the registry is current."""
    return str(aws.client.get_secret_value(SecretId=aws.tokens_secret)["VersionId"])


def test_a_change_is_current_and_what_it_does_not_know_stays(aws: AWS) -> None:
    odd: list[Any] = ["nonsense", None, [], {"sha256": 7}, {"name": "a", "more": {"b": [1.5, None]}}]
    aws.put_registry(json.dumps({"version": "é", "tokens": odd, "zone": {"x": 1}}))
    assert Registry(aws.tokens_secret).change(add) == "added"
    assert Registry(aws.tokens_secret).entries() == [*odd, {"name": "new"}]
    document = json.loads(text(aws))
    assert list(document) == ["version", "tokens", "zone"]
    assert (document["version"], document["zone"]) == ("é", {"x": 1})


def test_a_secret_without_a_value_has_no_tokens(aws: AWS) -> None:
    assert Registry(aws.tokens_secret).entries() == []
    Registry(aws.tokens_secret).change(add)
    assert entries(aws) == [{"name": "new"}]


def test_a_binary_secret(aws: AWS) -> None:
    aws.client.put_secret_value(SecretId=aws.tokens_secret, SecretBinary=b'{"tokens": [{"name": "old"}]}')
    Registry(aws.tokens_secret).change(add)
    assert entries(aws) == [{"name": "old"}, {"name": "new"}]


@pytest.mark.parametrize("do", ["preview", "change"])
def test_nothing_is_written_for_a_preview_or_without_a_change(do: str, aws: AWS) -> None:
    aws.put_tokens()
    before = version(aws)
    if do == "preview":
        assert Registry(aws.tokens_secret).preview(add) == "added"
    else:
        assert Registry(aws.tokens_secret).change(len) == 0
    assert version(aws) == before


@pytest.mark.parametrize(
    "malformed", ["nonsense", "[]", "null", "{}", '{"tokens": {}}', "[" * 60000], ids=lambda each: each[:20]
)
def test_a_malformed_secret_is_an_error_that_does_not_repeat_it(malformed: str, aws: AWS) -> None:
    aws.put_registry(malformed)
    for do in (Registry(aws.tokens_secret).entries, lambda: Registry(aws.tokens_secret).change(add)):
        with pytest.raises(RegistryError, match=r"The token secret cannot be used \(") as refused:
            do()
        assert malformed not in str(refused.value)
    assert text(aws) == malformed


@pytest.mark.parametrize("do", ["preview", "change"])
def test_more_than_a_secret_takes_is_refused(do: str, aws: AWS) -> None:
    aws.put_tokens()
    whole = MOST_BYTES - len('{"tokens":[""]}')

    def fill(entries: list[Any]) -> None:
        entries += ["x" * (MOST_BYTES // 4)] * 4

    with pytest.raises(RegistryError, match=r"Nothing was written: .* about 3 tokens like these"):
        getattr(Registry(aws.tokens_secret), do)(fill)
    with pytest.raises(RegistryError, match="65,537 bytes"):
        getattr(Registry(aws.tokens_secret), do)(lambda entries: entries.append("x" * (whole + 1)))
    assert entries(aws) == []
    getattr(Registry(aws.tokens_secret), do)(lambda entries: entries.append("x" * whole))
