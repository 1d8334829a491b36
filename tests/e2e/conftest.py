"""The built artifact, run as Lambda runs it: by its runtime interface client, under SAM CLI's emulator of the rest."""

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.build import sandbox
from dev.build.sandbox import Package
from dev.servers.databases import Database
from tests.integration.conftest import AWS, Response, mariadb_server, moto_url, postgresql_server, secrets_manager
from tests.support.databases import ROOT, server_database

__all__ = ["mariadb_server", "moto_url", "postgresql_server", "secrets_manager"]  # fixtures

SAM = ROOT / ".venv-sam/bin"
BUILT = Package()
_LOADED = re.compile(r"^# (?:code object from|extension module \S+ loaded from) '?([^'\n]+)'?$", re.MULTILINE)


class Sandbox(sandbox.Sandbox):
    """A container of the API's function, as the tests look at it."""

    def invoke(self, event: Any) -> Response:
        """Return the API function's answer."""
        answer = self.run(event)
        assert set(answer) == {"statusCode", "headers", "body"}, f"{answer}\n{self.log}"
        return Response(answer["statusCode"], answer["headers"], answer["body"])

    @property
    def loaded(self) -> list[Path]:
        """The files that code came from, under PYTHONVERBOSE."""
        return [Path(name) for name in _LOADED.findall(self.log)]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """Return a function that starts a container of a package with variables of the test's own."""
    with contextlib.ExitStack() as sandboxes:
        number = 0

        def start(package: Package = BUILT, handler: str = "stats.api.handler", **variables: str) -> Sandbox:
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
