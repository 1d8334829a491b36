"""What the command's unit tests share: moto's server, a stack in it, and a run of the command in this process."""

import importlib
import io
import os
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from unittest.mock import patch

import boto3
import click
import pytest

from openl2m_stats import cli
from stats.base.telemetry import logger
from tests.integration.conftest import (
    AWS,
    _aws_data_read_once,
    aws,
    gate,
    moto_url,
    s3,
    secrets_manager,
    sqlite_db,
    travel,
)
from tests.support.cloudformation import CloudFormation
from tests.support.wsgi import served

__all__ = ["_aws_data_read_once", "aws", "gate", "moto_url", "s3", "secrets_manager", "sqlite_db", "travel"]  # fixtures


# Before a test imports `stats` anew: the commands are to share its classes, and the tests' own.
for module in cli._COMMANDS.values():
    importlib.import_module(module)


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs `openl2m-stats` in this process. What it sets in the environment is undone."""

    def call(*arguments: str, stdin: str = "") -> Ended:
        capsys.readouterr()
        level = logger.log_level
        with patch.dict(os.environ), monkeypatch.context() as context:
            context.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            code = cli.main(arguments)
        logger.setLevel(level)
        return Ended(code, *capsys.readouterr())

    return call


@pytest.fixture
def cloudformation(aws: AWS, monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudFormation]:
    """CloudFormation with a stack that a test fills."""
    stub = CloudFormation()
    with served(stub) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", url)
        yield stub


@pytest.fixture
def function(aws: AWS) -> Callable[..., str]:
    """Return a function that creates a Lambda function whose alias `live` has some variables; it returns the name."""
    iam: Any = boto3.client("iam")
    awslambda: Any = boto3.client("lambda")
    package = io.BytesIO()
    zipfile.ZipFile(package, "w").close()

    def create(name: str, **variables: str) -> str:
        name = f"{name}-{aws.database_secret}"
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')
        awslambda.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role["Role"]["Arn"],
            Handler="stats.api.handler",
            Code={"ZipFile": package.getvalue()},
            Environment={"Variables": variables},
        )
        version = awslambda.publish_version(FunctionName=name)["Version"]
        awslambda.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
        return name

    return create


@pytest.fixture
def context() -> Iterator[click.Context]:
    """The context of a running command, in which usage errors are raised."""
    with click.Context(click.Command("command")) as running:
        yield running
