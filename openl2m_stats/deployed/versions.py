"""`openl2m-stats versions`: delete old versions of a stack's functions. SnapStart is billed for each of them."""

import sys
from collections.abc import Iterator, Sequence

import click

from openl2m_stats.aws import AWS_ERRORS, explain
from openl2m_stats.deployed.stack import Account, reading
from openl2m_stats.parameters import Parsed, WrongUsage, of_stack


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("it takes a number from 1 on")
    return int(text)


@click.group(name="versions", no_args_is_help=False)
def command() -> None:
    """Manage the versions of a stack's functions."""


@command.command()
@click.option("--keep", type=Parsed("N", _count), default=3, show_default=True, help="How many of the newest to keep.")
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@of_stack
def prune(stack: str | None, keep: int, dry_run: bool) -> int:
    """Delete old versions of a stack's functions.

    The newest ones stay, and so do those that an alias points to or that the stack refers to.
    """
    if stack is None:
        raise WrongUsage("Name the stack: --env or --stack.", click.get_current_context())
    with reading(stack):
        account = Account.of()
        functions, named = account.functions(stack), account.resources(stack, "AWS::Lambda::Version")
    return max((_prune(account, named, function, keep, dry_run) for function in functions), default=0)


def _prune(account: Account, named: Sequence[str], function: str, keep: int, dry_run: bool) -> int:
    deleted: list[str] = []
    try:
        versions = sorted(_versions(account, function), key=int)
        # Read the aliases last: versions that they point to by now are kept.
        kept = set(versions[-keep:]) | _named(named, function) | set(_aliased(account, function))
        for version in versions:
            if version not in kept:
                if not dry_run:
                    account.awslambda.delete_function(FunctionName=function, Qualifier=version)
                deleted.append(version)
    except AWS_ERRORS as error:
        print(f"{function}: deleted {_listed(deleted)}, then stopped. {explain(error)}", file=sys.stderr)
        return 2
    done = "would delete" if dry_run else "deleted"
    print(f"{function}: {done} {_listed(deleted)}, keeps {_listed(each for each in versions if each in kept)}")
    return 0


def _listed(versions: Sequence[str] | Iterator[str]) -> str:
    return ", ".join(versions) or "nothing"


def _versions(account: Account, function: str) -> Iterator[str]:
    pages = account.awslambda.get_paginator("list_versions_by_function").paginate(FunctionName=function)
    # $LATEST is not a version, and cannot be deleted.
    return (found["Version"] for page in pages for found in page["Versions"] if found["Version"].isdecimal())


def _aliased(account: Account, function: str) -> Iterator[str]:
    for page in account.awslambda.get_paginator("list_aliases").paginate(FunctionName=function):
        for alias in page["Aliases"]:
            yield alias["FunctionVersion"]
            yield from alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})


def _named(versions: Sequence[str], function: str) -> set[str]:
    """Return the function's versions in the stack. After a rollback of the alias, that is a newer one than live."""
    arns = [arn.split(":") for arn in versions]
    return {arn[-1] for arn in arns if arn[-2] == function}
