"""Calls of a deployed function, through the alias that answers."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.config import Config

from openl2m_stats.aws import AWS_ERRORS, client, explain
from openl2m_stats.deployed.stack import ALIAS
from openl2m_stats.errors import Failed
from openl2m_stats.terminal import printable

# A function's own limit is 30 s, and a cold start comes on top. Another attempt would be another run.
_CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1})


class InvocationError(Failed):
    """A function was not called, or it failed; the text says why, in one line.

    `kind` is the class of the function's own error, or empty.
    """

    def __init__(self, text: str, *, was_called: bool, kind: str = "") -> None:
        super().__init__(text)
        self.was_called, self.kind = was_called, kind


def invoke(function: str, event: Any, session: Any = None) -> Any:
    """Return what a function returns for an event, both JSON. Raise InvocationError."""
    try:
        payload = json.dumps(event).encode()
        answer = client("lambda", _CONFIG, session).invoke(FunctionName=function, Qualifier=ALIAS, Payload=payload)
        content = json.loads(answer["Payload"].read())
    except AWS_ERRORS as error:
        raise InvocationError(explain(error), was_called=False) from None
    if "FunctionError" in answer:
        given: Mapping[str, Any] = content if isinstance(content, dict) else {}
        text = " ".join(str(given.get("errorMessage") or "it crashed").split())
        raise InvocationError(printable(text), was_called=True, kind=str(given.get("errorType", "")))
    return content


def run_snapshot(function: str, event: Mapping[str, Any], session: Any = None) -> dict[str, Any]:
    """Invoke the snapshot function with a schedule's event; an empty event takes a snapshot for now.

    Return the function's result: the `key` of the snapshot that is stored, its times, and in `written` whether this
    run has written it. Raise InvocationError.
    """
    answer = invoke(function, event, session)
    if not isinstance(answer, dict) or "key" not in answer:
        raise InvocationError("its answer is not a snapshot function's", was_called=True)
    return answer
