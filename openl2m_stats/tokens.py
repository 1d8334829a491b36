"""`make tokens ARGS=…`: the operator's command for the token registry.

A key is printed once, when it is made, and is in no argument, no file and no message.
"""

import argparse
import getpass
import hashlib
import io
import json
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from botocore.exceptions import BotoCoreError, ClientError

from openl2m_stats import openl2m_tokens, token_arguments, token_changes, token_words
from openl2m_stats.database_url import DatabaseURLError, parse_database_url
from openl2m_stats.token_registry import Registry, RegistryError
from stats.connection import DatabaseError
from stats.deadline import Deadline
from stats.secret_store import SecretStore, SecretUnavailableError
from stats.settings import SettingsError
from stats.telemetry import logger

_SECONDS = 10  # for reading a secret


def main(arguments: Sequence[str]) -> int:
    """Return the exit code: 0 done, 1 checked and refused, 2 not to be done, which a line on stderr explains."""
    logger.setLevel("CRITICAL")  # what the function logs of an entry, `list` tells
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show must not lose a key
    parsed = token_arguments.parse(arguments)
    try:
        code = _COMMANDS[parsed.command](Registry(parsed.secret_id), parsed)
        sys.stdout.flush()
    except (BotoCoreError, ClientError) as error:
        problem = f"{parsed.secret_id}: {' '.join(str(error).split())}"
    except (DatabaseError, DatabaseURLError, RegistryError, SettingsError) as error:
        problem = str(error)
    except (KeyboardInterrupt, EOFError):
        problem = "Interrupted: list shows what was done."
    except OSError as error:
        # Else the interpreter tries once more as it ends, and its exit code is 120.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        problem = f"The output cannot be written ({error.strerror}); a key that was made is lost: rotate it."
    else:
        return code
    print(problem, file=sys.stderr)
    return 2


def _create(registry: Registry, parsed: argparse.Namespace) -> int:
    keys = {name: secrets.token_hex(20) for name in parsed.names}
    if len(keys) < len(parsed.names):
        raise RegistryError("A name is given twice.")
    record = {
        "expires": parsed.expires,
        "allowed_ips": parsed.allowed_ips,
        "active": True,
        "description": parsed.description,
        "source": "cli",
    }
    hashes = {name: _hash(key) for name, key in keys.items()}
    registry.change(token_changes.create(hashes, record, datetime.now(UTC)))
    return _hand_out(keys, parsed.expires)


def _rotate(registry: Registry, parsed: argparse.Namespace) -> int:
    key = secrets.token_hex(20)
    changes = {"expires": parsed.expires} if "expires" in parsed else {}
    edit = token_changes.rotate(parsed.name, _hash(key), changes, parsed.keep_old, datetime.now(UTC))
    return _hand_out({parsed.name: key}, registry.change(edit).get("expires"))


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _hand_out(keys: dict[str, str], expires: str | None) -> int:
    width = max(map(len, keys)) + 2 if sys.stdout.isatty() else 0
    for name, key in keys.items():
        print(f"{name.ljust(width)}{key}" if width else f"{name}\t{key}")
    sys.stdout.flush()
    until = token_words.expiry(datetime.fromisoformat(expires) if expires else None, datetime.now(UTC))
    print(
        "A key is shown this once, and is kept nowhere. It works within TOKENS_REFRESH_SECONDS (10).", file=sys.stderr
    )
    print(f"Expires: {until}.", file=sys.stderr)
    return 0


def _list(registry: Registry, parsed: argparse.Namespace) -> int:
    entries, now = registry.entries(), datetime.now(UTC)
    if parsed.json:
        print(json.dumps([token_words.record(entry, now) for entry in entries], indent=2))
    elif entries:
        print("\n".join(token_words.table(entries, now)))
    else:
        print("There are no tokens: create makes one.", file=sys.stderr)
    return 0


def _revoke(registry: Registry, parsed: argparse.Namespace) -> int:
    registry.change(token_changes.revoke(parsed.names, datetime.now(UTC)))
    print(f"Revoked: {', '.join(parsed.names)}. It counts within TOKENS_TTL_SECONDS, 60 by default.", file=sys.stderr)
    return 0


def _prune(registry: Registry, _parsed: argparse.Namespace) -> int:
    removed = registry.change(token_changes.prune(datetime.now(UTC)))
    print(f"Removed: {', '.join(map(token_words.printable, removed)) or 'nothing'}.", file=sys.stderr)
    return 0


def _check(registry: Registry, parsed: argparse.Namespace) -> int:
    typed = sys.stdin.isatty()
    key = getpass.getpass("Key: ") if typed else sys.stdin.buffer.readline().decode("ascii", "replace")
    accepted, why = token_words.verdict(registry.entries(), key.strip(), parsed.address, datetime.now(UTC))
    print(f"{'accepted' if accepted else 'refused'}: {why}")
    if accepted:
        print("CLIENT_IP_DENIED and CLIENT_IP_ALLOWED of the function may still refuse the address.", file=sys.stderr)
    return 0 if accepted else 1


def _import(registry: Registry, parsed: argparse.Namespace) -> int:
    rows = openl2m_tokens.fetch(_database_secret(parsed.database_secret_id), os.environ)
    imported, notes = openl2m_tokens.to_entries(rows)
    for note in notes:
        print(token_words.printable(note), file=sys.stderr)
    if not imported and not parsed.allow_empty:
        raise RegistryError(
            "OpenL2M's database has no token that can be carried over, and nothing was done: is it the right one? "
            "With --allow-empty, all tokens that were carried over from it are revoked."
        )
    edit = openl2m_tokens.carry_over(imported)
    difference = registry.preview(edit) if parsed.dry_run else registry.change(edit)
    print("\n".join(token_words.report(difference)))
    if parsed.dry_run:
        print("Nothing was written: this is what would be.", file=sys.stderr)
    return 0


def _database_secret(secret_id: str | None) -> str | bytes:
    if not secret_id:
        url = os.environ.get("DATABASE_URL")
        if not url:
            raise RegistryError("Name the database: --database-secret-id, or the variable DATABASE_URL.")
        return json.dumps(parse_database_url(url))
    try:
        return SecretStore().get(secret_id, Deadline.after(_SECONDS))
    except SecretUnavailableError as error:
        raise RegistryError(f"{secret_id}: {error}") from None


_COMMANDS: dict[str, Callable[[Registry, argparse.Namespace], int]] = {
    "create": _create,
    "list": _list,
    "revoke": _revoke,
    "rotate": _rotate,
    "prune": _prune,
    "check": _check,
    "import": _import,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
