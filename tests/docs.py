"""All that `make docs` generates: what dev.docs does, and the table of faults, whose rows are tests.

usage: python -m tests.docs [--check]
"""

import sys

from dev import docs
from tests.faults.page import tables

_PAGE = "docs/architecture.md"
PARTS: docs.Parts = {**docs.PARTS, _PAGE: {**docs.PARTS[_PAGE], "faults": tables}}

if __name__ == "__main__":
    sys.exit(docs.main(sys.argv[1:], PARTS))
