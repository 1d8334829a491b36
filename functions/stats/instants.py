"""Instants as text: ISO 8601."""

from datetime import UTC, datetime


def timestamp(instant: datetime) -> str:
    """Return an instant in UTC, with a Z."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def parse_instant(text: str) -> datetime:
    """Return the instant in UTC. Raise ValueError when it is none, or has no offset."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("no offset from UTC")
    return instant.astimezone(UTC)
