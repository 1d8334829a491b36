"""A deployed stack -> the environment of its API function, as CloudFormation and Lambda tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from openl2m_stats.deployed import ALIAS, AWS_ERRORS, StackError, explain

_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})


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
        configuration = awslambda.get_function_configuration(FunctionName=function, Qualifier=ALIAS)
    except AWS_ERRORS as error:
        raise StackError(f"The stack {name} cannot be read. {explain(error)}") from None
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
