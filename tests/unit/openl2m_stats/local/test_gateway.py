"""Requests as events of API Gateway, and responses as answers. tests/integration/test_run.py serves them."""

import asyncio
import base64
import json
import sys
from datetime import datetime
from typing import Any

import pytest

from openl2m_stats.local.gateway import Handler, application, to_event
from tests.support.events import http_api

Headers = list[tuple[bytes, bytes]]


def scope(method: str = "GET", path: str = "/api/stats/", headers: Headers | None = None) -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "query_string": b"from=2026-11-01",
        "headers": [(b"host", b"localhost:8000")] if headers is None else headers,
        "client": ("127.0.0.1", 5000),
    }


def response(status: int = 200, body: str = "", **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"statusCode": status, "headers": named, "body": body}


def serve(handler: Handler, greeting: str, *connection: Any) -> None:
    """Run the application for one connection."""

    async def run() -> None:
        await application(handler, greeting)(*connection)

    asyncio.run(run())


def call(handler: Handler, request: dict[str, Any]) -> tuple[int, dict[bytes, bytes], bytes]:
    """Return what the application sends: status, headers and body."""
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        raise AssertionError("the body is not read")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    serve(handler, "", request, receive, send)
    start, body = sent
    assert (start["type"], body["type"]) == ("http.response.start", "http.response.body")
    return start["status"], dict(start["headers"]), body["body"]


def test_an_event_is_one_of_api_gateways() -> None:
    headers = [(b"host", b"localhost"), (b"accept", b"a"), (b"user-agent", b"caf\xe9"), (b"accept", b"b")]
    event = to_event(scope("HEAD", "/metrics", headers))
    theirs = http_api(
        "HEAD", "/metrics", [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    )
    assert event.keys() | {"body"} >= theirs.keys()
    assert event["headers"] == theirs["headers"] == {"host": "localhost", "accept": "a,b", "user-agent": "café"}
    assert (event["rawPath"], event["rawQueryString"]) == ("/metrics", "from=2026-11-01")
    context = event["requestContext"]
    assert context["http"] == {
        "method": "HEAD",
        "path": "/metrics",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "café",
    }
    assert context["domainName"] == "localhost"
    assert datetime.strptime(context["time"], "%d/%b/%Y:%H:%M:%S %z").timestamp() == context["timeEpoch"] // 1000
    assert theirs["requestContext"].keys() - context.keys() == {"domainPrefix"}


def test_an_event_without_headers() -> None:
    context = to_event(scope(headers=[]))["requestContext"]
    assert (context["domainName"], context["http"]["userAgent"]) == ("127.0.0.1", "")


def test_the_handlers_response_is_the_answer() -> None:
    events: list[Any] = []

    def handler(event: Any, _context: Any) -> dict[str, Any]:
        events.append(event)
        return response(404, '{"detail":"é"}', Content_Type="application/json", Age="5")

    status, headers, body = call(handler, scope("POST", "/x"))
    assert (status, body) == (404, '{"detail":"é"}'.encode())
    assert headers == {b"content-type": b"application/json", b"age": b"5", b"content-length": b"15"}
    assert [(each["requestContext"]["http"]["method"], each["rawPath"]) for each in events] == [("POST", "/x")]


def test_a_compressed_body_travels_as_bytes() -> None:
    packed = response(body=base64.b64encode(b"\x1f\x8b\x00").decode()) | {"isBase64Encoded": True}
    assert call(lambda *_: packed, scope())[2] == b"\x1f\x8b\x00"


@pytest.mark.parametrize(("status", "length"), [(200, b"4"), (304, None)])
def test_head_has_the_length_of_get(status: int, length: bytes | None) -> None:
    def handler(event: Any, _context: Any) -> dict[str, Any]:
        return response(status, "" if event["requestContext"]["http"]["method"] == "HEAD" else "body")

    found, headers, body = call(handler, scope("HEAD"))
    assert (found, headers.get(b"content-length"), body) == (status, length, b"")


def test_an_answer_without_a_body_has_no_length() -> None:
    assert call(lambda *_: response(204, Allow="GET"), scope("OPTIONS")) == (204, {b"allow": b"GET"}, b"")


OURS = ["127.0.0.1", "LOCALHOST", "localhost:80", "[::1]:8000", "[::1]"]
OTHERS = ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1@evil", "127.0.0.1:", "::1", ""]


@pytest.mark.parametrize("host", [*OURS, *OTHERS])
def test_hosts(host: str) -> None:
    """Another site's page could let its own name lead to this machine."""
    called: list[Any] = []
    status, headers, body = call(
        lambda event, _: called.append(event) or response(),  # type: ignore[func-returns-value]
        scope(headers=[(b"host", host.encode())]),
    )
    assert (status, len(called)) == ((200, 1) if host in OURS else (421, 0))
    if host in OTHERS:
        assert headers[b"content-type"] == b"application/json"
        assert json.loads(body) == {"detail": "This server answers at 127.0.0.1, localhost and [::1] only."}


def test_two_hosts_are_both_looked_at() -> None:
    both: Headers = [(b"host", b"localhost"), (b"host", b"evil.example")]
    assert call(lambda *_: response(), scope(headers=both))[0] == 421


@pytest.mark.parametrize(
    ("target", "host", "status", "path"),
    [
        ("http://localhost:8000/metrics", "evil.example", 200, "/metrics"),
        ("HTTPS://127.0.0.1/a/http://b/c", "localhost", 200, "/a/http://b/c"),
        ("http://localhost", "localhost", 200, "/"),
        ("http://evil.example/", "localhost", 421, None),
        ("http:///x", "localhost", 200, "http:///x"),  # which the handler answers with 404
        ("/http://evil.example/", "localhost", 200, "/http://evil.example/"),
    ],
)
def test_the_target_of_a_request_to_a_proxy(target: str, host: str, status: int, path: str | None) -> None:
    paths: list[Any] = [None]
    request = scope(path=target, headers=[(b"host", host.encode())])
    found, *_ = call(lambda event, _: paths.append(event["rawPath"]) or response(), request)  # type: ignore[func-returns-value]
    assert (found, paths[-1]) == (status, path)


@pytest.mark.parametrize(
    ("path", "cache_status", "line"),
    [
        ("/api/stats/", "openl2m-stats; fwd=miss", "GET     /api/stats/  200  N ms  database"),
        ("/api/stats/", "openl2m-stats; hit; ttl=9; detail=memory", "GET     /api/stats/  200  N ms  memory"),
        ("/", "", "GET     /  200  N ms"),
        ("/\x1b[2J", "", r"'GET     /\x1b[2J  200  N ms'"),
    ],
)
def test_a_terminal_shows_a_line_a_request(
    path: str, cache_status: str, line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = {"Cache-Status": cache_status} if cache_status else {}
    call(lambda *_: {**response(), "headers": headers}, scope(path=path))
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    call(lambda *_: {**response(), "headers": headers}, scope(path=path))
    shown = capsys.readouterr().out.rstrip("\n").split()
    assert shown[3].isdecimal()
    assert [*shown[:3], "N", *shown[4:]] == line.split()


def test_the_greeting_is_printed_when_the_server_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    messages = iter(["startup", "shutdown"])
    sent: list[str] = []

    async def receive() -> dict[str, str]:
        return {"type": f"lifespan.{next(messages)}"}

    async def send(message: dict[str, str]) -> None:
        sent.append(message["type"])
        if len(sent) == 1:
            assert capsys.readouterr().out == "Welcome\n"

    serve(lambda *_: response(), "Welcome", {"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert capsys.readouterr().out == ""
