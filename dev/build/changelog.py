"""What CHANGELOG.md says of a version.

usage: python -m dev.build.changelog VERSION    print a version's notes, or those of *Unreleased*
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

_CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
UNRELEASED = "Unreleased"


def sections() -> dict[str, str]:
    """Return the text below each version's heading, the newest first; `Unreleased` is one of them."""
    parts = re.split(r"(?m)^## (?:(\d+\.\d+\.\d+) – \d{4}-\d\d-\d\d|(Unreleased))$", _CHANGELOG.read_text())
    return {
        number or unreleased: text.strip()
        for number, unreleased, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    }


def kinds(notes: str) -> Mapping[str, str]:
    """Return the text below each of a version's headings, such as *Added*."""
    parts = re.split(r"(?m)^### (\w+)$", notes)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def notes(version: str) -> str:
    """Return a version's notes, or those of *Unreleased* while it has none of its own."""
    found = sections()
    return found.get(version) or found[UNRELEASED]


if __name__ == "__main__":
    print(notes(sys.argv[1]))
