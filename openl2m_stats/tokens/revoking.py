"""`openl2m-stats tokens revoke` and `prune`."""

import sys
from datetime import UTC, datetime

import click

from openl2m_stats.terminal import printable
from openl2m_stats.tokens import edits
from openl2m_stats.tokens.group import NAME, of_registry
from openl2m_stats.tokens.registry import Registry


@click.command()
@click.argument("names", nargs=-1, required=True, type=NAME, metavar="NAME...")
@of_registry
def revoke(registry: Registry, names: tuple[str, ...]) -> None:
    """Revoke tokens. They stay in the list, and their names can be used again."""
    registry.change(edits.revoke(names, datetime.now(UTC)))
    print(f"Revoked: {', '.join(names)}. Takes effect within TOKENS_TTL_SECONDS, 60 by default.", file=sys.stderr)


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and write nothing.")
@of_registry
def prune(registry: Registry, dry_run: bool) -> None:
    """Remove revoked and expired tokens from the list."""
    edit = edits.prune(datetime.now(UTC))
    removed = registry.preview(edit) if dry_run else registry.change(edit)
    done = "Would remove" if dry_run else "Removed"
    print(f"{done}: {', '.join(map(printable, removed)) or 'nothing'}.", file=sys.stderr)
