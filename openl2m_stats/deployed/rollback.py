"""`openl2m-stats versions rollback`: moves the alias of both functions back to earlier versions."""

import contextlib
import json
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import click
from botocore.exceptions import ClientError

from openl2m_stats.aws import AWS_ERRORS, explain
from openl2m_stats.deployed import published
from openl2m_stats.deployed.stack import ALIAS, Account, Description, named, reading
from openl2m_stats.errors import Failed
from openl2m_stats.parameters import Parsed, WrongUsage, confirm, of_stack, whole_number
from stats.base.instants import timestamp


@dataclass(frozen=True)
class _Move:
    function: published.Function
    target: published.Version

    @property
    def is_needed(self) -> bool:
        return self.function.shifted or self.function.live != self.target.number

    def __str__(self) -> str:
        name, now, target = self.function.name, self.function.live, self.target
        if not self.is_needed:
            return f"{name}: stays at version {now}"
        when = timestamp(target.published.replace(microsecond=0))
        return f"{name}: version {now} -> {target.number}, published {when}"


@click.command()
@click.option(
    "--to", "api", type=Parsed("N", whole_number), help="The version of the API's function. See `versions list`."
)
@click.option(
    "--snapshots-to",
    "snapshots",
    type=Parsed("N", whole_number),
    help="The version of the snapshot function. [default: the one that was deployed with --to]",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@of_stack
def rollback(stack: str | None, api: int | None, snapshots: int | None, yes: bool, as_json: bool) -> int:
    """Roll both functions back to earlier versions.

    It takes effect immediately. Without --to, it undoes the last deployment; running it again changes nothing. The next
    deployment that changes a function moves it forward again.
    """
    if snapshots is not None and api is None:
        raise WrongUsage("--snapshots-to needs --to", click.get_current_context())
    with reading(named(stack)):
        account = Account.of()
        described = account.describe(named(stack))
        functions = published.functions(account, described)
    _refuse_while_changing(described)
    moves = [
        _Move(function, _existing(function, number))
        for function, number in zip(functions, _targets(*functions, api, snapshots), strict=True)
    ]
    needed = [move for move in moves if move.is_needed]
    for move in moves:
        print(move, file=sys.stderr if as_json else sys.stdout, flush=True)
    if needed and not yes:
        confirm(f"Move the alias {ALIAS} of {described.name}?")
    moved = _carry_out(account, needed)
    if as_json:
        stay = {move.function.name for move in needed[moved:]}
        print(json.dumps({"stack": described.name, "functions": [_done(move, stay) for move in moves]}, indent=2))
    return 0 if moved == len(needed) else 2


def _done(move: _Move, stay: Collection[str]) -> dict[str, str | int]:
    name, live = move.function.name, move.function.live
    return {"name": name, "from": live, "to": live if name in stay else move.target.number}


def _refuse_while_changing(stack: Description) -> None:
    if stack.is_changing:
        cancel = f"aws cloudformation cancel-update-stack --stack-name {stack.name} --region {stack.region}"
        raise Failed(
            f"{stack.name} is in {stack.status}, and CloudFormation would move the alias again. Wait until it ends, or "
            f"cancel an update with: {cancel}"
        )


def _targets(
    api: published.Function, snapshots: published.Function, to: int | None, snapshots_to: int | None
) -> tuple[int, int]:
    """Return the numbers of the versions to move to. Raise Failed."""
    if to is not None and snapshots_to is not None:
        return to, snapshots_to
    deployments = published.deployments(api, snapshots)
    if to is None:
        earlier = [each for each in deployments if (each.api, each.snapshots) < (api.deployed, snapshots.deployed)]
        if not earlier:
            raise Failed("There is no earlier deployment whose versions are still there: see `versions list`.")
        return earlier[-1].api, earlier[-1].snapshots
    _existing(api, to)
    found = next((each for each in deployments if each.api == to), None)
    if found is None:
        raise Failed(
            f"The version of the snapshot function that was deployed with version {to} is gone. "
            f"It has {_numbers(snapshots)}: choose one with --snapshots-to."
        )
    return found.api, found.snapshots


def _existing(function: published.Function, number: int) -> published.Version:
    version = function.find(number)
    if version is None:
        newest = max((each.number for each in function.versions), default=0)
        why = "was deleted" if number < newest else "does not exist"
        raise Failed(f"Version {number} of {function.name} {why}. It has {_numbers(function)}.")
    return version


def _numbers(function: published.Function) -> str:
    return ", ".join(str(each.number) for each in function.versions) or "none"


def _carry_out(account: Account, moves: Sequence[_Move]) -> int:
    """Move one alias after the other; return how many were moved. Print why another was not."""
    for number, move in enumerate(moves):
        name = move.function.name
        try:
            account.awslambda.update_alias(
                FunctionName=name,
                Name=ALIAS,
                FunctionVersion=str(move.target.number),
                RoutingConfig={"AdditionalVersionWeights": {}},
                RevisionId=move.function.revision,
            )
        except AWS_ERRORS as error:
            # The answer was lost, and botocore's next attempt found the alias where the first had left it.
            if _has_moved(account, move):
                continue
            moved = isinstance(error, ClientError) and error.response["Error"]["Code"] == "PreconditionFailedException"
            why = "Somebody else has moved the alias in the meantime." if moved else explain(error)
            before = f"{moves[0].function.name} was moved. " if number else ""
            hint = "See `versions list`, then run this again."
            print(f"{before}{name} was not moved: {why.rstrip('.')}. {hint}", file=sys.stderr)
            return number
    return len(moves)


def _has_moved(account: Account, move: _Move) -> bool:
    with contextlib.suppress(*AWS_ERRORS):
        alias = account.awslambda.get_alias(FunctionName=move.function.name, Name=ALIAS)
        shifted = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights")
        return alias["FunctionVersion"] == str(move.target.number) and not shifted
    return False
