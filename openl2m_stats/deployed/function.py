"""The variables of a function: those of a stack, or of this environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

import click

from openl2m_stats.deployed.stack import ALIAS, Account, StackError, reading
from openl2m_stats.files import CA_FILE
from openl2m_stats.parameters import WrongUsage


@dataclass(frozen=True)
class Function:
    """A stack's function: its name for messages, its variables, and the outputs of its stack."""

    title: str
    variables: Mapping[str, str]
    outputs: Mapping[str, str]


_API = "StatsFunction"


def of_stack(name: str, logical_id: str = _API) -> Function:
    """Return a function of a stack, by default the API's, in the version of its alias. Raise StackError."""
    with reading(name):
        account = Account.of()
        outputs = account.outputs(name)
        resource = account.cloudformation.describe_stack_resource(StackName=name, LogicalResourceId=logical_id)
        function = resource["StackResourceDetail"]["PhysicalResourceId"]
        configuration = account.awslambda.get_function_configuration(FunctionName=function, Qualifier=ALIAS)
    environment = configuration.get("Environment", {})
    if "Error" in environment:
        code = environment["Error"].get("ErrorCode")
        raise StackError(f"The variables of {function} cannot be read ({code}): they need kms:Decrypt with KmsKeyArn")
    return Function(
        title=f"the stack {name} in {account.cloudformation.meta.region_name}, function {function}, alias {ALIAS}",
        variables=with_ca_file(environment.get("Variables", {})),
        outputs=outputs,
    )


def with_ca_file(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the function's variables with this machine's file of certificates instead of the layer's."""
    return {**variables, "DATABASE_CA_FILE": os.environ.get("DATABASE_CA_FILE") or str(CA_FILE)}


def variables_of(stack: str | None, time_zone: str | None, *needed: str, function: str = _API) -> dict[str, str]:
    """Return the variables of a stack's function, or else of this environment with a time zone.

    Raise WrongUsage if one of `needed` is missing. The ids of the secrets get placeholders unless they are set.
    """
    context = click.get_current_context()
    if stack:
        variables = dict(of_stack(stack, function).variables)
    else:
        variables = {**with_ca_file(os.environ), "TIME_ZONE": time_zone or ""}
        if not time_zone:
            raise WrongUsage("name OpenL2M's time zone: --time-zone, or TIME_ZONE", context)
    if not all(variables.get(name) for name in needed):
        raise WrongUsage(f"name the stack (--env or --stack), or set {' and '.join(needed)}", context)
    return {"DATABASE_SECRET_ID": "unused", "TOKENS_SECRET_ID": "unused", **variables}
