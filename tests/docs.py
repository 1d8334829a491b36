"""All that `make docs` generates: what dev.docs does, and the tables of faults and of alarms, whose rows are tests.

usage: python -m tests.docs [--check]
"""

import sys

from dev import docs
from tests.faults.alarms import shown
from tests.faults.page import tables

_PAGE = "docs/architecture.md"
PARTS: docs.Parts = {
    **docs.PARTS,
    _PAGE: {**docs.PARTS[_PAGE], "faults": tables},
    "docs/operate.md": {"alarms": shown},
}

if __name__ == "__main__":
    sys.exit(docs.main(sys.argv[1:], PARTS))
