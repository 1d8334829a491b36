"""The parts of a deployed stack that the operator's commands need."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from openl2m_stats.aws import AWS_ERRORS, client, explain
from openl2m_stats.errors import Failed

ALIAS = "live"
_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})


class StackError(Failed):
    """A stack cannot be read; the text says why, in one line."""


@contextlib.contextmanager
def reading(stack: str) -> Iterator[None]:
    """Run the block; raise AWS_ERRORS as StackError."""
    try:
        yield
    except AWS_ERRORS as error:
        raise StackError(f"The stack {stack} cannot be read. {explain(error)}") from None


@dataclass(frozen=True)
class Account:
    """The clients of an account and a region."""

    cloudformation: Any
    awslambda: Any

    @classmethod
    def of(cls, region: str | None = None, profile: str | None = None) -> "Account":
        """Return the account of a profile and a region, by default those of the AWS variables.

        Raise one of AWS_ERRORS.
        """
        session = boto3.Session(region_name=region, profile_name=profile)
        return cls(client("cloudformation", _CONFIG, session), client("lambda", _CONFIG, session))

    def outputs(self, stack: str) -> Mapping[str, str]:
        """Return the outputs of a stack. Raise one of AWS_ERRORS."""
        [found] = self.cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def parameters(self, stack: str) -> Mapping[str, str]:
        """Return the parameters' values of a stack. Raise one of AWS_ERRORS."""
        [found] = self.cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])}

    def resources(self, stack: str, type_: str) -> list[str]:
        """Return the physical ids of a stack's resources of a type. Raise one of AWS_ERRORS."""
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
        ids = [each.get("PhysicalResourceId") for each in resources if each["ResourceType"] == type_]
        return [each for each in ids if each]

    def functions(self, stack: str) -> list[str]:
        """Return the names of a stack's functions. Raise one of AWS_ERRORS."""
        return self.resources(stack, "AWS::Lambda::Function")

    def live_version(self, function: str) -> str | None:
        """Return the version that the alias points to; None without the alias. Raise one of AWS_ERRORS."""
        try:
            alias = self.awslambda.get_alias(FunctionName=function, Name=ALIAS)
        except self.awslambda.exceptions.ResourceNotFoundException:
            return None
        return str(alias["FunctionVersion"])
