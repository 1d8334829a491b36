"""The checks of the way to the database server. tests/integration/doctor/test_network.py has real ones with TLS."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dev.servers.processes import free_port
from openl2m_stats.doctor.network import check_network, check_tls
from tests.support.certificates import new_authority, new_certificate
from tests.support.outages import fake_server
from tests.support.tls_servers import HOST
from tests.unit.openl2m_stats.doctor.conftest import Knowing, check


def login(**changes: Any) -> str:
    return json.dumps({"engine": "postgres", "host": HOST, "username": "nobody", "password": "x", **changes})


def test_a_file(sqlite_login: str, tmp_path: Path, knowing: Knowing) -> None:
    check(check_network(knowing(sqlite_login)), "ok", "not needed: the database is a file")
    gone = knowing(f'{{"engine": "sqlite", "dbname": "{tmp_path}/gone"}}')
    check(check_network(gone), "FAIL", f"the file {tmp_path}/gone does not exist", "Look at 'dbname'")


def test_a_port_that_takes_connections_or_none(knowing: Knowing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        check(check_network(knowing(login(host="127.0.0.1", port=port))), "ok", "127.0.0.1, connected in ")
    refused = check_network(knowing(login(host="127.0.0.1", port=port)))
    check(refused, "FAIL", f"127.0.0.1 port {port} refuses connections", "look at 'port'")


def test_a_unix_socket(tmp_path: Path, knowing: Knowing) -> None:
    known = knowing(login(host=str(tmp_path)))
    path = known.session.server.host
    check(check_network(known), "FAIL", f"{path}: No such file or directory", "path of a server's socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        check(check_network(known), "ok", f"{path}, connected in ")
        check(check_tls(known), "ok", "not needed")


@pytest.mark.parametrize("host", [HOST, "db..example.test"])
def test_a_host_without_an_address(host: str, knowing: Knowing, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo

    def unknown(name: str, *args: Any, **named: Any) -> Any:
        if name == HOST:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(name, *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    check(
        check_network(knowing(login(host=host))), "FAIL", f"{host} does not resolve: ", "'host' of the database secret"
    )


@pytest.mark.parametrize(
    ("address", "failure", "words"),
    [
        ("10.0.0.7", TimeoutError(), ("within 5 s", "Its address is private: outside its VPC")),
        ("52.0.0.7", TimeoutError(), ("within 5 s", "security group")),
        ("52.0.0.7", OSError(101, "Network is unreachable"), ("Network is unreachable", "Look at 'host'")),
    ],
)
def test_a_host_out_of_reach(
    address: str, failure: OSError, words: tuple[str, ...], knowing: Knowing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No packet leaves this machine: the system says at once what it would say in the end."""
    connect = socket.socket.connect

    def lost(self: socket.socket, to: Any) -> None:
        if to[0] == address:
            raise failure
        connect(self, to)

    monkeypatch.setattr(socket.socket, "connect", lost)
    check(check_network(knowing(login(host=address))), "FAIL", f"{address} port 5432", *words)


@contextmanager
def postgresql(certificate: tuple[bytes, bytes], directory: Path) -> Iterator[int]:
    """Do what PostgreSQL does until TLS has come about, once; yield the port."""
    for name, content in zip(("cert", "key"), certificate, strict=True):
        (directory / name).write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "cert", directory / "key")

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            assert client.recv(8) == b"\x00\x00\x00\x08\x04\xd2\x16\x2f"
            client.sendall(b"S")
            try:
                context.wrap_socket(client, server_side=True).close()
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(timeout=10)


@pytest.mark.real_clock(reason="OpenSSL goes by it")
@pytest.mark.parametrize(("days", "state"), [(30, "warn"), (31, "ok")])
@pytest.mark.usefixtures("_host_resolves")
def test_a_certificate_that_is_accepted(days: int, state: str, tmp_path: Path, knowing: Knowing) -> None:
    authority = new_authority()
    (tmp_path / "authority.pem").write_bytes(authority.pem)
    with postgresql(new_certificate(authority, HOST, days=days), tmp_path) as port:
        known = knowing(login(port=port), DATABASE_CA_FILE=str(tmp_path / "authority.pem"))
        finding = check_tls(known)
    check(finding, state, f"verified, {HOST}, expires in {days - 1} days")
    assert ("Renew" in finding.advice) == (state == "warn")


