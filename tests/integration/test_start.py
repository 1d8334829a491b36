"""What a container does before its first request, and what of that is kept when SnapStart copies it."""

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import snapshot_restore_py

from dev.servers.databases import Database
from tests.integration.conftest import AWS
from tests.support.databases import ROOT
from tests.support.events import http_api
from tests.support.outages import wait_until
from tests.support.proxy import Proxy

BARE = "import boto3; boto3.client('secretsmanager')"
OURS = "import stats.api"
PACKAGES = "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"


@pytest.fixture
def secrets_manager_wire(secrets_manager_proxy: Proxy, aws: AWS, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{secrets_manager_proxy.host}:{secrets_manager_proxy.port}")
    return secrets_manager_proxy


@pytest.fixture
def key(aws: AWS, sqlite_db: Database) -> str:
    aws.put_database(sqlite_db.secret())
    return aws.new_token()


def test_the_start_reads_both_secrets_at_once_and_the_first_request_none(
    key: str, secrets_manager_wire: Proxy, new_container: Any
) -> None:
    containers: list[Any] = []
    start = threading.Thread(target=lambda: containers.append(new_container()))
    secrets_manager_wire.hanging = True
    start.start()
    try:
        wait_until(lambda: secrets_manager_wire.sent.count(b"secretsmanager.GetSecretValue") == 2)
    finally:
        secrets_manager_wire.hanging = False
        start.join()
    assert containers[0].get(key).status == 200
    assert secrets_manager_wire.flights == 2


def test_a_start_without_secrets_manager_is_made_up_for(
    key: str, secrets_manager_wire: Proxy, new_container: Any, travel: Any
) -> None:
    target, secrets_manager_wire.target = secrets_manager_wire.target, ("127.0.0.1", 1)
    container = new_container()
    assert container.get(key).status == 503
    secrets_manager_wire.target = target
    travel(10)
    assert container.get(key).status == 200


def test_a_start_without_a_usable_database_secret_is_made_up_for(key: str, aws: AWS, new_container: Any) -> None:
    usable = aws.client.get_secret_value(SecretId=aws.database_secret)["SecretString"]
    aws.put_database("{")
    container = new_container()
    aws.put_database(usable)
    assert container.get(key).status == 200


def packages(program: str) -> set[str]:
    """Return the top-level packages that a fresh process has loaded after a program."""
    path = os.pathsep.join([str(ROOT / "functions"), str(ROOT)])
    command = [sys.executable, "-c", f"{program}\n{PACKAGES}"]
    environment = {**os.environ, "PYTHONPATH": path}
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    loaded = json.loads(printed.splitlines()[-1])
    return {name for name in loaded if not name.startswith("_")} - set(sys.stdlib_module_names)


# PyMySQL takes cryptography where it is there, as for these tests; the layer goes without.
@pytest.mark.parametrize(
    ("engine", "drivers"),
    [("mysql", {"pymysql", "cryptography"}), ("postgres", {"pg8000", "scramp", "asn1crypto"}), ("sqlite", set())],
)
def test_the_start_imports_what_the_first_request_needs_and_no_more(engine: str, drivers: set[str], aws: AWS) -> None:
    """Show it by what is loaded beyond a bare function with a client of Secrets Manager."""
    aws.put_database({"engine": engine, "host": "127.0.0.1", "username": "u", "password": "p", "dbname": "d"})
    assert packages(OURS) - packages(BARE) == {
        "stats",
        "aws_lambda_powertools",
        "typing_extensions",
        "tzdata",
        *drivers,
    }


@pytest.mark.parametrize(("path", "imports"), [("/api/stats/", False), ("/metrics", True)])
def test_only_a_scrape_imports_prometheus_client(path: str, imports: bool, key: str) -> None:
    event = http_api(path=path, headers=[("Authorization", f"Token {key}")])
    program = f"{OURS}; assert stats.api.handler({event}, None)['statusCode'] == 200"
    assert ("prometheus_client" in packages(program)) == imports


def restore() -> None:
    """Run what the runtime runs in a copy: awslambdaric.lambda_runtime_hooks_runner."""
    assert snapshot_restore_py.get_before_snapshot() == []
    [(hook, arguments, options)] = snapshot_restore_py.get_after_restore()
    hook(*arguments, **options)


@pytest.fixture
def snap_start(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    yield
    snapshot_restore_py.get_after_restore().clear()


@pytest.mark.usefixtures("snap_start")
def test_what_snap_start_stores_holds_no_secret_and_no_connection(
    key: str, secrets_manager_wire: Proxy, new_container: Any
) -> None:
    container = new_container()
    assert secrets_manager_wire.connections == 0

    restore()
    assert secrets_manager_wire.flights == 2
    assert container.get(key).status == 200
    assert secrets_manager_wire.flights == 2


@pytest.mark.usefixtures("snap_start", "key")
def test_copies_of_snap_start_draw_other_random_numbers(new_container: Any) -> None:
    new_container()
    stored = random.getstate()
    drawn = set()
    for _ in range(3):
        random.setstate(stored)
        restore()
        drawn.add(random.random())
    assert len(drawn) == 3


@pytest.mark.usefixtures("snap_start", "key")
def test_a_copy_sees_a_token_that_was_made_after_the_snapshot(aws: AWS, new_container: Any) -> None:
    container = new_container()
    later = aws.new_token()
    restore()
    assert container.get(later).status == 200
