"""Which set-up is checked: a stack's, that of this environment, or the local one of `make run`."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from openl2m_stats.deployed.stack import ALIAS, Account, StackError, reading
from openl2m_stats.files import CA_FILE

_MISSED_SECONDS = 900


@dataclass(frozen=True)
class Setup:
    """The function's variables, how old the newest snapshot may be, in seconds, and the API's address, if there is one.

    `local`: nothing has run yet that could have taken a snapshot.
    """

    title: str
    variables: Mapping[str, str]
    missed_seconds: int = _MISSED_SECONDS
    url: str | None = None
    local: bool = False


@contextlib.contextmanager
def open_setup(stack: str | None) -> Iterator[Setup]:
    """Run the block in the environment of a set-up. Raise DatabaseURLError or StackError."""
    if stack is not None:
        yield of_stack(stack)
    elif os.environ.get("DATABASE_URL") or not _names_secrets():
        yield from _local(os.environ.get("DATABASE_URL"))
    else:
        yield Setup("the set-up that this environment's variables describe", with_ca_file(os.environ))


def _names_secrets() -> bool:
    return any(os.environ.get(name) for name in ("DATABASE_SECRET_ID", "TOKENS_SECRET_ID"))


def with_ca_file(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the function's variables with certificates that are on this machine, where the layer is not."""
    return {**variables, "DATABASE_CA_FILE": os.environ.get("DATABASE_CA_FILE") or str(CA_FILE)}


def of_stack(name: str) -> Setup:
    """Return the set-up of a stack. Raise StackError."""
    with reading(name):
        account = Account.of()
        outputs = account.outputs(name)
        resource = account.cloudformation.describe_stack_resource(StackName=name, LogicalResourceId="StatsFunction")
        function = resource["StackResourceDetail"]["PhysicalResourceId"]
        configuration = account.awslambda.get_function_configuration(FunctionName=function, Qualifier=ALIAS)
    environment = configuration.get("Environment", {})
    if "Error" in environment:
        code = environment["Error"].get("ErrorCode")
        raise StackError(f"The variables of {function} cannot be read ({code}): they need kms:Decrypt with KmsKeyArn")
    return Setup(
        title=f"the stack {name} in {account.cloudformation.meta.region_name}, function {function}, alias {ALIAS}",
        variables=with_ca_file(environment.get("Variables", {})),
        missed_seconds=int(outputs.get("SnapshotsMissedSeconds", _MISSED_SECONDS)),
        url=outputs.get("Url"),
    )


def _local(database_url: str | None) -> Iterator[Setup]:
    from openl2m_stats.local.aws import local_aws  # moto takes a second to import

    with local_aws(database_url):
        database = "DATABASE_URL" if database_url else "the demo database"
        yield Setup(f"the local set-up of make run, with {database}", os.environ, local=True)
