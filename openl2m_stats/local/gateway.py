"""API Gateway on this machine: passes requests to the Lambda handler as events, and sends its responses."""

import re
import sys
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from openl2m_stats.terminal import printable

Scope = MutableMapping[str, Any]
Handler = Callable[[Any, Any], dict[str, Any]]

HOST = "127.0.0.1"
# The form of a request to a proxy (RFC 9112, section 3.2.2): its host counts, not the header's.
_ABSOLUTE_FORM = re.compile(r"https?://([^/]+)(.*)", re.IGNORECASE | re.DOTALL)
_THIS_MACHINE = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?", re.IGNORECASE)
_MISDIRECTED: dict[str, Any] = {
    "statusCode": 421,
    "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
    "body": '{"detail":"This server answers at 127.0.0.1, localhost and [::1] only."}',
}


def to_event(scope: Scope) -> dict[str, Any]:
    """Return API Gateway's event of payload format 2.0 for a request, without the body.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    now = datetime.now(UTC)
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": scope["path"],
        "rawQueryString": scope["query_string"].decode("latin-1"),
        "headers": headers,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": headers.get("host", HOST),
            "http": {
                "method": scope["method"],
                "path": scope["path"],
                "protocol": f"HTTP/{scope['http_version']}",
                "sourceIp": scope["client"][0],
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": f"local-{time.monotonic_ns()}",
            "routeKey": "$default",
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now.timestamp() * 1000),
        },
        "isBase64Encoded": False,
    }


def application(handler: Handler, greeting: str) -> Callable[..., Awaitable[None]]:
    """Return an ASGI application that calls `handler`, one request at a time, as in one container.

    It prints the greeting when the server is ready.
    """

    async def app(scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] == "lifespan.startup":
                print(greeting, flush=True)
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        started = time.monotonic()
        hosts, scope["path"] = _target(scope)
        is_ours = all(_THIS_MACHINE.fullmatch(host) for host in hosts)
        response = handler(to_event(scope), None) if is_ours else _MISDIRECTED
        if sys.stdout.isatty():
            print(_line(scope, response, time.monotonic() - started), flush=True)
        body = _body(response)
        headers = [(name.lower().encode(), value.encode()) for name, value in response["headers"].items()]
        length = len(body)
        if scope["method"] == "HEAD" and not body and response["statusCode"] != HTTPStatus.NOT_MODIFIED:
            # Without a length, the server would announce chunks, and some clients would wait for them.
            length = len(_body(handler(to_event({**scope, "method": "GET"}), None)))
        if length:
            headers.append((b"content-length", str(length).encode()))
        await send({"type": "http.response.start", "status": response["statusCode"], "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def _body(response: dict[str, Any]) -> bytes:
    text = response["body"]
    return b64decode(text) if response.get("isBase64Encoded") else text.encode()


def _target(scope: Scope) -> tuple[list[str], str]:
    """Return the hosts in a request, and its path.

    A web page that lets its own name lead to this machine could read the answers. Its requests always name a host.
    """
    absolute = _ABSOLUTE_FORM.fullmatch(scope["path"])
    if absolute:
        return [absolute[1]], absolute[2] or "/"
    return [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"], scope["path"]


def _line(scope: Scope, response: dict[str, Any], seconds: float) -> str:
    """Return method, path, status, milliseconds, and where the numbers came from, if there are any."""
    cache_status = response["headers"].get("Cache-Status", "")
    origin = "database" if cache_status.endswith("fwd=miss") else cache_status.partition("detail=")[2]
    line = f"{scope['method']:<7} {scope['path']}  {response['statusCode']}  {seconds * 1000:.0f} ms  {origin}"
    return printable(line.rstrip())
