"""The token registry: the text of one secret -> its usable tokens.

The secret is `{"tokens": [{"name", "sha256", "created", "expires", "allowed_ips", "active", "description",
"source"}, …]}`, of which only `name` and `sha256` are required. It holds no key, only SHA-256 hashes of
keys. A malformed entry is ignored, and logged by its name.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stats.aws.secrets import parse_json
from stats.base.instants import parse_instant
from stats.base.networks import Address, Network, contains, parse_network
from stats.base.telemetry import logger

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Token:
    """A token. With `allowed_ips` None every address is permitted, with an empty tuple none."""

    name: str
    sha256: str
    expires: datetime | None
    allowed_ips: tuple[Network, ...] | None
    active: bool

    def problem(self, address: Address | None, now: datetime) -> str | None:
        """Return why the token may not be used from the address at the instant `now`; None when it may."""
        if not self.active:
            return "is not active"
        if self.expires is not None and now >= self.expires:
            return "has expired"
        if self.allowed_ips is not None and (address is None or not contains(self.allowed_ips, address)):
            return "is not permitted from the client address"
        return None


def parse_registry(text: str | bytes) -> tuple[Token, ...]:
    """Return the usable tokens of a registry. Raise ValueError if it is not a registry."""
    tokens, malformed = parse_entries(parse_document(text)["tokens"])
    for name, problem in malformed:
        logger.warning("token ignored", token=name, problem=problem)
    return tuple(tokens)


def parse_document(text: str | bytes) -> dict[str, Any]:
    """Return a stored registry, in which `tokens` is a list. Raise ValueError, with the reason, if it is malformed."""
    document = parse_json(text)
    if not isinstance(document, dict) or not isinstance(document.get("tokens"), list):
        raise ValueError('no list "tokens"')
    return document


def parse_entries(entries: Iterable[Any]) -> tuple[list[Token], list[tuple[str, str]]]:
    """Return the usable tokens, and for each malformed entry its name or number and the problem."""
    tokens: list[Token] = []
    malformed: list[tuple[str, str]] = []
    for number, entry in enumerate(entries, start=1):
        try:
            tokens.append(parse_token(entry))
        except ValueError as problem:
            name = entry.get("name") if isinstance(entry, dict) else None
            malformed.append((name if isinstance(name, str) and name else f"number {number}", str(problem)))
    return tokens, malformed


def parse_token(entry: Any) -> Token:
    """Return the token of an entry. Raise ValueError, with the problem, if it is malformed."""
    if not isinstance(entry, dict):
        raise ValueError("not an object")
    name, sha256 = entry.get("name"), entry.get("sha256")
    if not isinstance(name, str) or not name:
        raise ValueError("no name")
    if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
        raise ValueError("sha256 is not 64 hex digits")
    active = entry.get("active", True)
    if not isinstance(active, bool):
        raise ValueError("active is neither true nor false")
    return Token(name, sha256.lower(), _parse_expires(entry.get("expires")), _parse_ips(entry, name), active)


def _parse_expires(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_instant(value)
    except (OverflowError, TypeError, ValueError):
        raise ValueError("expires is not an ISO 8601 time with an offset from UTC") from None


def _parse_ips(entry: dict[str, Any], name: str) -> tuple[Network, ...] | None:
    items = entry.get("allowed_ips")
    if items is None or items == []:
        return None
    if not isinstance(items, list):
        raise ValueError("allowed_ips is not a list")
    networks = []
    for item in items:
        try:
            networks.append(parse_network(item))
        except (AttributeError, ValueError):
            # Like OpenL2M, ignore unreadable items; a list without a usable item permits nobody.
            logger.warning("allowed address ignored", token=name)
    return tuple(networks)
