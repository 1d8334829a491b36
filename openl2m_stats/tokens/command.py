"""`openl2m-stats tokens`: the operator's commands for the token registry.

A key is printed once, when it is made, and is in no argument, no file and no message.
"""

import functools
import getpass
import hashlib
import io
import json
import os
import re
import secrets
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from openl2m_stats.aws import explain
from openl2m_stats.database_url import parse_database_url
from openl2m_stats.deployed.stack import Account, reading
from openl2m_stats.errors import Failed, Interrupted
from openl2m_stats.parameters import Parsed, WrongUsage, of_stack
from openl2m_stats.terminal import discard_output, printable, width
from openl2m_stats.tokens import arguments, edits, openl2m, report
from openl2m_stats.tokens.registry import Registry, RegistryError
from stats.aws.secrets import SecretStore, SecretUnavailableError
from stats.base.deadline import Deadline
from stats.base.networks import Address
from stats.base.settings import SettingsError
from stats.base.telemetry import logger
from stats.database.driver import DatabaseError, Kind
from stats.tokens.authorization import KEY

_SECONDS = 10  # for reading a secret
_OTHER_USER = (
    "The user of the statistics may not read tokens, on purpose: infra/database/token_import_user.*.sql makes one for "
    "the import."
)


_EXPIRES = f"90d or 12h from now, {arguments.next_new_year()} (the start of that day in UTC), or never"
_NAME = Parsed("NAME", arguments.name)


class _Tokens(click.Group):
    """Commands that repeat nothing that may be a key, and tell in one line why something cannot be done."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if any(re.search(KEY, arg.lower()) for arg in args):
            raise WrongUsage("a key is never an argument: it is in the shell's history now, so rotate it")
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        logger.setLevel("CRITICAL")  # what the function logs of an entry, `list` tells
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a name that cannot be shown must not lose a key
        try:
            return super().invoke(ctx)
        except (BotoCoreError, ClientError) as error:
            problem = f"{ctx.meta['secret']}: {explain(error)}"
        except (DatabaseError, SettingsError) as error:
            problem = str(error)
        except KeyboardInterrupt:
            raise Interrupted("Interrupted. `openl2m-stats tokens list` shows what was done.") from None
        raise Failed(problem)


@click.group(name="tokens", cls=_Tokens, no_args_is_help=False)
def command() -> None:
    """Create, list, revoke, rotate, check and import tokens."""


def _of_registry(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that name a token secret, and its function the Registry."""

    @of_stack
    @click.option("--secret-id", metavar="ID", help="The token secret. [default: the stack's, or TOKENS_SECRET_ID]")
    @functools.wraps(function)
    def call(*, stack: str | None, secret_id: str | None, **others: Any) -> Any:
        ctx = click.get_current_context()
        if secret_id is None:
            secret_id = _secret_of(stack) if stack else os.environ.get("TOKENS_SECRET_ID")
        if not secret_id:
            raise WrongUsage("name the token secret: --env, --stack, --secret-id or the variable TOKENS_SECRET_ID", ctx)
        ctx.meta["secret"] = secret_id
        return function(Registry(secret_id), **others)

    return call


@command.command()
@click.argument("names", nargs=-1, required=True, type=_NAME, metavar="NAME...")
@click.option("--expires", type=Parsed("WHEN", arguments.expiry), help=f"{_EXPIRES}, which is the default.")
@click.option(
    "--allowed-ips",
    type=Parsed("NETWORKS", arguments.networks),
    default=[],
    help="The networks from which it may be used, separated by commas. [default: all]",
)
@click.option("--description", default="", help="What it is for.")
@_of_registry
def create(
    registry: Registry, names: tuple[str, ...], expires: str | None, allowed_ips: list[str], description: str
) -> None:
    """Create a token for each NAME, and print its key.

    A key is shown only once.
    """
    keys = {name: secrets.token_hex(20) for name in names}
    if len(keys) < len(names):
        raise RegistryError("A name is given twice.")
    record = {
        "expires": expires,
        "allowed_ips": allowed_ips,
        "active": True,
        "description": description,
        "source": "cli",
    }
    if allowed_ips and any(map(arguments.is_network, names)):
        raise WrongUsage(
            "a NAME is a network: separate the networks of --allowed-ips with commas, without spaces",
            click.get_current_context(),
        )
    hashes = {name: _hash(key) for name, key in keys.items()}
    registry.change(edits.create(hashes, record, datetime.now(UTC)))
    _hand_out(keys, expires)


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_of_registry
def list_(registry: Registry, as_json: bool) -> None:
    """List the tokens. Their keys are not stored, and cannot be shown again."""
    entries, now = registry.entries(), datetime.now(UTC)
    if as_json:
        print(json.dumps([report.record(entry, now) for entry in entries], indent=2))
    elif entries:
        print("\n".join(report.table(entries, now)))
    else:
        print("There are no tokens. `openl2m-stats tokens create` creates one.", file=sys.stderr)


