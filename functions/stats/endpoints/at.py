"""`/api/stats/at/`: the statistics as they were at an instant."""

from datetime import datetime
from http import HTTPStatus

from stats.app import App
from stats.base.deadline import Deadline
from stats.base.instants import parse_instant
from stats.http.parameters import bad, one
from stats.http.request import Request
from stats.http.response import Answer, ProblemError
from stats.service import served

_MAX_AGE_SECONDS = 86400  # the past does not change


def answer(app: App, request: Request, deadline: Deadline) -> Answer:
    """Return the document of the newest snapshot that was read at or before the instant.

    Raise ProblemError or UnavailableError.
    """
    instant = _instant(request, deadline.now)
    if app.past is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "There are no snapshots: no bucket for them is configured.")
    snapshot = app.past.newest(instant, app.service.is_ours, deadline)
    if snapshot is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "No snapshot was read at this time or within a day before it.")
    statistics = served(snapshot.document, snapshot.taken_at)
    headers = {
        "ETag": statistics.etag,
        "Last-Modified": statistics.last_modified,
        "Cache-Control": f"private, max-age={_MAX_AGE_SECONDS}",
        "Vary": "Authorization",
    }
    return Answer(statistics.body, "application/json", headers, statistics.taken_at)


def _instant(request: Request, now: datetime) -> datetime:
    """Return the instant in the query. Raise ProblemError."""
    text = one(request, "time")
    try:
        # An unescaped plus sign arrives as a space.
        instant = parse_instant((text or "").replace(" ", "+"))
    except (OverflowError, ValueError):
        raise bad("The parameter time takes an instant with an offset, such as 2026-11-23T12:00:00Z.") from None
    if instant > now:
        raise bad("The parameter time is in the future.")
    return instant
