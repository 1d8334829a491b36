"""`python -m openl2m_stats`: the command `openl2m-stats`."""

import sys

from openl2m_stats.cli import main

sys.exit(main())
