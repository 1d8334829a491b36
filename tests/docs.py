"""All that `make docs` generates: what dev.docs does, and what tests know: faults, alarms, and a month of notices.

usage: python -m tests.docs [--check]
"""

import sys

from dev import docs
from tests.faults.alarms import shown
from tests.faults.page import tables
from tests.history_checker import month

_PAGE = "docs/architecture.md"
PARTS: docs.Parts = {
    **docs.PARTS,
    _PAGE: {**docs.PARTS[_PAGE], "faults": tables},
    "docs/operate.md": {"alarms": shown},
    "docs/notices.md": {"month": month.page},
}

if __name__ == "__main__":
    sys.exit(docs.main(sys.argv[1:], PARTS))
