"""S3 for tests: moto's, one request at a time, with failures on demand.

Moto checks the condition of a write and then writes, in two steps that other threads may come between; S3 does
not. The lock makes of moto's steps what S3 promises.
"""

import contextlib
import io
import json
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.test import run_wsgi_app

from stats.base.deadline import THREAD
from tests.support.wsgi import served

CODES = {403: "AccessDenied", 409: "ConditionalRequestConflict", 412: "PreconditionFailed", 503: "SlowDown"}
_OTHER_CODE = "InternalError"
# The request is carried out, but its answer drips for SLOW_SECONDS, no pause being long enough for the SDK to give
# up; or the connection breaks before the answer.
FAULTS = (*CODES, "slow", "broken")
SLOW_SECONDS = 5
Fault = int | str


@dataclass(frozen=True)
class Call:
    """One call of an S3 operation; further attempts of the SDK belong to the call."""

    method: str
    key: str


@dataclass
class S3:
    """A bucket of the test's own, and the calls that were made so far.

    `fault` says what becomes of a call, given its attempt's number.
    """

    bucket: str
    calls: list[Call] = field(default_factory=list)
    fault: Callable[[Call, int], Fault | None] = lambda *_: None
    released: threading.Event = field(default_factory=threading.Event)

    def fail(self, number: int, fault: Fault) -> None:
        """Make the call of that number fail, counted from now on and from 1, whatever is attempted."""
        awaited = len(self.calls) + number
        self.fault = lambda *_: fault if len(self.calls) == awaited else None

    def recover(self) -> None:
        """End the failures, and wait for the calls that were given up: the SDK attempts them once more."""
        self.fault = lambda *_: None
        self.released.set()
        for thread in threading.enumerate():
            if thread.name == THREAD:
                thread.join()
        self.released.clear()

    @property
    def objects(self) -> dict[str, bytes]:
        """What the bucket holds."""
        keys = self._backend.buckets[self.bucket].keys
        # In a bucket with versions, moto keeps a marker in the place of what was deleted.
        return {key: stored.value for key, stored in keys.items() if hasattr(stored, "value")}

    @objects.setter
    def objects(self, objects: dict[str, bytes]) -> None:
        for key in self.objects.keys() - objects.keys():
            self._backend.delete_object(self.bucket, key)
        for key, content in objects.items():
            self._backend.put_object(self.bucket, key, content)

    @property
    def _backend(self) -> Any:
        return s3_backends["123456789012"]["aws"]

    def json(self, key: str) -> Any:
        return json.loads(self.objects[key])


class Gate:
    """The WSGI application between the SDK and moto."""

    def __init__(self) -> None:
        self.s3: S3 | None = None
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        with self._lock:
            fault = self._fault(environ)
            if isinstance(fault, str):
                answer = run_wsgi_app(self._moto, environ)
            elif fault is None:
                return list(self._moto(environ, start_response))
        if isinstance(fault, int):
            code = CODES.get(fault, _OTHER_CODE)
            start_response(f"{fault} {code}", [("Content-Type", "application/xml")])
            return [f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()]
        if fault == "slow" and self.s3:
            return self._drip(*answer, start_response, self.s3.released)
        with contextlib.suppress(OSError):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return []

    def _drip(
        self, body: Iterable[bytes], status: str, headers: Any, start_response: Any, released: threading.Event
    ) -> Iterable[bytes]:
        start_response(status, [("ETag", headers["ETag"])] if "ETag" in headers else [])
        yield from body
        for _ in range(SLOW_SECONDS * 5):
            # Space at the end changes neither JSON nor XML.
            yield b" "
            if released.wait(0.2):
                break

    def _fault(self, environ: dict[str, Any]) -> Fault | None:
        bucket, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
        if self.s3 is None or bucket != self.s3.bucket:
            return None
        call = Call(environ["REQUEST_METHOD"], key)
        attempt = int(re.findall(r"attempt=(\d+)", environ["HTTP_AMZ_SDK_REQUEST"])[0])
        if attempt == 1:
            self.s3.calls.append(call)
        return self.s3.fault(call, attempt)


@contextlib.contextmanager
def serving(serve: Callable[[Any], AbstractContextManager[str]] = served) -> Iterator[tuple[Gate, str]]:
    """Serve S3; yield the gate and its URL."""
    gate = Gate()
    with serve(gate) as url:
        yield gate, url


def new_bucket() -> S3:
    s3 = S3(f"bucket-{secrets.token_hex(4)}")
    s3._backend.create_bucket(s3.bucket, "us-east-1")
    return s3
