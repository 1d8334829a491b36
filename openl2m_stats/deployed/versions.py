"""`openl2m-stats versions`: the published versions of a stack's functions, and which of them answer."""

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click

from openl2m_stats.aws import AWS_ERRORS, explain
from openl2m_stats.deployed import published
from openl2m_stats.deployed.rollback import rollback
from openl2m_stats.deployed.stack import Account, named, reading
from openl2m_stats.parameters import Parsed, of_stack, whole_number
from openl2m_stats.terminal import table
from stats.base.instants import timestamp


@click.group(name="versions", no_args_is_help=False)
def command() -> None:
    """Manage the versions of a stack's functions."""


command.add_command(rollback)


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@of_stack
def list_(stack: str | None, as_json: bool) -> None:
    """List the deployments that `versions rollback` can go back to.

    A deployment publishes a version of one function or of both. The line marked `live` has the versions that answer.
    """
    with reading(named(stack)):
        account = Account.of()
        described = account.describe(named(stack))
        api, snapshots = published.functions(account, described)
    deployments = [_listed_deployment(each, api, snapshots) for each in published.deployments(api, snapshots)]
    functions = [_described(function) for function in (api, snapshots)]
    if as_json:
        print(json.dumps({"stack": described.name, "functions": functions, "deployments": deployments}, indent=2))
        return
    rows = [["API", "snapshots", "published", ""]]
    for each in deployments:
        marks = [mark for mark in ("live", "deployed") if each[mark]]
        rows.append([str(each["api"]), str(each["snapshots"]), each["published"], ", ".join(marks)])
    print("\n".join(table([[cell] for cell in row] for row in rows)))
    if not any(each["live"] for each in deployments):
        print(f"\nlive is at version {api.live} of the API's function and {snapshots.live} of the snapshot function.")


def _listed_deployment(
    deployment: published.Deployment, api: published.Function, snapshots: published.Function
) -> dict[str, Any]:
    pair = (deployment.api, deployment.snapshots)
    return {
        "api": deployment.api,
        "snapshots": deployment.snapshots,
        "published": timestamp(deployment.published.replace(microsecond=0)),
        "live": pair == (api.live, snapshots.live),
        "deployed": pair == (api.deployed, snapshots.deployed),
    }


def _described(function: published.Function) -> dict[str, Any]:
    return {
        "name": function.name,
        "live": function.live,
        "deployed": function.deployed,
        "versions": [
            {
                "version": each.number,
                "published": timestamp(each.published.replace(microsecond=0)),
                "code": each.code,
            }
            for each in function.versions
        ],
    }


@command.command()
@click.option(
    "--keep", type=Parsed("N", whole_number), default=3, show_default=True, help="How many of the newest to keep."
)
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@of_stack
def prune(stack: str | None, keep: int, dry_run: bool) -> int:
    """Delete old versions of a stack's functions.

    With SnapStart, AWS bills each of them. The newest ones stay, and so do those that an alias points to or that the
    stack refers to.
    """
    name = named(stack)
    with reading(name):
        account = Account.of()
        functions, arns = account.functions(name), account.resources(name, "AWS::Lambda::Version")
    return max((_prune(account, arns, function, keep, dry_run) for function in functions), default=0)


def _prune(account: Account, arns: Sequence[str], function: str, keep: int, dry_run: bool) -> int:
    deleted: list[str] = []
    try:
        versions = [str(number) for number in sorted(each.number for each in published.versions(account, function))]
        # Listed last, so that a version that an alias points to by now is kept.
        kept = set(versions[-keep:]) | published.named_by_stack(arns, function) | set(_aliased(account, function))
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


def _aliased(account: Account, function: str) -> Iterator[str]:
    for page in account.awslambda.get_paginator("list_aliases").paginate(FunctionName=function):
        for alias in page["Aliases"]:
            yield alias["FunctionVersion"]
            yield from alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
