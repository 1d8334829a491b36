"""Replaying failed snapshot runs: an event leaves the queue only once its snapshot is stored."""

import sys
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from openl2m_stats.deployed.invocation import InvocationError, run_snapshot
from openl2m_stats.deployed.queue import Failure, Queue
from openl2m_stats.errors import Failed

SHOWN = 8  # characters of an id
_SECONDS = 900  # for the events of a batch, one after the other
_REFUSED = "ScheduleError"  # the function's error for an event that it will never accept


@dataclass(frozen=True)
class Outcome:
    """The replayed events, and those that the function refused."""

    replayed: list[dict[str, object]]
    refused: list[dict[str, str]]

    def refuse(self, failure: Failure, why: str) -> None:
        """Record and print that the function refused an event."""
        print(f"{failure.id[:SHOWN]} was refused: {why.rstrip('.')}.", file=sys.stderr)
        self.refused.append({"id": failure.id, "reason": why})


def chosen(queue: Queue, ids: Sequence[str]) -> Generator[Failure]:
    """Yield the failures with some ids, or all. Afterwards, others can receive again those still in the queue."""
    received: list[Failure] = []
    missing = set(ids)
    try:
        for batch in queue.receive(_SECONDS):
            received += batch
            for failure in batch:
                matches = {each for each in ids if failure.id.startswith(each)}
                if matches or not ids:
                    yield failure
                missing -= matches
            if ids and not missing:
                return
        if missing:
            raise Failed(f"Not in the queue: {', '.join(sorted(missing))}.")
    finally:
        queue.release(received)


def replay(queue: Queue, function: str, failure: Failure, outcome: Outcome, *, quietly: bool) -> None:
    """Take the snapshot of a failed run, or record that the function refused its event, and print the outcome.

    Raise InvocationError or one of AWS_ERRORS; the event is then still in the queue.
    """
    if failure.event is None:
        outcome.refuse(failure, "it is not a schedule's event")
        return
    try:
        snapshot = run_snapshot(function, failure.event)
    except InvocationError as error:
        if error.kind != _REFUSED:
            raise
        outcome.refuse(failure, str(error))
        return
    # If this fails, another replay takes no second snapshot: the function finds the stored one.
    queue.delete(failure)
    outcome.replayed.append({"id": failure.id, **snapshot})
    if not quietly:
        there = "" if snapshot.get("written") else ", which existed already"
        print(f"{failure.id[:SHOWN]}: {snapshot['key']}{there}", flush=True)
