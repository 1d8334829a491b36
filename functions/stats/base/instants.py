"""Instants in UTC, and their ISO 8601 text; pure."""

from datetime import UTC, datetime


def timestamp(instant: datetime) -> str:
    """Return an instant as ISO 8601, in UTC with a Z."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def parse_instant(text: str) -> datetime:
    """Return the instant of an ISO 8601 text, in UTC.

    Raise ValueError if the text is malformed or has no offset, TypeError if it is not a string, OverflowError outside
    the years 1 to 9999.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("no offset from UTC")
    return instant.astimezone(UTC)


def elapsed(since: datetime | None, now: datetime) -> float | None:
    """Return the seconds from one instant to another.

    None without the first, and when it lies in the future: the clock was set back, and the time that passed is unknown.
    """
    return None if since is None or since > now else (now - since).total_seconds()
