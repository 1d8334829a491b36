"""The output of `tokens list`, `check` and `import`; pure."""

import hashlib
from collections import Counter
from datetime import datetime
from typing import Any

from openl2m_stats import terminal
from openl2m_stats.terminal import printable
from openl2m_stats.tokens.edits import state
from openl2m_stats.tokens.openl2m import Change
from stats.base.networks import Address
from stats.tokens.authorization import RefusedError, is_key, judge
from stats.tokens.registry import Token, parse_entries

_COLUMNS = ("NAME", "CREATED", "EXPIRES", "NETWORKS", "STATE", "SOURCE")
_WIDTH = 80
_MOST_CREATED, _MOST_NETWORK, _MOST_SOURCE = 10, 19, 7  # of a date, an IPv4 network with a comma, and `openl2m`
_NO_NETWORK = "none of its networks is usable, so no address may use it"
_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60))


def record(entry: Any, now: datetime) -> dict[str, Any]:
    """Return an entry for `list --json`: with its state, and only the last six digits of its hash."""
    fields = entry if isinstance(entry, dict) else {}
    keys = ("name", "created", "expires", "allowed_ips", "description", "source", "revoked")
    sha256, now_is = fields.get("sha256"), state(entry, now)
    problem = _problem(entry)
    return {
        **{key: fields.get(key) for key in keys},
        "state": "unusable" if now_is == "active" and problem == _NO_NETWORK else now_is,
        "problem": problem,
        "sha256_ends": sha256[-6:] if isinstance(sha256, str) else None,
    }


def _problem(entry: Any) -> str | None:
    """Return the problem with an entry or with its networks; None if there is none."""
    tokens, malformed = parse_entries([entry])
    if malformed:
        return malformed[0][1]
    [token] = tokens
    if token.allowed_ips is None:
        return None
    listed, usable = len(entry["allowed_ips"]), len(token.allowed_ips)
    if not usable:
        return _NO_NETWORK
    return f"{listed - usable} of its {listed} networks is not usable" if usable < listed else None


def table(entries: list[Any], now: datetime) -> list[str]:
    """Return a heading, lines for each entry, and the problems, in lines of at most 80 columns."""
    records = [record(entry, now) for entry in entries]
    rows = [[[head] for head in _COLUMNS], *(_row(each, now) for each in records)]
    others = sum(terminal.widest(cells) for cells in list(zip(*rows, strict=True))[1:])
    room = _WIDTH - others - 2 * (len(_COLUMNS) - 1)
    lines = terminal.table([[terminal.wrap(name[0], room), *rest] for name, *rest in rows])
    notes = [f"{printable(each['name'] or '-')}: {each['problem']}" for each in records if each["problem"]]
    return [*lines, *([""] if notes else []), *(line for note in notes for line in terminal.wrap(note, _WIDTH))]


def _row(shown: dict[str, Any], now: datetime) -> list[list[str]]:
    networks, problem = shown["allowed_ips"], shown["problem"]
    listed = ", ".join(map(str, networks)) if isinstance(networks, list) else str(networks or "")
    text = printable(listed or ("any" if not networks else "none"))
    malformed = shown["state"] == "unusable" and problem != _NO_NETWORK
    expires = "-" if malformed else expiry(shown["expires"], now).removeprefix("expired ")
    return [
        [printable(shown["name"] or "-")],
        terminal.wrap(printable(str(shown["created"] or "-")[:10]), _MOST_CREATED),
        [expires.replace("less than a minute", "a moment")],
        [line for each in text.replace(", ", ",\n").split("\n") for line in terminal.wrap(each, _MOST_NETWORK)],
        [shown["state"]],
        terminal.wrap(printable(shown["source"] or "-"), _MOST_SOURCE),
    ]


def expiry(expires: str | None, now: datetime) -> str:
    """Return in words when a token expires; `expires` is the registry's field."""
    if expires is None:
        return "never"
    instant = datetime.fromisoformat(expires)
    return f"in {span(instant, now)}" if instant > now else f"expired {span(instant, now)} ago"


def span(one: datetime, other: datetime) -> str:
    """Return the time between two instants in words, such as `12 days`."""
    seconds = abs((one - other).total_seconds()) + 30  # 90 days, a moment later, are still 90 days
    for unit, length in _UNITS:
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"


def verdict(entries: list[Any], key: str, address: Address | None, now: datetime) -> tuple[bool, str]:
    """Return whether the API accepts the key from the address at the instant `now`, and why.

    Without an address, one that is permitted is assumed.
    """
    if not is_key(key):
        return False, "it is not 40 lowercase hex digits"
    digest = hashlib.sha256(key.encode()).hexdigest()
    named = [entry for entry in entries if isinstance(entry, dict) and str(entry.get("sha256")).lower() == digest]
    tokens, malformed = parse_entries(named)
    permitted: list[Address | None] = [network[0] for token in tokens for network in token.allowed_ips or ()]
    why = "unknown token"
    for assumed in [address] if address else permitted or [None]:
        try:
            token = judge(tokens, key, assumed, now)
        except RefusedError as refusal:
            why = str(refusal)
        else:
            return True, f"token {token.name!r}, {_until(token, now)}, from {_from(token)}"
    if not tokens and malformed:
        name, problem = malformed[0]
        why = f"the entry of token {name!r} is unusable: {problem}"
    return False, why


def _until(token: Token, now: datetime) -> str:
    return "never expires" if token.expires is None else f"expires in {span(token.expires, now)}"


def _from(token: Token) -> str:
    return "any address" if token.allowed_ips is None else ", ".join(map(str, token.allowed_ips))


def report(changes: list[Change]) -> list[str]:
    """Return a line for each token that an import changes, and one with the totals."""
    words = ("added", "changed", "revoked", "kept", "unchanged")
    lines = [f"{word:<9}{text}" for word in words[:-1] for what, text in changes if what == word]
    counts = Counter(what for what, _ in changes)
    return [*map(printable, lines), ", ".join(f"{counts[word]} {word}" for word in words)]
