"""The operator's changes to tokens, as edits of the registry's entries; pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from openl2m_stats.tokens.registry import Edit, Entry, RegistryError
from stats.base.instants import timestamp
from stats.tokens.registry import parse_token


def state(entry: Any, now: datetime) -> str:
    """Return an entry's state at the instant `now`: `active`, `expired`, `revoked` or `unusable`."""
    try:
        token = parse_token(entry)
    except ValueError:
        return "unusable"
    if not token.active:
        return "revoked"
    return "expired" if token.expires is not None and token.expires <= now else "active"


def create(hashes: Mapping[str, str], record: Entry, now: datetime) -> Edit[None]:
    """Add a token for each name and hash of a key, with the fields in `record`.

    A name that an active token has is refused: the edit raises RegistryError.
    """

    def edit(entries: list[Any]) -> None:
        for name, sha256 in hashes.items():
            active = _active(entries, name, now)
            if any(entry["sha256"] == sha256 for entry in active):
                continue  # an earlier try wrote it, but its response was lost
            if active:
                raise RegistryError(f"A token {name!r} exists: take another name, or rotate it for a new key.")
            entries.append({"name": name, "sha256": sha256, "created": timestamp(now), **record})

    return edit


def revoke(names: Iterable[str], now: datetime) -> Edit[None]:
    """Revoke the tokens with these names for good, and keep their entries as a record.

    A name that no token has is refused: the edit raises RegistryError.
    """

    def edit(entries: list[Any]) -> None:
        for name in names:
            named = [entry for entry in entries if isinstance(entry, dict) and entry.get("name") == name]
            if not named:
                raise RegistryError(f"There is no token {name!r}. `openl2m-stats tokens list` lists them.")
            for entry in named:
                if "revoked" not in entry or entry.get("active") is not False:
                    _end(entry, now)

    return edit


def rotate(
    name: str, sha256: str, changes: Mapping[str, Any], keep_old: timedelta | None, now: datetime
) -> Edit[Entry]:
    """Add a token like the one with this name, with another key and with `changes`; return its entry.

    The old key stops working immediately, or `keep_old` after `now`. The edit raises RegistryError if no token with
    this name is active.
    """

    def edit(entries: list[Any]) -> Entry:
        olds = _active(entries, name, now)
        if not olds:
            raise RegistryError(f"There is no active token {name!r}: create it.")
        if olds[-1]["sha256"] == sha256:
            return olds[-1]  # an earlier try wrote it, but its response was lost
        new = {**olds[-1], "sha256": sha256, "created": timestamp(now), "source": "cli", **changes}
        new.pop("revoked", None)
        for old in olds:
            if keep_old is None:
                _end(old, now)
            else:
                until = min(parse_token(old).expires or now + keep_old, now + keep_old)
                old |= {"expires": timestamp(until), "revoked": timestamp(now)}
        entries.append(new)
        return new

    return edit


def prune(now: datetime) -> Edit[list[str]]:
    """Remove the entries of revoked and expired tokens; return their names.

    One of OpenL2M's that the operator ended stays: without it, the next import would let its key in again.
    """

    def edit(entries: list[Any]) -> list[str]:
        def goes(entry: Any) -> bool:
            ended = state(entry, now) in {"revoked", "expired"}
            return ended and not (entry.get("source") == "openl2m" and "revoked" in entry)

        removed = [entry["name"] for entry in entries if goes(entry)]
        entries[:] = [entry for entry in entries if not goes(entry)]
        return removed

    return edit


def _active(entries: list[Any], name: str, now: datetime) -> list[Entry]:
    return [entry for entry in entries if state(entry, now) == "active" and entry["name"] == name]


def _end(entry: Entry, now: datetime) -> None:
    entry |= {"active": False, "revoked": timestamp(now)}
