"""How TLS to the database is used: verified, unless nobody can sit in between."""

import contextlib
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.servers.databases import Database, Server, own_server
from dev.servers.processes import mariadb
from tests.support import leaks
from tests.support.certificates import (
    Authority,
    new_authority,
    new_certificate,
    new_self_signed_certificate,
)
from tests.support.databases import server_database
from tests.support.proxy import Proxy
from tests.support.tls_servers import HOST, TLSServer


@pytest.fixture
def _strict_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the default context be as strict about a certificate's form as Python 3.13's is."""
    create = ssl.create_default_context

    def create_strict(*args: Any, **named: Any) -> ssl.SSLContext:
        context = create(*args, **named)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", create_strict)


Ask = Callable[..., tuple[Any, Proxy, Database]]


@pytest.fixture
def ask(aws: Any, new_container: Any, tmp_path: Path) -> Iterator[Ask]:
    """Return a function that asks for the statistics through a proxy in front of a server."""
    with contextlib.ExitStack() as stack:

        def get(
            server: Server, host: str, authority: Authority | None = None, **variables: str
        ) -> tuple[Any, Proxy, Database]:
            database = stack.enter_context(server_database(server))
            proxy = stack.enter_context(Proxy((server.host, server.port)))
            aws.put_database(database.secret(host=host, port=proxy.port))
            if authority is not None:
                (tmp_path / "authority.pem").write_bytes(authority.pem)
                variables["DATABASE_CA_FILE"] = str(tmp_path / "authority.pem")
            key = aws.new_token()
            container = new_container(**variables)
            stack.callback(container.close)
            return container.get(key), proxy, database

        yield get


def logged(caplog: pytest.LogCaptureFixture) -> str:
    return " ".join(str(getattr(record, "error", "")) for record in caplog.records)


def assert_encrypted(proxy: Proxy, database: Database) -> None:
    assert proxy.sent
    assert database.user.encode() not in proxy.sent
    assert b"SELECT" not in proxy.sent


def assert_nothing_was_told(proxy: Proxy, database: Database) -> None:
    """Show that the server was refused before a user, a password or a statement went out."""
    assert proxy.connections
    for word in (database.user, database.password, database.name, "SELECT"):
        assert word.encode() not in proxy.sent


def offers_tls(server: Server) -> bool:
    with contextlib.closing(server.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT @@have_ssl")
        return bool(cursor.fetchone() == ("YES",))


@pytest.mark.usefixtures("_host_resolves", "_strict_by_default")
@pytest.mark.parametrize("sloppy", [False, True], ids=["flawless", "only strictness refuses it"])
def test_the_right_certificate_is_accepted(sloppy: bool, tls_server: TLSServer, ask: Ask) -> None:
    authority = new_authority(sloppy=sloppy)
    tls_server.present(new_certificate(authority, HOST))
    response, proxy, database = ask(tls_server.server, HOST, authority)
    assert response.status == 200
    assert_encrypted(proxy, database)


@pytest.mark.parametrize("problem", ["wrong host name", "unknown authority", "self-signed", "expired"])
@pytest.mark.usefixtures("_host_resolves")
def test_a_wrong_certificate_is_refused(
    problem: str, tls_server: TLSServer, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    trusted = new_authority()
    certificate, words = {
        "wrong host name": (new_certificate(trusted, "other.example.test"), "Hostname mismatch"),
        "unknown authority": (new_certificate(new_authority(), HOST), "certificate verify failed"),
        "self-signed": (new_self_signed_certificate(HOST), "self-signed certificate"),
        "expired": (new_certificate(trusted, HOST, days=-1), "certificate has expired"),
    }[problem]
    tls_server.present(certificate)
    response, proxy, database = ask(tls_server.server, HOST, trusted)
    assert response.status == 503
    assert_nothing_was_told(proxy, database)
    assert words in logged(caplog)


@pytest.mark.usefixtures("_host_resolves")
def test_a_server_of_authorities_that_are_not_trusted_is_refused(server: Server, ask: Ask) -> None:
    """Show the same on every server there is, whatever its certificate, and if it has one at all."""
    response, proxy, database = ask(server, HOST, new_authority())
    assert response.status == 503
    assert_nothing_was_told(proxy, database)


@pytest.mark.usefixtures("_host_resolves")
def test_a_server_without_tls_is_refused(plain_server: Server, ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    response, proxy, database = ask(plain_server, HOST, new_authority())
    assert response.status == 503
    assert_nothing_was_told(proxy, database)
    assert "SSL" in logged(caplog)


@pytest.mark.parametrize(
    "certificate",
    [new_certificate(new_authority(), "other.example.test", days=-1), new_self_signed_certificate(HOST)],
    ids=["of another, and expired", "self-signed"],
)
def test_on_loopback_tls_is_used_without_proof(
    certificate: tuple[bytes, bytes], tls_server: TLSServer, ask: Ask
) -> None:
    tls_server.present(certificate)
    response, proxy, database = ask(tls_server.server, "127.0.0.1")
    assert response.status == 200
    assert_encrypted(proxy, database)


@pytest.fixture(scope="module")
def mariadb_as_installed() -> Iterator[Server]:
    """MariaDB without options: since 11.4 it offers TLS, with a certificate that it makes at its start."""
    with mariadb() as process:
        yield own_server(process)


@pytest.mark.usefixtures("_host_resolves")
def test_mariadb_as_installed_is_refused(mariadb_as_installed: Server, ask: Ask) -> None:
    response, proxy, database = ask(mariadb_as_installed, HOST, new_authority())
    assert response.status == 503
    assert_nothing_was_told(proxy, database)


def test_on_loopback_mariadb_as_installed_will_do(mariadb_as_installed: Server, ask: Ask) -> None:
    response, proxy, database = ask(mariadb_as_installed, "127.0.0.1")
    assert response.status == 200
    assert (database.user.encode() not in proxy.sent) == offers_tls(mariadb_as_installed)


def test_on_loopback_a_server_without_tls_will_do(plain_server: Server, ask: Ask) -> None:
    response, proxy, database = ask(plain_server, "127.0.0.1")
    assert response.status == 200
    assert database.user.encode() in proxy.sent
    assert database.password.encode() not in proxy.sent


def test_tls_can_be_switched_off_on_loopback(tls_server: TLSServer, ask: Ask) -> None:
    response, proxy, _ = ask(tls_server.server, "127.0.0.1", DATABASE_TLS="off")
    assert response.status == 200
    assert b"SELECT" in proxy.sent


@pytest.mark.usefixtures("_host_resolves")
def test_tls_cannot_be_switched_off_elsewhere(
    tls_server: TLSServer, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    response, proxy, _ = ask(tls_server.server, HOST, DATABASE_TLS="off")
    assert response.status == 503
    assert not proxy.connections
    assert "DATABASE_TLS=off is accepted for loopback and socket hosts only" in logged(caplog)


@pytest.mark.usefixtures("_host_resolves")
@pytest.mark.parametrize("content", [None, b"", b"nothing of the kind"], ids=["missing", "empty", "no certificate"])
def test_a_certificate_file_that_cannot_be_used_lets_nothing_through(
    content: bytes | None,
    postgresql_tls: TLSServer,
    ask: Ask,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    variables = {}
    if content is not None:
        (tmp_path / "empty.pem").write_bytes(content)
        variables["DATABASE_CA_FILE"] = str(tmp_path / "empty.pem")
    response, proxy, _ = ask(postgresql_tls.server, HOST, **variables)
    assert response.status == 503
    assert not proxy.connections
    assert "DATABASE_CA_FILE cannot be used" in logged(caplog)


@pytest.mark.parametrize("tls", ["verify", "off"])
def test_a_socket_host_needs_no_tls(tls: str, plain_server: Server, aws: Any, new_container: Any) -> None:
    process = plain_server.process
    assert process
    names = {"mysql": "server.sock", "postgresql": f".s.PGSQL.{plain_server.port}"}
    with server_database(plain_server) as database:
        # The port leads nowhere: only the socket can have answered.
        aws.put_database(database.secret(host=str(process.directory / names[plain_server.dialect]), port=1))
        key = aws.new_token()
        container = new_container(DATABASE_TLS=tls)
        assert container.get(key).status == 200
        container.close()


def test_a_password_in_other_letters_is_told_as_servers_expect_it(
    server_db: Database, aws: Any, new_container: Any
) -> None:
    password = leaks.remember("Zürich-ß-密碼-" + leaks.new_password())
    server_db.set_password(password)
    aws.put_database(server_db.secret(password=password))
    key = aws.new_token()
    assert new_container().get(key).status == 200
