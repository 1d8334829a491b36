"""One warm container of the function: a process of its own, in which nothing runs but the function and the clock.

usage: python -m dev.bench.probe fresh|cached SECONDS
       python -m dev.bench.probe told

Prints one JSON object: `samples`, the nanoseconds of every call; for `fresh` also a `document` and its instant `now`.
`told` reads how many fresh answers are wanted, a number a line, and prints a JSON list of their nanoseconds for each.
What the function itself writes goes to /dev/null, each line at once, as Lambda's runtime writes it.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TextIO

from dev.bench.timing import measure, sample

_EVENTS = Path(__file__).parents[2] / "events"
_CONTEXT = SimpleNamespace(aws_request_id="3f2504e0-4f89-11d3-9a0c-0305e82c3301")


def fresh(seconds: float) -> dict[str, Any]:
    """Measure what goes to the database: an answer, its statement alone, and a statement that does nothing."""
    from stats.aws.secrets import SecretStore
    from stats.base import settings
    from stats.base.deadline import Deadline
    from stats.database import session as database
    from stats.database.secret import parse_server
    from stats.reading import Reader

    configured, secrets = settings.load(), SecretStore()
    opened = database.Database(configured, partial(secrets.get, configured.database_secret_id))
    reader = Reader(opened, configured.time_zone)

    def deadline() -> Deadline:
        return Deadline.after(configured.request_timeout_seconds)

    server = parse_server(secrets.get(configured.database_secret_id, deadline()), configured)

    idle = database.connect(server, configured, deadline())
    calls = {
        "fresh": _request("get_stats", 200, "fwd=miss"),
        "statement": lambda: reader.read(deadline()),
        "select_1": lambda: idle.fetch("SELECT 1", deadline()),
    }
    samples, last = sample(calls, seconds), deadline()
    return {
        "samples": samples,
        "now": last.now.isoformat(),
        "document": reader.read(last),
    }


def cached(seconds: float) -> dict[str, Any]:
    """Measure what is answered from memory, or refused."""
    _request("get_stats", 200)()
    calls = {
        "cached": _request("get_stats", 200, "detail=memory"),
        "head": _request("head_stats", 200, "detail=memory"),
        "not_modified": _request("conditional", 304, "detail=memory"),
        "refused": _request("unknown_token", 401),
    }
    return {"samples": sample(calls, seconds)}


def told(wanted: Iterable[str], results: TextIO) -> None:
    """Answer from the database when told to, so that several containers take turns."""
    call = _request("get_stats", 200)
    for line in wanted:
        print(json.dumps([measure(call) for _ in range(int(line))]), file=results, flush=True)


def _request(name: str, status: int, cache_status: str = "") -> Callable[[], None]:
    """Return a call of the handler with an event of events/, which must be answered so."""
    from stats.api import handler

    event = json.loads((_EVENTS / f"{name}.json").read_text())

    def call() -> None:
        answer = handler(event, _CONTEXT)
        if answer["statusCode"] != status or cache_status not in answer["headers"].get("Cache-Status", ""):
            raise RuntimeError(f"{name} was answered {answer}")

    return call


def main(arguments: list[str]) -> int:
    """Return the exit code."""
    results = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
    match arguments:
        case ["told"]:
            told(sys.stdin, results)
        case [what, seconds]:
            json.dump({"fresh": fresh, "cached": cached}[what](float(seconds)), results)
    results.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
