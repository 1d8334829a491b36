"""`/api/stats/`: the statistics now."""

from datetime import datetime

from stats.app import App
from stats.base.deadline import Deadline
from stats.http.request import Request
from stats.http.response import Answer
from stats.service import Origin, Statistics


def answer(app: App, _request: Request, deadline: Deadline) -> Answer:
    """Return the document. Raise UnavailableError."""
    statistics, origin = app.service.statistics(deadline)
    headers = caching_headers(statistics, origin, app.settings.cache_ttl_seconds, deadline.now)
    return Answer(statistics.body, "application/json", headers, statistics.taken_at)


def caching_headers(statistics: Statistics, origin: Origin, ttl: int, now: datetime) -> dict[str, str]:
    """Return the document's validators and caching headers (RFC 9110, 9111 and 9211); `ttl` is CACHE_TTL_SECONDS."""
    age = int(statistics.age(now))
    cache_status = "fwd=miss" if origin == Origin.DATABASE else f"hit; ttl={ttl - age}; detail={origin.name.lower()}"
    return {
        "ETag": statistics.etag,
        "Last-Modified": statistics.last_modified,
        "Cache-Control": f"private, max-age={ttl}",
        "Age": str(age),
        "Cache-Status": f"openl2m-stats; {cache_status}",
        "Vary": "Authorization",
    }
