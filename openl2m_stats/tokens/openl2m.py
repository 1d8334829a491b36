"""OpenL2M's own tokens: its tables users_token and auth_user -> entries of the token registry."""

import contextlib
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from openl2m_stats.files import CA_FILE
from openl2m_stats.session import open_session, read_instant
from openl2m_stats.tokens.arguments import is_network
from openl2m_stats.tokens.registry import Edit, Entry
from stats.base import settings
from stats.base.instants import timestamp
from stats.database.driver import Row
from stats.tokens.authorization import is_key

SOURCE = "openl2m"
_STATEMENT = (
    "SELECT t.id, t.key, t.created, t.expires, t.description, t.allowed_ips, u.username, u.is_active "
    "FROM users_token t JOIN auth_user u ON u.id = t.user_id ORDER BY t.id"
)
_SECONDS = 30
_HASHED = (
    "If this version of OpenL2M stores hashes instead of keys, as NetBox does since 4.5, they cannot be imported: "
    "create a token with `openl2m-stats tokens create` instead"
)
# The result for a token: added, changed, revoked, kept or unchanged; and the token's name with details.
Change = tuple[str, str]


def fetch(database_secret: str | bytes, environ: Mapping[str, str]) -> Sequence[Row]:
    """Return the rows of OpenL2M's tokens from the database that RDS's JSON describes.

    The function's settings apply here too, except the secrets'. Raise DatabaseError, SettingsError.
    """
    defaults = {"DATABASE_CA_FILE": str(CA_FILE)}
    unused = {"DATABASE_SECRET_ID": "unused", "TOKENS_SECRET_ID": "unused"}
    configured = settings.load({**defaults, **environ, **unused})._replace(request_timeout_seconds=_SECONDS)
    with contextlib.closing(open_session(database_secret, configured)) as session:
        return session.rows(_STATEMENT)


def to_entries(rows: Iterable[Row]) -> tuple[list[Entry], list[str], list[int]]:
    """Return an entry for each row that can be imported, and a note for each row that needs one.

    Also return the numbers of active users' tokens whose keys cannot be read.
    """
    entries, notes, unreadable = [], [], []
    for number, key, created, expires, description, allowed_ips, username, is_active in rows:
        row = f"token {number} of {username}"
        if not isinstance(key, str) or not is_key(key):
            notes.append(f"{row} is left out: {_why_not(key)}")
            unreadable += [number] if is_active else []
            continue
        try:
            instants = {
                "created": timestamp(read_instant(created)),
                "expires": None if expires is None else timestamp(read_instant(expires)),
            }
        except ValueError:
            notes.append(f"{row} is left out: its times cannot be read")
            continue
        networks, unusable = _networks(allowed_ips)
        if unusable:
            notes.append(f"{row}: these allowed addresses cannot be read, and permit nobody: {', '.join(unusable)}")
        entries.append(
            {
                "name": f"openl2m-{number}-{username}",
                "sha256": hashlib.sha256(key.encode()).hexdigest(),
                **instants,
                "allowed_ips": networks,
                "active": bool(is_active),
                "description": description,
                "source": SOURCE,
            }
        )
    return entries, notes, unreadable


def _why_not(key: object) -> str:
    if not key:
        return f"OpenL2M's database does not have its key. {_HASHED}"
    if isinstance(key, str) and is_key(key.lower()):
        return "its key has capital letters, and the API accepts lowercase hex digits only"
    return f"its key is not 40 lowercase hex digits. {_HASHED}"


def carry_over(imported: Sequence[Entry], unreadable: Iterable[int] = ()) -> Edit[list[Change]]:
    """Update the registry's tokens from OpenL2M to `imported`; revoke those that are no longer in it.

    A token that was made, revoked or rotated here is left as it is. So is one whose number is in `unreadable`: OpenL2M
    has it, but not its key.
    """
    prefixes = tuple(f"{SOURCE}-{number}-" for number in unreadable)
    news = {entry["sha256"]: entry for entry in imported}

    def edit(entries: list[Any]) -> list[Change]:
        changes: list[Change] = []
        present = set()
        for entry in entries:
            if not isinstance(entry, dict) or not isinstance(entry.get("sha256"), str):
                continue
            sha256 = entry["sha256"].lower()
            present.add(sha256)
            new = news.get(sha256)
            if entry.get("source") != SOURCE or "revoked" in entry:
                changes += [("kept", f"{new['name']}: it was created, revoked or rotated here")] if new else []
            elif new:
                changes.append(_update(entry, new))
            elif str(entry.get("name")).startswith(prefixes):
                changes.append(("kept", f"{entry['name']}: its key in OpenL2M can no longer be read"))
            elif entry.get("active") is not False:
                entry["active"] = False
                changes.append(("revoked", f"{entry.get('name')}: OpenL2M no longer has it"))
        added = [new for sha256, new in news.items() if sha256 not in present]
        entries += [dict(new) for new in added]
        return changes + [("added", new["name"]) for new in added]

    return edit


def _update(entry: Entry, new: Entry) -> Change:
    # The name stays the same even if the user has been renamed.
    changed = [key for key, value in new.items() if key not in {"name", "sha256"} and entry.get(key) != value]
    entry |= {key: new[key] for key in changed}
    name = str(entry.get("name"))
    return ("changed", f"{name}: {', '.join(changed)}") if changed else ("unchanged", name)


def _networks(text: str) -> tuple[list[str], list[str]]:
    """Return the addresses of a list for the registry, and those that cannot be read.

    An empty list permits everybody. One without a usable item permits nobody, and stays as it is.
    """
    items = text.replace(" ", "").split(",") if text else []
    usable = [item for item in items if is_network(item)]
    unusable = [repr(item) for item in items if item not in usable and (item or not usable)]
    return usable or items, unusable
