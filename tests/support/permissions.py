"""The rights that docs/permissions.md lists for the commands that operate a stack."""

import re

from tests.support.documents import ROOT


def documented() -> dict[str, set[str]]:
    """Return the actions of IAM that each command needs."""
    text = (ROOT / "docs/permissions.md").read_text()
    section = text[text.index("\n## Operating\n") :]
    rows = re.findall(r"^\| `([a-z -]+)` \| (.*) \|$", section, re.MULTILINE)
    return {command: set(re.findall(r"`([a-z0-9]+:\w+)`", rights)) for command, rights in rows}
