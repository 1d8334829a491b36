"""EventBridge in, snapshot out."""

from datetime import datetime, timedelta
from typing import Any

from stats.app import DOCTOR_EVENT, App, build
from stats.base import settings
from stats.base.deadline import Deadline
from stats.base.instants import parse_instant, timestamp
from stats.base.remote import RemoteError
from stats.base.telemetry import count, logger, metrics, report, report_unforeseen
from stats.database.driver import DatabaseError
from stats.snapshots.store import Snapshot, Snapshots

# The function's timeout is 5 s more than REQUEST_TIMEOUT_SECONDS, so that the snapshot can be written even if the
# statement used all of that.
_WRITE_SECONDS = 4
# latest.json is never replaced by an older snapshot: a time far in the future would stay the newest until then.
_MOST_AHEAD = timedelta(minutes=5)
# A queue keeps an event for 14 days at most: an older time is a mistake, such as a console's sample event of 1970.
_MOST_LATE = timedelta(days=14)
_SCHEDULED = "Scheduled Event"  # detail-type
_TAKES = "the function takes {} (now), a Scheduler's input with 'scheduled_for', or the event of a rule or a Scheduler"


class ScheduleError(Exception):
    """No snapshot can be taken for this event, or an unexpected error occurred; the text may be logged."""


def _begin() -> tuple[App, Snapshots]:
    app = build(settings.load(), s3_attempts=2)
    if app.snapshots is None:
        raise settings.SettingsError("SNAPSHOT_BUCKET is not set: it takes the name of the bucket of the snapshots")
    return app, app.snapshots


# Without settings, this module can be imported all the same.
_parts = _begin() if settings.given() else None


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Take the snapshot of the event's scheduled time unless there is one; return which one is stored.

    The event is a Scheduler's input with `scheduled_for`, a rule's or a Scheduler's own with `time`, or empty when
    invoked by hand: then the time is now. A failure, such as any other event, raises, so that Lambda tries again
    and the alarms see it. To the event of `openl2m-stats doctor`, return the function's own findings.
    """
    logger.append_keys(function_request_id=getattr(context, "aws_request_id", None))
    try:
        app, snapshots = _parts or _begin()
        if event == DOCTOR_EVENT:
            return _examine(app, Deadline.of_invocation(app.settings.request_timeout_seconds, context))
        seconds = app.settings.request_timeout_seconds + _WRITE_SECONDS
        return _take(app, snapshots, event, Deadline.of_invocation(seconds, context))
    except (ScheduleError, RemoteError) as error:
        report("snapshot failed", "SnapshotFailure", error)
        raise
    except Exception as error:  # noqa: BLE001 the runtime would log the error, whose text may quote a secret
        report_unforeseen(error, "SnapshotFailure")
        raise ScheduleError(f"unforeseen {type(error).__name__}; the log says more") from None
    finally:
        if metrics.metric_set:
            metrics.flush_metrics()


def _examine(app: App, deadline: Deadline) -> dict[str, Any]:
    from stats.doctor.examination import examine_snapshots

    return examine_snapshots(app, deadline)


def _take(app: App, snapshots: Snapshots, event: Any, deadline: Deadline) -> dict[str, str | bool]:
    scheduled_for = _scheduled_for(event, deadline.now)
    reading = deadline.share(1, app.settings.request_timeout_seconds)
    try:
        document = app.reader.read(reading)
    except DatabaseError as error:
        report("database failed", "DatabaseFailure", error)
        raise
    server = app.database.server
    taken = Snapshot(document, deadline.now, scheduled_for, app.settings.time_zone, server.place if server else None)
    snapshot, changed = snapshots.write(taken, deadline.share(1, max(reading.left, _WRITE_SECONDS)))
    # Another run may have stored this run's snapshot, or this run may have completed another's: both are successes.
    if changed or snapshot == taken:
        count("SnapshotWritten")
    result: dict[str, str | bool] = {
        "key": app.settings.snapshot_prefix + snapshot.key,
        "scheduled_for": timestamp(snapshot.scheduled_for),
        "taken_at": timestamp(snapshot.taken_at),
        "written": snapshot == taken,
    }
    logger.info("snapshot", extra=result)
    if app.settings.notify_topic_arn:
        _notify(app, snapshots, taken, deadline)
    return result


def _notify(app: App, snapshots: Snapshots, snapshot: Snapshot, deadline: Deadline) -> None:
    """Send what is due. A failure is reported, and costs no snapshot."""
    # Only a stack with notices waits for their import.
    from stats.aws.topic import Topic
    from stats.notices.sending import send

    try:
        send(app.settings, snapshots, snapshot, Topic(str(app.settings.notify_topic_arn)), deadline)
    except RemoteError as error:
        report("notice failed", "NoticeFailure", error)
    except Exception as error:  # noqa: BLE001 as above
        report_unforeseen(error, "NoticeFailure")


def _scheduled_for(event: Any, now: datetime) -> datetime:
    """Return the event's scheduled time, or now for an empty event. Raise ScheduleError."""
    if event is None or event == {}:
        return now.replace(microsecond=0)
    given = event if isinstance(event, dict) else {}
    name = next((name for name in ("scheduled_for", "time") if name in given), None)
    # Other events from EventBridge also have a time.
    if name is None or (name == "time" and given.get("detail-type", _SCHEDULED) != _SCHEDULED):
        wraps = "it wraps others in Records; " if "Records" in given else ""
        raise ScheduleError(f"the event is not a schedule's: {wraps}{_TAKES}")
    try:
        instant = parse_instant(given[name]).replace(microsecond=0)
    except (OverflowError, TypeError, ValueError) as error:
        raise ScheduleError(f"the event's {name!r} is not an ISO 8601 time with an offset: {error}") from None
    if instant > now + _MOST_AHEAD:
        raise ScheduleError(f"the event's {name!r} is yet to come")
    if instant < now - _MOST_LATE:
        raise ScheduleError(f"the event's {name!r} is more than {_MOST_LATE.days} days ago")
    return instant
