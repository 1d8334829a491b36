"""The set-up to check: a stack's, this environment's, or the local one of `make run`."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import click

from openl2m_stats.database_url import parse_database_url
from openl2m_stats.deployed.function import of_stack, with_ca_file
from openl2m_stats.deployed.stack import FUNCTIONS
from openl2m_stats.parameters import WrongUsage

_MISSED_SECONDS = 900


@dataclass(frozen=True)
class Setup:
    """The function's variables, the newest snapshot's age limit in seconds, and the API's address, if there is one.

    `functions` are the names of the deployed functions, which can examine themselves.

    `local`: nothing has run yet that could have taken a snapshot. `login`, in the form of the database secret, is
    another route to the database in the secret, such as a tunnel.
    """

    title: str
    variables: Mapping[str, str]
    missed_seconds: int = _MISSED_SECONDS
    url: str | None = None
    functions: tuple[str, ...] = ()
    local: bool = False
    login: Mapping[str, str | int] | None = field(default=None, repr=False)


@contextlib.contextmanager
def open_setup(stack: str | None, database_url: str | None, *, demo: bool) -> Iterator[Setup]:
    """Run the block in the environment of a set-up. Raise DatabaseURLError, StackError or WrongUsage."""
    if stack is not None:
        setup = _of_stack(stack)
        if database_url:
            named = parse_database_url(database_url)
            setup = replace(setup, login=named.secret, variables={**setup.variables, **named.variables})
        yield setup
    elif database_url or (demo and not _names_secrets()):
        yield from _local(database_url)
    elif not _names_secrets():
        raise WrongUsage(
            "name what to check: --env or --stack, --database-url or DATABASE_URL, DATABASE_SECRET_ID and "
            "TOKENS_SECRET_ID, or --demo",
            click.get_current_context(),
        )
    else:
        yield Setup("the set-up that this environment's variables describe", with_ca_file(os.environ))


def _names_secrets() -> bool:
    return any(os.environ.get(name) for name in ("DATABASE_SECRET_ID", "TOKENS_SECRET_ID"))


def _of_stack(name: str) -> Setup:
    function = of_stack(name)
    return Setup(
        title=function.title,
        variables=function.variables,
        missed_seconds=int(function.outputs.get("SnapshotsMissedSeconds", _MISSED_SECONDS)),
        url=function.outputs.get("Url"),
        functions=tuple(function.outputs[name] for name in FUNCTIONS if name in function.outputs),
    )


def _local(database_url: str | None) -> Iterator[Setup]:
    from openl2m_stats.local.aws import local_aws  # moto takes a second to import

    with local_aws(database_url):
        database = "DATABASE_URL" if database_url else "the demo database and no deployment (--env ENV checks one)"
        yield Setup(f"the local set-up of make run, with {database}", os.environ, local=True)
