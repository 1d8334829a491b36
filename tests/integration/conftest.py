import contextlib
import gc
import hashlib
import importlib
import json
import logging
import os
import secrets
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3
import pytest
import time_machine
from moto.server import ThreadedMotoServer

from dev.servers.databases import Database, Server, servers_of, sqlite_database
from dev.servers.programs import require
from tests.support import aws_data, leaks, servers
from tests.support.databases import server_database
from tests.support.events import FORMATS, http_api
from tests.support.proxy import Proxy
from tests.support.s3 import S3, Gate, new_bucket, serving
from tests.support.tls_servers import HOST, TLSServer, mariadb_with_tls, postgresql_with_tls

# Half-way into a second, which HTTP dates cannot tell.
NOW = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)

Travel = Callable[[datetime | float], None]
Take = Callable[[Any], dict[str, Any]]


FURTHER_SERVERS = servers_of(os.environ.get("STATS_TEST_DATABASE_URLS", ""))
SERVERS = ["mariadb", "postgresql", *FURTHER_SERVERS]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["servers"] = servers.of_run(node.config, "servers", servers.start_servers)


@pytest.fixture(scope="session")
def shared_servers(pytestconfig: pytest.Config) -> servers.Told:
    return servers.of_run(pytestconfig, "servers", servers.start_servers)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    """A MariaDB of this process's own, to stop or to change; for a database on one, see `server_db`."""
    with servers.run_mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Server]:
    """A PostgreSQL of this process's own, as `mariadb_server`."""
    with servers.run_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_tls() -> Iterator[TLSServer]:
    with mariadb_with_tls() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_tls() -> Iterator[TLSServer]:
    with postgresql_with_tls() as server:
        yield server


@pytest.fixture(params=["mariadb", "postgresql"])
def tls_server(request: pytest.FixtureRequest) -> TLSServer:
    found: TLSServer = request.getfixturevalue(f"{request.param}_tls")
    return found


@pytest.fixture(params=["mariadb", "postgresql"])
def plain_server(request: pytest.FixtureRequest) -> Server:
    """Servers that do not offer TLS, and are this process's own."""
    found: Server = request.getfixturevalue(f"{request.param}_server")
    return found


@pytest.fixture
def _host_resolves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a name that is not local lead to this machine: certificates are verified for such a name only."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **named: resolve("127.0.0.1" if host == HOST else host, *args, **named),
    )


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Server:
    """Every database server in turn. Other tests use it at the same time."""
    return _server(request, request.param)


def _server(request: pytest.FixtureRequest, name: str) -> Server:
    if name in FURTHER_SERVERS:
        return FURTHER_SERVERS[name]
    require(name)
    return servers.told_server(request.getfixturevalue("shared_servers")[name])


@pytest.fixture
def server_db(server: Server) -> Iterator[Database]:
    """An empty OpenL2M database on every server in turn."""
    with server_database(server) as database:
        yield database


@pytest.fixture(params=["sqlite", *SERVERS])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty OpenL2M database on every engine in turn."""
    if request.param == "sqlite":
        with sqlite_database(tmp_path) as database:
            yield database
    else:
        with server_database(_server(request, request.param)) as database:
            yield database


@pytest.fixture
def sqlite_db(tmp_path: Path) -> Iterator[Database]:
    with sqlite_database(tmp_path) as database:
        yield database


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def secrets_manager_proxy(moto_url: str) -> Iterator[Proxy]:
    """A way to Secrets Manager that counts, hangs and ends as a test wants."""
    moto = urlsplit(moto_url)
    assert moto.hostname
    assert moto.port
    with Proxy((moto.hostname, moto.port)) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def secrets_manager(moto_url: str) -> Any:
    client = boto3.client(
        "secretsmanager",
        endpoint_url=moto_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    client.list_secrets()
    gc.freeze()  # moto is loaded now, and collecting it after each test would take half the time
    return client


class AWS:
    """The account of a test: its two secrets, in moto's Secrets Manager."""

    def __init__(self, client: Any) -> None:
        self.client = client
        suffix = secrets.token_hex(4)
        self.database_secret, self.tokens_secret = f"database-{suffix}", f"tokens-{suffix}"
        self.client.create_secret(Name=self.database_secret)
        self.client.create_secret(Name=self.tokens_secret)

    def put_database(self, secret: dict[str, Any] | str) -> None:
        text = secret if isinstance(secret, str) else json.dumps(secret)
        self.client.put_secret_value(SecretId=self.database_secret, SecretString=text)

    def put_tokens(self, *tokens: Any) -> None:
        self.put_registry(json.dumps({"tokens": tokens}))

    def put_registry(self, text: str) -> None:
        self.client.put_secret_value(SecretId=self.tokens_secret, SecretString=text)

    def new_token(self, **record: Any) -> str:
        """Make one token the whole registry; return its key."""
        key = leaks.new_key()
        self.put_tokens(token_record(key, **record))
        return key


@pytest.fixture(scope="module")
def gate() -> Iterator[tuple[Gate, str]]:
    with serving() as served:
        yield served


