"""Settings that make a stack's API answer 401 to everybody or to this machine, even if it cannot read the tokens."""

from collections.abc import Mapping

_REASONS = {
    "ApiEnabled": "ApiEnabled=false refuses every call",
    "ClientIpAllowed": "ClientIpAllowed may refuse this machine's address",
    "ClientIpDenied": "ClientIpDenied may refuse this machine's address",
}


def unproven(parameters: Mapping[str, str]) -> str | None:
    """Return why a 401 does not show that the function can read the token secret; None if it does."""
    found = (reason for name, reason in _REASONS.items() if _restricts(name, parameters))
    return next((f"{reason}, so this does not show that it can read the tokens" for reason in found), None)


def _restricts(name: str, parameters: Mapping[str, str]) -> bool:
    return parameters.get(name) == "false" if name == "ApiEnabled" else bool(parameters.get(name))
