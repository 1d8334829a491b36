"""What is told of tokens: the lines of `list`, the verdict of `check`, the report of `import`; pure."""

import dataclasses
import hashlib
from datetime import datetime
from typing import Any

from openl2m_stats.openl2m_tokens import Difference
from openl2m_stats.token_changes import state
from openl2m_stats.words import printable
from stats.authorization import is_key
from stats.networks import Address
from stats.registry import Token, parse_token

_COLUMNS = ("NAME", "CREATED", "EXPIRES", "NETWORKS", "STATE", "SOURCE", "HASH")
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60))


def record(entry: Any, now: datetime) -> dict[str, Any]:
    """Return what is told of an entry: as the registry has it, but for the state, and the hash's last six digits."""
    known = entry if isinstance(entry, dict) else {}
    keys = ("name", "created", "expires", "allowed_ips", "description", "source", "revoked")
    told = {key: known.get(key) for key in keys} | {"state": state(entry, now), "problem": None}
    try:
        parse_token(entry)
    except ValueError as problem:
        told["problem"] = str(problem)
    sha256 = known.get("sha256")
    return told | {"sha256_ends": sha256[-6:] if isinstance(sha256, str) else None}


def table(entries: list[Any], now: datetime) -> list[str]:
    """Return a headline, and a line for each entry."""
    rows = [_COLUMNS, *(_row(entry, now) for entry in entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _row(entry: Any, now: datetime) -> tuple[str, ...]:
    told = record(entry, now)
    networks = told["allowed_ips"]
    listed = ", ".join(map(str, networks)) if isinstance(networks, list) else str(networks or "")
    return (
        printable(told["name"] or "-"),
        printable(str(told["created"] or "-")[:10]),
        _expiry(entry, now),
        printable(listed or ("any" if not networks else "none")),
        told["state"] + (f": {told['problem']}" if told["problem"] else ""),
        printable(told["source"] or "-"),
        printable(told["sha256_ends"] or "-"),
    )


def _expiry(entry: Any, now: datetime) -> str:
    try:
        return expiry(parse_token(entry).expires, now)
    except ValueError:
        return "-"


def expiry(expires: datetime | None, now: datetime) -> str:
    """Return when a token expires, in words."""
    if expires is None:
        return "never"
    return f"in {span(expires, now)}" if expires > now else f"expired {span(expires, now)} ago"


def span(one: datetime, other: datetime) -> str:
    """Return the time between two instants in words, such as `12 days`."""
    seconds = abs((one - other).total_seconds()) + 30  # what was to be 90 days a moment ago is not called 89
    for unit, length in _UNITS:
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"


def verdict(entries: list[Any], key: str, address: Address | None, now: datetime) -> tuple[bool, str]:
    """Tell whether the API accepts the key from the address at the instant `now`, and why.

    Without an address, one that is permitted is assumed. Several entries may have one hash; what either permits is
    permitted.
    """
    if not is_key(key):
        return False, "it is not 40 lowercase hex digits"
    digest = hashlib.sha256(key.encode()).hexdigest()
    problems = []
    for entry in entries:
        if not isinstance(entry, dict) or str(entry.get("sha256")).lower() != digest:
            continue
        try:
            token = parse_token(entry)
        except ValueError as problem:
            problems.append(f"the entry of token {printable(entry.get('name'))} is unusable: {problem}")
            continue
        named = f"token {printable(token.name)}"
        judged = dataclasses.replace(token, allowed_ips=None) if address is None and token.allowed_ips else token
        reason = judged.problem(address, now)
        if reason is None:
            return True, f"{named}, {_until(token, now)}, from {_from(token)}"
        problems.append(f"{named} {reason}")
    return False, problems[0] if problems else "there is no such token"


def _until(token: Token, now: datetime) -> str:
    return "without end" if token.expires is None else f"for {span(token.expires, now)} more"


def _from(token: Token) -> str:
    return "any address" if token.allowed_ips is None else ", ".join(map(str, token.allowed_ips))


def report(difference: Difference) -> list[str]:
    """Return a line for each token that an import changes, and one with numbers."""
    changed = [f"{name}: {', '.join(keys)}" for name, keys in difference.changed.items()]
    lines = [f"added    {name}" for name in difference.added]
    lines += [f"changed  {each}" for each in changed]
    lines += [f"revoked  {name}: OpenL2M has it no more" for name in difference.revoked]
    lines += [f"kept     {name}: its key was made, revoked or rotated here" for name in difference.kept]
    numbers = (difference.added, difference.changed, difference.revoked, difference.kept)
    words = ("added", "changed", "revoked", "kept")
    counts = [f"{len(number)} {word}" for number, word in zip(numbers, words, strict=True)]
    return [*map(printable, lines), f"{', '.join(counts)}, {difference.unchanged} unchanged"]
