"""`make doctor`: one line a check, and exit code 0 when none failed, 1 when one did, 2 when there was nothing to check.

Variables: those of the function itself; without its secrets' names, those of `make run`.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from openl2m_stats.database_url import DatabaseURLError
from openl2m_stats.doctor.examination import examine
from openl2m_stats.doctor.findings import Finding
from openl2m_stats.doctor.setups import open_setup
from openl2m_stats.doctor.stack import StackError
from stats.telemetry import logger


def main(arguments: Sequence[str]) -> int:
    """Print what every check found; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m openl2m_stats.doctor", description="Check a set-up, and change nothing."
    )
    parser.add_argument("--stack", metavar="NAME", help="check a deployed stack, in place of this environment's set-up")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    logger.setLevel("CRITICAL")  # what the function would log is told in words here
    try:
        with open_setup(options.stack) as setup:
            report = _print_json if options.json else _print_lines
            return report(setup.title, examine(setup))
    except (DatabaseURLError, StackError) as error:
        print(error, file=sys.stderr)
        return 2


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


if __name__ == "__main__":
    # The system's resolver waits 5 seconds, twice, and heeds no timeout of ours; the function is told the same.
    os.environ.setdefault("RES_OPTIONS", "timeout:1 attempts:2")
    sys.exit(main(sys.argv[1:]))
