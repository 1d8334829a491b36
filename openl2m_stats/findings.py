"""What checks found, and how that is printed: a line a check, or JSON."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

State = Literal["ok", "warn", "FAIL", "skip"]


@dataclass(frozen=True)
class Finding:
    """One check's outcome: its state, what was seen, and, where something is wrong, what to do about it.

    `skip` is the state of a check that cannot be made because another failed, or because something is not given.
    """

    state: State
    seen: str
    advice: str = ""


Findings = Iterable[tuple[str, Finding]]


def print_lines(findings: Findings) -> bool:
    """Print a line for each finding; return whether one is a failure."""
    failed = False
    for name, finding in findings:
        text = f"{finding.seen}. {finding.advice}" if finding.advice else finding.seen
        print(f"{finding.state:<5} {name:<16} {text}", flush=True)
        failed |= finding.state == "FAIL"
    return failed


def as_dicts(findings: Findings) -> list[dict[str, str]]:
    """Return findings as they are in JSON."""
    return [{"name": name, **asdict(finding)} for name, finding in findings]


def print_findings(checked: str, findings: Findings, more: dict[str, Any] | None) -> int:
    """Print what was found of what was checked; return the exit code, 1 if a check failed.

    `more` stands beside the findings in JSON, once all of them are there; None prints lines.
    """
    if more is None:
        print(f"Checking {checked}.\n", flush=True)
        return int(print_lines(findings))
    found = as_dicts(findings)
    print(json.dumps({"checked": checked, **more, "findings": found}, indent=2))
    return int(any(finding["state"] == "FAIL" for finding in found))
