"""The faults: each a context in which a part of a world fails."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

from tests import leaks
from tests.faults.world import CONNECT, LOGIN, NAME, REGISTRY, SECRET, TLS, World
from tests.integration.certificates import new_authority, new_certificate
from tests.integration.conftest import token_record
from tests.integration.misdeeds import NOISE, PATIENCE_SECONDS, Misdeed, delay, drip, present, reset, say, stay_silent
from tests.integration.outages import cancelling, log_locked, sessions, table_missing
from tests.integration.tls_servers import HOST
from tools.databases import Server

Fault = Callable[[World], AbstractContextManager[None]]

SLOW_SECONDS = 2.5
_DRIP_SECONDS = 0.2

silent = stay_silent
slow = delay(SLOW_SECONDS)
slow_by_byte = drip(_DRIP_SECONDS)
garbage = say(NOISE)
no_tls = say(b"N")  # PostgreSQL's answer to a client that asks for TLS
__all__ = ["garbage", "no_tls", "reset", "silent", "slow", "slow_by_byte"]


def during(dependency: str, misdeed: Misdeed) -> Fault:
    """Let a misdeed befall every connection on which the dependency is asked."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        with world.wire(dependency).trapped(lambda *said: world.is_moment(dependency, *said), misdeed):
            _end_session(world, dependency)
            yield

    return fault


def refused(dependency: str) -> Fault:
    """Let nothing listen there."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        with world.wire(dependency).refusing():
            for wire in (world.wire(dependency), world.to_database):
                wire.cut()
            yield

    return fault


def half_open(dependency: str) -> Fault:
    """Let the connections that are open lead nowhere, and new ones be good."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        with world.wire(dependency).forgetting():
            if dependency == REGISTRY:
                world.to_database.cut()  # so that the other secret is read too
            yield

    return fault


def _end_session(world: World, dependency: str) -> None:
    if dependency in {NAME, CONNECT, TLS, LOGIN, SECRET}:  # nothing but a new connection asks these
        world.to_database.cut()


# --- name resolution and connect


def unresolved(answer: Callable[[threading.Event], None]) -> Fault:
    """Let the resolver do this instead of answering at once; the event tells it that the fault is over."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        over = threading.Event()
        world.resolver.before = lambda: answer(over)
        world.to_database.cut()
        try:
            yield
        finally:
            world.resolver.before = lambda: None
            over.set()

    return fault


def name_unknown(_: threading.Event) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def name_server_fails(_: threading.Event) -> None:
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def name_slow(over: threading.Event) -> None:
    over.wait(SLOW_SECONDS)


def name_silent(over: threading.Event) -> None:
    over.wait(PATIENCE_SECONDS)


@contextlib.contextmanager
def name_without_address(world: World) -> Iterator[None]:
    addresses, world.resolver.addresses = world.resolver.addresses, []
    world.to_database.cut()
    try:
        yield
    finally:
        world.resolver.addresses = addresses


def unanswered(seconds: float | None) -> Fault:
    """Let the database's host not answer those who knock, for so long into a request."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        with world.to_database.ignoring() as over:
            world.to_database.cut()
            if seconds is not None:
                timer = threading.Timer(seconds, over.set)
                world.at_request = timer.start
            yield
            world.at_request = lambda: None

    return fault


# --- TLS, login, statement


@contextlib.contextmanager
def untrusted(world: World) -> Iterator[None]:
    """Let the server show a certificate of an authority that nobody trusts."""
    with during(TLS, present(new_certificate(new_authority(), HOST)))(world):
        yield


@contextlib.contextmanager
def password_wrong(world: World) -> Iterator[None]:
    world.database.set_password(leaks.new_password())
    world.to_database.cut()
    try:
        yield
    finally:
        world.database.set_password(world.database.password)


@contextlib.contextmanager
def too_many_connections(world: World) -> Iterator[None]:
    """Let the user have all the connections that it may have."""
    database = world.database
    assert database.server is not None
    world.to_database.cut()
    if database.dialect == "postgresql":
        database.execute(f"ALTER ROLE {database.user} CONNECTION LIMIT 0")
        yield
        database.execute(f"ALTER ROLE {database.user} CONNECTION LIMIT -1")
        return
    one = Server(database.engine, "mysql", database.server.host, database.server.port, database.user, database.password)
    database.execute(f"ALTER USER {database.user} WITH MAX_USER_CONNECTIONS 1")
    while sessions(database):
        pass  # what was cut a moment ago may still count
    with contextlib.closing(one.connect()):
        yield
    database.execute(f"ALTER USER {database.user} WITH MAX_USER_CONNECTIONS 0")


def _database(outage: Callable[[Any], AbstractContextManager[None]]) -> Fault:
    return lambda world: outage(world.database)


locked = _database(log_locked)
without_table = _database(table_missing)


@contextlib.contextmanager
def without_grant(world: World) -> Iterator[None]:
    """Let the user not read one of the tables."""
    world.database.execute(f"REVOKE SELECT (id) ON switches_vlangroup FROM {world.database.user}")
    try:
        yield
    finally:
        world.database.execute(f"GRANT SELECT (id) ON switches_vlangroup TO {world.database.user}")


@contextlib.contextmanager
def cancelled(world: World) -> Iterator[None]:
    """Let the server cancel every statement: none gets to its end, since the log is locked."""
    with log_locked(world.database), cancelling(world.database):
        yield


@contextlib.contextmanager
def read_only(world: World) -> Iterator[None]:
    """Let the server take no changes, as a replica does."""
    if world.database.dialect == "postgresql":
        world.database.execute(f"ALTER ROLE {world.database.user} SET default_transaction_read_only = on")
        world.to_database.cut()
        yield
        world.database.execute(f"ALTER ROLE {world.database.user} RESET default_transaction_read_only")
    else:
        world.database.execute("SET GLOBAL read_only = 1")
        yield
        world.database.execute("SET GLOBAL read_only = 0")


# --- Secrets Manager


def secret_refused(dependency: str, status: int, code: str) -> Fault:
    """Let Secrets Manager answer those who read a secret with an error."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        _end_session(world, dependency)
        world.secrets.errors[_name(world, dependency)] = status, code
        try:
            yield
        finally:
            world.secrets.errors.clear()

    return fault


def secret_is(dependency: str, text: str) -> Fault:
    """Let a secret hold this text."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        _end_session(world, dependency)
        world.aws.client.put_secret_value(SecretId=_name(world, dependency), SecretString=text)
        try:
            yield
        finally:
            world.put_secret()
            world.aws.put_tokens(token_record(world.key))

    return fault


def _name(world: World, dependency: str) -> str:
    return world.aws.database_secret if dependency == SECRET else world.aws.tokens_secret


# --- S3 and the clock


def bucket_answers(status: int) -> Fault:
    """Let S3 answer every call with an error."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        world.s3.fault = lambda *_: status
        try:
            yield
        finally:
            world.s3.fault = lambda *_: None

    return fault


def bucket_holds(objects: dict[str, bytes]) -> Fault:
    """Let the bucket hold these objects and no others."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        before, world.s3.objects = world.s3.objects, objects
        try:
            yield
        finally:
            world.s3.objects = before

    return fault


def clock_moved(by: timedelta) -> Fault:
    """Let the clock be wrong by so much."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        world.clock.shift(by)
        try:
            yield
        finally:
            world.clock.shift(-by)

    return fault
