"""`openl2m-stats serve`: an HTTP server that passes requests to the Lambda handler as API Gateway events."""

import contextlib
import errno
import logging
import signal
import socket
import sys

import click
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from openl2m_stats.database_url import DatabaseURLError
from openl2m_stats.errors import NotAvailable
from openl2m_stats.local import demo
from openl2m_stats.local.gateway import HOST, application
from openl2m_stats.parameters import Parsed, database_url
from openl2m_stats.terminal import printable


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
    import uvicorn  # noqa: F401 if it is missing, fail before doing anything

    from openl2m_stats.local.aws import local_aws

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with contextlib.ExitStack() as stack:
            listeners = [stack.enter_context(contextlib.closing(each)) for each in _listen(port)]
            stack.enter_context(local_aws(database_url))
            _serve(listeners)
    except KeyboardInterrupt:
        return
    except DatabaseURLError as error:
        raise NotAvailable(str(error)) from None


def _listen(port: int) -> list[socket.socket]:
    """Return the sockets of a port, on 127.0.0.1 and, if the machine has IPv6, on ::1.

    They listen: a client that comes before the server is ready waits.
    """
    listeners: list[socket.socket] = []
    try:
        listeners.append(socket.create_server((HOST, port)))
        port = listeners[0].getsockname()[1]
        listeners.append(socket.create_server(("::1", port), family=socket.AF_INET6))
    except OSError as error:
        if error.errno == errno.EADDRINUSE or not listeners:
            for each in listeners:
                each.close()
            raise NotAvailable(f"Port {port} cannot be used ({error.strerror}): try --port 8001") from None
    return listeners


def _serve(listeners: list[socket.socket]) -> None:
    import uvicorn

    from stats.base.remote import RemoteError

    # Imported after local_aws() has set the variables that the function reads.
    from stats.base.settings import SettingsError
    from stats.base.telemetry import logger

    try:
        from stats.api import handler
        from stats.schedule import handler as take_snapshot

        level = logger.log_level
        logger.setLevel("CRITICAL")  # one line reports the error
        take_snapshot({}, None)
        logger.setLevel(level)
    except (SettingsError, RemoteError) as error:
        raise NotAvailable(f"The statistics cannot be read. {error}") from None

    page = f"http://{HOST}:{listeners[0].getsockname()[1]}/"
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
    uvicorn.Server(config).run(sockets=listeners)


class _Readable(LambdaPowertoolsFormatter):
    """Formats the function's log for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message and its fields in one line."""
        known = logging.makeLogRecord({}).__dict__
        said = [f"{name}={value}" for name, value in record.__dict__.items() if name not in known]
        return printable(" ".join([record.levelname, record.getMessage(), *said]))
