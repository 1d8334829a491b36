"""`openl2m-stats doctor`: the way to the database server, and its certificate."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.servers.databases import Database, Server
from tests.integration.conftest import AWS
from tests.integration.doctor.conftest import Examine, check, edit_latest, elsewhere, publish
from tests.support.certificates import new_authority, new_certificate
from tests.support.databases import server_database
from tests.support.s3 import S3
from tests.support.tls_servers import HOST, TLSServer


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
def test_a_server_without_tls(plain_server: Server, healthy: Any, aws: AWS, examine: Examine) -> None:
    with server_database(plain_server) as database:
        healthy(database)
        aws.put_database(database.secret(host=HOST))
        check(examine(), "TLS", "FAIL", "the server offers no TLS", "Switch TLS on")


@pytest.mark.usefixtures("_host_resolves")
def test_the_authorities_are_those_of_rds(
    postgresql_tls: TLSServer, aws: AWS, sqlite_healthy: Database, examine: Examine
) -> None:
    """The layer's path, which is the default, is not on this machine."""
    postgresql_tls.present(new_certificate(new_authority(), HOST))
    aws.put_database(elsewhere(port=postgresql_tls.server.port))
    check(examine(), "TLS", "FAIL", "rds-global-bundle.pem lacks its certificate authority")
