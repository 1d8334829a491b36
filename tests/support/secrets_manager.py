"""Secrets Manager for tests: moto's, one request at a time, with failures on demand and others at work.

Moto looks whether a version still has a label and then moves it, in steps that other threads may come between;
Secrets Manager does not. The lock makes of moto's steps what Secrets Manager promises.
"""

import contextlib
import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app

from tests.support.wsgi import served

# The request is carried out, and then answered by an error.
LOST = "lost"


class Gate:
    """The WSGI application between the SDK and moto.

    `calls` are the operations so far. `before` is called with the operation of each, and may do what another
    client does meanwhile; the error code that it returns is the answer, and LOST takes the place of the real one.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.before: Callable[[str], str | None] = lambda _: None
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        operation = environ["HTTP_X_AMZ_TARGET"].rpartition(".")[2]
        self.calls.append(operation)
        fault = self.before(operation)
        with self._lock:
            if fault is None:
                return list(self._moto(environ, start_response))
            if fault == LOST:
                run_wsgi_app(self._moto, environ)
        code, status = ("InternalServiceError", "500 error") if fault == LOST else (fault, "400 error")
        start_response(status, [("Content-Type", "application/x-amz-json-1.1")])
        return [json.dumps({"__type": code, "message": f"{code} it is,\nin two lines"}).encode()]


@contextlib.contextmanager
def serving() -> Iterator[tuple[Gate, str]]:
    """Serve Secrets Manager; yield the gate and its URL."""
    gate = Gate()
    with served(gate) as url:
        yield gate, url
