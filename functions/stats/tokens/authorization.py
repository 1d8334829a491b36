"""`Authorization` values and a client address -> the token's record, or a refusal."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from stats.aws.secrets import NoValueError, SecretStore
from stats.base.deadline import Deadline
from stats.base.networks import Address, contains, parse_address
from stats.base.remote import Remote, RemoteError, UnavailableError
from stats.base.settings import Settings
from stats.base.telemetry import count
from stats.tokens.registry import Token, parse_registry

# The share of a request's time for reading the registry; the statistics need the rest.
_SHARE = 1 / 2

KEY = "[0-9a-f]{40}"  # 160 random bits, like OpenL2M's own
# Without ASCII, the Kelvin sign would match a k.
_AUTHORIZATION = re.compile(rf"[ \t]*(?i:token)[ \t]+({KEY})[ \t]*", re.ASCII)


def is_key(text: str) -> bool:
    """Return whether a text has the form of a key."""
    return re.fullmatch(KEY, text) is not None


class RefusedError(Exception):
    """The caller gets no statistics. The text is the reason, for the log only, never for the caller."""


class UnknownTokenError(RefusedError):
    """The registry has no usable token with this key."""


def judge(tokens: Iterable[Token], key: str, address: Address | None, now: datetime) -> Token:
    """Return the token of a key, if it may be used from the address at the instant `now`. Raise RefusedError."""
    digest = hashlib.sha256(key.encode("ascii")).hexdigest()
    matches = [token for token in tokens if hmac.compare_digest(token.sha256, digest)]
    if not matches:
        raise UnknownTokenError("unknown token")
    # Two entries may have the same hash; each permits what it permits alone.
    problems = [token.problem(address, now) for token in matches]
    for token, problem in zip(matches, problems, strict=True):
        if problem is None:
            return token
    raise RefusedError(f"token {matches[0].name!r} {problems[0]}")


class Tokens:
    """Authorizes callers with the cached registry, and refreshes it when it is stale."""

    def __init__(self, settings: Settings, secrets: SecretStore) -> None:
        self._settings = settings
        self._secrets = secrets
        self._registry = Remote(self._read, "token registry not readable", "RegistryFailure")

    def prepare(self, deadline: Deadline) -> None:
        """Read the registry ahead of the first request, which tries again if this fails."""
        self._registry.refresh_now(deadline)

    def authenticate(self, authorizations: Sequence[str], client_address: object, deadline: Deadline) -> Token:
        """Return the token in the only `Authorization` value, if it may be used from the address.

        Raise RefusedError, or UnavailableError if there is no registry.
        """
        match = _AUTHORIZATION.fullmatch(authorizations[0]) if len(authorizations) == 1 else None
        if match is None:
            raise RefusedError("no well-formed token")
        address = parse_address(client_address)
        self._check_client(address)

        self._refresh_if_due(deadline)
        try:
            return judge(self._registry.value or (), match[1], address, deadline.now)
        except UnknownTokenError:
            if not self._may_look_again(deadline):
                raise
        self._registry.refresh(deadline.share(_SHARE))
        return judge(self._registry.value or (), match[1], address, deadline.now)

    def _read(self, deadline: Deadline) -> tuple[Token, ...]:
        try:
            return parse_registry(self._secrets.get(self._settings.tokens_secret_id, deadline))
        except NoValueError:
            return ()
        except ValueError as error:
            raise RemoteError(str(error)) from None

    def _check_client(self, address: Address | None) -> None:
        denied, allowed = self._settings.client_ip_denied, self._settings.client_ip_allowed
        if denied and (address is None or contains(denied, address)):
            raise RefusedError("client address is in CLIENT_IP_DENIED")
        if allowed and (address is None or not contains(allowed, address)):
            raise RefusedError("client address is not in CLIENT_IP_ALLOWED")

    def _refresh_if_due(self, deadline: Deadline) -> None:
        age = self._registry.age(deadline.now)
        if age is not None and age < self._settings.tokens_ttl_seconds:
            return
        self._registry.refresh(deadline.share(_SHARE))
        age = self._registry.age(deadline.now)
        if age is None or age > self._settings.tokens_max_stale_seconds:
            raise UnavailableError("Tokens cannot be checked at the moment.", self._registry.remaining(deadline.clock))
        if age:
            count("RegistryStale")

    def _may_look_again(self, deadline: Deadline) -> bool:
        since = self._registry.since_attempt(deadline.now)
        return since is None or (since > 0 and since >= self._settings.tokens_refresh_seconds)
