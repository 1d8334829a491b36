"""`make run`: an HTTP server that hands every request, as an API Gateway event, to the Lambda handler.

Variables: PORT (8000), DATABASE_URL (the demo database), and those of the function itself.
"""

import contextlib
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

import uvicorn

from openl2m_stats import demo
from openl2m_stats.database_url import DatabaseURLError
from openl2m_stats.local_aws import local_aws

Scope = MutableMapping[str, Any]
Handler = Callable[[Any, Any], dict[str, Any]]

_HOST = "127.0.0.1"
_THIS_MACHINE = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?", re.IGNORECASE)
_MISDIRECTED: dict[str, Any] = {
    "statusCode": 421,
    "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
    "body": '{"detail":"This server answers at 127.0.0.1, localhost and [::1] only."}',
}


def to_event(scope: Scope) -> dict[str, Any]:
    """Return the event of payload format 2.0 that API Gateway makes of a request. The body is left out.

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
            "domainName": headers.get("host", _HOST),
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
    """Return the ASGI application that answers as `handler` does: one request at a time, as one container.

    It prints the greeting when the server is ready.
    """

    async def app(scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] == "lifespan.startup":
                print(greeting, flush=True)
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        response = handler(to_event(scope), None) if _is_for_this_machine(scope) else _MISDIRECTED
        body = response["body"].encode()
        headers = [(name.lower().encode(), value.encode()) for name, value in response["headers"].items()]
        if body:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": response["statusCode"], "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def _is_for_this_machine(scope: Scope) -> bool:
    # A web page that lets its own name lead to this machine could read the answers, and stays without them.
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return len(hosts) == 1 and _THIS_MACHINE.fullmatch(hosts[0]) is not None


def main() -> int:
    """Serve until Ctrl-C; return the exit code."""
    try:
        listener = _listen(os.environ.get("PORT") or "8000")
        with local_aws(os.environ.get("DATABASE_URL")), contextlib.closing(listener):
            return _serve(listener)
    except KeyboardInterrupt:
        return 0
    except (DatabaseURLError, _StartError) as error:
        print(error, file=sys.stderr)
        return 1


class _StartError(Exception):
    """Why the server cannot start, in one line."""


def _listen(port: str) -> socket.socket:
    if not port.isdecimal() or not 0 <= int(port) < 65536:
        raise _StartError(f"PORT={port} is no port: it takes 1 to 65535")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, int(port)))
        listener.listen()  # who pastes the printed line at once waits, and is not refused
    except OSError as error:
        raise _StartError(f"Port {port} cannot be used ({error.strerror}): try make run PORT=8001") from None
    return listener


def _serve(listener: socket.socket) -> int:
    # Imported only now: what the function reads its settings from is set by local_aws().
    from stats.settings import SettingsError
    from stats.source import SourceError
    from stats.telemetry import logger

    try:
        from stats.api import handler
        from stats.schedule import handler as take_snapshot

        level = logger.log_level
        logger.setLevel("CRITICAL")  # one line tells what is wrong
        take_snapshot({}, None)
        logger.setLevel(level)
    except (SettingsError, SourceError) as error:
        raise _StartError(f"The statistics cannot be read. {error}") from None

    url = f"http://{_HOST}:{listener.getsockname()[1]}/api/stats/"
    greeting = (
        f"\nOpenL2M's statistics are served at {url}; Ctrl-C ends it.\n"
        f"The demo token is {demo.TOKEN}.\n\n"
        f"  curl {url} -H 'Authorization: Token {demo.TOKEN}'\n\n"
        f"or, with HTTPie:\n\n"
        f"  http --form POST {url} 'Authorization: Token {demo.TOKEN}'\n"
    )
    config = uvicorn.Config(application(handler, greeting), log_level="warning", server_header=False, ws="none")
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
