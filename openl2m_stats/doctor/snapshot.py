"""The newest snapshot: whether it exists, and its age."""

from datetime import UTC, datetime

from openl2m_stats.doctor.findings import Finding, Known
from stats.aws.bucket import StorageError
from stats.base.deadline import Deadline
from stats.base.instants import timestamp
from stats.numbers import query
from stats.numbers.catalogue import SERVED
from stats.snapshots.store import open_snapshots

_SECONDS = 10
_RUNS = "Look at the snapshot function: `make logs`, and the queue SnapshotFailuresUrl."


def check_snapshot(known: Known) -> Finding:
    """Check the newest snapshot and its age."""
    settings, setup = known.settings, known.setup
    snapshots = open_snapshots(settings, attempts=2)
    if snapshots is None:
        return Finding("ok", "SNAPSHOT_BUCKET is not set: the API works without snapshots")
    where = f"s3://{settings.snapshot_bucket}/{settings.snapshot_prefix}latest.json"
    try:
        newest = snapshots.latest(Deadline.after(_SECONDS))
    except StorageError as error:
        advice = (
            "Look at SNAPSHOT_BUCKET and at AWS_REGION. Reading takes s3:GetObject for the object and s3:ListBucket "
            "for the bucket. What is not a snapshot, the next run replaces."
        )
        return Finding("FAIL", f"{where} cannot be read: {error}", advice)
    if newest is None:
        if setup.local:
            return Finding("ok", "none yet: make run takes one at its start")
        return Finding("warn", f"none yet at {where}", _RUNS)
    if not query.is_known(newest.document):
        seen = f"{where} has other statistics than this version: the API reads the database instead"
        return Finding("warn", seen, f"Both functions must be of one version. {_RUNS}")
    place = newest.read_from if "login" in known.causes else known.named.place
    if newest.read_from and newest.read_from != place:
        seen = f"the newest was read from another database: {', '.join(map(str, newest.read_from.values()))}"
        return Finding("warn", seen, f"It does not count as fresh. Both functions must have one database. {_RUNS}")
    if newest.zone.key != settings.time_zone.key:
        seen = f"the newest follows the time zone {newest.zone.key}, not {settings.time_zone.key}"
        return Finding("warn", seen, f"It does not count as fresh. Both functions must have one TIME_ZONE. {_RUNS}")
    age = (datetime.now(UTC) - newest.taken_at).total_seconds()
    seen = f"the newest is of {timestamp(newest.taken_at.replace(microsecond=0))}, {age:,.0f} s ago"
    if age > setup.missed_seconds:
        return Finding("warn", f"{seen}, more than the limit of {setup.missed_seconds:,} s", _RUNS)
    missing = [each.key for each in SERVED if each.key not in newest.document.get(each.section, {})]
    if missing:
        return Finding("warn", f"{seen}, without {', '.join(missing)}", "Look at the check of the grants.")
    return Finding("ok", seen)
