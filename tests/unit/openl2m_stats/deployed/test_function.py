"""The variables of the API's function."""

import os
from collections.abc import Callable
from typing import Any

import boto3
import click
import pytest
from werkzeug import Request, Response

from openl2m_stats.deployed.function import of_stack, variables_of, with_ca_file
from openl2m_stats.deployed.stack import StackError
from openl2m_stats.files import CA_FILE
from openl2m_stats.parameters import WrongUsage
from tests.support.cloudformation import CloudFormation
from tests.support.wsgi import served

OTHERWISE = {"DATABASE_SECRET_ID": "unused", "TOKENS_SECRET_ID": "unused"}


@pytest.fixture
def deployed(cloudformation: CloudFormation, function: Callable[..., str]) -> str:
    """A stack's function; its version that is not live yet has other variables."""
    variables = {"TIME_ZONE": "Asia/Tokyo", "SNAPSHOT_BUCKET": "b", "DATABASE_CA_FILE": "/opt/python/bundle.pem"}
    name = function("stats", **variables)
    awslambda: Any = boto3.client("lambda")
    awslambda.update_function_configuration(FunctionName=name, Environment={"Variables": {"TIME_ZONE": "UTC"}})
    cloudformation.outputs = {"Url": "https://stats.example.com/api/stats/"}
    cloudformation.resources = {"StatsFunction": ("AWS::Lambda::Function", name)}
    return name


def test_the_variables_are_those_of_the_alias(deployed: str) -> None:
    found = of_stack("openl2m-stats")
    assert found.title == f"the stack openl2m-stats in us-east-1, function {deployed}, alias live"
    assert found.outputs == {"Url": "https://stats.example.com/api/stats/"}
    variables = {"TIME_ZONE": "Asia/Tokyo", "SNAPSHOT_BUCKET": "b"}
    # The layer, with its certificates, is not on this machine.
    assert found.variables == {**variables, "DATABASE_CA_FILE": str(CA_FILE)}


@pytest.mark.parametrize("stack", ["other", "openl2m-stats"])
def test_a_stack_or_an_alias_that_is_not_there(stack: str, deployed: str) -> None:
    awslambda: Any = boto3.client("lambda")
    awslambda.delete_alias(FunctionName=deployed, Name="live")
    with pytest.raises(StackError, match=rf"^The stack {stack} cannot be read\. An error occurred \((Val|Resource)"):
        of_stack(stack)


def test_variables_that_may_not_be_decrypted(deployed: str, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = '{"Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "…"}}}'
    with served(Request.application(lambda _: Response(refused, content_type="application/json"))) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", url)
        problem = rf"^The variables of {deployed} cannot be read \(AccessDeniedException\): they need kms:Decrypt"
        with pytest.raises(StackError, match=problem):
            of_stack("openl2m-stats")


def test_certificates_of_the_operators_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert with_ca_file({"DATABASE_CA_FILE": "/opt/x", "A": "b"}) == {"DATABASE_CA_FILE": str(CA_FILE), "A": "b"}
    monkeypatch.setenv("DATABASE_CA_FILE", "/mine.pem")
    assert with_ca_file({"DATABASE_CA_FILE": "/opt/x"}) == {"DATABASE_CA_FILE": "/mine.pem"}


def test_a_stacks_variables_leave_those_of_this_environment_alone(
    deployed: str, context: click.Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SNAPSHOT_PREFIX", "mine/")
    found = variables_of("openl2m-stats", None, "SNAPSHOT_BUCKET")
    assert found == {**OTHERWISE, "TIME_ZONE": "Asia/Tokyo", "SNAPSHOT_BUCKET": "b", "DATABASE_CA_FILE": str(CA_FILE)}


def test_the_variables_of_this_environment(context: click.Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNAPSHOT_BUCKET", "mine")
    monkeypatch.setenv("TOKENS_SECRET_ID", "tokens")
    found = variables_of(None, "UTC", "SNAPSHOT_BUCKET")
    assert found == {**os.environ, "TIME_ZONE": "UTC", "DATABASE_SECRET_ID": "unused", "DATABASE_CA_FILE": str(CA_FILE)}


@pytest.mark.parametrize(
    ("stack", "zone", "needed", "problem"),
    [
        (None, None, [], "^name OpenL2M's time zone: --time-zone, or TIME_ZONE$"),
        (None, "UTC", ["SNAPSHOT_BUCKET"], r"^name the stack \(--env or --stack\), or set SNAPSHOT_BUCKET$"),
        ("openl2m-stats", None, ["TIME_ZONE", "DATABASE_SECRET_ID"], "or set TIME_ZONE and DATABASE_SECRET_ID$"),
    ],
)
def test_what_lacks_is_named(
    stack: str | None,
    zone: str | None,
    needed: list[str],
    problem: str,
    deployed: str,
    context: click.Context,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DATABASE_SECRET_ID")
    with pytest.raises(WrongUsage, match=problem) as raised:
        variables_of(stack, zone, *needed)
    assert raised.value.ctx is context
