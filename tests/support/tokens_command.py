"""The operator's command as the tests run it."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import openl2m_stats.doctor.command
import openl2m_stats.tokens.command  # noqa: F401 before a test imports `stats` anew: commands share its errors' classes
from openl2m_stats.cli import main
from tests.integration.conftest import AWS
from tests.support import leaks
from tests.support.databases import ROOT

_KEY = re.compile(r"\b[0-9a-f]{40}\b")


@dataclass(frozen=True)
class Result:
    """What a command answered; `keys` are what it printed on stdout, by their names."""

    code: int
    out: str
    err: str

    @property
    def keys(self) -> dict[str, str]:
        return dict(line.split("\t") for line in self.out.splitlines())


Run = Callable[..., Result]


def command(*arguments: str, stdin: str = "", **variables: str) -> Result:
    """Run the command as a process; an empty variable is not set."""
    environment = {**os.environ, "PYTHONPATH": "functions", **variables}
    process = subprocess.run(
        [sys.executable, "-m", "openl2m_stats", "tokens", *arguments],
        cwd=ROOT,
        env={name: value for name, value in environment.items() if value},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    return _result(process.returncode, process.stdout, process.stderr)


@pytest.fixture
def run(aws: AWS, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process, whose clock the test may have stopped."""

    def call(*arguments: str, stdin: str = "") -> Result:
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        return _result(main(["tokens", *arguments]), *capsys.readouterr())

    return call


def _result(code: int, out: str, err: str) -> Result:
    assert "Traceback" not in err
    for key in _KEY.findall(out):
        leaks.remember(key)
    return Result(code, out, err)


def entries(aws: AWS) -> list[Any]:
    """Return the entries of the registry."""
    listed: list[Any] = json.loads(text(aws))["tokens"]
    return listed


def text(aws: AWS) -> str:
    """Return the registry."""
    value = aws.client.get_secret_value(SecretId=aws.tokens_secret, VersionStage="AWSCURRENT")
    return str(value["SecretString"])
