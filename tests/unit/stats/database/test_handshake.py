"""The certificate of a server that speaks MySQL's or PostgreSQL's protocol, and what is no such server."""

import contextlib
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import create_server, socket

import pytest

from stats.base.deadline import Deadline
from stats.database.driver import Server
from stats.database.handshake import NoTLSError, shake_hands
from tests.support.certificates import Authority, new_authority, new_certificate

HOST = "db.example.test"
_TLS, _NO_TLS = 0x8A00, 0x8200


def greeting(flags: int) -> bytes:
    body = b"\x0a8.4.0\0" + bytes(4) + b"challeng\0" + struct.pack("<H", flags) + bytes(20)
    return len(body).to_bytes(3, "little") + b"\0" + body


@pytest.fixture
def authority() -> Authority:
    return new_authority()


@pytest.fixture
def trusting(authority: Authority) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=authority.pem.decode())
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


@contextlib.contextmanager
def serving(talk: Callable[[socket], None]) -> Iterator[int]:
    """Run a server for one connection; yield its port."""

    def accept() -> None:
        with contextlib.suppress(OSError), listener.accept()[0] as connection:
            talk(connection)

    with create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def with_tls(authority: Authority, before: Callable[[socket], None]) -> Callable[[socket], None]:
    certificate, key = new_certificate(authority, HOST)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "both.pem"
        path.write_bytes(key + certificate)
        context.load_cert_chain(path)

    def talk(connection: socket) -> None:
        before(connection)
        with context.wrap_socket(connection, server_side=True) as encrypted:
            encrypted.recv(1)

    return talk


def as_postgresql(connection: socket) -> None:
    assert connection.recv(8) == struct.pack("!II", 8, 80877103)
    connection.sendall(b"S")


def as_mysql(connection: socket) -> None:
    connection.sendall(greeting(_TLS))
    assert len(connection.recv(36)) == 36


def server(engine: str, port: int) -> Server:
    return Server(engine, "127.0.0.1", port, "user", "password", "openl2m")


@pytest.mark.parametrize(("engine", "before"), [("postgres", as_postgresql), ("mariadb", as_mysql)])
def test_the_certificate_is_verified_and_returned(
    engine: str, before: Callable[[socket], None], authority: Authority, trusting: ssl.SSLContext
) -> None:
    with serving(with_tls(authority, before)) as port:
        certificate = shake_hands(server(engine, port), trusting, HOST, Deadline.after(10))
    assert ("DNS", HOST) in certificate["subjectAltName"]


def test_a_name_that_the_certificate_lacks_is_refused(authority: Authority, trusting: ssl.SSLContext) -> None:
    with serving(with_tls(authority, as_postgresql)) as port, pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server("postgres", port), trusting, "other.example.test", Deadline.after(10))


@pytest.mark.parametrize(
    ("engine", "answer", "error"),
    [
        ("postgres", b"N", NoTLSError),
        ("mysql", greeting(_NO_TLS), NoTLSError),
        ("mysql", b"\x09\0\0\0\xff\x69\x04blocked", OSError),
        ("mysql", b"\x02\0\0\0\x0aX", ValueError),
        ("mysql", b"\0\0\0\0", IndexError),
        ("mysql", b"", ConnectionError),
    ],
)
def test_what_does_not_speak_tls(engine: str, answer: bytes, error: type[Exception], trusting: ssl.SSLContext) -> None:
    def talk(connection: socket) -> None:
        connection.sendall(answer)
        connection.shutdown(1)
        connection.recv(100)

    with serving(talk) as port, pytest.raises(error):
        shake_hands(server(engine, port), trusting, HOST, Deadline.after(10))
