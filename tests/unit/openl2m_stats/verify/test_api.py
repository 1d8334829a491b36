"""Calls of an API, and what is not as it should be."""

import pytest
from werkzeug import Request, Response

from openl2m_stats.findings import Finding
from openl2m_stats.verify.api import Api, UnexpectedError, found
from tests.unit.openl2m_stats.verify.conftest import Answer


def test_a_call_is_without_a_token_unless_one_is_given(api: Api, answer: dict[str, Answer]) -> None:
    answer["of"] = lambda request: Response(f"{request.method} {request.path} {request.headers.get('Authorization')}")
    assert api.call().content == b"GET /api/stats/ None"
    assert api.call("metrics", "POST", key="abc").content == b"POST /metrics Token abc"
    assert api.call("", Authorization="Basic x").content == b"GET / Basic x"


def test_headers_of_a_call(api: Api, answer: dict[str, Answer]) -> None:
    answer["of"] = lambda request: Response(request.headers["If-None-Match"])
    assert api.call(If_None_Match='"a"').content == b'"a"'


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "`openl2m-stats tokens check`"),
        (403, "WAF"),
        (404, "BasePath"),
        (429, "ThrottlingRate"),
        (500, "`make logs`"),
        (503, "`openl2m-stats doctor`"),
        (302, ""),
    ],
)
def test_another_status_has_its_advice(status: int, advice: str, api: Api, answer: dict[str, Answer]) -> None:
    answer["of"] = lambda _: Response("", status)
    finding = found(lambda api: str(api.expect(200, "metrics")), api)
    assert (finding.state, finding.seen) == ("FAIL", f"GET /metrics answers {status} instead of 200")
    assert advice in finding.advice


def test_what_is_as_it_should_be(api: Api) -> None:
    assert found(lambda _: "all is well", api) == Finding("ok", "all is well")


def test_a_warning(api: Api) -> None:
    def warn(_: Api) -> str:
        raise UnexpectedError("not quite", "Look.", "warn")

    assert found(warn, api) == Finding("warn", "not quite", "Look.")


def test_no_answer() -> None:
    finding = found(lambda api: str(api.call()), Api("http://127.0.0.1:1/api/stats/", None))
    assert (finding.state, finding.seen) == ("FAIL", "no answer: Connection refused")


def test_the_key_is_in_no_output(api: Api) -> None:
    assert str(api.key) not in repr(api)


def test_a_redirect_is_not_followed(api: Api, answer: dict[str, Answer]) -> None:
    seen: list[Request] = []

    def redirect(request: Request) -> Response:
        seen.append(request)
        return Response("", 302, {"Location": "/elsewhere"})

    answer["of"] = redirect
    assert api.call(key=api.key).status == 302
    assert len(seen) == 1