@pytest.fixture
def s3(gate: tuple[Gate, str], aws: AWS, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    bucket = new_bucket()
    gate[0].s3 = bucket
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", gate[1])
    monkeypatch.setenv("SNAPSHOT_BUCKET", bucket.bucket)
    yield bucket
    bucket.recover()
    gate[0].s3 = None


def token_record(key: str, **record: Any) -> dict[str, Any]:
    return {"name": "test", "sha256": hashlib.sha256(key.encode()).hexdigest(), **record}


@pytest.fixture
def aws(moto_url: str, secrets_manager: Any, monkeypatch: pytest.MonkeyPatch) -> AWS:
    account = AWS(secrets_manager)
    for name, value in {
        "AWS_ENDPOINT_URL": moto_url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "DATABASE_SECRET_ID": account.database_secret,
        "TOKENS_SECRET_ID": account.tokens_secret,
    }.items():
        monkeypatch.setenv(name, value)
    return account


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class LambdaContext:
    aws_request_id: str = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


@pytest.fixture(scope="package", autouse=True)
def _aws_data_read_once() -> Iterator[None]:
    with aws_data.read_once():
        yield


def cold_start(module: str) -> Any:
    """Import a function's module freshly, under the environment as it is then."""
    _forget_modules()
    try:
        with patch.object(gc, "freeze"):  # what a test leaves open is to be found
            return importlib.import_module(module)
    finally:
        gc.enable()  # where the start fails, the process ends


def _forget_modules() -> None:
    for name in [name for name in sys.modules if name == "stats" or name.startswith("stats.")]:
        del sys.modules[name]
    logging.Logger.manager.loggerDict.pop("openl2m-stats", None)


class Container:
    """A cold container of the API's function."""

    def __init__(self) -> None:
        self.api = cold_start("stats.api")

    def invoke(self, event: Any, context: Any = LambdaContext()) -> Response:
        answer = self.api.handler(event, context)
        json.dumps(answer)  # as the runtime does
        return Response(answer["statusCode"], answer["headers"], answer["body"])

    def get(self, key: str | None = None, *headers: tuple[str, str], **request: Any) -> Response:
        """Ask for the statistics with a token, through an HTTP API unless `build` names another."""
        build: Callable[..., Any] = request.pop("build", http_api)
        authorization = [("Authorization", f"Token {key}")] if key else []
        return self.invoke(build(headers=[*authorization, *headers], **request))

    @property
    def secrets_manager_events(self) -> Any:
        """Where a test registers what is to happen at each call to Secrets Manager."""
        return self.api._app.tokens._secrets._client.meta.events

    def close(self) -> None:
        self.api._app.database.close()


@pytest.fixture
def new_container(aws: AWS, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Container]]:
    """Return a function that starts a container with variables of the test's own."""
    with contextlib.ExitStack() as containers:

        def start(**variables: Any) -> Container:
            for name, value in variables.items():
                monkeypatch.setenv(name, str(value))
            container = Container()
            containers.callback(container.close)
            return container

        yield start
    _forget_modules()
    gc.collect()  # what was left open is reported in the test that left it
    gc.freeze()  # what stays need not be looked through after the next test


@pytest.fixture(params=FORMATS)
def build(request: pytest.FixtureRequest) -> Any:
    """Both payload formats in turn."""
    return FORMATS[request.param]


@pytest.fixture
def travel() -> Iterator[Travel]:
    """Stop the clock at NOW; return a function that sets it to an instant, or so many seconds after NOW."""
    with time_machine.travel(NOW, tick=False) as traveller:

        def set_clock(to: datetime | float) -> None:
            traveller.move_to(to if isinstance(to, datetime) else NOW + timedelta(seconds=to))

        yield set_clock


@pytest.fixture
def new_schedule(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Take]]:
    """Return a function that starts a container of the snapshot function with variables of the test's own."""
    with contextlib.ExitStack() as containers:

        def start(**variables: Any) -> Take:
            for name, value in variables.items():
                monkeypatch.setenv(name, str(value))
            schedule = cold_start("stats.schedule")
            containers.callback(schedule._parts[0].database.close)

            def take(event: Any) -> dict[str, Any]:
                result: dict[str, Any] = schedule.handler(event, LambdaContext())
                json.dumps(result)  # as the runtime does
                return result

            return take

        yield start


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def command(aws: AWS, s3: S3, capsys: pytest.CaptureFixture[str]) -> Command:
    """Return a function that runs `openl2m-stats` in this process, whose clock a test may have set."""

    def run(*arguments: str) -> Ended:
        ours = [name for name in sys.modules if name.partition(".")[0] in {"stats", "openl2m_stats"}]
        with patch.dict(sys.modules):
            for name in ours:
                del sys.modules[name]
            capsys.readouterr()
            code = importlib.import_module("openl2m_stats.cli").main(arguments)
        printed = capsys.readouterr()
        assert not leaks.found_in(printed.out + printed.err)
        return Ended(code, printed.out, printed.err)

    return run


@pytest.fixture
def backfill(command: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a function that runs `openl2m-stats backfill` by days in UTC, or in a test's own TIME_ZONE."""
    monkeypatch.setenv("TIME_ZONE", "UTC")
    return partial(command, "backfill")


@pytest.fixture
def log(aws: AWS, sqlite_db: Database) -> Callable[..., None]:
    """Return a function that makes a change at each of some instants."""
    aws.put_database(sqlite_db.secret())

    def make(*instants: str) -> None:
        rows = [{"type": 1, "switch_id": 7, "user_id": 1, "timestamp": datetime.fromisoformat(i)} for i in instants]
        sqlite_db.insert("switches_log", rows)

    return make
