"""The built artifact, run as Lambda runs it: by its runtime interface client, under SAM CLI's emulator of the rest."""

import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.integration.conftest import AWS, Response, mariadb_server, moto_url, postgresql_server, secrets_manager
from tests.integration.databases import ROOT, server_database
from tools.artifact import BUILD
from tools.databases import Database
from tools.servers import free_port

__all__ = ["mariadb_server", "moto_url", "postgresql_server", "secrets_manager"]  # fixtures

SAM = ROOT / ".venv-sam/bin"
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
_EMULATOR = f"lib/python3.13/site-packages/samcli/local/rapid/aws-lambda-rie-{ARCHITECTURE}"
_RUNTIME = ROOT / ".venv-runtime/bin/python"
_LOADED = re.compile(r"^# (?:code object from|extension module \S+ loaded from) '?([^'\n]+)'?$", re.MULTILINE)


@dataclass(frozen=True)
class Package:
    """The function's files and the layer's, wherever they have been unpacked."""

    function: Path = BUILD / "StatsFunction"
    layer: Path = BUILD / "DependenciesLayer"


class Sandbox:
    """One container: the emulator, and in it the runtime, which starts at the first invocation."""

    def __init__(self, package: Package, log: Path, handler: str, **variables: str) -> None:
        self._log = log
        self._port = free_port()
        command: list[str | Path] = [SAM.parent / _EMULATOR]
        command += ["--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"]
        command += ["--runtime-api-address", f"127.0.0.1:{free_port()}"]
        command += [_RUNTIME, "-m", "awslambdaric", handler]
        environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": f"{package.function}:{package.layer}/python",  # and then the runtime's own packages
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_LAMBDA_FUNCTION_NAME": "stats",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "15",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "DATABASE_CA_FILE": f"{package.layer}/python/rds-global-bundle.pem",
            **variables,
        }
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, cwd=package.function, env=environment, stdout=output, stderr=subprocess.STDOUT
            )

    def invoke(self, event: Any) -> Response:
        """Return the API function's answer."""
        answer = self.run(event)
        assert set(answer) == {"statusCode", "headers", "body"}, f"{answer}\n{self.log}"
        return Response(answer["statusCode"], answer["headers"], answer["body"])

    def run(self, event: Any) -> Any:
        """Return what the function returns, or what the runtime makes of what it raises."""
        body = json.dumps(event).encode()
        url = f"http://127.0.0.1:{self._port}/2015-03-31/functions/function/invocations"
        until = time.monotonic() + 30
        while True:
            try:
                with urlopen(Request(url, body), timeout=30) as answer:
                    return json.load(answer)
            except ConnectionError:
                assert time.monotonic() < until, self.log
                time.sleep(0.02)
            except OSError as error:
                if not isinstance(getattr(error, "reason", None), ConnectionError) or time.monotonic() > until:
                    raise
                time.sleep(0.02)

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def loaded(self) -> list[Path]:
        """The files that code came from, under PYTHONVERBOSE."""
        return [Path(name) for name in _LOADED.findall(self.log)]

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """Return a function that starts a container of a package with variables of the test's own."""
    with contextlib.ExitStack() as sandboxes:
        number = 0

        def start(package: Package = Package(), handler: str = "stats.api.handler", **variables: str) -> Sandbox:
            nonlocal number
            number += 1
            sandbox = Sandbox(package, tmp_path / f"sandbox-{number}.log", handler, **variables)
            sandboxes.callback(sandbox.close)
            return sandbox

        yield start


@pytest.fixture(params=["mariadb", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    with server_database(request.getfixturevalue(f"{request.param}_server")) as database:
        yield database


@pytest.fixture
def aws(secrets_manager: Any) -> AWS:
    return AWS(secrets_manager)


@pytest.fixture(scope="session")
def docker() -> None:
    """Where no Docker engine runs, the tests in containers are left out, but never in CI."""
    found = shutil.which("docker")
    if found and subprocess.run([found, "version"], capture_output=True, check=False).returncode == 0:
        return
    if os.environ.get("CI"):
        pytest.fail("CI tests in containers too, and no Docker engine runs", pytrace=False)
    pytest.skip("no Docker engine runs: the built function is not tested in a container")
