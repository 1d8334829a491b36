"""The built function in a container, by `sam local`. Nothing but the container is on its network."""

import contextlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from dev.build.sandbox import ARCHITECTURE
from dev.servers.processes import free_port
from tests.e2e.conftest import SAM
from tests.support.databases import ROOT

pytestmark = pytest.mark.usefixtures("docker")

_LOCAL: list[str | Path] = [
    "--skip-pull-image",
    "--parameter-overrides",
    f"Architecture={ARCHITECTURE} DatabaseSecretArn=arn:aws:secretsmanager:us-east-1:123456789012:secret:local-AbCdEf",
]
_ENVIRONMENT = {
    "PATH": f"{SAM}:/usr/local/bin:/usr/bin:/bin",
    "HOME": os.environ.get("HOME", "/"),
    "SAM_CLI_TELEMETRY": "0",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}


@pytest.mark.parametrize(("event", "status"), [("no_token", 401), ("options", 204)])
def test_invoke(event: str, status: int) -> None:
    command: list[str | Path] = [
        SAM / "sam",
        "local",
        "invoke",
        "StatsFunction",
        "--event",
        f"events/{event}.json",
        *_LOCAL,
    ]
    done = subprocess.run(command, cwd=ROOT, env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["statusCode"] == status


@pytest.fixture(scope="module")
def api() -> Iterator[int]:
    """Serve by `sam local start-api`; return its port."""
    port = free_port()
    command: list[str | Path] = [
        SAM / "sam",
        "local",
        "start-api",
        "--port",
        str(port),
        "--warm-containers",
        "LAZY",
        *_LOCAL,
    ]
    with subprocess.Popen(command, cwd=ROOT, env=_ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as sam:
        try:
            until = time.monotonic() + 60
            while True:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                assert sam.poll() is None
                assert time.monotonic() < until
                time.sleep(0.2)
            yield port
        finally:
            sam.terminate()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/stats/", 401), ("OPTIONS", "/api/stats/", 204), ("POST", "/api/stats", 401), ("GET", "/", 200)],
)
def test_start_api(api: int, method: str, path: str, status: int) -> None:
    with contextlib.closing(HTTPConnection("127.0.0.1", api, timeout=60)) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        answer.read()
    assert answer.status == status
