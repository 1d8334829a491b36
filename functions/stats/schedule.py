"""EventBridge in, snapshot out."""

import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

from stats.app import Container, build
from stats.base import settings
from stats.base.deadline import Deadline
from stats.base.instants import timestamp
from stats.base.remote import SourceError
from stats.base.telemetry import count, logger, metrics, report
from stats.database.driver import DatabaseError
from stats.snapshots.store import Snapshot, Snapshots

# The function's timeout is 5 s more than REQUEST_TIMEOUT_SECONDS: a statement that took all of the latter still gets
# its snapshot written.
_WRITE_SECONDS = 4
# latest.json never goes back: a time far ahead, once written, would stay the newest for as long.
_MOST_AHEAD = timedelta(minutes=5)


class ScheduleError(Exception):
    """No snapshot can be taken for this event, or something unforeseen happened; the text is fit for a log."""


def _open_snapshots(container: Container) -> Snapshots:
    if container.snapshots is None:
        raise settings.SettingsError("SNAPSHOT_BUCKET is not set: it takes the name of the bucket of the snapshots")
    return container.snapshots


_container = build(settings.load(), s3_attempts=2)
_snapshots = _open_snapshots(_container)


def handler(event: Any, context: Any) -> dict[str, str | bool]:
    """Take the snapshot of the event's scheduled time, if there is none yet, and tell which one there is.

    The event is a Scheduler's input with `scheduled_for`, a rule's with `time`, or anything else when invoked
    by hand: then the time is now. A failure raises, so that Lambda tries again and the alarms see it.
    """
    logger.append_keys(function_request_id=getattr(context, "aws_request_id", None))
    try:
        return _take(
            event, Deadline.of_invocation(_container.settings.request_timeout_seconds + _WRITE_SECONDS, context)
        )
    except (ScheduleError, SourceError) as error:
        report("snapshot failed", "SnapshotFailure", error)
        raise
    except Exception as error:  # noqa: BLE001 the runtime logs what is raised, and its text may quote a secret
        name = type(error).__name__
        logger.error("unforeseen", error=name, trace=traceback.format_tb(error.__traceback__))
        count("SnapshotFailure")
        raise ScheduleError(f"unforeseen {name}; the log says more") from None
    finally:
        metrics.flush_metrics()


def _take(event: Any, deadline: Deadline) -> dict[str, str | bool]:
    scheduled_for = _scheduled_for(event, deadline.now)
    reading = deadline.share(1, _container.settings.request_timeout_seconds)
    try:
        document = _container.database.document(reading)
    except DatabaseError as error:
        report("database failed", "DatabaseFailure", error)
        raise
    taken = Snapshot(document, deadline.now, scheduled_for)
    snapshot, changed = _snapshots.write(taken, deadline.share(1, max(reading.left, _WRITE_SECONDS)))
    # Another run may have stored this one's snapshot, or this one have finished another's: both are successes.
    if changed or snapshot == taken:
        count("SnapshotWritten")
    result: dict[str, str | bool] = {
        "key": _container.settings.snapshot_prefix + snapshot.key,
        "scheduled_for": timestamp(snapshot.scheduled_for),
        "taken_at": timestamp(snapshot.taken_at),
        "written": snapshot == taken,
    }
    logger.info("snapshot", extra=result)
    return result


def _scheduled_for(event: Any, now: datetime) -> datetime:
    given = event if isinstance(event, dict) else {}
    name = next((name for name in ("scheduled_for", "time") if name in given), None)
    if name is None:
        return now.replace(microsecond=0)
    try:
        instant = datetime.fromisoformat(given[name])
    except (TypeError, ValueError):
        raise ScheduleError(f"the event's {name!r} is not an ISO 8601 time") from None
    if instant.tzinfo is None:
        raise ScheduleError(f"the event's {name!r} has no offset from UTC")
    if instant > now + _MOST_AHEAD:
        raise ScheduleError(f"the event's {name!r} is yet to come")
    try:
        return instant.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise ScheduleError(f"the event's {name!r} is before the year 1") from None
