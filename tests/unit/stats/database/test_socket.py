"""The transport: which address is used, when it is shut down, what is left open, and whose TLS is verified."""

import contextlib
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stats.base.deadline import Deadline
from stats.database.socket import Transport, is_local, open_transport, shutdown_at, trust
from tests.support.certificates import new_authority


class AnswerError(Exception):
    """What a server says itself."""


@pytest.fixture
def transport() -> Iterator[tuple[Transport, socket.socket]]:
    """Yield a transport, and the server's end of it."""
    ours, theirs = socket.socketpair()
    with theirs, ours, ours.dup() as duplicate:
        yield Transport(ours, duplicate), theirs


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """Yield two listeners, which are the addresses of db.example.com."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        listeners = [one, two]

        def resolve(_host: str, _port: int, flags: int = 0, **_: object) -> list[object]:
            if flags & socket.AI_NUMERICHOST:
                raise socket.gaierror
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", each.getsockname()) for each in listeners]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        yield listeners


def peer(transport: Transport) -> int:
    port: int = transport.driver_socket.getpeername()[1]
    return port


def test_what_waits_for_the_server_ends_at_the_deadline(transport: tuple[Transport, socket.socket]) -> None:
    with shutdown_at(Deadline.after(0.05), transport[0]):
        assert transport[0].driver_socket.recv(1) == b""
    assert transport[1].recv(1) == b""


def test_nothing_is_shut_down_after_the_block(transport: tuple[Transport, socket.socket]) -> None:
    before = set(threading.enumerate())
    with shutdown_at(Deadline.after(60), transport[0]):
        [timer] = set(threading.enumerate()) - before
    timer.join(10)
    assert not timer.is_alive()
    transport[1].sendall(b"x")
    assert transport[0].driver_socket.recv(1) == b"x"


def test_a_transport_is_closed_although_the_driver_fails(transport: tuple[Transport, socket.socket]) -> None:
    def say_goodbye() -> None:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        transport[0].close_after(say_goodbye)
    assert transport[1].recv(1) == b""


def test_the_first_address_that_works_is_used(addresses: list[socket.socket]) -> None:
    first, second = (each.getsockname()[1] for each in addresses)
    used = []

    def use(transport: Transport) -> int:
        used.append(peer(transport))
        if used == [first]:
            raise ValueError("it makes no sense")
        transport.close()
        return used[-1]

    assert open_transport("db.example.com", 1, Deadline.after(10), use) == second
    assert used == [first, second]


def test_an_answer_of_the_server_tries_no_further_address(addresses: list[socket.socket]) -> None:
    used = []

    def use(transport: Transport) -> None:
        used.append(peer(transport))
        raise AnswerError

    with pytest.raises(AnswerError):
        open_transport("db.example.com", 1, Deadline.after(10), use, lambda error: isinstance(error, AnswerError))
    assert used == [addresses[0].getsockname()[1]]


def test_when_every_address_fails_the_last_error_counts_and_nothing_is_left_open(
    addresses: list[socket.socket],
) -> None:
    def use(transport: Transport) -> None:
        raise ValueError(peer(transport))

    with pytest.raises(ValueError, match=str(addresses[1].getsockname()[1])):
        open_transport("db.example.com", 1, Deadline.after(10), use)
    for listener in addresses:
        with listener.accept()[0] as server:
            server.settimeout(10)
            assert server.recv(1) == b""


def test_a_silent_address_leaves_time_for_the_next(addresses: list[socket.socket]) -> None:
    def use(transport: Transport) -> int:
        found = peer(transport)
        if found == addresses[0].getsockname()[1] and not transport.driver_socket.recv(1):
            raise TimeoutError
        transport.close()
        return found

    assert open_transport("db.example.com", 1, Deadline.after(1), use) == addresses[1].getsockname()[1]


def test_a_host_without_an_address_and_a_deadline_that_has_passed(addresses: list[socket.socket]) -> None:
    with pytest.raises(TimeoutError):
        open_transport("/a/socket", 0, Deadline.after(0), lambda _: None)
    addresses.clear()
    with pytest.raises(OSError, match=r"db\.example\.com has no address"):
        open_transport("db.example.com", 1, Deadline.after(10), lambda _: None)


def test_a_unix_socket_and_an_address_are_connected_to() -> None:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        path = f"/tmp/openl2m-stats-{os.getpid()}.sock"
        listener.bind(path)
        try:
            listener.listen()
            open_transport(path, 0, Deadline.after(10), Transport.close)
        finally:
            Path(path).unlink()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def use(transport: Transport) -> int:
            found = transport.driver_socket
            transport.duplicate.close()
            with found:
                assert found.gettimeout() is None
                assert found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                return found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)

        assert open_transport("127.0.0.1", server.getsockname()[1], Deadline.after(10), use)


@pytest.mark.parametrize("host", ["/run/a", "localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_a_local_host_needs_no_verified_tls(host: str) -> None:
    assert is_local(host)
    assert trust(host, "/absent", off=False) is (False if host.startswith("/") else None)
    assert trust(host, "/absent", off=True) is False


@pytest.mark.parametrize("host", ["db.example.com", "localhost.example.com", "10.0.0.1", "::2", "0.0.0.0"])
def test_every_other_host_is_verified_by_the_files_authorities(host: str, tmp_path: Path) -> None:
    path = tmp_path / "authorities.pem"
    path.write_bytes(new_authority().pem)
    assert not is_local(host)
    tls = trust(host, str(path), off=False)
    assert isinstance(tls, ssl.SSLContext)
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert not tls.verify_flags & ssl.VERIFY_X509_STRICT
    assert tls.cert_store_stats()["x509_ca"] == 1
    path.write_text("no certificate")
    trust.cache_clear()
    with pytest.raises(ssl.SSLError):
        trust(host, str(path), off=False)
    with pytest.raises(FileNotFoundError):
        trust(host, str(tmp_path / "absent"), off=False)
