"""What is wrong with the answers that anybody gets. tests/integration/deployed holds the real ones against this."""

import pytest
from werkzeug import Request, Response

from openl2m_stats.verify.api import Api, found
from openl2m_stats.verify.without_token import checks
from tests.unit.openl2m_stats.verify.conftest import Answer, json

CHALLENGE = {"WWW_Authenticate": "Token"}
PAGE = {"Content-Type": "text/html", "Content-Security-Policy": "default-src 'none'"}


@pytest.mark.parametrize(
    ("name", "response", "words"),
    [
        ("no token", json('{"detail":"no"}', 200), "answers 200 instead of 401"),
        ("no token", json('{"detail":"no"}', 401), "401 comes without WWW-Authenticate: Token"),
        ("no token", json('{"detail":"no","user":1}', 401, **CHALLENGE), "401 says more than why"),
        ("no token", Response("no", 401, {"WWW-Authenticate": "Token"}), "401 says more than why"),
        ("OPTIONS", Response("", 200), "answers 200 instead of 204"),
        ("OPTIONS", Response("", 204, {"Allow": "GET"}), "OPTIONS allows GET instead of GET, HEAD, OPTIONS"),
        ("unknown path", Response("", 200), "answers 200 instead of 404"),
        ("unknown path", json('{"message":"Not Found"}', 404), "404 is not the function's own"),
        ("health", json('{"detail":"no"}', 503), "the function cannot serve statistics"),
        ("health", json('{"detail":"no"}', 404), "GET /health answers 404 instead of 200"),
        ("health", Response("<html>Log in</html>"), "/health is not the function's own"),
        ("page", Response("", 404), "GET / answers 404 instead of 200"),
        ("page", Response("", 200, {"Content-Type": "text/html"}), "/ is not the page"),
        ("page", json("{}", 200, Content_Security_Policy="x"), "/ is not the page"),
    ],
)
def test_what_is_wrong(name: str, response: Response, words: str, api: Api, answer: dict[str, Answer]) -> None:
    answer["of"] = lambda _: response
    finding = found(checks({})[name], api)
    assert finding.state == "FAIL"
    assert words in finding.seen


@pytest.mark.parametrize(
    ("name", "response"),
    [
        ("no token", json('{"detail":"no"}', 401, **CHALLENGE)),
        ("no token", json('{"detail":"no"}', 401, x_amzn_Remapped_WWW_Authenticate="Token")),
        ("OPTIONS", Response("", 204, {"Allow": "GET, HEAD, OPTIONS"})),
        ("unknown path", json('{"detail":"no"}', 404)),
        ("health", json('{"status":"ok"}')),
        ("page", Response("", 200, PAGE)),
    ],
)
def test_what_is_right(name: str, response: Response, api: Api, answer: dict[str, Answer]) -> None:
    answer["of"] = lambda _: response
    assert found(checks({})[name], api).state == "ok"


def test_no_token_is_sent(api: Api, answer: dict[str, Answer]) -> None:
    sent: list[str | None] = []

    def note(request: Request) -> Response:
        sent.append(request.headers.get("Authorization"))
        return json('{"detail":"no"}', 401, **CHALLENGE)

    answer["of"] = note
    for check in checks({}).values():
        found(check, api)
    assert set(sent) == {None, "Token nonsense", "Basic eDp5"}


@pytest.mark.parametrize(("status", "state"), [(404, "ok"), (200, "FAIL")])
def test_a_page_that_is_switched_off(status: int, state: str, api: Api, answer: dict[str, Answer]) -> None:
    answer["of"] = lambda _: Response("", status)
    assert found(checks({"PageEnabled": "false"})["page"], api).state == state
