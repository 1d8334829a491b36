"""Checks of the API without a token."""

from collections.abc import Mapping

from openl2m_stats.caller import Answer
from openl2m_stats.verify.api import Api, Check, UnexpectedError

_ALLOW = "GET, HEAD, OPTIONS"
_CHALLENGES = ("www-authenticate", "x-amzn-remapped-www-authenticate")  # a REST API's


def _check_refusal(api: Api) -> str:
    for answer in (api.expect(401), api.expect(401, key="nonsense"), api.expect(401, Authorization="Basic eDp5")):
        if not any(answer.headers.get(name) == "Token" for name in _CHALLENGES):
            raise UnexpectedError(
                "401 comes without WWW-Authenticate: Token", "Something else answers in the API's place."
            )
        if _names(answer) != {"detail"}:
            raise UnexpectedError("401 says more than why", "Something else answers in the API's place.")
    return "without a token, and with a malformed one, the answer is 401"


def _check_options(api: Api) -> str:
    allowed = api.expect(204, method="OPTIONS").headers.get("allow")
    if allowed != _ALLOW:
        raise UnexpectedError(f"OPTIONS allows {allowed} instead of {_ALLOW}")
    return f"OPTIONS allows {allowed}"


def _check_unknown_path(api: Api) -> str:
    if _names(api.expect(404, "nothing-is-here/")) != {"detail"}:
        raise UnexpectedError("404 is not the function's own", "Do all paths lead to the function?")
    return "an unknown path is 404"


def _check_health(api: Api) -> str:
    answer = api.call("health")
    if answer.status == 503:
        seen = (
            "the function cannot serve statistics: neither its memory nor S3 has any, and the database is out of reach"
        )
        raise UnexpectedError(seen, "`openl2m-stats doctor` finds the cause.")
    if api.expect(200, "health").body != {"status": "ok"}:
        raise UnexpectedError("/health is not the function's own", "Do all paths lead to the function?")
    return "the function can serve statistics, from the database or without it"


def _check_page(api: Api) -> str:
    headers = api.expect(200, "", Accept="text/html").headers
    if not headers.get("content-type", "").startswith("text/html") or "content-security-policy" not in headers:
        raise UnexpectedError("/ is not the page", "Does a proxy rewrite the path or the headers?")
    return "the page is at /"


def _check_no_page(api: Api) -> str:
    api.expect(404, "")
    return "the page is switched off"


def _names(answer: Answer) -> set[str]:
    return set(answer.body) if isinstance(answer.body, dict) else set()


def checks(parameters: Mapping[str, str]) -> dict[str, Check]:
    """Return the checks by name, for the parameters of the stack."""
    page = _check_no_page if parameters.get("PageEnabled") == "false" else _check_page
    return {
        "no token": _check_refusal,
        "OPTIONS": _check_options,
        "unknown path": _check_unknown_path,
        "health": _check_health,
        "page": page,
    }
