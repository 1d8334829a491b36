"""Secrets Manager for tests: moto's, one request at a time, with failures on demand and others at work.

Moto looks whether a version still has a label and then moves it, in steps that other threads may come between;
Secrets Manager does not. The lock makes of moto's steps what Secrets Manager promises.
"""

import contextlib
import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
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
    `errors` has the status and the code that readers of a secret get, by the secret's name.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.before: Callable[[str], str | None] = lambda _: None
        self.errors: dict[str, tuple[int, str]] = {}
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        operation = environ["HTTP_X_AMZ_TARGET"].rpartition(".")[2]
        self.calls.append(operation)
        fault = self.before(operation)
        refusal = self.errors.get(_secret_id(environ))
        if refusal:
            return _error(*refusal, start_response)
        with self._lock:
            if fault is None:
                return list(self._moto(environ, start_response))
            if fault == LOST:
                run_wsgi_app(self._moto, environ)
        status, code = (500, "InternalServiceError") if fault == LOST else (400, fault)
        return _error(status, code, start_response)


def _error(status: int, code: str, start_response: Any) -> Iterable[bytes]:
    start_response(f"{status} error", [("Content-Type", "application/x-amz-json-1.1")])
    return [json.dumps({"__type": code, "message": f"{code} it is,\nin two lines"}).encode()]


def _secret_id(environ: dict[str, Any]) -> str:
    body = environ["wsgi.input"]
    secret_id = str(json.load(body).get("SecretId"))
    body.seek(0)
    return secret_id


@contextlib.contextmanager
def serving(serve: Callable[[Any], AbstractContextManager[str]] = served) -> Iterator[tuple[Gate, str]]:
    """Serve Secrets Manager; yield the gate and its URL."""
    gate = Gate()
    with serve(gate) as url:
        yield gate, url
