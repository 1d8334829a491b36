"""The token secret: which tokens the API accepts, and which are malformed or expire soon."""

from datetime import UTC, datetime, timedelta
from typing import Any

from openl2m_stats.doctor.aws import SECONDS, secret_advice
from openl2m_stats.doctor.findings import Finding, Known, listed
from openl2m_stats.tokens.registry import MOST_BYTES
from stats.aws.secrets import NoValueError, SecretUnavailableError
from stats.base.deadline import Deadline
from stats.tokens.registry import Token, parse_document, parse_entries

_SOON = timedelta(days=14)
_NEARLY_FULL_BYTES = 58_000
_MOST = 5
_FORM = 'It is {"tokens": [{"name": "…", "sha256": "<64 hex digits>"}, …]}; openl2m-stats tokens create writes one.'


def check_token_secret(known: Known) -> Finding:
    """Check that the registry is readable, and count its usable, malformed and expiring tokens."""
    secret_id = known.settings.tokens_secret_id
    try:
        text = known.store.get(secret_id, Deadline.after(SECONDS))
        entries = parse_document(text)["tokens"]
    except NoValueError:
        return _empty(f"{secret_id} has no value")
    except SecretUnavailableError as error:
        advice = secret_advice(str(error), "TOKENS_SECRET_ID")
        return Finding("FAIL", f"{secret_id} cannot be read: {error}", advice)
    except ValueError as error:
        return Finding("FAIL", f"{secret_id} is not a token list: {error}", _FORM)
    return _of_entries(entries, len(text.encode() if isinstance(text, str) else text))


def _empty(seen: str) -> Finding:
    return Finding("warn", f"{seen}: every caller gets 401", f"Create a token. {_FORM}")


def _of_entries(entries: list[Any], size: int) -> Finding:
    if not entries:
        return _empty("it has no tokens")
    now = datetime.now(UTC)
    tokens, problems = parse_entries(entries)
    malformed = [f"{name} ({problem})" for name, problem in problems]
    malformed += [f"{token.name} (none of its networks is usable)" for token in tokens if token.allowed_ips == ()]
    active = [token for token in tokens if token.active and token.allowed_ips != ()]
    usable = [token for token in active if not _expired(token, now)]
    expired = _without_successor(active, now)
    ending = [name for name in _without_successor(active, now + _SOON) if name not in expired]
    wrong = {"malformed": malformed, f"expiring within {_SOON.days} days": ending, "expired": expired}
    seen = [f"{len(usable)} usable"]
    seen += [f"{len(names)} {what}: {listed(names, _MOST)}" for what, names in wrong.items() if names]
    off = sum(not token.active for token in tokens)
    seen += [f"{off} switched off"] if off else []
    seen += [f"{size:,} of {MOST_BYTES:,} bytes"]
    advice = [
        "Every caller gets 401: create a token." if not usable else "",
        "Malformed entries are ignored: correct or remove them." if malformed else "",
        "Renew what is still needed, and remove the rest." if ending or expired else "",
        "Secrets Manager accepts no larger value: remove entries." if size > _NEARLY_FULL_BYTES else "",
    ]
    text = " ".join(each for each in advice if each)
    return Finding("warn" if text else "ok", "; ".join(seen), text)


def _expired(token: Token, at: datetime) -> bool:
    return token.expires is not None and token.expires <= at


def _without_successor(tokens: list[Token], at: datetime) -> list[str]:
    """Return the names whose tokens have all expired at an instant; after a rotation, a name has two."""
    lasting = {token.name for token in tokens if not _expired(token, at)}
    return list(dict.fromkeys(token.name for token in tokens if token.name not in lasting))
