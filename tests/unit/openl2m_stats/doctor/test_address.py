"""The check of the API's address."""

import re

import pytest
from werkzeug import Request, Response

from dev.servers.processes import free_port
from openl2m_stats.doctor.address import check_address
from openl2m_stats.doctor.findings import Finding
from tests.support.wsgi import served
from tests.unit.openl2m_stats.doctor.conftest import check


def of(response: Response) -> tuple[Finding, str]:
    """Return what is found at an address that answers, and the address."""

    def respond(request: Request) -> Response:
        assert re.fullmatch("Token [0-9a-f]{40}", request.headers["Authorization"])
        return response

    with served(Request.application(respond)) as url:
        return check_address(f"{url}/api/stats/"), f"{url}/api/stats/"


def test_an_unknown_token_is_refused() -> None:
    finding, url = of(Response('{"detail":"…"}', 401, content_type="application/json"))
    check(finding, "ok", f"{url} answers 401 to an unknown token, in ")


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (Response('{"message":"Forbidden"}', 403), ("answers 403 to an unknown token, instead of 401", "WAF")),
        (Response('{"message":"Not Found"}', 404), ("answers 404", "API mapping")),
        (
            Response('{"message":"Unauthorized"}', 401),
            ("but the answer is not the function's", "authorizer"),
        ),
        (Response('["detail"]', 401), ("but the answer is not the function's", "authorizer")),
        (Response('{"detail":"…"}', 503), ("answers 503", "token secret")),
        (Response("<!doctype html>", 200), ("answers 200", "login page")),
    ],
    ids=lambda each: "" if isinstance(each, tuple) else each.status,
)
def test_other_answers(response: Response, words: tuple[str, ...]) -> None:
    check(of(response)[0], "FAIL", *words)


def test_no_answer() -> None:
    url = f"http://127.0.0.1:{free_port()}/api/stats/"
    check(check_address(url), "FAIL", f"{url} does not answer: ", "Look at the domain's DNS record")
