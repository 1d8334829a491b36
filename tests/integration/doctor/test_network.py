"""`openl2m-stats doctor`: the way to the database server, and its certificate."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.servers.databases import Database, Server
from dev.servers.processes import free_port
from tests.integration.conftest import AWS
from tests.integration.doctor.conftest import OF_DATABASE, Examine, check, edit_latest, elsewhere
from tests.integration.doctor.test_setups import answer, api, function, publish, stack
from tests.support.certificates import new_authority, new_certificate
from tests.support.databases import server_database
from tests.support.outages import fake_server
from tests.support.s3 import S3
from tests.support.tls_servers import HOST, TLSServer

__all__ = ["answer", "api", "function", "stack"]  # fixtures


def test_a_file_that_is_not_there(sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_database(sqlite_healthy.secret(dbname="/nonexistent"))
    report = examine()
    check(report, "network", "FAIL", "the file /nonexistent does not exist")
    assert report.skipped == OF_DATABASE[1:]


def test_a_port_that_nothing_listens_on(sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    port = free_port()
    aws.put_database(elsewhere(host="127.0.0.1", port=port))
    report = examine()
    check(report, "network", "FAIL", f"127.0.0.1 port {port} refuses connections", "look at 'port'")
    assert report.skipped == OF_DATABASE[1:]


@pytest.mark.parametrize("host", [HOST, "db..example.test"])
def test_a_host_without_an_address(
    host: str, sqlite_healthy: Database, aws: AWS, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def unknown(name: str, *args: Any, **named: Any) -> Any:
        if name == HOST:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(name, *args, **named)

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    aws.put_database(elsewhere(host=host))
    check(examine(), "network", "FAIL", f"{host} does not resolve: ", "'host' of the database secret")


@pytest.mark.parametrize(
    ("address", "failure", "words"),
    [
        ("10.0.0.7", TimeoutError(), "Its address is private: outside its VPC this is expected"),
        ("52.0.0.7", TimeoutError(), "security group"),
        ("52.0.0.7", OSError(101, "Network is unreachable"), "Network is unreachable"),
    ],
)
def test_a_host_out_of_reach(
    address: str,
    failure: OSError,
    words: str,
    sqlite_healthy: Database,
    aws: AWS,
    examine: Examine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No packet leaves this machine: the system says at once what it would say in the end."""
    connect = socket.socket.connect

    def lost(self: socket.socket, to: Any) -> None:
        if to[0] == address:
            raise failure
        connect(self, to)

    monkeypatch.setattr(socket.socket, "connect", lost)
    aws.put_database(elsewhere(host=address))
    check(examine(), "network", "FAIL", f"{address} port 5432", words)


@pytest.fixture
def tls_database(tls_server: TLSServer) -> Iterator[Database]:
    with server_database(tls_server.server) as database:
        yield database


@pytest.fixture
def through_tls(
    tls_server: TLSServer, tls_database: Database, healthy: Any, aws: AWS, s3: S3, tmp_path: Path, monkeypatch: Any
) -> Callable[[Any, tuple[bytes, bytes]], None]:
    """Return a function that deploys a database that is reached by name, trusting an authority."""

    def deploy(authority: Any, certificate: tuple[bytes, bytes]) -> None:
        healthy(tls_database)
        tls_server.present(certificate)
        (tmp_path / "authority.pem").write_bytes(authority.pem)
        monkeypatch.setenv("DATABASE_CA_FILE", str(tmp_path / "authority.pem"))
        aws.put_database(tls_database.secret(host=HOST))
        edit_latest(s3, read_from={**s3.json("snapshots/latest.json")["read_from"], "host": HOST})

    return deploy


@pytest.mark.usefixtures("_host_resolves")
def test_a_good_certificate(through_tls: Any, examine: Examine) -> None:
    authority = new_authority()
    through_tls(authority, new_certificate(authority, HOST, days=50))
    report = examine()
    assert report.wrong == {}
    assert report["TLS"]["seen"] == f"verified, {HOST}, expires in 49 days"


@pytest.mark.parametrize(("named", "state"), [(HOST, "ok"), ("other.example.test", "FAIL")])
def test_a_tunnel(
    named: str, state: str, through_tls: Any, tls_database: Database, stack: str, function: str, examine: Examine
) -> None:
    """The database is in a VPC, and its name leads nowhere from here: ssh forwards a port of this machine."""
    authority = new_authority()
    through_tls(authority, new_certificate(authority, named, days=50))
    names = ("DATABASE_SECRET_ID", "TOKENS_SECRET_ID", "SNAPSHOT_BUCKET")
    publish(function, {name: os.environ[name] for name in names})
    database, server = tls_database, tls_database.server
    assert server
    scheme = {"mysql": "mysql", "postgresql": "postgresql"}[database.dialect]
    url = f"{scheme}://{database.user}:{database.password}@127.0.0.1:{server.port}/{database.name}"
    report = examine("--stack", stack, "--database-url", url)
    assert report["TLS"]["state"] == state
    assert f"by --database-url instead of {HOST}" in report["database secret"]["seen"]
    assert (report["grants"]["state"] == "ok") == (state == "ok")
    if state == "FAIL":
        assert "Hostname mismatch" in report["TLS"]["seen"]


