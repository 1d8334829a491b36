"""`openl2m-stats serve`: an HTTP server that hands every request, as an API Gateway event, to the Lambda handler."""

import contextlib
import logging
import re
import signal
import socket
import sys
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

import click
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from openl2m_stats.database_url import DatabaseURLError
from openl2m_stats.errors import NotAvailable
from openl2m_stats.local import demo
from openl2m_stats.parameters import Parsed, database_url
from openl2m_stats.terminal import printable

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
        started = time.monotonic()
        response = handler(to_event(scope), None) if _is_for_this_machine(scope) else _MISDIRECTED
        if sys.stdout.isatty():
            print(_line(scope, response, time.monotonic() - started), flush=True)
        text = response["body"]
        body = b64decode(text) if response.get("isBase64Encoded") else text.encode()
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


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 <= int(text) < 65536:
        raise ValueError("it takes 1 to 65535, or 0 for any that is free")
    return int(text)


@click.command(name="serve")
@click.option("--port", type=Parsed("PORT", _port), envvar="PORT", default=8000, help="[default: PORT, or 8000]")
@database_url
def command(port: int, database_url: str | None) -> None:
    """Serve the page and the API on this machine.

    They show the demo database or another, until Ctrl-C. The function's settings, such as TIME_ZONE, apply here too.
    """
    import uvicorn  # noqa: F401 that it is missing is told before anything is done

    from openl2m_stats.local.aws import local_aws

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        listener = _listen(port)
        with local_aws(database_url), contextlib.closing(listener):
            _serve(listener)
    except KeyboardInterrupt:
        return
    except DatabaseURLError as error:
        raise NotAvailable(str(error)) from None


def _listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
        listener.listen()  # who pastes the printed line at once waits, and is not refused
    except OSError as error:
        raise NotAvailable(f"Port {port} cannot be used ({error.strerror}): try --port 8001") from None
    return listener


def _serve(listener: socket.socket) -> None:
    import uvicorn

    from stats.base.remote import RemoteError

    # Imported only now: what the function reads its settings from is set by local_aws().
    from stats.base.settings import SettingsError
    from stats.base.telemetry import logger

    try:
        from stats.api import handler
        from stats.schedule import handler as take_snapshot

        level = logger.log_level
        logger.setLevel("CRITICAL")  # one line tells what is wrong
        take_snapshot({}, None)
        logger.setLevel(level)
    except (SettingsError, RemoteError) as error:
        raise NotAvailable(f"The statistics cannot be read. {error}") from None

    page = f"http://{_HOST}:{listener.getsockname()[1]}/"
    url = f"{page}api/stats/"
    greeting = (
        f"\nOpen {page} in a browser to see OpenL2M's statistics. Ctrl-C ends the server.\n"
        f"The API is at {url}; the demo token is {demo.TOKEN}.\n\n"
        f"  curl {url} -H 'Authorization: Token {demo.TOKEN}'\n\n"
        f"or, with HTTPie:\n\n"
        f"  http --form POST {url} 'Authorization: Token {demo.TOKEN}'\n"
    )
    if sys.stdout.isatty():
        logger.setLevel("WARNING")
        for output in logger.handlers:
            output.setFormatter(_Readable())
    config = uvicorn.Config(application(handler, greeting), log_level="warning", server_header=False, ws="none")
    uvicorn.Server(config).run(sockets=[listener])


class _Readable(LambdaPowertoolsFormatter):
    """The function's log as a terminal shows it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message and what was said of it, in one line."""
        known = logging.makeLogRecord({}).__dict__
        said = [f"{name}={value}" for name, value in record.__dict__.items() if name not in known]
        return printable(" ".join([record.levelname, record.getMessage(), *said]))


def _line(scope: Scope, response: dict[str, Any], seconds: float) -> str:
    """Return method, path, status, milliseconds, and where the numbers came from, if there are any."""
    cache_status = response["headers"].get("Cache-Status", "")
    origin = "database" if cache_status.endswith("fwd=miss") else cache_status.partition("detail=")[2]
    line = f"{scope['method']:<7} {scope['path']}  {response['statusCode']}  {seconds * 1000:.0f} ms  {origin}"
    return printable(line.rstrip())
