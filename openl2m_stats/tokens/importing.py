"""`openl2m-stats tokens import`: OpenL2M's own tokens, from its database into the token registry."""

import json
import os
import sys

import click

from openl2m_stats.database_url import parse_database_url
from openl2m_stats.terminal import printable
from openl2m_stats.tokens import openl2m, report
from openl2m_stats.tokens.group import of_registry
from openl2m_stats.tokens.registry import Registry, RegistryError
from stats.aws.secrets import SecretStore, SecretUnavailableError
from stats.base.deadline import Deadline
from stats.database.driver import DatabaseError, Kind

_SECONDS = 10  # for reading a secret
_OTHER_USER = (
    "The user of the statistics may not read tokens, on purpose: infra/database/token_import_user.*.sql makes one for "
    "the import."
)


@click.command(name="import")
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@click.option("--allow-empty", is_flag=True, help="Accept that OpenL2M has no tokens: revoke all that were imported.")
@click.option("--database-secret-id", help="The secret with the login for OpenL2M's database. [default: DATABASE_URL]")
@of_registry
def import_(registry: Registry, dry_run: bool, allow_empty: bool, database_secret_id: str | None) -> None:
    """Import OpenL2M's own tokens.

    Imported tokens that OpenL2M no longer has are revoked.
    """
    try:
        secret, variables = _database_secret(database_secret_id)
        rows = openl2m.fetch(secret, {**os.environ, **variables})
    except DatabaseError as error:
        if error.kind == Kind.FORBIDDEN:
            raise RegistryError(f"{error}. {_OTHER_USER}") from None
        if error.kind == Kind.ABSENT:
            raise RegistryError(f"This version does not find OpenL2M's tokens, and nothing was done. {error}") from None
        raise
    imported, notes, unreadable = openl2m.to_entries(rows)
    for note in notes:
        print(printable(note), file=sys.stderr)
    if not imported and not allow_empty:
        raise RegistryError(
            "OpenL2M's database has no token that can be imported, and nothing was done. Is it the right one? "
            "--allow-empty revokes all tokens that were imported from it."
        )
    edit = openl2m.carry_over(imported, () if allow_empty else unreadable)
    changes = registry.preview(edit) if dry_run else registry.change(edit)
    print("\n".join(report.report(changes)))
    if dry_run:
        print("Nothing was written.", file=sys.stderr)


def _database_secret(secret_id: str | None) -> tuple[str | bytes, dict[str, str]]:
    if not secret_id:
        url = os.environ.get("DATABASE_URL")
        if not url:
            raise RegistryError("Name the database: --database-secret-id, or the variable DATABASE_URL.")
        named = parse_database_url(url)
        return json.dumps(named.secret), named.variables
    try:
        return SecretStore().get(secret_id, Deadline.after(_SECONDS)), {}
    except SecretUnavailableError as error:
        raise RegistryError(f"{secret_id}: {error}") from None
