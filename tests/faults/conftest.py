import contextlib
import gc
import itertools
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine

from dev.servers.databases import Database, Server, sqlite_database
from dev.servers.programs import ServerNotChosenError, ServerNotInstalledError, require
from tests.faults.table import SHORT_SECONDS
from tests.faults.world import Resolver, World
from tests.integration.conftest import (
    AWS,
    FURTHER_SERVERS,
    NOW,
    _aws_data_read_once,
    aws,
    moto_url,
    s3,
    secrets_manager,
)
from tests.support import s3 as s3_gate
from tests.support import secrets_manager as secrets_manager_gate
from tests.support.certificates import new_authority, new_certificate
from tests.support.databases import server_database
from tests.support.proxy import Proxy
from tests.support.s3 import S3
from tests.support.servers import Told, of_run
from tests.support.tls_servers import HOST, TLSServer, mariadb_with_tls, postgresql_with_tls
from tests.support.wsgi import served_keeping_alive

__all__ = ["_aws_data_read_once", "aws", "moto_url", "s3", "secrets_manager"]  # fixtures

TIMEOUT = int(os.environ.get("STATS_TEST_TIMEOUT") or SHORT_SECONDS)
_OURS: dict[str, Callable[[], AbstractContextManager[TLSServer]]] = {
    "postgresql": postgresql_with_tls,
    "mariadb": mariadb_with_tls,
}

NewWorld = Callable[..., World]


def _start_servers(running: ExitStack) -> Told:
    """Start the servers, each able to speak TLS; tell where they are, and whom a client must trust."""
    authority = new_authority()
    found: Told = {"authority": authority.pem}
    for name, run in _OURS.items():
        # Without it, its tests are left out as they are reached.
        with contextlib.suppress(ServerNotChosenError, ServerNotInstalledError):
            tls = running.enter_context(run())
            tls.present(new_certificate(authority, HOST))
            server = tls.server
            found[name] = [server.engine, server.dialect, server.host, server.port, server.superuser]
    return found


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["faults"] = of_run(node.config, "faults", _start_servers)


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Told:
    return of_run(pytestconfig, "faults", _start_servers)


@pytest.fixture(scope="session")
def authority_file(servers: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "authority.pem"
    path.write_bytes(servers["authority"])
    return path


@pytest.fixture(scope="session")
def database_on(
    servers: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Database]]:
    """Return a function that returns this process's database on an engine."""
    with contextlib.ExitStack() as stack:
        made: dict[str, Database] = {}

        def database(engine: str) -> Database:
            if engine == "sqlite" and engine not in made:
                made[engine] = stack.enter_context(sqlite_database(tmp_path_factory.mktemp("sqlite")))
            elif engine not in made:
                if engine in _OURS:
                    require(engine)
                server = FURTHER_SERVERS.get(engine) or Server(*servers[engine])
                made[engine] = stack.enter_context(server_database(server))
            return made[engine]

        yield database


@pytest.fixture(scope="session")
def loaded() -> set[str]:
    """The names of the databases that were asked in this process."""
    return set()


@pytest.fixture(scope="session")
def secrets_gate() -> Iterator[tuple[secrets_manager_gate.Gate, str]]:
    with secrets_manager_gate.serving(served_keeping_alive) as served:
        yield served


@pytest.fixture(scope="session")
def gate() -> Iterator[tuple[s3_gate.Gate, str]]:
    with s3_gate.serving(served_keeping_alive) as served:
        yield served


@pytest.fixture
def new_world(
    aws: AWS,
    s3: S3,
    gate: tuple[s3_gate.Gate, str],
    secrets_gate: tuple[secrets_manager_gate.Gate, str],
    database_on: Callable[[str], Database],
    authority_file: Path,
    loaded: set[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[NewWorld]:
    """Return a function that makes the world of an engine, at NOW, on a clock that runs and can be moved."""
    resolver = Resolver()
    gc.freeze()  # what is loaded by now stays: looking for garbage in it takes longer than most tests
    with contextlib.ExitStack() as stack:

        def make(engine: str, *, encrypted: bool = False, timeout: int = TIMEOUT) -> World:
            database = database_on(engine)
            server = database.server
            target = (server.host, server.port) if server else ("127.0.0.1", 1)
            to_database, to_secrets, to_s3 = (
                stack.enter_context(Proxy(each)) for each in (target, _address(secrets_gate[1]), _address(gate[1]))
            )
            monkeypatch.setattr(socket, "getaddrinfo", resolver.getaddrinfo)
            for name, value in {
                "AWS_ENDPOINT_URL": f"http://{to_secrets.host}:{to_secrets.port}",
                "AWS_ENDPOINT_URL_S3": f"http://{to_s3.host}:{to_s3.port}",
                "DATABASE_CA_FILE": str(authority_file),
                "DATABASE_TLS": "verify" if encrypted else "off",
                "CACHE_TTL_SECONDS": "0",  # so that every request asks the database
                "REQUEST_TIMEOUT_SECONDS": str(timeout),
            }.items():
                monkeypatch.setenv(name, value)
            secrets_gate[0].before = lambda _: None
            s3.objects = {}
            clock = stack.enter_context(time_machine.travel(NOW, tick=True))
            world = World(
                database=database,
                encrypted=encrypted,
                aws=aws,
                secrets=secrets_gate[0],
                s3=s3,
                resolver=resolver,
                clock=clock,
                to_database=to_database,
                to_secrets=to_secrets,
                to_s3=to_s3,
                stack=stack,
                output=lambda: capsys.readouterr().out,
            )
            _load_everything(world, loaded)
            secrets_gate[0].before = _meeting()
            return world

        yield make


def _meeting() -> Callable[[str], None]:
    """Return what lets the first two calls wait for each other.

    AWS takes long enough for the two reads of a start to be under way together, on a connection each; moto may not.
    """
    met, numbers = threading.Barrier(2), itertools.count()

    def before(_: str) -> None:
        if next(numbers) < 2:
            with contextlib.suppress(threading.BrokenBarrierError):  # the other one does not get through
                met.wait(0.5)

    return before


def _load_everything(world: World, loaded: set[str]) -> None:
    """Ask once in this process, so that no measured answer waits for modules of the tests' own servers."""
    if world.database.name not in loaded:
        loaded.add(world.database.name)
        container, _ = world.start()
        world.ask(container)
        world.told()


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port
