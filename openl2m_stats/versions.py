"""`make prune-versions`: delete old versions of a stack's functions. SnapStart is billed for each one that exists."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from openl2m_stats.deployed import AWS_ERRORS, Account, Deployed, explain, read


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 0 done, 2 not all could be done, which a line on stderr explains."""
    parsed = _parse(arguments)
    try:
        account = Account.of(parsed.region, parsed.profile)
        deployed = read(account, parsed.stack)
    except AWS_ERRORS as error:
        print(f"The stack {parsed.stack} cannot be read. {explain(error)}", file=sys.stderr)
        return 2
    return max((_prune(account, deployed, name, parsed) for name in deployed.functions.values()), default=0)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m openl2m_stats.versions", allow_abbrev=False)
    prune = parser.add_subparsers(required=True, metavar="COMMAND").add_parser(
        "prune",
        allow_abbrev=False,
        help="delete old versions of a stack's functions",
        description="Delete the versions of a stack's functions but for the newest ones, those that an alias points "
        "to, and those that the stack itself names.",
    )
    prune.add_argument("--stack", required=True, metavar="NAME", help="the stack's name")
    prune.add_argument(
        "--keep", type=_count, default=3, metavar="N", help="how many of the newest to keep (default: 3)"
    )
    prune.add_argument("--dry-run", action="store_true", help="tell what would be deleted, and delete nothing")
    prune.add_argument("--region", help="the stack's region (default: that of the AWS variables)")
    prune.add_argument("--profile", help="the profile of the AWS CLI (default: that of the AWS variables)")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("it takes a number from 1 on")
    return int(text)


def _prune(account: Account, deployed: Deployed, function: str, parsed: argparse.Namespace) -> int:
    deleted: list[str] = []
    try:
        versions = sorted(_versions(account, function), key=int)
        # Asked for last: what an alias points to by now is kept.
        kept = set(versions[-parsed.keep :]) | _named(deployed, function) | set(_aliased(account, function))
        for version in versions:
            if version not in kept:
                if not parsed.dry_run:
                    account.awslambda.delete_function(FunctionName=function, Qualifier=version)
                deleted.append(version)
    except AWS_ERRORS as error:
        print(f"{function}: deleted {_listed(deleted)}, then stopped. {explain(error)}", file=sys.stderr)
        return 2
    done = "would delete" if parsed.dry_run else "deleted"
    print(f"{function}: {done} {_listed(deleted)}, keeps {_listed(each for each in versions if each in kept)}")
    return 0


def _listed(versions: Sequence[str] | Iterator[str]) -> str:
    return ", ".join(versions) or "nothing"


def _versions(account: Account, function: str) -> Iterator[str]:
    pages = account.awslambda.get_paginator("list_versions_by_function").paginate(FunctionName=function)
    # $LATEST is what is deployed next, and no version that could be deleted.
    return (found["Version"] for page in pages for found in page["Versions"] if found["Version"].isdecimal())


def _aliased(account: Account, function: str) -> Iterator[str]:
    for page in account.awslambda.get_paginator("list_aliases").paginate(FunctionName=function):
        for alias in page["Aliases"]:
            yield alias["FunctionVersion"]
            yield from alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})


def _named(deployed: Deployed, function: str) -> set[str]:
    """Return the function's versions that the stack names: after the alias was moved back, a newer one than live."""
    arns = [arn.split(":") for arn in deployed.versions]
    return {arn[-1] for arn in arns if arn[-2] == function}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
