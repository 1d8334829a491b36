"""What a deployed stack consists of, as far as the operator's commands need it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ALIAS = "live"
# What AWS answers, or why it cannot be asked. boto3 raises ValueError for an endpoint that is no URL.
AWS_ERRORS = (BotoCoreError, ClientError, ValueError)
_CONFIG = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})


class StackError(Exception):
    """A stack cannot be read; the text says why, in one line."""


@dataclass(frozen=True)
class Account:
    """The clients of an account and a region."""

    cloudformation: Any
    awslambda: Any

    @classmethod
    def of(cls, region: str | None, profile: str | None) -> "Account":
        """Return the account that a profile and a region name; without them, that of the AWS variables."""
        session = boto3.Session(region_name=region, profile_name=profile)
        return cls(session.client("cloudformation", config=_CONFIG), session.client("lambda", config=_CONFIG))


@dataclass(frozen=True)
class Deployed:
    """A stack's functions by their logical ids, the ARNs of the versions that it names, and its outputs."""

    functions: Mapping[str, str]
    versions: frozenset[str]
    outputs: Mapping[str, str]


def read(account: Account, stack: str) -> Deployed:
    """Return what a stack consists of. Raise one of AWS_ERRORS."""
    [found] = account.cloudformation.describe_stacks(StackName=stack)["Stacks"]
    pages = account.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [resource for page in pages for resource in page["StackResourceSummaries"]]

    def named(type_: str) -> dict[str, str]:
        return {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in resources
            if resource["ResourceType"] == type_ and resource.get("PhysicalResourceId")
        }

    return Deployed(
        functions=named("AWS::Lambda::Function"),
        versions=frozenset(named("AWS::Lambda::Version").values()),
        outputs={output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])},
    )


def outputs(stack: str) -> Mapping[str, str]:
    """Return the outputs of a stack in the account and region of the AWS variables. Raise StackError."""
    try:
        cloudformation: Any = boto3.client("cloudformation", config=_CONFIG)
        [found] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except AWS_ERRORS as error:
        raise StackError(f"The stack {stack} cannot be read. {explain(error)}") from None
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def live_version(account: Account, function: str) -> str | None:
    """Return the version that answers, if the alias is there. Raise one of AWS_ERRORS."""
    try:
        alias = account.awslambda.get_alias(FunctionName=function, Name=ALIAS)
    except account.awslambda.exceptions.ResourceNotFoundException:
        return None
    return str(alias["FunctionVersion"])


def explain(error: Exception) -> str:
    """Return one of AWS_ERRORS in a line: AWS's own words name what is missing."""
    return " ".join(f"{type(error).__name__}: {error}".split()).removeprefix("ClientError: ")
