"""Faults of the network: each a context in which a world's connections go wrong."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from tests.faults.world import CONNECT, LOGIN, NAME, REGISTRY, SECRET, TLS, World
from tests.support.certificates import new_authority, new_certificate
from tests.support.misdeeds import NOISE, PATIENCE_SECONDS, Misdeed, delay, drip, present, reset, say, stay_silent
from tests.support.tls_servers import HOST

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
            end_session(world, dependency)
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


def end_session(world: World, dependency: str) -> None:
    """End the session with the database, where the dependency is not asked otherwise."""
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


def unanswered(seconds: float = PATIENCE_SECONDS) -> Fault:
    """Let the database's host not answer those who knock, for so long into a request."""

    @contextlib.contextmanager
    def fault(world: World) -> Iterator[None]:
        with world.to_database.ignoring() as over:
            world.to_database.cut()
            timer = threading.Timer(seconds, over.set)
            world.at_request = timer.start
            try:
                yield
            finally:
                world.at_request = lambda: None
                timer.cancel()

    return fault


@contextlib.contextmanager
def untrusted(world: World) -> Iterator[None]:
    """Let the server show a certificate of an authority that nobody trusts."""
    with during(TLS, present(new_certificate(new_authority(), HOST)))(world):
        yield
