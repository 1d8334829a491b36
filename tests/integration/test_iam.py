"""IAM database authentication: RDS's token in the place of a password, over verified TLS only."""

import contextlib
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
import time_machine
from pymysql.constants import CLIENT

from dev.servers.databases import Database
from tests.integration.conftest import AWS, NOW
from tests.support import leaks
from tests.support.certificates import Authority, new_authority, new_certificate
from tests.support.databases import server_database
from tests.support.outages import fake_server, kill_sessions
from tests.support.proxy import Proxy
from tests.support.tls_servers import HOST, TLSServer

REGION = "eu-central-2"
ROLE: dict[str, Any] = {
    "aws_access_key_id": "ASIAIOSFODNN7EXAMPLE",
    "aws_secret_access_key": leaks.remember("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    "aws_session_token": leaks.remember("FwoGZXIvYXdzEJr/" + "A1b+" * 250 + "=="),
}
SIXTEEN_MINUTES = timedelta(minutes=16)

pytestmark = pytest.mark.usefixtures("_host_resolves")


@pytest.fixture
def aws(aws: AWS, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> AWS:
    """The account of a test, in a region of its own and with credentials like those of a function's role."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would remember those of another test
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for name, value in ROLE.items():
        monkeypatch.setenv(name.upper(), value)
    account = AWS(boto3.Session(region_name=REGION).client("secretsmanager", endpoint_url=moto_url))
    monkeypatch.setenv("DATABASE_SECRET_ID", account.database_secret)
    monkeypatch.setenv("TOKENS_SECRET_ID", account.tokens_secret)
    return account


def expected_token(port: int, user: str) -> str:
    """Return the token of this moment, as AWS's own library makes it."""
    client: Any = boto3.Session(**ROLE, region_name=REGION).client("rds")
    return leaks.remember(client.generate_db_auth_token(DBHostname=HOST, Port=port, DBUsername=user))


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The one authority that the function trusts."""
    authority = new_authority()
    (tmp_path / "authority.pem").write_bytes(authority.pem)
    monkeypatch.setenv("DATABASE_CA_FILE", str(tmp_path / "authority.pem"))
    return authority


@pytest.fixture(params=["mariadb", "postgresql"])
def tls_db(request: pytest.FixtureRequest, authority: Authority) -> Iterator[Database]:
    """A database whose server has a good certificate; PostgreSQL wants the password in clear, as RDS does."""
    tls_server: TLSServer = request.getfixturevalue(f"{request.param}_tls")
    server = tls_server.server
    assert server.process
    certificate = new_certificate(authority, HOST)
    hba = server.process.directory / "data/pg_hba.conf"
    usual = hba.read_text() if server.dialect == "postgresql" else None
    if usual:
        hba.write_text(
            "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 password\n"
        )
    tls_server.present(certificate)
    with server_database(server) as database:
        yield database
    if usual:  # other tests use the server too
        hba.write_text(usual)
        tls_server.present(certificate)


def without_password(secret: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in secret.items() if key != "password"}


def logged(caplog: pytest.LogCaptureFixture) -> str:
    return " ".join(str(getattr(record, "error", "")) for record in caplog.records)


def test_every_connection_has_a_token_of_its_own(tls_db: Database, aws: AWS, new_container: Any) -> None:
    """The user's password is what AWS's library says that the token is: another one, or one kept, is refused."""
    assert tls_db.server
    aws.put_database(without_password(tls_db.secret(host=HOST)))
    key = aws.new_token()
    clients: list[Any] = []
    with time_machine.travel(NOW, tick=False) as clock:
        container = new_container(CACHE_TTL_SECONDS=0, MAX_STALE_SECONDS=0)
        sys.modules["stats.aws.clients"]._session().register("creating-client-class.rds", lambda **_: clients.append(1))
        assert not clients
        for _ in range(3):
            tls_db.set_password(expected_token(tls_db.server.port, tls_db.user))
            assert container.get(key).status == 200
            kill_sessions(tls_db)
            clock.shift(SIXTEEN_MINUTES)
        assert len(clients) == 1


def test_a_password_of_null_is_none(tls_db: Database, aws: AWS, new_container: Any) -> None:
    assert tls_db.server
    aws.put_database(tls_db.secret(host=HOST, password=None))
    with time_machine.travel(NOW, tick=False):
        tls_db.set_password(expected_token(tls_db.server.port, tls_db.user))
        key = aws.new_token()
        assert new_container().get(key).status == 200


@pytest.mark.parametrize("server", ["mariadb"], indirect=True)
def test_an_empty_password_is_one(server_db: Database, aws: AWS, new_container: Any) -> None:
    server_db.set_password("")
    aws.put_database(server_db.secret(password=""))
    key = aws.new_token()
    assert new_container().get(key).status == 200


def test_a_secret_may_get_a_password_and_lose_it(tls_db: Database, aws: AWS, new_container: Any) -> None:
    assert tls_db.server
    aws.put_database(without_password(tls_db.secret(host=HOST)))
    key = aws.new_token()
    with time_machine.travel(NOW, tick=False):
        container = new_container(CACHE_TTL_SECONDS=0, MAX_STALE_SECONDS=0)
        token, password = expected_token(tls_db.server.port, tls_db.user), leaks.new_password()
        tls_db.set_password(token)
        assert container.get(key).status == 200

        tls_db.set_password(password)
        aws.put_database(tls_db.secret(host=HOST, password=password))
        kill_sessions(tls_db)
        assert container.get(key).status == 200

        tls_db.set_password(token)
        aws.put_database(without_password(tls_db.secret(host=HOST)))
        kill_sessions(tls_db)
        assert container.get(key).status == 200


class ClearTextMySQL:
    """MySQL as far as the login by `mysql_clear_password`, which RDS asks for. `told` holds what it was told."""

    def __init__(self, certificate: tuple[bytes, bytes], directory: Path) -> None:
        for name, content in zip(("certificate", "key"), certificate, strict=True):
            (directory / name).write_bytes(content)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(directory / "certificate", directory / "key")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.told: list[str] = []

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client, contextlib.suppress(OSError):
                    self._refuse(client)

    def _refuse(self, client: socket.socket) -> None:
        client.sendall(mysql_greeting(CLIENT.SSL))
        read_packet(client)
        with self._context.wrap_socket(client, server_side=True) as encrypted:
            read_packet(encrypted)
            encrypted.sendall(clear_text_please(3))
            self.told.append(leaks.remember(read_packet(encrypted).removesuffix(b"\0").decode()))
            encrypted.sendall(packet(5, b"\xff" + struct.pack("<H", 1045) + b"#28000Access denied"))


def packet(number: int, payload: bytes) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload


def read_packet(connection: socket.socket) -> bytes:
    with connection.makefile("rb", buffering=0) as stream:
        header = stream.read(4)
        assert header
        (length,) = struct.unpack("<I", header[:3] + b"\0")
        payload = b""
        while len(payload) < length:
            payload += stream.read(length - len(payload)) or b""
    return payload


def mysql_greeting(*capabilities: int) -> bytes:
    """Return the first packet of a server that names `mysql_native_password`."""
    flags = CLIENT.PROTOCOL_41 | CLIENT.SECURE_CONNECTION | CLIENT.PLUGIN_AUTH | sum(capabilities)
    low, high = flags & 0xFFFF, flags >> 16
    start = b"\x0a8.0.36\0" + struct.pack("<I8sxHBHHB10x", 1, b"saltsalt", low, 45, 2, high, 21)
    return packet(0, start + b"saltsaltsalt\0mysql_native_password\0")


def clear_text_please(number: int) -> bytes:
    return packet(number, b"\xfemysql_clear_password\0")


def test_mysql_is_told_a_well_formed_token(
    authority: Authority, aws: AWS, new_container: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = ClearTextMySQL(new_certificate(authority, HOST), tmp_path)
    aws.put_database({"engine": "mysql", "host": HOST, "port": server.port, "username": "stats"})
    key = aws.new_token()
    with server.running(), time_machine.travel(NOW, tick=False) as clock:
        container = new_container()
        assert container.get(key).status == 503
        [first] = server.told  # the secret said the same every time it was read: one try is enough
        assert first == expected_token(server.port, "stats")
        assert "1045: Access denied" in logged(caplog)
        clock.shift(SIXTEEN_MINUTES)
        assert container.get(key).status == 503
        assert server.told == [first, expected_token(server.port, "stats")]

    url = urlsplit(f"https://{first}")
    assert (url.hostname, url.port, url.path) == (HOST, server.port, "/")
    fields = dict(parse_qsl(url.query, strict_parsing=True))
    assert len(fields.pop("X-Amz-Signature")) == 64
    assert fields == {
        "Action": "connect",
        "DBUser": "stats",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{ROLE['aws_access_key_id']}/20261123/{REGION}/rds-db/aws4_request",
        "X-Amz-Date": "20261123T120000Z",
        "X-Amz-Expires": "900",
        "X-Amz-Security-Token": ROLE["aws_session_token"],
        "X-Amz-SignedHeaders": "host",
    }
    assert len(set(server.told)) == 2


@pytest.mark.parametrize("tls", ["verify", "off"])
@pytest.mark.parametrize(
    ("engine", "host"), [("mysql", "127.0.0.1"), ("postgres", "localhost"), ("mysql", "/nonexistent.sock")]
)
def test_a_host_whose_certificate_is_not_verified_is_not_connected_to(
    engine: str, tls: str, host: str, aws: AWS, new_container: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with Proxy(("127.0.0.1", 1)) as server:
        aws.put_database({"engine": engine, "host": host, "port": server.port, "username": "stats"})
        key = aws.new_token()
        assert new_container(DATABASE_TLS=tls).get(key).status == 503
        assert not server.connections
    assert "bad secret: without 'password' in the database secret the login is by IAM" in logged(caplog)


@pytest.mark.parametrize(
    ("engine", "says"),
    [("mysql", mysql_greeting() + clear_text_please(2)), ("postgres", b"NR\0\0\0\x08\0\0\0\x03")],
    ids=["mysql", "postgres"],
)
@pytest.mark.parametrize("login", [{}, {"password": leaks.new_password()}], ids=["token", "password"])
def test_a_server_without_tls_that_asks_for_clear_text_gets_nothing(
    engine: str, says: bytes, login: dict[str, str], aws: AWS, new_container: Any, authority: Authority
) -> None:
    with fake_server(says, stays=True) as port, Proxy(("127.0.0.1", port)) as server:
        aws.put_database({"engine": engine, "host": HOST, "port": server.port, "username": "stats", **login})
        key = aws.new_token()
        assert new_container().get(key).status == 503
        assert server.connections == 1
        for word in ("stats", "X-Amz-Signature", *login.values()):
            assert word.encode() not in server.sent


def test_without_credentials_there_is_no_token(
    aws: AWS,
    new_container: Any,
    monkeypatch: pytest.MonkeyPatch,
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Proxy(("127.0.0.1", 1)) as server:
        aws.put_database({"engine": "postgres", "host": HOST, "port": server.port, "username": "stats"})
        key = aws.new_token()
        container = new_container()
        # The session that Secrets Manager's client was made from has its own already.
        sys.modules["stats.aws.clients"]._session.cache_clear()
        for name in ROLE:
            monkeypatch.delenv(name.upper())
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
            monkeypatch.setenv(name, "/dev/null")
        assert container.get(key).status == 503
        assert not server.connections
    assert "no token: no AWS credentials to log in to the database with: NoCredentialsError" in logged(caplog)


def test_a_host_that_is_none_gives_503(aws: AWS, new_container: Any, authority: Authority) -> None:
    key = aws.new_token()
    with time_machine.travel(NOW, tick=False) as clock:
        container = new_container()
        for host in ("[", "]", "a b", "a/b", "a#b", "ü" * 70):
            aws.put_database({"engine": "postgres", "host": host, "username": "stats"})
            assert container.get(key).status == 503, host
            clock.shift(31)
