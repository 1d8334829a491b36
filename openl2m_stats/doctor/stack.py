"""A deployed stack -> the environment of its API function, as CloudFormation and Lambda tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})


class StackError(Exception):
    """The stack cannot be read; the text says why, in one line."""


@dataclass(frozen=True)
class Stack:
    """The variables of the API function's alias `live`, and the stack's outputs."""

    region: str
    function: str
    variables: Mapping[str, str]
    outputs: Mapping[str, str]


def read_stack(name: str) -> Stack:
    """Return a deployed stack, in the account and the region that the AWS variables name. Raise StackError."""
    try:
        cloudformation: Any = boto3.client("cloudformation", config=_CONFIG)
        awslambda: Any = boto3.client("lambda", config=_CONFIG)
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        resource = cloudformation.describe_stack_resource(StackName=name, LogicalResourceId="StatsFunction")
        function = resource["StackResourceDetail"]["PhysicalResourceId"]
        configuration = awslambda.get_function_configuration(FunctionName=function, Qualifier="live")
    except ClientError as error:
        # AWS's own words: they name the stack, the resource or the right that is missing.
        raise StackError(f"The stack {name} cannot be read. {error}") from None
    except (BotoCoreError, ValueError) as error:
        raise StackError(f"The stack {name} cannot be read. {type(error).__name__}: {error}") from None
    environment = configuration.get("Environment", {})
    if "Error" in environment:
        code = environment["Error"].get("ErrorCode")
        raise StackError(f"The variables of {function} cannot be read ({code}): they need kms:Decrypt with KmsKeyArn")
    return Stack(
        region=cloudformation.meta.region_name,
        function=function,
        variables=environment.get("Variables", {}),
        outputs={each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])},
    )
