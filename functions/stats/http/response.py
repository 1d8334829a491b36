"""Answers and problems as API Gateway's responses; pure."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import ceil
from typing import Any

from stats.http.request import Request

# API Gateway's response, alike in both payload formats: {"statusCode": int, "headers": {str: str}, "body": str}.
Response = dict[str, Any]

_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')


@dataclass(frozen=True)
class Answer:
    """A representation. `headers` are those that a 200 and its 304 share, ETag among them.

    `modified_at` is the instant in Last-Modified, if that is sent.
    """

    body: str
    content_type: str
    headers: dict[str, str]
    modified_at: datetime | None = None

    def is_unmodified(self, request: Request) -> bool:
        """Tell whether the caller's copy is this representation (RFC 9110, section 13)."""
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
    """A request that gets an error: `response`, whose body shows `detail` to the caller."""

    def __init__(self, status: HTTPStatus, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.response: Response = {
            "statusCode": status.value,
            "headers": {"Content-Type": "application/json", "Cache-Control": "no-store", **headers},
            "body": json.dumps({"detail": detail}, separators=(",", ":")),
        }


def unavailable(detail: str, retry_after: timedelta) -> ProblemError:
    """Return the 503 of a dependency that is unavailable."""
    seconds = max(ceil(retry_after.total_seconds()), 1)  # the pause may have ended meanwhile
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, **{"Retry-After": str(seconds)})


def entity_tag(body: str) -> str:
    """Return the strong validator of a body (RFC 9110, section 8.8.3)."""
    return f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
