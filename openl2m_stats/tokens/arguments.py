"""Parsers for the arguments of `openl2m-stats tokens`. A malformed one may be a key, so no message repeats it."""

import re
from datetime import UTC, date, datetime, time, timedelta

from stats.base.instants import timestamp
from stats.base.networks import Address, parse_address, parse_network

_DURATION = re.compile(r"([0-9]{1,5})([dh])")


def name(text: str) -> str:
    """Return a token's name. Raise ValueError."""
    if not text.isprintable() or text != text.strip() or not text:
        raise ValueError("it takes printable characters, without leading or trailing spaces")
    return text


def duration(text: str) -> timedelta:
    """Return the duration of a text such as `24h` or `90d`. Raise ValueError."""
    match = _DURATION.fullmatch(text)
    if not match or not int(match[1]):
        raise ValueError("it takes hours or days, such as 24h or 90d")
    return timedelta(hours=int(match[1]) * (24 if match[2] == "d" else 1))


def next_new_year() -> date:
    """Return a date to come, for examples."""
    return date(datetime.now(UTC).year + 1, 1, 1)


def expiry(text: str) -> str | None:
    """Return the instant of a duration from now or of a date, as the registry has it; None for `never`.

    Raise ValueError.
    """
    if text == "never":
        return None
    now = datetime.now(UTC).replace(microsecond=0)
    if _DURATION.fullmatch(text):
        return timestamp(now + duration(text))
    try:
        instant = datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        raise ValueError(f"it takes 90d, 12h, a date such as {next_new_year()}, or never") from None
    if instant <= now:
        raise ValueError("that is in the past; a date means the start of that day in UTC")
    return timestamp(instant)


def networks(text: str) -> list[str]:
    """Return the networks, separated by commas; host bits are dropped. Raise ValueError."""
    try:
        return [str(parse_network(item)) for item in text.split(",")]
    except ValueError:
        raise ValueError("it takes networks separated by commas, such as 10.0.0.0/8,2001:db8::/32") from None


def is_network(text: str) -> bool:
    """Return whether a text is a network or an address."""
    try:
        parse_network(text)
    except ValueError:
        return False
    return True


def address(text: str) -> Address:
    """Return an IP address. Raise ValueError."""
    parsed = parse_address(text)
    if parsed is None:
        raise ValueError("it takes an IP address, such as 10.1.2.3")
    return parsed
