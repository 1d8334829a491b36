"""`/health`: whether the statistics can be served now, for probes without a token."""

from stats.app import App
from stats.base.deadline import Deadline
from stats.http.request import Request
from stats.http.response import Answer


def answer(app: App, _request: Request, deadline: Deadline) -> Answer:
    """Return a 200 without numbers. Raise UnavailableError."""
    app.service.check(deadline)
    return Answer('{"status":"ok"}', "application/json", {"Cache-Control": "no-store"})
