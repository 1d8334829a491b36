"""`openl2m-stats failures`: the snapshot runs that failed at every attempt, whose events wait in the stack's queue."""

import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import click

from openl2m_stats.aws import AWS_ERRORS, explain
from openl2m_stats.deployed.invocation import InvocationError
from openl2m_stats.deployed.queue import Failure, Queue
from openl2m_stats.deployed.replaying import SHOWN, Outcome, chosen
from openl2m_stats.deployed.replaying import replay as replay_one
from openl2m_stats.deployed.stack import Account, named, reading
from openl2m_stats.errors import Failed
from openl2m_stats.parameters import Parsed, WrongUsage, confirm, of_stack
from openl2m_stats.terminal import table, wrap

_LIST_SECONDS = 60
_REASON_COLUMNS = 24
_QUEUE = "SnapshotFailuresUrl"


@click.group(name="failures", no_args_is_help=False)
def command() -> None:
    """Show, replay or delete the events of failed snapshot runs.

    A run that failed at every attempt leaves its event in a queue for 14 days. An alarm is on as long as the queue has
    events.
    """


@dataclass(frozen=True)
class _Stack:
    name: str
    queue: Queue
    function: str


def _open(name: str) -> _Stack:
    with reading(name):
        account = Account.of()
        stack = account.describe(name)
        queue = Queue(account.client("sqs"), stack.output(_QUEUE))
        return _Stack(name, queue, stack.output("SnapshotFunctionName"))


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@of_stack
def list_(stack: str | None, as_json: bool) -> int:
    """List the failed runs.

    It does not change the queue. The exit code is 1 if there are failed runs.
    """
    opened = _open(named(stack))
    with reading(opened.name):
        _, hidden = opened.queue.waiting()  # before some are hidden here
        failures = sorted(_look(opened.queue), key=lambda failure: (failure.failed_at, failure.id))
    if as_json:
        keys = ("id", "scheduled_for", "failed_at", "error", "event")
        print(json.dumps([{key: getattr(each, key) for key in keys} for each in failures], indent=2))
        return int(bool(failures))
    if failures:
        rows = [["id", "scheduled for", "failed at", "reason"]]
        rows += [[each.id[:SHOWN], each.scheduled_for or "?", each.failed_at, each.error] for each in failures]
        print("\n".join(table([[*map(_line, row[:3]), wrap(row[3], _REASON_COLUMNS)] for row in rows])))
    else:
        print("There are no failed runs.")
    if hidden:
        print(f"{hidden:,} more are being replayed, or were until a moment ago.", file=sys.stderr)
    return int(bool(failures))


def _line(text: str) -> list[str]:
    return [text]


def _look(queue: Queue) -> Sequence[Failure]:
    """Return the failures, which others can receive again immediately."""
    found: list[Failure] = []
    try:
        for batch in queue.receive(_LIST_SECONDS):
            found += batch
    finally:
        queue.release(found)
    return found


def _id(text: str) -> str:
    if len(text) < 4 or not set(text) <= set("0123456789abcdef-"):
        raise ValueError("it takes an id from `failures list`, or at least its first 4 characters")
    return text


@command.command()
@click.argument("ids", metavar="[ID]...", type=Parsed("ID", _id), nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Replay all of them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@of_stack
def replay(stack: str | None, ids: tuple[str, ...], everything: bool, as_json: bool) -> int:
    """Take the snapshots of failed runs, with the current numbers.

    Each event stays in the queue until its snapshot is stored. A snapshot that exists already is not taken again. An
    event that the function refuses is skipped; after any other failure, replaying stops. The exit code is 1 if an event
    could not be replayed.
    """
    if bool(ids) == everything:
        raise WrongUsage("name the events by their ids, or use --all", click.get_current_context())
    opened = _open(named(stack))
    outcome = Outcome([], [])
    stopped = ""
    try:
        with contextlib.closing(chosen(opened.queue, ids)) as failures:
            for failure in failures:
                replay_one(opened.queue, opened.function, failure, outcome, quietly=as_json)
    except InvocationError as error:
        stopped = str(error)
    except AWS_ERRORS as error:
        stopped = explain(error)
    except Failed as error:  # an id is not in the queue, though others may have been
        if as_json:
            _print_json(outcome, error.message)
        raise
    if stopped:
        print(f"Stopped: {stopped.rstrip('.')}.", file=sys.stderr)
    if as_json:
        _print_json(outcome, stopped)
    else:
        stay = " The others stay in the queue." if stopped or outcome.refused else ""
        print(f"{len(outcome.replayed):,} replayed.{stay}")
    return int(bool(stopped or outcome.refused))


def _print_json(outcome: Outcome, stopped: str) -> None:
    print(json.dumps({**asdict(outcome), "stopped": stopped or None}, indent=2))


@command.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@of_stack
def purge(stack: str | None, yes: bool, as_json: bool) -> None:
    """Delete the events of all failed runs, which ends the alarm.

    The missing snapshots are then never taken. SQS needs up to a minute.
    """
    opened = _open(named(stack))
    with reading(opened.name):
        count = sum(opened.queue.waiting())
    events = f"about {count:,} event{'s' if count > 1 else ''}"
    if count and not yes:
        confirm(f"Delete {events} of {opened.name}?")
    if count:
        with reading(opened.name):
            opened.queue.purge()
    if as_json:
        print(json.dumps({"deleted": count}))
    else:
        print(f"SQS is deleting {events}." if count else "There are no failed runs.")
