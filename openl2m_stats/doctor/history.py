"""The history: whether a month is damaged, even one that nobody has requested since."""

from openl2m_stats.aws import AWS_ERRORS, explain
from openl2m_stats.doctor.findings import Finding, Known, listed
from openl2m_stats.history.archive import Archive
from stats.aws.bucket import StorageError

_MOST = 5


def check_history(known: Known) -> Finding:
    """Count the months, and list the damaged ones."""
    settings = known.settings
    if settings.snapshot_bucket is None:
        return Finding("ok", "SNAPSHOT_BUCKET is not set: the API does without")
    try:
        archive = Archive(settings)
        found = archive.months()
        damaged = [month for month in found if archive.month(month).rows is None]
    except StorageError as error:
        return _unreadable(str(error))
    except AWS_ERRORS as error:
        return _unreadable(explain(error))
    if damaged:
        advice = "`openl2m-stats history rebuild` repairs them. Old versions are kept for 90 days."
        return Finding("FAIL", f"damaged: {listed(damaged, _MOST)}", advice)
    if not found:
        return Finding("ok", "none yet")
    return Finding("ok", f"{len(found)} month{'s' if len(found) > 1 else ''}, none damaged")


def _unreadable(why: str) -> Finding:
    advice = "Reading needs s3:GetObject for the objects and s3:ListBucket for the bucket."
    return Finding("FAIL", f"it cannot be read: {why}", advice)
