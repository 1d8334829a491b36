"""Which value of a secret is read, and what each failure says without repeating a value."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from stats.aws.secrets import NoValueError, SecretStore, SecretUnavailableError, Stage, parse_json
from stats.base.deadline import Deadline
from tests.support.memory_s3 import refusal


class MemorySecrets:
    """Secrets Manager's client in memory: the values of one secret by stage, and what describes its versions."""

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Any] | Exception] = {}
        self.stages: dict[str, list[str]] | Exception = refusal("ResourceNotFoundException", 400)

    def get_secret_value(self, *, SecretId: str, VersionStage: str) -> dict[str, Any]:  # noqa: N803 boto's names
        assert SecretId == "a-secret"
        answer = self.answers.get(VersionStage, refusal("ResourceNotFoundException", 400))
        if isinstance(answer, Exception):
            raise answer
        return answer

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
        assert SecretId == "a-secret"
        if isinstance(self.stages, Exception):
            raise self.stages
        return {"VersionIdsToStages": self.stages}


class World:
    """A store whose client is in memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        self.client, self.store = MemorySecrets(), SecretStore()
        monkeypatch.setattr(self.store, "_client", self.client)

    def get(self, stage: Stage = "AWSCURRENT", seconds: float = 10) -> str | bytes:
        return self.store.get("a-secret", Deadline.after(seconds), stage)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_each_stage_has_its_value_as_text_or_bytes(world: World) -> None:
    world.client.answers = {"AWSCURRENT": {"SecretString": "now"}, "AWSPENDING": {"SecretBinary": b"soon"}}
    assert (world.get(), world.get("AWSPENDING")) == ("now", b"soon")


@pytest.mark.parametrize("answer", [{}, {"SecretString": None}, {"SecretString": {"a": "b"}}])
def test_an_answer_without_a_value_is_a_failure(world: World, answer: dict[str, Any]) -> None:
    world.client.answers["AWSCURRENT"] = answer
    with pytest.raises(SecretUnavailableError, match=r"^no value$"):
        world.get()


def test_a_secret_without_a_current_value_exists(world: World) -> None:
    for stages in ({}, {"1": ["AWSPENDING"]}):
        world.client.stages = stages
        with pytest.raises(NoValueError):
            world.get()


@pytest.mark.parametrize("stages", [refusal("ResourceNotFoundException", 400), {"1": ["AWSCURRENT"]}])
def test_a_secret_that_does_not_exist_or_lacks_only_another_stage_is_not_without_a_value(
    world: World, stages: Any
) -> None:
    world.client.stages = stages
    with pytest.raises(SecretUnavailableError, match="ResourceNotFoundException") as failure:
        world.get("AWSPENDING")
    assert not isinstance(failure.value, NoValueError)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (refusal("AccessDeniedException", 400), "AccessDeniedException"),
        (EndpointConnectionError(endpoint_url="https://a.example.com"), "EndpointConnectionError"),
    ],
)
def test_a_failure_is_the_errors_code_or_class(world: World, error: Exception, text: str) -> None:
    world.client.answers["AWSCURRENT"] = error
    with pytest.raises(SecretUnavailableError, match=f"^{text}$"):
        world.get()


def test_nothing_is_read_after_the_deadline(world: World) -> None:
    with pytest.raises(SecretUnavailableError, match="TimeoutError"):
        world.get(seconds=0)


@pytest.mark.parametrize("text", ['{"a": 1}', b'{"a": 1}', '\ufeff{"a": 1}', 'ï»¿{"a": 1}', b'\xef\xbb\xbf{"a": 1}'])
def test_a_byte_order_mark_is_skipped(text: str | bytes) -> None:
    assert parse_json(text) == {"a": 1}


@pytest.mark.parametrize("text", ["", "a-secret", b"\xff\xfe\xff", "[" * 100_000])
def test_what_is_not_json_is_not_repeated(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"^not JSON$") as failure:
        parse_json(text)
    assert failure.value.__suppress_context__
