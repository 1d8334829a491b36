"""Containers as processes of their own, many at once: each is handed a list of events with instants."""

import contextlib
import importlib
import json
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

# Imported once, by the process that the workers are forked from; the package itself is imported by each.
import aws_lambda_powertools  # noqa: F401
import botocore.session  # noqa: F401
import time_machine

# (event, instant): None is now, on a clock that runs.
Work = tuple[Any, datetime | None]


class Worker:
    """One process: `hand` it work, and `collect` what its handler returned."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def hand(self, work: Sequence[Work]) -> None:
        self._connection.send(work)

    def collect(self) -> list[dict[str, Any]]:
        results = self._connection.recv()
        if isinstance(results, str):
            raise AssertionError(results)
        return list(results)


@contextlib.contextmanager
def workers(count: int, module: str) -> Iterator[list[Worker]]:
    """Start so many containers of a function under the environment as it is, and wait until all are warm."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    started: list[tuple[Any, Connection]] = []
    for _ in range(count):
        ours, theirs = context.Pipe()
        process = context.Process(target=_run, args=(theirs, module, dict(os.environ)), daemon=True)
        process.start()
        theirs.close()
        started.append((process, ours))
    try:
        for _, connection in started:
            assert connection.recv() == "warm"
        yield [Worker(connection) for _, connection in started]
    finally:
        for process, connection in started:
            connection.close()
            process.join(20)
            process.close()


def _run(connection: Connection, module: str, environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    with contextlib.suppress(EOFError), Path(os.devnull).open("w") as silence:
        sys.stdout = silence
        handler = importlib.import_module(module).handler
        connection.send("warm")
        while True:
            work = connection.recv()
            try:
                connection.send([_invoke(handler, event, instant) for event, instant in work])
            except Exception as error:  # noqa: BLE001 the test is to see it
                connection.send(repr(error))


def _invoke(handler: Any, event: Any, instant: datetime | None) -> Any:
    clock = contextlib.nullcontext() if instant is None else time_machine.travel(instant, tick=False)
    with clock:
        return json.loads(json.dumps(handler(event, None)))