@command.command()
@click.argument("names", nargs=-1, required=True, type=_NAME, metavar="NAME...")
@_of_registry
def revoke(registry: Registry, names: tuple[str, ...]) -> None:
    """Revoke tokens. They stay in the list, and their names can be used again."""
    registry.change(edits.revoke(names, datetime.now(UTC)))
    print(f"Revoked: {', '.join(names)}. Takes effect within TOKENS_TTL_SECONDS, 60 by default.", file=sys.stderr)


@command.command()
@click.argument("name", type=_NAME)
@click.option(
    "--keep-old",
    type=Parsed("TIME", arguments.duration),
    metavar="24h",
    help="Accept the old key for this much longer, in hours or days.",
)
@click.option(
    "--expires",
    "changes",
    type=Parsed("WHEN", lambda text: {"expires": arguments.expiry(text)}),
    help=f"{_EXPIRES}. [default: when the old key does]",
)
@_of_registry
def rotate(registry: Registry, name: str, keep_old: timedelta | None, changes: dict[str, str | None] | None) -> None:
    """Replace the key of a token, and print the new one.

    It is shown only once.
    """
    key = secrets.token_hex(20)
    edit = edits.rotate(name, _hash(key), changes or {}, keep_old, datetime.now(UTC))
    _hand_out({name: key}, registry.change(edit).get("expires"))


@command.command()
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and write nothing.")
@_of_registry
def prune(registry: Registry, dry_run: bool) -> None:
    """Remove revoked and expired tokens from the list."""
    edit = edits.prune(datetime.now(UTC))
    removed = registry.preview(edit) if dry_run else registry.change(edit)
    done = "Would remove" if dry_run else "Removed"
    print(f"{done}: {', '.join(map(printable, removed)) or 'nothing'}.", file=sys.stderr)


@command.command()
@click.option("--from", "address", type=Parsed("ADDRESS", arguments.address), help="The caller's address.")
@_of_registry
def check(registry: Registry, address: Address | None) -> int:
    """Check whether the API would accept a key now.

    The key is asked for, or read from stdin. The exit code is 1 if it would be refused.
    """
    typed = sys.stdin.isatty()
    key = getpass.getpass("Key: ") if typed else sys.stdin.buffer.readline().decode("ascii", "replace")
    accepted, why = report.verdict(registry.entries(), key.strip(), address, datetime.now(UTC))
    print(f"{'accepted' if accepted else 'refused'}: {why}")
    if accepted:
        print("CLIENT_IP_DENIED and CLIENT_IP_ALLOWED of the function may still refuse the address.", file=sys.stderr)
    return 0 if accepted else 1


@command.command(name="import")
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@click.option("--allow-empty", is_flag=True, help="Accept that OpenL2M has no tokens: revoke all that were imported.")
@click.option("--database-secret-id", help="The secret with the login for OpenL2M's database. [default: DATABASE_URL]")
@_of_registry
def import_(registry: Registry, dry_run: bool, allow_empty: bool, database_secret_id: str | None) -> None:
    """Import OpenL2M's own tokens.

    Imported tokens that OpenL2M no longer has are revoked.
    """
    try:
        secret, variables = _database_secret(database_secret_id)
        rows = openl2m.fetch(secret, {**os.environ, **variables})
    except DatabaseError as error:
        if error.kind is Kind.FORBIDDEN:
            raise RegistryError(f"{error}. {_OTHER_USER}") from None
        if error.kind is Kind.ABSENT:
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


def _secret_of(stack: str) -> str:
    with reading(stack):
        outputs = Account.of().outputs(stack)
    if "TokenSecretName" not in outputs:
        raise RegistryError(f"The stack {stack} has no output TokenSecretName: it is no stack of openl2m-stats.")
    return outputs["TokenSecretName"]


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _hand_out(keys: dict[str, str], expires: str | None) -> None:
    column = max(map(width, keys)) + 2 if sys.stdout.isatty() else 0
    try:
        for name, key in keys.items():
            print(f"{name}{' ' * (column - width(name))}{key}" if column else f"{name}\t{key}")
        sys.stdout.flush()
    except OSError as error:
        discard_output()
        lost = "a new key is lost" if len(keys) == 1 else "new keys are lost"
        raise Failed(f"The output cannot be written ({error.strerror}); {lost}. Rotate: {', '.join(keys)}.") from None
    until = report.expiry(expires, datetime.now(UTC))
    told = "A key is shown only once, and not stored. It works within TOKENS_REFRESH_SECONDS, 10 by default."
    print(f"{told}\nExpires: {until}.", file=sys.stderr)


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
