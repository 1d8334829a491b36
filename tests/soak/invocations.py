"""A container as a process of its own that is invoked very often, and tells how it fares: JSON, one object a tenth.

Arguments: how often, and two keys, of which the second is no token's.
"""

import contextlib
import importlib
import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import time_machine

from tests.support.events import http_api, rest_api

# Each time so many seconds later: statistics and registry are due again with every 20th invocation.
_STEP_SECONDS = 3


def events(key: str, unknown: str) -> Iterator[Any]:
    """Yield events of every kind, again and again."""
    authorization, other = ("Authorization", f"Token {key}"), ("Authorization", f"Token {unknown}")
    return itertools.cycle(
        [
            http_api(headers=[authorization]),
            rest_api(headers=[authorization, ("If-None-Match", "*")]),
            http_api("HEAD", headers=[authorization]),
            http_api("POST", headers=[authorization]),
            rest_api(headers=[other]),
            http_api(),
            http_api("OPTIONS"),
            http_api("PUT", headers=[authorization]),
            http_api(path="/"),
            http_api(path="/nothing"),
            {"Records": []},
        ]
    )


def _sockets() -> int:
    count = 0
    for each in list(Path("/proc/self/fd").iterdir()):
        with contextlib.suppress(FileNotFoundError):  # that of the directory itself
            count += str(each.readlink()).startswith("socket:")
    return count


def _of_process(name: str) -> int:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1])


def main(times: int, key: str, unknown: str) -> None:
    """Invoke, and print what was measured."""
    results = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the function's log
    with time_machine.travel(datetime.now(UTC), tick=False) as clock:
        handler = importlib.import_module("stats.api").handler
        found = []
        coming = events(key, unknown)
        for _ in range(10):
            taken: list[float] = []
            statuses: Counter[int] = Counter()
            for event in itertools.islice(coming, times // 10):
                started = time.perf_counter()
                answer = handler(event, None)
                taken.append(time.perf_counter() - started)
                statuses[answer["statusCode"]] += 1
                clock.shift(timedelta(seconds=_STEP_SECONDS))
            taken.sort()
            found.append(
                {
                    "median": median(taken) * 1000,
                    "95th": taken[len(taken) * 95 // 100] * 1000,
                    "memory": _of_process("VmRSS") / 1024,
                    "threads": _of_process("Threads"),
                    "sockets": _sockets(),
                    "statuses": statuses,
                }
            )
    os.write(results, json.dumps(found).encode())


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
