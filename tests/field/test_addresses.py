"""A host has several addresses, and not all of them are well."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS
from tests.support.misdeeds import NOISE, Misdeed, reset, say, stay_silent
from tests.support.outages import fake_server
from tests.support.proxy import Proxy

HOST = "localhost"


@pytest.fixture
def resolve_to(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that lets HOST have an address at each of some ports of loopback."""

    def set_ports(*ports: int) -> None:
        resolve = socket.getaddrinfo
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

        def getaddrinfo(host: str, *arguments: Any, **named: Any) -> Any:
            if host != HOST:
                return resolve(host, *arguments, **named)
            if named.get("flags"):
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return found

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return set_ports


@contextlib.contextmanager
def silent_at_once(_: Database) -> Iterator[int]:
    with fake_server(b"", stays=True) as port:
        yield port


@contextlib.contextmanager
def closes_at_once(_: Database) -> Iterator[int]:
    with fake_server(b"", stays=False) as port:
        yield port


@contextlib.contextmanager
def talks_nonsense(_: Database) -> Iterator[int]:
    with fake_server(NOISE, stays=True) as port:
        yield port


def at_the_login(misdeed: Misdeed) -> Callable[[Database], contextlib.AbstractContextManager[int]]:
    @contextlib.contextmanager
    def run(database: Database) -> Iterator[int]:
        assert database.server
        with (
            Proxy((database.server.host, database.server.port)) as proxy,
            proxy.trapped(lambda _, now: database.user.encode() in now, misdeed),
        ):
            yield proxy.port

    return run


BROKEN = {
    "silent at once": silent_at_once,
    "closes at once": closes_at_once,
    "talks nonsense": talks_nonsense,
    "silent at the login": at_the_login(stay_silent),
    "resets the login": at_the_login(reset),
    "nonsense at the login": at_the_login(say(NOISE)),
}


@pytest.mark.parametrize(("broken", "seconds"), [*((name, 3) for name in BROKEN), ("silent at once", 10)])
def test_the_good_address_answers(
    broken: str,
    seconds: int,
    server_db: Database,
    aws: AWS,
    resolve_to: Callable[..., None],
    new_container: Any,
) -> None:
    """A node of the cluster accepts connections and then says nothing; the name has a second address, which is well."""
    assert server_db.server
    with BROKEN[broken](server_db) as port:
        resolve_to(port, server_db.server.port)
        aws.put_database(server_db.secret(host=HOST))
        key = aws.new_token()
        container = new_container(REQUEST_TIMEOUT_SECONDS=seconds, DATABASE_TLS="off")

        assert container.get(key).status == 200


def test_a_refused_login_is_not_tried_at_the_next_address(
    server_db: Database, aws: AWS, resolve_to: Callable[..., None], new_container: Any
) -> None:
    """The password is wrong: a login at each address would lock the account twice as fast."""
    assert server_db.server
    target = server_db.server.host, server_db.server.port
    with Proxy(target) as first, Proxy(target) as second:
        resolve_to(first.port, second.port)
        aws.put_database(server_db.secret(host=HOST, password="wrong"))
        key = aws.new_token()

        assert new_container(DATABASE_TLS="off").get(key).status == 503

        assert first.connections == 1
        assert second.connections == 0
