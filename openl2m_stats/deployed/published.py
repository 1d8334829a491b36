"""The versions of a stack's functions that Lambda has published, and which of them were deployed together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from openl2m_stats.deployed.stack import ALIAS, FUNCTIONS, Account, Description

# CloudFormation publishes the snapshot function's version after the API's, and no deployment takes longer in between.
_LONGEST_DEPLOYMENT = timedelta(hours=1)


@dataclass(frozen=True)
class Version:
    """A published version: its number, when it was published, and the start of its code's hash."""

    number: int
    published: datetime
    code: str


@dataclass(frozen=True)
class Function:
    """One of the stack's functions, with its versions, oldest first.

    `live` is the version that answers, 0 for $LATEST. `revision` is the alias's RevisionId. `shifted` says whether
    other versions get a part of the calls. `deployed` is the version in the stack: after a rollback, it is newer than
    `live`.
    """

    name: str
    versions: tuple[Version, ...]
    live: int
    revision: str
    shifted: bool
    deployed: int

    def find(self, number: int) -> Version | None:
        """Return the version with a number; None if Lambda no longer has it."""
        return next((each for each in self.versions if each.number == number), None)


@dataclass(frozen=True)
class Deployment:
    """The versions of the API's function and of the snapshot function after a deployment, and when it began."""

    published: datetime
    api: int
    snapshots: int


def functions(account: Account, stack: Description) -> tuple[Function, Function]:
    """Return the API's function and the snapshot function. Raise one of AWS_ERRORS, or StackError."""
    arns = account.resources(stack.name, "AWS::Lambda::Version")
    api, snapshots = (stack.output(name) for name in FUNCTIONS)
    return _function(account, api, arns), _function(account, snapshots, arns)


def _function(account: Account, name: str, arns: Sequence[str]) -> Function:
    alias = account.awslambda.get_alias(FunctionName=name, Name=ALIAS)
    found = tuple(sorted(versions(account, name), key=lambda version: version.number))
    live = int(alias["FunctionVersion"]) if alias["FunctionVersion"].isdecimal() else 0
    return Function(
        name,
        found,
        live,
        alias.get("RevisionId", ""),
        bool(alias.get("RoutingConfig", {}).get("AdditionalVersionWeights")),
        max(map(int, named_by_stack(arns, name)), default=live),
    )


def versions(account: Account, function: str) -> Iterator[Version]:
    """Yield a function's published versions. Raise one of AWS_ERRORS."""
    for page in account.awslambda.get_paginator("list_versions_by_function").paginate(FunctionName=function):
        for found in page["Versions"]:
            # $LATEST is not a published version.
            if found["Version"].isdecimal():
                published = datetime.fromisoformat(found["LastModified"])
                yield Version(int(found["Version"]), published, found.get("CodeSha256", "")[:8])


def named_by_stack(arns: Sequence[str], function: str) -> set[str]:
    """Return the version numbers of the function among the ARNs of a stack's versions."""
    split = [arn.split(":") for arn in arns]
    return {arn[-1] for arn in split if arn[-2] == function}


def deployments(api: Function, snapshots: Function) -> list[Deployment]:
    """Return the deployments whose versions still exist, oldest first.

    A deployment publishes a version of one function or of both. The other function keeps its version.
    """
    found: list[Deployment] = []
    both = [(each.published, 0, each.number) for each in api.versions]
    both += [(each.published, 1, each.number) for each in snapshots.versions]
    newest: dict[int, int] = {}
    begun: datetime | None = None  # of a deployment that may still publish a version of the snapshot function
    for published, which, number in sorted(both):
        newest[which] = number
        continues = which == 1 and begun is not None and published - begun <= _LONGEST_DEPLOYMENT
        if continues and found and found[-1].published == begun:
            found.pop()
        if len(newest) == 2:
            began = begun if continues and begun else published
            found.append(Deployment(began, newest[0], newest[1]))
        begun = published if which == 0 else None
    return found