@pytest.mark.usefixtures("_host_resolves")
def test_a_certificate_that_expires_soon(through_tls: Any, examine: Examine) -> None:
    authority = new_authority()
    through_tls(authority, new_certificate(authority, HOST, days=20))
    check(examine(), "TLS", "warn", "expires in 19 days", "Renew")


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("wrong host name", ["Hostname mismatch", "'host' of the database secret must be a name"]),
        ("unknown authority", ["unable to get local issuer certificate", "authority.pem lacks its certificate"]),
        ("expired", ["certificate has expired", "a new certificate"]),
    ],
)
@pytest.mark.usefixtures("_host_resolves")
def test_a_certificate_that_is_refused(problem: str, words: list[str], through_tls: Any, examine: Examine) -> None:
    trusted = new_authority()
    certificate = {
        "wrong host name": new_certificate(trusted, "other.example.test"),
        "unknown authority": new_certificate(new_authority(), HOST),
        "expired": new_certificate(trusted, HOST, days=-1),
    }[problem]
    through_tls(trusted, certificate)
    report = examine()
    check(report, "TLS", "FAIL", *words)
    assert report.skipped == OF_DATABASE[2:]


@pytest.mark.usefixtures("_host_resolves")
def test_a_server_without_tls(plain_server: Server, healthy: Any, aws: AWS, examine: Examine) -> None:
    with server_database(plain_server) as database:
        healthy(database)
        aws.put_database(database.secret(host=HOST))
        check(examine(), "TLS", "FAIL", "the server offers no TLS", "Switch TLS on")


@pytest.mark.parametrize(
    "greeting",
    [b"", b"\x00\x00\x00\x00", b"\x05\x00\x00\x00nonce", b"H" * 70_000],
    ids=["nothing", "empty", "short", "long"],
)
@pytest.mark.parametrize("engine", ["postgres", "mysql"])
@pytest.mark.usefixtures("_host_resolves")
def test_what_is_no_database_server(
    engine: str, greeting: bytes, sqlite_healthy: Database, aws: AWS, examine: Examine
) -> None:
    with fake_server(greeting, stays=False) as port:
        aws.put_database(elsewhere(engine=engine, port=port))
        report = examine()
    assert report.wrong == {"TLS": "FAIL"}


@pytest.mark.usefixtures("_host_resolves")
def test_mysql_that_refuses_this_machine(sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    text = b"\xff\x69\x04Host '10.0.0.7' is blocked"
    with fake_server(len(text).to_bytes(3, "little") + b"\0" + text, stays=True) as port:
        aws.put_database(elsewhere(engine="mysql", port=port))
        check(examine(), "TLS", "FAIL", "Host '10.0.0.7' is blocked")


@pytest.mark.usefixtures("_host_resolves")
def test_tls_settings(
    postgresql_tls: TLSServer, aws: AWS, sqlite_healthy: Database, examine: Examine, monkeypatch: Any, tmp_path: Path
) -> None:
    aws.put_database(elsewhere(port=postgresql_tls.server.port))
    monkeypatch.setenv("DATABASE_TLS", "off")
    check(examine(), "TLS", "FAIL", "DATABASE_TLS=off, and the host is not loopback")
    monkeypatch.delenv("DATABASE_TLS")
    (tmp_path / "empty.pem").write_text("nothing")
    monkeypatch.setenv("DATABASE_CA_FILE", str(tmp_path / "empty.pem"))
    check(examine(), "TLS", "FAIL", "empty.pem cannot be used", "PEM")


@pytest.mark.usefixtures("_host_resolves")
def test_the_authorities_are_those_of_rds(
    postgresql_tls: TLSServer, aws: AWS, sqlite_healthy: Database, examine: Examine
) -> None:
    """The layer's path, which is the default, is not on this machine."""
    postgresql_tls.present(new_certificate(new_authority(), HOST))
    aws.put_database(elsewhere(port=postgresql_tls.server.port))
    check(examine(), "TLS", "FAIL", "rds-global-bundle.pem lacks its certificate authority")
