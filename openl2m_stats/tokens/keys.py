"""`openl2m-stats tokens create` and `rotate`, which generate keys.

A key is printed once, when it is generated, and appears in no argument, no file and no message.
"""

import hashlib
import secrets
import sys
from datetime import UTC, datetime, timedelta

import click

from openl2m_stats.errors import Failed
from openl2m_stats.parameters import Parsed, WrongUsage
from openl2m_stats.terminal import discard_output, width
from openl2m_stats.tokens import arguments, edits, report
from openl2m_stats.tokens.group import NAME, of_registry
from openl2m_stats.tokens.registry import Registry, RegistryError

_EXPIRES = f"The expiry: 90d or 12h from now, {arguments.next_new_year()} (the start of that day in UTC), or never"


@click.command()
@click.argument("names", nargs=-1, required=True, type=NAME, metavar="NAME...")
@click.option("--expires", type=Parsed("WHEN", arguments.expiry), help=f"{_EXPIRES}. [default: never]")
@click.option(
    "--allowed-ips",
    type=Parsed("NETWORKS", arguments.networks),
    default=[],
    help="The networks from which the token may be used, separated by commas. [default: all]",
)
@click.option("--description", default="", help="What the token is for.")
@of_registry
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


@click.command()
@click.argument("name", type=NAME)
@click.option(
    "--keep-old",
    type=Parsed("TIME", arguments.duration),
    metavar="24h",
    help="Accept the old key for this long, in hours or days. [default: not at all]",
)
@click.option(
    "--expires",
    "changes",
    type=Parsed("WHEN", lambda text: {"expires": arguments.expiry(text)}),
    help=f"{_EXPIRES}. [default: like the old key]",
)
@of_registry
def rotate(registry: Registry, name: str, keep_old: timedelta | None, changes: dict[str, str | None] | None) -> None:
    """Replace the key of a token, and print the new one.

    The new key is shown only once.
    """
    key = secrets.token_hex(20)
    edit = edits.rotate(name, _hash(key), changes or {}, keep_old, datetime.now(UTC))
    _hand_out({name: key}, registry.change(edit).get("expires"))


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
    note = "A key is shown only once, and not stored. It works within TOKENS_REFRESH_SECONDS, 10 by default."
    print(f"{note}\nExpires: {until}.", file=sys.stderr)
