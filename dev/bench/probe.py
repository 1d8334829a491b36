"""One warm container of the function, in a process where nothing else runs.

Reads how many requests to make, one number a line, and prints the nanoseconds of their answers as a JSON list. The
function's own output goes to /dev/null, line by line as in Lambda's runtime.
"""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

from dev.bench.timing import measure

_EVENT = Path(__file__).parents[2] / "events/get_stats.json"
_CONTEXT = SimpleNamespace(aws_request_id="3f2504e0-4f89-11d3-9a0c-0305e82c3301")


def main() -> None:
    """Answer until standard input ends."""
    results = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
    from stats.api import handler

    event = json.loads(_EVENT.read_text())

    def call() -> None:
        answer = handler(event, _CONTEXT)
        if answer["statusCode"] != 200 or "detail=stale" in answer["headers"]["Cache-Status"]:
            raise RuntimeError(f"the function answered {answer}")

    for line in sys.stdin:
        print(json.dumps([measure(call) for _ in range(int(line))]), file=results, flush=True)


if __name__ == "__main__":
    main()
