"""Which set-up is checked: a stack's, that of this environment, or the local one of `make run`."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from openl2m_stats.deployed.function import of_stack, with_ca_file

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
        yield _of_stack(stack)
    elif os.environ.get("DATABASE_URL") or not _names_secrets():
        yield from _local(os.environ.get("DATABASE_URL"))
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
    )


def _local(database_url: str | None) -> Iterator[Setup]:
    from openl2m_stats.local.aws import local_aws  # moto takes a second to import

    with local_aws(database_url):
        database = "DATABASE_URL" if database_url else "the demo database"
        yield Setup(f"the local set-up of make run, with {database}", os.environ, local=True)
