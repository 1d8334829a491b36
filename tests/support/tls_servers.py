"""Database servers that speak TLS, with certificates of the tests' own."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dev.servers.databases import Server
from dev.servers.processes import mariadb, postgresql
from tests.support.certificates import new_authority, new_certificate

# A name that is not local, so that certificates are verified; conftest.py lets it lead to this machine.
HOST = "db.example.test"


class TLSServer:
    """A server that speaks TLS, with the certificate of the moment."""

    def __init__(self, server: Server, directory: Path) -> None:
        self.server = server
        self.directory = directory

    def present(self, certificate: tuple[bytes, bytes]) -> None:
        """Show this certificate to clients from now on."""
        assert self.server.process
        _put_certificate(self.directory, certificate, self.server.process.user)
        self.server.execute("FLUSH SSL" if self.server.dialect == "mysql" else "SELECT pg_reload_conf()")


@contextlib.contextmanager
def mariadb_with_tls() -> Iterator[TLSServer]:
    with _certificate_directory("mysql") as directory:
        options = [f"--ssl-cert={directory}/certificate.pem", f"--ssl-key={directory}/key.pem"]
        with mariadb(options=options) as process:
            server = Server("mariadb", "mysql", process.host, process.port, process.superuser, process=process)
            yield TLSServer(server, directory)


@contextlib.contextmanager
def postgresql_with_tls() -> Iterator[TLSServer]:
    with _certificate_directory("postgres") as directory:
        files = {"ssl_cert_file": "certificate.pem", "ssl_key_file": "key.pem"}
        options = ["-cssl=on", *(f"-c{name}={directory}/{file}" for name, file in files.items())]
        with postgresql(options=options) as process:
            server = Server("postgres", "postgresql", process.host, process.port, process.superuser, process=process)
            yield TLSServer(server, directory)


def _put_certificate(directory: Path, certificate: tuple[bytes, bytes], user: str) -> None:
    for name, content in zip(("certificate.pem", "key.pem"), certificate, strict=True):
        path = directory / name
        path.write_bytes(content)
        path.chmod(0o600)
        if os.getuid() == 0:
            shutil.chown(path, user)


@contextlib.contextmanager
def _certificate_directory(user: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="openl2m-stats-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        _put_certificate(directory, new_certificate(new_authority(), HOST), user)
        yield directory
