"""A deployed stack whose functions are the real ones: moto has the account, and uvicorn is API Gateway."""

import contextlib
import io
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import uvicorn
from moto.awslambda.responses import LambdaResponse
from moto.cloudformation.models import Stack as MotoStack

from dev.servers.databases import Database
from openl2m_stats.local.gateway import application
from tests.integration.conftest import AWS, Command, Ended
from tests.integration.deployed.stack import ALARMS, BEGUN, PARAMETERS, STACK, Stack, forget, template
from tests.integration.test_command import call
from tests.support import leaks
from tests.support.lambda_versions import know_by_arn
from tests.support.s3 import S3

Operate = Callable[..., Ended]


@pytest.fixture
def operate(command: Command, monkeypatch: pytest.MonkeyPatch) -> Operate:
    """Return a function that runs a subcommand for the stack in this process. `stdin` is None where it is closed."""

    def run(*arguments: str, stdin: str | None = "") -> Ended:
        monkeypatch.setattr(sys, "stdin", None if stdin is None else io.StringIO(stdin))
        return command(*arguments, "--stack", STACK)

    return run


@pytest.fixture
def operate_beside(aws: AWS, s3: S3) -> Operate:
    """Return a function that runs a subcommand for the stack as a process, where the functions run in this one."""

    def run(*arguments: str, **variables: str) -> Ended:
        done = call(*arguments, "--stack", STACK, env={**os.environ, **variables})
        assert not leaks.found_in(done.stdout + done.stderr)
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def invoked() -> list[Any]:
    """The events that the snapshot function was invoked with."""
    return []


@pytest.fixture
def answer(invoked: list[Any], monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any], Any]], None]:
    """Return a function that says what the snapshot function does; moto runs no function without Docker."""

    def set_answer(function: Callable[[Any], Any]) -> None:
        def invoke(self: Any) -> tuple[int, dict[str, str], str]:
            assert self.querystring["Qualifier"] == ["live"]
            event = json.loads(self.body)
            invoked.append(event)
            try:
                return 200, {}, json.dumps(function(event))
            except Exception as error:  # noqa: BLE001 as Lambda's runtime does
                said = {"errorMessage": str(error), "errorType": type(error).__name__}
                return 200, {"x-amz-function-error": "Unhandled"}, json.dumps(said)

        monkeypatch.setattr(LambdaResponse, "invoke", invoke)

    return set_answer


@pytest.fixture
def deploy(aws: AWS, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Stack]]:
    """Return a function that deploys the stack for the first time."""
    know_by_arn(monkeypatch)
    # Moto's CloudFormation knows no alarms.
    alarms = [SimpleNamespace(physical_resource_id=name, cf_resource_type="AWS::CloudWatch::Alarm") for name in ALARMS]
    with_alarms = property(lambda stack: [*stack.resource_map.values(), *alarms])
    monkeypatch.setattr(MotoStack, "stack_resources", with_alarms)
    cloudformation: Any = boto3.client("cloudformation")

    def make(url: str = "http://127.0.0.1:1/api/stats/", **given: str) -> Stack:
        variables = {
            "DATABASE_SECRET_ID": aws.database_secret,
            "TOKENS_SECRET_ID": aws.tokens_secret,
            "TIME_ZONE": "UTC",
            "CACHE_TTL_SECONDS": "30",
            "SNAPSHOT_BUCKET": s3.bucket,
        }
        parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in (PARAMETERS | given).items()]
        text = json.dumps(template(url, s3.bucket, variables))
        cloudformation.create_stack(StackName=STACK, TemplateBody=text, Parameters=parameters)
        [found] = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}
        names = ("StatsFunctionName", "SnapshotFunctionName", "SnapshotFailuresUrl")
        stack = Stack(*(outputs[name] for name in names))
        for name in stack.names:
            stack.client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
            stack.date(name, "1", BEGUN)
        return stack

    yield make
    forget()


@pytest.fixture
def serve() -> Iterator[Callable[[Any], str]]:
    """Return a function that serves a handler as API Gateway does; it returns the address of the statistics."""
    with contextlib.ExitStack() as servers:

        def start(handler: Any) -> str:
            config = uvicorn.Config(application(handler, ""), host="127.0.0.1", port=0, log_level="error", ws="none")
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            while not server.started:
                thread.join(0.01)
            servers.callback(thread.join)
            servers.callback(setattr, server, "should_exit", True)
            port = server.servers[0].sockets[0].getsockname()[1]
            return f"http://127.0.0.1:{port}/api/stats/"

        yield start


@pytest.fixture
def run(
    aws: AWS,
    sqlite_db: Database,
    deploy: Callable[..., Stack],
    serve: Callable[[Any], str],
    answer: Any,
    new_container: Any,
    new_schedule: Any,
) -> Callable[..., Stack]:
    """Return a function that deploys the stack and runs both functions, over a database with three switches.

    Some secrets may be gone by the time that the functions start, which then have no last good value.
    """

    def start(*gone: str) -> Stack:
        aws.put_database(sqlite_db.secret())
        sqlite_db.insert("switches_switch", [{}] * 3)
        for secret in gone:
            aws.client.delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)
        answer(new_schedule(TIME_ZONE="UTC"))
        # Last, for it imports some of its modules when it needs them.
        return deploy(serve(new_container().api.handler))

    return start


@pytest.fixture
def deployed(run: Callable[..., Stack]) -> Stack:
    """The stack as it is after `make deploy`."""
    return run()
