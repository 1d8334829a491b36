"""`/health`: whether the statistics could be served now, for probes that send no token."""

from stats.app import App
from stats.base.deadline import Deadline
from stats.http.request import Request
from stats.http.response import Answer


def answer(app: App, _request: Request, deadline: Deadline) -> Answer:
    """Return that all is well, and no numbers. Raise UnavailableError."""
    app.service.check(deadline)
    return Answer('{"status":"ok"}', "application/json", {"Cache-Control": "no-store"})
