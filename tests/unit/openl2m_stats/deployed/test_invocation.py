"""What a function returns, or why it returned nothing."""

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from openl2m_stats.deployed import invocation
from openl2m_stats.deployed.invocation import InvocationError, invoke


class Lambda:
    """Lambda's client; it answers as a test says."""

    def __init__(self, payload: str, *, failed: bool = False, error: Exception | None = None) -> None:
        self.answer = {"Payload": io.BytesIO(payload.encode()), **({"FunctionError": "Unhandled"} if failed else {})}
        self.error = error
        self.calls: list[dict[str, Any]] = []

    def invoke(self, **call: Any) -> Any:
        self.calls.append(call)
        if self.error:
            raise self.error
        return self.answer


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(*arguments: Any, **named: Any) -> Lambda:
        client = Lambda(*arguments, **named)
        monkeypatch.setattr(invocation, "client", lambda *_: client)
        return client

    return use


def test_the_alias_that_answers_gets_the_event(answer: Any) -> None:
    client = answer('{"a": 1}')
    assert invoke("function", {"event": True}) == {"a": 1}
    [call] = client.calls
    assert (call["FunctionName"], call["Qualifier"], json.loads(call["Payload"])) == (
        "function",
        "live",
        {"event": True},
    )


@pytest.mark.parametrize(
    ("payload", "text"),
    [('{"errorMessage": "no\\n time"}', "no time"), ("{}", "it crashed"), ("[]", "it crashed"), ("null", "it crashed")],
)
def test_a_function_that_fails(payload: str, text: str, answer: Any) -> None:
    answer(payload, failed=True)
    with pytest.raises(InvocationError, match=text) as raised:
        invoke("function", {})
    assert raised.value.was_called


@pytest.mark.parametrize("error", [ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Invoke"), None])
def test_a_call_that_does_not_come_about(error: Exception | None, answer: Any) -> None:
    answer("<html>", error=error)
    with pytest.raises(InvocationError) as raised:
        invoke("function", {})
    assert not raised.value.was_called
