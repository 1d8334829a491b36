"""Calls of a stack's API, as its users make them, and advice for unexpected answers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from openl2m_stats.caller import Answer, NoAnswerError, call
from openl2m_stats.findings import Finding, State

_SECONDS = 35  # API Gateway gives up after 30
_STATISTICS = "api/stats/"
_ADVICE = {
    401: "Is the token in this stack's token secret, and permitted from this address? `openl2m-stats tokens check` "
    "tells.",
    403: "API Gateway or a WAF refuses this machine: look at the WAF and the throttling.",
    404: "Check BasePath, and that the deployed version is as new as this command.",
    429: "API Gateway limits the calls: see ThrottlingRate.",
    500: "`make logs` shows why; docs/troubleshooting.md lists the lines.",
    503: "`openl2m-stats doctor` finds the cause.",
}
_NO_ANSWER = "Look at the domain's DNS record and certificate."


class UnexpectedError(Exception):
    """A check failed: what was seen, and what to do about it."""

    def __init__(self, seen: str, advice: str = "", state: State = "FAIL") -> None:
        super().__init__(seen)
        self.finding = Finding(state, seen, advice)


@dataclass(frozen=True)
class Api:
    """The address of the statistics, and a token's key, if there is one."""

    url: str
    key: str | None = field(repr=False)

    def call(self, path: str = _STATISTICS, method: str = "GET", key: str | None = None, **headers: str) -> Answer:
        """Return the answer of a path below the API's root, by default without a token. Raise NoAnswerError."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["Authorization"] = f"Token {key}"
        return call(self.url.removesuffix(_STATISTICS) + path, _SECONDS, sent, method)

    def expect(self, status: int, path: str = _STATISTICS, method: str = "GET", **headers: Any) -> Answer:
        """Return an answer with this status, as call() does. Raise NoAnswerError, or UnexpectedError."""
        answer = self.call(path, method, **headers)
        if answer.status != status:
            seen = f"{method} /{path} answers {answer.status} instead of {status}"
            raise UnexpectedError(seen, _ADVICE.get(answer.status, ""))
        return answer


Check = Callable[[Api], str]  # returns what was seen, or raises NoAnswerError or UnexpectedError


def found(check: Check, api: Api) -> Finding:
    """Return what a check finds."""
    try:
        return Finding("ok", check(api))
    except UnexpectedError as error:
        return error.finding
    except NoAnswerError as error:
        return Finding("FAIL", f"no answer: {error}", _NO_ANSWER)
