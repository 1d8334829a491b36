"""All that one container depends on, with a place for a fault at each of it."""

import json
import re
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from time_machine import Traveller

from dev.servers.databases import Database
from stats.numbers.catalogue import SERVED
from tests.integration.conftest import AWS, Container, Response
from tests.support import secrets_manager
from tests.support.databases import ROOT, read_case
from tests.support.proxy import Proxy
from tests.support.s3 import S3
from tests.support.tls_servers import HOST

# What makes a stage of the way to an answer, in the order in which a new connection passes them.
NAME, CONNECT, TLS, LOGIN, STATEMENT = "name resolution", "connect", "TLS", "login", "statement"
REGISTRY, SECRET = "Secrets Manager (token registry)", "Secrets Manager (database secret)"
BUCKET, CLOCK = "S3", "clock"
DEPENDENCIES = (NAME, CONNECT, TLS, LOGIN, STATEMENT, REGISTRY, SECRET, BUCKET, CLOCK)

# An answer is due within REQUEST_TIMEOUT_SECONDS and this, which a busy machine may take for itself.
MARGIN_SECONDS = 1
# When all that was read is due to be read again, and when none of it may be used any more.
DUE, TOO_OLD = timedelta(seconds=400), timedelta(seconds=3700)

# Local, so that TLS may be off and the proxy can read what is said.
LOCAL_NAME = "localhost"
_CLIENT_HELLO = b"\x16\x03"
_TLS_APPLICATION_DATA = 23
# On a new connection to PostgreSQL: the end of the handshake, the name, two steps of the login, the first statement.
_LOGIN_RECORD, _STATEMENT_RECORD = 2, 5
_NO_FAILURES = {"CacheMiss", "CacheHit", "CacheSnapshot", "ReadTime"}


class Resolver:
    """The operating system's resolver, in which the database's names lead to `addresses`."""

    def __init__(self) -> None:
        self.addresses = ["127.0.0.1"]
        self.before: Callable[[], None] = lambda: None
        self._resolve = socket.getaddrinfo

    def getaddrinfo(self, host: Any, *args: Any, **named: Any) -> list[Any]:
        numeric = named.get("flags", 0) & socket.AI_NUMERICHOST
        if host not in {HOST, LOCAL_NAME} or numeric:
            return self._resolve(host, *args, **named)
        self.before()
        return [found for address in self.addresses for found in self._resolve(address, *args, **named)]


@dataclass(frozen=True)
class Told:
    """What the function wrote: messages of its log, failures that it counted, and the lines themselves."""

    messages: frozenset[str]
    failures: frozenset[str]
    lines: list[dict[str, Any]]

    def error(self, message: str) -> str:
        """Return what the one line with this message says is wrong."""
        [line] = [line for line in self.lines if line.get("message") == message]
        return str(line["error"])


@dataclass
class World:
    """The parts, in working order. Nothing is encrypted but, with `encrypted`, the way to the database."""

    database: Database
    encrypted: bool
    aws: AWS
    secrets: secrets_manager.Gate
    s3: S3
    resolver: Resolver
    clock: Traveller
    to_database: Proxy
    to_secrets: Proxy
    to_s3: Proxy
    stack: ExitStack
    output: Callable[[], str]
    at_request: Callable[[], None] = lambda: None
    key: str = field(init=False)

    def __post_init__(self) -> None:
        self.key = self.aws.new_token()
        self.put_secret()

    def put_secret(self) -> None:
        """Let the database secret be right."""
        if self.database.server is None:
            self.aws.put_database(self.database.secret())
        else:
            host = HOST if self.encrypted else LOCAL_NAME
            self.aws.put_database(self.database.secret(host=host, port=self.to_database.port))

    def put_snapshot(self) -> None:
        """Put a snapshot of this moment into the bucket."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        snapshot = {**_document(), "taken_at": now, "scheduled_for": now}
        self.s3.objects = {"snapshots/latest.json": json.dumps(snapshot).encode()}

    def start(self) -> tuple[Container, float]:
        """Start a container under the environment as it is; return it, and how many seconds that took."""
        started = time.monotonic()
        container = Container()
        self.stack.callback(container.close)
        return container, time.monotonic() - started

    def ask(self, container: Container, **request: str) -> tuple[Response, float]:
        """Return the answer, and how many seconds it took."""
        self.at_request()
        started = time.monotonic()
        response = container.get(self.key, **request)
        return response, time.monotonic() - started

    def told(self) -> Told:
        """Return what the function has written since the last call."""
        lines = [json.loads(line) for line in self.output().splitlines()]
        messages = frozenset(line["message"] for line in lines if "message" in line)
        counted = frozenset(
            metric["Name"]
            for line in lines
            for directive in line.get("_aws", {}).get("CloudWatchMetrics", [])
            for metric in directive["Metrics"]
        )
        return Told(messages, counted - _NO_FAILURES, lines)

    def wire(self, dependency: str) -> Proxy:
        """Return the proxy before a dependency."""
        if dependency in {REGISTRY, SECRET}:
            return self.to_secrets
        return self.to_s3 if dependency == BUCKET else self.to_database

    def is_moment(self, dependency: str, said: bytes, data: bytes) -> bool:
        """Return whether a client that says `data`, after what it `said`, is asking the dependency."""
        if self.encrypted and dependency in {LOGIN, STATEMENT}:
            place = _LOGIN_RECORD if dependency == LOGIN else _STATEMENT_RECORD
            return _application_records(said + data) >= place
        words = {
            TLS: _CLIENT_HELLO,
            LOGIN: self.database.user.encode(),
            STATEMENT: b"switches_log",
            REGISTRY: self.aws.tokens_secret.encode(),
            SECRET: self.aws.database_secret.encode(),
            BUCKET: self.s3.bucket.encode(),
        }
        return words[dependency] in data


def seen(response: Response) -> tuple[int, str | None]:
    """Return an answer's status, and the table's word for where its numbers come from."""
    found = re.search(r"fwd=miss|detail=(.*)", response.headers.get("Cache-Status", ""))
    source = (found[1] or "database") if found else None
    if source == "database" and sum(map(len, response.json.values())) < len(SERVED):
        source = "partial"
    return response.status, source


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = read_case(ROOT / "tests/cases/utc-1003.json")["expected"]
    return document


def _application_records(said: bytes) -> int:
    """Return how many records of application data a client of TLS has begun to send."""
    place, count = said.find(_CLIENT_HELLO), 0
    while 0 <= place < len(said) - 5:
        count += said[place] == _TLS_APPLICATION_DATA
        place += 5 + int.from_bytes(said[place + 3 : place + 5])
    return count