@pytest.mark.real_clock(reason="OpenSSL goes by it")
@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("wrong host name", ["Hostname mismatch", "'host' of the database secret must be a name"]),
        (
            "unknown authority",
            ["unable to get local issuer certificate", "authority.pem lacks its certificate"],
        ),
        ("expired", ["certificate has expired", "a new certificate"]),
    ],
)
@pytest.mark.usefixtures("_host_resolves")
def test_a_certificate_that_is_refused(problem: str, words: list[str], tmp_path: Path, knowing: Knowing) -> None:
    trusted = new_authority()
    certificate = {
        "wrong host name": new_certificate(trusted, "other.example.test"),
        "unknown authority": new_certificate(new_authority(), HOST),
        "expired": new_certificate(trusted, HOST, days=-1),
    }[problem]
    (tmp_path / "authority.pem").write_bytes(trusted.pem)
    with postgresql(certificate, tmp_path) as port:
        known = knowing(login(port=port), DATABASE_CA_FILE=str(tmp_path / "authority.pem"))
        check(check_tls(known), "FAIL", "the certificate is refused: ", *words)


@pytest.mark.parametrize(
    "greeting",
    [b"", b"\x00\x00\x00\x00", b"\x05\x00\x00\x00nonce", b"H" * 70_000],
    ids=["nothing", "empty", "short", "long"],
)
@pytest.mark.parametrize("engine", ["postgres", "mysql"])
@pytest.mark.usefixtures("_host_resolves")
def test_what_is_not_a_database_server(engine: str, greeting: bytes, knowing: Knowing) -> None:
    with fake_server(greeting, stays=False) as port:
        check(check_tls(knowing(login(engine=engine, port=port))), "FAIL", "TLS")


def packet(content: bytes) -> bytes:
    """Return a packet of MySQL's protocol."""
    return len(content).to_bytes(3, "little") + b"\0" + content


@pytest.mark.parametrize(
    ("engine", "greeting", "words"),
    [
        ("postgres", b"N", ("the server offers no TLS", "Switch TLS on")),
        ("mysql", packet(b"\n11.8\0" + bytes(13) + b"\xff\xf7" + bytes(20)), ("the server offers no TLS",)),
        (
            "mysql",
            packet(b"\xff\x69\x04Host '10.0.0.7' is blocked"),
            ("handshake failed: Host '10.0.0.7' is bl",),
        ),
    ],
)
@pytest.mark.usefixtures("_host_resolves")
def test_a_server_without_tls(engine: str, greeting: bytes, words: tuple[str, ...], knowing: Knowing) -> None:
    with fake_server(greeting, stays=True) as port:
        check(check_tls(knowing(login(engine=engine, port=port))), "FAIL", *words)


def test_mysql_is_sent_a_request_for_tls(knowing: Knowing, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        received: list[bytes] = []

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.sendall(packet(b"\n11.8\0" + bytes(13) + b"\x00\x08" + bytes(20)))
                received.append(client.recv(36, socket.MSG_WAITALL))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        resolve = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *args, **named: resolve("127.0.0.1", *args, **named))
        check(
            check_tls(knowing(login(engine="mysql", port=listener.getsockname()[1]))),
            "FAIL",
            "the TLS handshake failed",
        )
        thread.join(timeout=10)
    assert received == [b"\x20\0\0\x01" + b"\0\x8a\0\0" + b"\0\0\0\x01" + b"\x2d" + bytes(23)]


def test_settings(tmp_path: Path, knowing: Knowing) -> None:
    off = knowing(login(), DATABASE_TLS="off")
    check(check_tls(off), "FAIL", "DATABASE_TLS=off, and the host is not loopback", "Leave DATABASE_TLS out")
    check(check_tls(knowing(login(host="127.0.0.1"), DATABASE_TLS="off")), "ok", "not needed")
    (tmp_path / "empty.pem").write_text("nothing")
    empty = knowing(login(), DATABASE_CA_FILE=str(tmp_path / "empty.pem"))
    check(check_tls(empty), "FAIL", "empty.pem cannot be used", "PEM")


def test_nothing_listens(knowing: Knowing) -> None:
    known = knowing(login(host="127.0.0.1", port=free_port()), DATABASE_TLS="verify")
    check(check_tls(known), "ok", "not needed")
