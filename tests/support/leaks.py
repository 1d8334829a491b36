"""The secrets that the tests made; conftest.py searches all output for them."""

import secrets

_REMEMBERED: set[str] = set()


def remember(secret: str) -> str:
    """Note a secret that no output may hold, and return it."""
    _REMEMBERED.add(secret)
    return secret


def new_password() -> str:
    return remember("P" + secrets.token_hex(12))


def new_key() -> str:
    """Return a token's key, as OpenL2M makes them: 160 random bits in 40 hex digits."""
    return remember(secrets.token_hex(20))


def found_in(text: str) -> set[str]:
    return {secret for secret in _REMEMBERED if secret in text}
