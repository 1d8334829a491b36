"""What the resources answer with: their bodies with validators, and problems."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import ceil
from typing import Any

from stats.http.request import Request
from stats.service import Origin, Statistics

# API Gateway's response, alike in both payload formats: {"statusCode": int, "headers": {str: str}, "body": str}.
Response = dict[str, Any]

_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')


@dataclass(frozen=True)
class Answer:
    """What a resource has to say. `headers` are those that a 200 and its 304 share, ETag among them.

    `modified_at` is the instant that Last-Modified names, if that is sent.
    """

    body: str
    content_type: str
    headers: dict[str, str]
    modified_at: datetime | None = None

    def is_held(self, request: Request) -> bool:
        """Tell whether the caller holds this body already (RFC 9110, section 13)."""
        tags = request.headers.get("if-none-match")
        if tags is not None:
            listed = ", ".join(tags)
            return listed.strip() == "*" or self.headers["ETag"] in _ENTITY_TAG.findall(listed)
        dates = request.headers.get("if-modified-since", [])
        if len(dates) != 1 or self.modified_at is None:
            return False
        try:
            date = parsedate_to_datetime(dates[0])
        except (IndexError, OverflowError, TypeError, ValueError):
            return False  # not an HTTP date, which is to be ignored
        # The oldest of the three forms of an HTTP date names no zone: it is UTC too.
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return date >= self.modified_at.replace(microsecond=0)


class ProblemError(Exception):
    """A request that gets no answer, but `response`. The caller is shown `detail`, plain words without a quote."""

    def __init__(self, status: HTTPStatus, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.response: Response = {
            "statusCode": status.value,
            "headers": {"Content-Type": "application/json", "Cache-Control": "no-store", **headers},
            "body": f'{{"detail":"{detail}"}}',
        }


def unavailable(detail: str, retry_after: timedelta) -> ProblemError:
    """Return the problem of a source that is away."""
    seconds = max(ceil(retry_after.total_seconds()), 1)  # the wait may have ended meanwhile
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, **{"Retry-After": str(seconds)})


def of_statistics(statistics: Statistics, origin: Origin, ttl: int, now: datetime) -> Answer:
    """Return the answer of `/api/stats/`, with its validators and caching headers (RFC 9110, 9111 and 9211)."""
    age = int(statistics.age(now))
    match origin:
        case Origin.DATABASE:
            cache_status = "fwd=miss"
        case Origin.MEMORY:
            cache_status = f"hit; ttl={ttl - age}; detail=memory"
        case Origin.SNAPSHOT:
            cache_status = f"hit; ttl={ttl - age}; detail=snapshot"
        case Origin.STALE:
            cache_status = f"hit; ttl={ttl - age}; detail=stale"
    headers = {
        "ETag": statistics.etag,
        "Last-Modified": statistics.last_modified,
        "Cache-Control": f"private, max-age={ttl}",
        "Age": str(age),
        "Cache-Status": f"openl2m-stats; {cache_status}",
        "Vary": "Authorization",
    }
    return Answer(statistics.body, "application/json", headers, statistics.taken_at)
