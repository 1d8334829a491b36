"""The parts of a deployed stack that the operator's commands need."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import boto3
import click
from botocore.config import Config

from openl2m_stats.aws import AWS_ERRORS, client, explain
from openl2m_stats.errors import Failed
from openl2m_stats.parameters import WrongUsage

ALIAS = "live"
FUNCTIONS = ("StatsFunctionName", "SnapshotFunctionName")  # the outputs with the names of the functions
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


def named(stack: str | None) -> str:
    """Return the name of the stack that a command needs. Raise WrongUsage without one."""
    if stack is None:
        raise WrongUsage("Name the stack: --env or --stack.", click.get_current_context())
    return stack


@dataclass(frozen=True)
class Description:
    """A stack as CloudFormation describes it. `status` is CloudFormation's, `changed` the last change's instant."""

    name: str
    region: str
    status: str
    changed: datetime
    outputs: Mapping[str, str]
    parameters: Mapping[str, str]

    @property
    def is_changing(self) -> bool:
        """Whether CloudFormation is still at work."""
        return self.status.endswith("_IN_PROGRESS")

    def output(self, name: str) -> str:
        """Return an output. Raise StackError without it: the first deployment of the stack has not succeeded."""
        if name not in self.outputs:
            raise StackError(f"The stack {self.name} has no output {name}: it is in {self.status}.")
        return self.outputs[name]


@dataclass(frozen=True)
class Account:
    """An account and a region, and the clients that most commands need."""

    session: Any = field(repr=False)
    cloudformation: Any
    awslambda: Any

    @classmethod
    def of(cls, region: str | None = None, profile: str | None = None) -> "Account":
        """Return the account of a profile and a region, by default those of the AWS variables.

        Raise one of AWS_ERRORS.
        """
        session = boto3.Session(region_name=region, profile_name=profile)
        return cls(session, client("cloudformation", _CONFIG, session), client("lambda", _CONFIG, session))

    @property
    def region(self) -> str:
        """The name of the region."""
        return str(self.cloudformation.meta.region_name)

    def client(self, service: str, config: Config = _CONFIG) -> Any:
        """Return the client of another service. Raise one of AWS_ERRORS."""
        return client(service, config, self.session)

    def describe(self, stack: str) -> Description:
        """Return what CloudFormation says of a stack. Raise one of AWS_ERRORS."""
        found = self._described(stack)
        return Description(
            found["StackName"],
            self.region,
            found["StackStatus"],
            found.get("LastUpdatedTime") or found["CreationTime"],
            _outputs(found),
            {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])},
        )

    def outputs(self, stack: str) -> Mapping[str, str]:
        """Return the outputs of a stack. Raise one of AWS_ERRORS."""
        return _outputs(self._described(stack))

    def _described(self, stack: str) -> Any:
        [found] = self.cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return found

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


def _outputs(described: Any) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
