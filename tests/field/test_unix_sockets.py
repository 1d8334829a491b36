"""The database is on the same machine, and reached by a Unix socket."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymysql
import pytest

from dev.servers.databases import Database, Server
from tests.integration.conftest import AWS, FURTHER_SERVERS
from tests.support.databases import server_database

MYSQL = [name for name, server in FURTHER_SERVERS.items() if server.dialect == "mysql"]


def socket_of(server: Server) -> Path:
    """Return the path of a server's socket, which may run in a chroot or a container on this machine."""
    with contextlib.closing(server.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT @@socket")
        path = Path(cursor.fetchone()[0])
    found = [path, *Path("/proc").glob(f"[0-9]*/root{path}")]
    return next(each for each in found if each.is_socket() and port_at(each, server) == server.port)


def port_at(path: Path, server: Server) -> int:
    """Return the port of the server that listens at a socket: two may have one path, each in its own root."""
    with (
        contextlib.closing(
            pymysql.connect(unix_socket=str(path), user=server.superuser, password=server.superuser_password)
        ) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT @@port")
        [[port]] = cursor.fetchall()
        return int(port)


@pytest.fixture(params=MYSQL)
def further_db(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database on each MySQL of STATS_TEST_DATABASE_URLS."""
    with server_database(FURTHER_SERVERS[request.param]) as database:
        yield database


def test_mysql_takes_the_password_over_a_unix_socket(further_db: Database, aws: AWS, new_container: Any) -> None:
    """caching_sha2_password wants a secure connection for a user's first login: the answer was 1045."""
    assert further_db.server
    aws.put_database(further_db.secret(host=str(socket_of(further_db.server))))
    key = aws.new_token()
    assert new_container().get(key).status == 200


def test_mariadb_by_its_socket(mariadb: Database, aws: AWS, new_container: Any) -> None:
    """The same on MariaDB."""
    assert mariadb.server
    aws.put_database(mariadb.secret(host=str(socket_of(mariadb.server))))
    key = aws.new_token()
    assert new_container().get(key).status == 200


@pytest.mark.parametrize("name", ["", "/.s.PGSQL.{port}"], ids=["the folder", "the socket"])
def test_postgresql_by_its_folder_or_its_socket(name: str, postgresql: Database, aws: AWS, new_container: Any) -> None:
    """libpq's host is the folder of the socket, as everybody's PGHOST and Django's HOST have it."""
    assert postgresql.server
    host = f"{postgresql.server.directory}{name.format(port=postgresql.server.port)}"
    aws.put_database(postgresql.secret(host=host))
    key = aws.new_token()
    assert new_container().get(key).status == 200
