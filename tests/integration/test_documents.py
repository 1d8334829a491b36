"""The commands in the documents, each run once as it stands, in a copy of this repository."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.documents import CURRENT, ROOT, commands

# Why a command is not run here; what no line of this table matches is.
ELSEWHERE = {
    r".*[<…].*": "has a placeholder",
    r".*(\baws |--env |\bdeploy-policy\b).*": "needs AWS",
    r"make (deploy|delete|logs|prune-versions|update-rds-ca)\b.*": "needs AWS",
    r".*stats\.example\.com.*": "needs a deployment",
    r".*user:password@.*": "needs a database",
    r"git .*|pipx .*|pre-commit .*": "changes the machine",
    r"make (setup|test|lint|e2e|test-template|test-debian|build|release|record-release|sam-local)\b.*": "takes long",
    r"make (soak|bench|bench-cold|lock|audit)\b.*": "takes longer",
    r"make check-openl2m\b.*": "needs OpenL2M's source",
    r"make picture": "needs a browser",
    r".*\$account.*": "is a line of a loop",
    r"make .*PYTHON.*": "needs another Python",
    r".*openl2m-stats .*": "is tested with the command",
}


def local() -> list[str]:
    named = {command for path in CURRENT for command in commands(path.read_text())}
    return sorted(command for command in named if not any(re.fullmatch(reason, command) for reason in ELSEWHERE))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this repository, with its environment."""
    copy = tmp_path_factory.mktemp("copy") / "repository"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".venv*", ".git", ".aws-sam", ".*_cache", "__pycache__"))
    (copy / ".venv").symlink_to(sys.prefix)
    (copy / "deploy.toml").unlink(missing_ok=True)
    return copy


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONUNBUFFERED": "1", "VENV": ".venv"}


def printed(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    yield from process.stdout


def test_the_table_of_exceptions_is_needed() -> None:
    named = [command for path in CURRENT for command in commands(path.read_text())]
    for pattern in ELSEWHERE:
        assert any(re.fullmatch(pattern, command) for command in named), pattern
    assert {"make run", "make snapshot", "make docs", "cp deploy.example.toml deploy.toml"} <= set(local())


@pytest.mark.parametrize("command", [command for command in local() if not command.startswith("make run")])
def test_command_runs_as_it_stands(command: str, repository: Path) -> None:
    done = subprocess.run(
        command, shell=True, cwd=repository, env=environment(), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_server_runs_as_it_stands(repository: Path) -> None:
    """One after the other: they listen on the same port."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8000))
        except OSError:
            if os.environ.get("CI"):
                raise
            pytest.skip("something else listens on port 8000")
    for command in local():
        if command.startswith("make run"):
            check_serving(command, repository)


def check_serving(command: str, repository: Path) -> None:
    """Run the server, then the curl line that it prints."""
    with subprocess.Popen(
        command,
        shell=True,
        cwd=repository,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        watch = threading.Timer(120, os.killpg, (process.pid, signal.SIGKILL))
        watch.start()
        try:
            [line] = [next(line.strip() for line in printed(process) if line.strip().startswith("curl "))]
            done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60, check=False)
        finally:
            watch.cancel()
            os.killpg(process.pid, signal.SIGTERM)
    assert '"database":{"switches":' in done.stdout
