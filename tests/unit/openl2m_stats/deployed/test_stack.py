"""What a stack consists of."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError, NoRegionError

from openl2m_stats.deployed.stack import Account, StackError, reading
from tests.integration.conftest import AWS
from tests.support.cloudformation import CloudFormation

STACK = "openl2m-stats"


def test_outputs_and_parameters(cloudformation: CloudFormation) -> None:
    account = Account.of()
    assert account.outputs(STACK) == {}
    cloudformation.outputs = {"Url": "https://x/", "Other": "&"}
    cloudformation.parameters = {"BasePath": "", "TimeZone": "UTC"}
    assert account.outputs(STACK) == {"Url": "https://x/", "Other": "&"}
    assert account.describe(STACK).parameters == {"BasePath": "", "TimeZone": "UTC"}


def test_resources_of_a_type_from_every_page_but_those_without_an_id(cloudformation: CloudFormation) -> None:
    function, version = "AWS::Lambda::Function", "AWS::Lambda::Version"
    cloudformation.resources = {
        "A": (function, "a"),
        "B": (version, "arn:aws:lambda:us-east-1:1:function:a:1"),
        "C": (function, ""),
        "D": (function, "d"),
        "E": (version, "arn:aws:lambda:us-east-1:1:function:d:1"),
    }
    account = Account.of()
    assert account.functions(STACK) == ["a", "d"]
    assert [arn[-3:] for arn in account.resources(STACK, version)] == ["a:1", "d:1"]


def test_the_version_that_answers(function: Callable[..., str]) -> None:
    account, name = Account.of(), function("stats")
    assert account.live_version(name) == "1"
    account.awslambda.delete_alias(FunctionName=name, Name="live")
    assert account.live_version(name) is None
    account.awslambda.delete_function(FunctionName=name)
    assert account.live_version(name) is None


def test_the_region_that_is_named_or_that_of_the_variables(cloudformation: CloudFormation) -> None:
    for account, region in ((Account.of(), "us-east-1"), (Account.of(region="eu-west-1"), "eu-west-1")):
        assert account.awslambda.meta.region_name == region
        account.outputs(STACK)
        assert f"/{region}/cloudformation/" in cloudformation.requests[-1].headers["Authorization"]


def test_what_aws_refuses_names_the_stack_the_region_and_the_account(cloudformation: CloudFormation) -> None:
    with pytest.raises(StackError) as error, reading("nowhere"):
        Account.of().outputs("nowhere")
    assert str(error.value) == (
        "The stack nowhere cannot be read. An error occurred (ValidationError) when calling the DescribeStacks "
        "operation: Stack with id nowhere does not exist (region us-east-1, account 123456789012)"
    )
    assert isinstance(error.value.__context__, ClientError)


def test_no_region(aws: AWS, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with (
        pytest.raises(StackError, match=r"^The stack x cannot be read\. NoRegionError: .*--region") as error,
        reading("x"),
    ):
        Account.of()
    assert isinstance(error.value.__context__, NoRegionError)


def test_other_errors_are_not_the_stacks() -> None:
    with pytest.raises(KeyError), reading("x"):
        raise KeyError
