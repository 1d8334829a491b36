"""`openl2m-stats doctor`: a line for each check."""

import json
import os
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import click

from openl2m_stats.doctor.examination import examine
from openl2m_stats.doctor.inside import Inside, look_inside
from openl2m_stats.doctor.setups import Setup, open_setup
from openl2m_stats.findings import as_dicts, print_lines
from openl2m_stats.parameters import is_given, of_stack
from stats.base.telemetry import logger


@click.command(name="doctor")
@of_stack
@click.option(
    "--database-url",
    envvar="DATABASE_URL",
    metavar="URL",
    help="With --env or --stack, another address for the stack's database, such as a tunnel's: "
    "postgresql://user:password@127.0.0.1:5433/openl2m. Otherwise the local set-up's database. "
    "[default: the database secret; without --env and --stack, first DATABASE_URL]",
)
@click.option("--demo", is_flag=True, help="Check the demo of `serve` if nothing else is named.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(stack: str | None, database_url: str | None, demo: bool, as_json: bool) -> int:
    """Check a deployment or a local set-up.

    It changes nothing. With --env or --stack, it checks a deployed stack: from this machine, and from the functions
    themselves, with their own roles and network. Otherwise it checks the set-up that the environment variables
    describe: DATABASE_URL, or the secrets. The exit code is 1 if a check failed, and 2 if there was nothing to check.

    Through a tunnel, --database-url names its end on this machine. The certificate must still be that of the host in
    the database secret.
    """
    if stack is not None and not is_given("database_url"):
        database_url = None  # the shell's is for the local set-up
    # The system's resolver waits 5 seconds, twice, whatever our timeouts are. The function has these options, too.
    os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:2")
    logger.setLevel("CRITICAL")  # the findings say it in words
    with open_setup(stack, database_url, demo=demo) as setup:
        inside = cache(partial(look_inside, setup.functions))  # called once, when it is needed
        return (_print_json if as_json else _print_lines)(setup, inside)


def _print_lines(setup: Setup, inside: Callable[[], Sequence[Inside]]) -> int:
    print(f"Checking {setup.title}.\n", flush=True)
    if setup.functions:
        print("From this machine, with your rights and network:\n", flush=True)
    failed = print_lines(examine(setup, inside))
    for function in inside():
        print(f"\nFrom {function.title}, with its own rights and network:\n", flush=True)
        failed |= print_lines(function.findings)
    return int(failed)


def _print_json(setup: Setup, inside: Callable[[], Sequence[Inside]]) -> int:
    report: dict[str, Any] = {"checked": setup.title, "findings": as_dicts(examine(setup, inside))}
    if setup.functions:
        report["functions"] = [{"checked": each.title, "findings": as_dicts(each.findings)} for each in inside()]
    print(json.dumps(report, indent=2))
    found = [finding for part in (report, *report.get("functions", ())) for finding in part["findings"]]
    return int(any(finding["state"] == "FAIL" for finding in found))
