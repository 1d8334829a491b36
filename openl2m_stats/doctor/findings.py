"""What a check found."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One check's outcome: its state and name, what was seen, and, where something is wrong, what to do about it.

    `skip` is the state of a check that cannot be made because another failed.
    """

    state: Literal["ok", "warn", "FAIL", "skip"]
    name: str
    seen: str
    advice: str = ""


def listed(items: list[str], most: int) -> str:
    """Return the items as text, no more than `most` of them."""
    more = len(items) - most
    return ", ".join(items[:most]) + (f" and {more} more" if more > 0 else "")
