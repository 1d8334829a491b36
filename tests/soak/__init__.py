"""What only shows under load, or after a long time: `make soak` runs it in full, `make test-slow` in a short form."""

import os

FULL = os.environ.get("STATS_TEST_SOAK") == "full"
