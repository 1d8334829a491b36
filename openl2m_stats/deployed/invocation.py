"""Calls of a deployed function, through the alias that answers."""

import json
from typing import Any

from botocore.config import Config

from openl2m_stats.aws import AWS_ERRORS, client, explain
from openl2m_stats.deployed.stack import ALIAS
from openl2m_stats.errors import Failed

# A function's own limit is 30 s, and a cold start comes on top. Another attempt would be another run.
_CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1})


class InvocationError(Failed):
    """A function was not called, or it failed; the text says why, in one line."""

    def __init__(self, text: str, *, was_called: bool) -> None:
        super().__init__(text)
        self.was_called = was_called


def invoke(function: str, event: Any) -> Any:
    """Return what a function returns for an event, both JSON. Raise InvocationError."""
    try:
        payload = json.dumps(event).encode()
        answer = client("lambda", _CONFIG).invoke(FunctionName=function, Qualifier=ALIAS, Payload=payload)
        content = json.loads(answer["Payload"].read())
    except AWS_ERRORS as error:
        raise InvocationError(explain(error), was_called=False) from None
    if "FunctionError" in answer:
        message = content.get("errorMessage") if isinstance(content, dict) else None
        raise InvocationError(" ".join(str(message or "it crashed").split()), was_called=True)
    return content
