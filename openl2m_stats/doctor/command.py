"""`openl2m-stats doctor`: one line a check."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict

import click

from openl2m_stats.database_url import DatabaseURLError
from openl2m_stats.doctor.examination import examine
from openl2m_stats.doctor.findings import Finding
from openl2m_stats.doctor.setups import open_setup
from openl2m_stats.errors import Failed
from openl2m_stats.parameters import of_stack
from stats.telemetry import logger


@click.command(name="doctor")
@of_stack
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(stack: str | None, as_json: bool) -> int:
    """Check a set-up, and change nothing.

    What is checked is a deployed stack, with --env or --stack; else the set-up that this environment's variables
    describe; else the local one. The exit code is 1 when a check failed, and 2 when there was nothing to check.
    """
    # The system's resolver waits 5 seconds, twice, and heeds no timeout of ours; the function is told the same.
    os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:2")
    logger.setLevel("CRITICAL")  # what the function would log is told in words here
    try:
        with open_setup(stack) as setup:
            return (_print_json if as_json else _print_lines)(setup.title, examine(setup))
    except DatabaseURLError as error:
        raise Failed(str(error)) from None


def _print_lines(title: str, findings: Iterable[Finding]) -> int:
    print(f"Checking {title}.\n", flush=True)
    states = []
    for finding in findings:
        text = f"{finding.seen}. {finding.advice}" if finding.advice else finding.seen
        print(f"{finding.state:<5} {finding.name:<16} {text}", flush=True)
        states.append(finding.state)
    return int("FAIL" in states)


def _print_json(title: str, findings: Iterable[Finding]) -> int:
    found = list(findings)
    print(json.dumps({"checked": title, "findings": [asdict(finding) for finding in found]}, indent=2))
    return int(any(finding.state == "FAIL" for finding in found))
