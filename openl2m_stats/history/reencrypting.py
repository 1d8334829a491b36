"""`openl2m-stats history reencrypt`: after a change of KmsKeyArn, re-encrypts the bucket's objects with the new key."""

import io
import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from openl2m_stats.aws import AWS_ERRORS, explain
from openl2m_stats.deployed.function import of_stack as function_of
from openl2m_stats.deployed.stack import named
from openl2m_stats.errors import Failed
from openl2m_stats.history.encryption import Encryption, Objects, Outcome, of_state
from openl2m_stats.parameters import of_stack
from stats.base.settings import Settings, SettingsError, load

_MOST = 5


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be re-encrypted, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@of_stack
def reencrypt(stack: str | None, dry_run: bool, as_json: bool) -> int:
    """Re-encrypt snapshots and history with the current key.

    Run it after a change of KmsKeyArn. It rewrites the newest snapshot, the history, the single snapshots and the
    record of notices unchanged, with the bucket's current encryption. It skips objects that have it already, so you can
    interrupt it and run it again. It never overwrites a concurrent write. The exit code is 1 if an object could not be
    re-encrypted.
    """
    settings = _settings(named(stack))
    try:
        objects = Objects(str(settings.snapshot_bucket), settings.snapshot_prefix)
        present = objects.present()
        keys = objects.keys()
        stderr = sys.stderr if sys.stderr.isatty() else io.StringIO()
        outcomes: list[Outcome] = []
        made = objects.reencrypt(keys, present, dry_run=dry_run)
        with click.progressbar(made, len(keys), "Objects", file=stderr) as bar:
            outcomes.extend(bar)
    except AWS_ERRORS as error:
        raise Failed(f"The bucket {settings.snapshot_bucket} cannot be read. {explain(error)}") from None
    if as_json:
        print(json.dumps(_report(settings, present, outcomes, dry_run), indent=2))
    else:
        _print(settings, present, outcomes, dry_run)
    return int(any(of_state(outcomes, "failed")))


def _settings(stack: str) -> Settings:
    try:
        settings = load(function_of(stack).variables)
    except SettingsError as error:
        raise Failed(str(error)) from None
    if not settings.snapshot_bucket:
        raise Failed(f"The stack {stack} has no bucket of snapshots.")
    return settings


def _report(settings: Settings, present: Encryption, outcomes: Sequence[Outcome], dry_run: bool) -> dict[str, Any]:
    former = of_state(outcomes, "former")
    return {
        "bucket": settings.snapshot_bucket,
        "encryption": present.name,
        "dry_run": dry_run,
        "current": len(of_state(outcomes, "current")),
        "reencrypted": 0 if dry_run else len(former),
        "former": _by_key([*former, *of_state(outcomes, "failed")]),
        "failed": [{"key": each.key, "error": each.error} for each in of_state(outcomes, "failed")],
    }


def _by_key(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return for each former key how many objects it encrypted."""
    return dict(Counter(outcome.before.name for outcome in outcomes if outcome.before))


def _print(settings: Settings, present: Encryption, outcomes: Sequence[Outcome], dry_run: bool) -> None:
    former, failed = of_state(outcomes, "former"), of_state(outcomes, "failed")
    print(f"s3://{settings.snapshot_bucket}/{settings.snapshot_prefix} is encrypted with {present.name}.")
    print(f"{len(of_state(outcomes, 'current')):,} objects are up to date.")
    for key, count in _by_key(former).items():
        print(f"{count:,} objects {'would be' if dry_run else 'were'} re-encrypted, from {key}.")
    for outcome in failed[:_MOST]:
        print(f"{outcome.key} could not be re-encrypted: {outcome.error}", file=sys.stderr)
    if failed:
        print(f"{len(failed):,} objects could not be re-encrypted. Remove the cause and run it again.", file=sys.stderr)
    elif not (dry_run and former):
        print("The functions need no former key for the bucket. docs/operate.md says what else may need one.")
