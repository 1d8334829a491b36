"""`openl2m-stats tokens list` and `check`, which change nothing."""

import getpass
import json
import sys
from datetime import UTC, datetime

import click

from openl2m_stats.parameters import Parsed
from openl2m_stats.tokens import arguments, report
from openl2m_stats.tokens.group import of_registry
from openl2m_stats.tokens.registry import Registry
from stats.base.networks import Address


@click.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@of_registry
def list_(registry: Registry, as_json: bool) -> None:
    """List the tokens. Their keys are not stored, and cannot be shown again."""
    entries, now = registry.entries(), datetime.now(UTC)
    if as_json:
        print(json.dumps([report.record(entry, now) for entry in entries], indent=2))
    elif entries:
        print("\n".join(report.table(entries, now)))
    else:
        print("There are no tokens. `openl2m-stats tokens create` creates one.", file=sys.stderr)


@click.command()
@click.option("--from", "address", type=Parsed("ADDRESS", arguments.address), help="The caller's address.")
@of_registry
def check(registry: Registry, address: Address | None) -> int:
    """Check whether the API would accept a key now.

    It prompts for the key, or reads it from stdin. The exit code is 1 if the API would refuse it.
    """
    typed = sys.stdin.isatty()
    key = getpass.getpass("Key: ") if typed else sys.stdin.buffer.readline().decode("ascii", "replace")
    accepted, why = report.verdict(registry.entries(), key.strip(), address, datetime.now(UTC))
    print(f"{'accepted' if accepted else 'refused'}: {why}")
    if accepted:
        print("CLIENT_IP_DENIED and CLIENT_IP_ALLOWED of the function may still refuse the address.", file=sys.stderr)
    return 0 if accepted else 1
