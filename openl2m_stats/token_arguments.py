"""How the arguments of `make tokens` are read. What cannot be read may be a key, and is not repeated."""

import os
import re
from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NoReturn

from openl2m_stats.token_changes import timestamp
from openl2m_stats.token_words import holds_key
from stats.networks import Address, parse_address, parse_network

_DURATION = re.compile(r"([0-9]{1,5})([dh])")
_OPTION = re.compile(r"--[a-z]+(-[a-z]+)*")
# What argparse says before it repeats a value, and what is said in place of both.
_REPEATING = {
    "invalid choice": "there is no such command, --help lists them",
    "ignored explicit argument": "it takes no value",
}

_EXPIRES = "90d or 12h from now, 2027-01-01 (the start of that day in UTC), or never"


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        for words, instead in _REPEATING.items():
            before, found, _ = message.partition(words)
            message = before + instead if found else message
        super().error(message)


def parse(arguments: Sequence[str]) -> Namespace:
    """Return the `command`, its arguments and `secret_id`. Exit with 2 and a line on stderr when they are wrong."""
    parser = _Parser(prog="tokens", description="The tokens that open the API.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(called: str, about: str) -> ArgumentParser:
        added = commands.add_parser(called, help=about, description=about, allow_abbrev=False)
        secret_id = os.environ.get("TOKENS_SECRET_ID")
        added.add_argument("--secret-id", default=secret_id, help="the token secret (default: TOKENS_SECRET_ID)")
        return added

    create = command("create", "make a token for each name, and print its key, this once")
    create.add_argument("names", nargs="+", type=name, metavar="NAME")
    create.add_argument(
        "--expires", type=expiry, metavar="WHEN", help=f"{_EXPIRES}, which is the default, as in OpenL2M"
    )
    ips = "the networks from which it may be used, separated by commas (default: all)"
    create.add_argument("--allowed-ips", type=networks, default=[], metavar="NETWORKS", help=ips)
    create.add_argument("--description", default="", help="what it is for")

    listing = command("list", "list the tokens, but for their keys, which are kept nowhere")
    listing.add_argument("--json", action="store_true", help="as JSON")

    revoke = command("revoke", "make tokens stop; they stay in the list, and their names can be taken again")
    revoke.add_argument("names", nargs="+", type=name, metavar="NAME")

    rotate = command("rotate", "make a new key for a token, which stays as it is otherwise, and print it, this once")
    rotate.add_argument("name", type=name, metavar="NAME")
    rotate.add_argument("--keep-old", type=duration, metavar="24h", help="let the old key work so much longer")
    again = f"{_EXPIRES} (default: when the old key does)"
    rotate.add_argument("--expires", type=expiry, default=SUPPRESS, metavar="WHEN", help=again)

    command("prune", "remove revoked and expired tokens from the list")

    check = command("check", "tell whether a key, which is asked for or read from stdin, would be accepted now")
    check.add_argument("--from", dest="address", type=address, metavar="ADDRESS", help="the caller's address")

    importing = command("import", "carry over OpenL2M's own tokens; those that it has no more are revoked")
    importing.add_argument("--dry-run", action="store_true", help="tell what would change, and write nothing")
    empty = "also when OpenL2M has no token that can be carried over: all that were are then revoked"
    importing.add_argument("--allow-empty", action="store_true", help=empty)
    importing.add_argument("--database-secret-id", help="the login for OpenL2M's database (default: DATABASE_URL)")

    if any(holds_key(argument) for argument in arguments):
        parser.error("a key is never an argument: whoever reads the shell's history has it now, so rotate it")
    parsed, unknown = parser.parse_known_args(arguments)
    if unknown:
        options = [word.partition("=")[0] for word in unknown]
        named = " ".join(option for option in options if _OPTION.fullmatch(option))
        parser.error(f"unrecognized arguments {named}".rstrip() + "; a key is never an argument")
    if not parsed.secret_id:
        parser.error("name the token secret: --secret-id, or the variable TOKENS_SECRET_ID")
    return parsed


def name(text: str) -> str:
    """Return a token's name. Raise ArgumentTypeError."""
    if not text.isprintable() or text != text.strip() or not text:
        raise ArgumentTypeError("it takes printable characters, with none but visible ones at its ends")
    return text


def duration(text: str) -> timedelta:
    """Return what `24h` or `90d` says. Raise ArgumentTypeError."""
    match = _DURATION.fullmatch(text)
    if not match or not int(match[1]):
        raise ArgumentTypeError("it takes hours or days, such as 24h or 90d")
    return timedelta(hours=int(match[1]) * (24 if match[2] == "d" else 1))


def expiry(text: str) -> str | None:
    """Return the instant, as the registry has it, that a duration from now or a date says; None of `never`.

    Raise ArgumentTypeError.
    """
    if text == "never":
        return None
    now = datetime.now(UTC).replace(microsecond=0)
    if _DURATION.fullmatch(text):
        return timestamp(now + duration(text))
    try:
        instant = datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise ArgumentTypeError("it takes 90d, 12h, a date such as 2027-01-01, or never") from None
    if instant <= now:
        raise ArgumentTypeError("that is in the past; a date means the start of that day in UTC")
    return timestamp(instant)


def networks(text: str) -> list[str]:
    """Return the networks, separated by commas; host bits are dropped. Raise ArgumentTypeError."""
    try:
        return [str(parse_network(item)) for item in text.split(",")]
    except ValueError:
        raise ArgumentTypeError("it takes networks separated by commas, such as 10.0.0.0/8,2001:db8::/32") from None


def address(text: str) -> Address:
    """Return an IP address. Raise ArgumentTypeError."""
    parsed = parse_address(text)
    if parsed is None:
        raise ArgumentTypeError("it takes an IP address, such as 10.1.2.3")
    return parsed
