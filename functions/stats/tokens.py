"""`Authorization` values and a client address -> the token's record, or a refusal."""

import hashlib
import hmac
import re
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from stats.backoff import Backoff
from stats.networks import Address, contains, parse_address
from stats.registry import Token, parse_registry
from stats.secret_store import NoValueError, SecretStore, SecretUnavailableError
from stats.settings import Settings
from stats.telemetry import logger, metrics

# ASCII: without it the Kelvin sign would pass for a k.
_AUTHORIZATION = re.compile(r"[ \t]*(?i:token)[ \t]+([0-9a-f]{40})[ \t]*", re.ASCII)


class RefusedError(Exception):
    """The caller may not have the statistics. The text says why, for the log and never for the caller."""


class RegistryUnavailableError(Exception):
    """No registry can be read, and none is held that is young enough."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("the token registry is out of reach")
        self.retry_after = retry_after


class Tokens:
    """The registry as last read, and when to read it again."""

    def __init__(self, settings: Settings, secrets: SecretStore) -> None:
        self._settings = settings
        self._secrets = secrets
        self._registry: tuple[Token, ...] = ()
        self._read_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._backoff = Backoff()

    def authenticate(self, authorizations: Sequence[str], client_address: object, now: datetime) -> Token:
        """Return the token of the one `Authorization` value, if it may be used from the address.

        Raise RefusedError, or RegistryUnavailableError when that cannot be told.
        """
        match = _AUTHORIZATION.fullmatch(authorizations[0]) if len(authorizations) == 1 else None
        if match is None:
            raise RefusedError("no well-formed token")
        address = parse_address(client_address)
        self._check_client(address)

        self._refresh_if_due(now)
        digest = hashlib.sha256(match[1].encode("ascii")).hexdigest()
        matches = self._find(digest)
        if not matches and self._may_look_again(now):
            self.refresh(now)
            matches = self._find(digest)
        if not matches:
            raise RefusedError("unknown token")
        # Two entries may carry one hash; what either permits is permitted.
        problems = [token.problem(address, now) for token in matches]
        for token, problem in zip(matches, problems, strict=True):
            if problem is None:
                return token
        raise RefusedError(f"token {matches[0].name!r} {problems[0]}")

    def refresh(self, now: datetime) -> timedelta:
        """Read the registry. When that fails, keep the one that is held and return how long to wait for it."""
        self._tried_at = now
        started = time.monotonic()
        try:
            self._registry = parse_registry(self._secrets.get(self._settings.tokens_secret_id, refresh=True))
        except NoValueError:
            self._registry = ()
        except (SecretUnavailableError, ValueError) as error:
            logger.error("token registry not readable", error=str(error))
            metrics.add_metric(name="RegistryFailure", unit="Count", value=1)
            return self._backoff.failed(now, time.monotonic() - started)
        self._read_at = now
        self._backoff.succeeded()
        return timedelta()

    def _check_client(self, address: Address | None) -> None:
        denied, allowed = self._settings.client_ip_denied, self._settings.client_ip_allowed
        if denied and (address is None or contains(denied, address)):
            raise RefusedError("client address is in CLIENT_IP_DENIED")
        if allowed and (address is None or not contains(allowed, address)):
            raise RefusedError("client address is not in CLIENT_IP_ALLOWED")

    def _find(self, digest: str) -> list[Token]:
        return [token for token in self._registry if hmac.compare_digest(token.sha256, digest)]

    def _refresh_if_due(self, now: datetime) -> None:
        age = _elapsed(self._read_at, now)
        if age is not None and age < self._settings.tokens_ttl_seconds:
            return
        wait = self._backoff.remaining(now)
        if not wait:
            wait = self.refresh(now)
            age = _elapsed(self._read_at, now)
        if age is None or age > self._settings.max_stale_seconds:
            raise RegistryUnavailableError(wait)
        if age:
            metrics.add_metric(name="RegistryStale", unit="Count", value=1)

    def _may_look_again(self, now: datetime) -> bool:
        since = _elapsed(self._tried_at, now)
        rested = since is None or (since > 0 and since >= self._settings.tokens_refresh_seconds)
        return rested and not self._backoff.remaining(now)


def _elapsed(since: datetime | None, now: datetime) -> float | None:
    """Return the seconds since an instant; None when there is none, or when it lies ahead."""
    if since is None or since > now:
        return None
    return (now - since).total_seconds()
