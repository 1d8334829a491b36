"""Answers and problems as responses for API Gateway; pure."""

import binascii
import hashlib
import json
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from math import ceil
from typing import Any

from stats.http.request import Request

# A response in the form of both payload formats: {"statusCode": int, "headers": {str: str}, "body": str}, and
# "isBase64Encoded" if the body is in base64.
Response = dict[str, Any]

_LEAST_COMPRESSED = 1000
_GZIP = 31  # of zlib's wbits: the largest window, with gzip's header

_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')


@dataclass(frozen=True)
class Answer:
    """A representation. `headers` are those of both a 200 and its 304, among them ETag.

    `modified_at` is the instant in Last-Modified, if that is sent.
    """

    body: str
    content_type: str
    headers: dict[str, str]
    modified_at: datetime | None = None

    def is_unmodified(self, request: Request) -> bool:
        """Return whether the caller's copy is this representation, compressed or not (RFC 9110, section 13)."""
        tags = request.headers.get("if-none-match")
        if tags is not None and "ETag" in self.headers:
            listed = ", ".join(tags)
            ours = {self.headers["ETag"], _compressed_tag(self.headers["ETag"])}
            return listed.strip() == "*" or not ours.isdisjoint(_ENTITY_TAG.findall(listed))
        dates = request.headers.get("if-modified-since", [])
        if len(dates) != 1 or self.modified_at is None:
            return False
        try:
            date = parsedate_to_datetime(dates[0])
        except (IndexError, OverflowError, TypeError, ValueError):
            return False  # RFC 9110: ignore anything but an HTTP date
        # The oldest of the three forms of an HTTP date has no zone: it is UTC, too.
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return date >= self.modified_at.replace(microsecond=0)


def success(answer: Answer, request: Request, **headers: str) -> Response:
    """Return an answer's 200, with further headers, or its 304.

    A body of more than 1 kB is compressed where that is left to us, for callers that accept it.
    """
    shared, is_compressed = dict(answer.headers), False
    if request.takes_gzip is not None and len(answer.body) > _LEAST_COMPRESSED:
        shared["Vary"] = ", ".join(filter(None, [shared.get("Vary"), "Accept-Encoding"]))
        if request.takes_gzip:
            shared["ETag"], is_compressed = _compressed_tag(shared["ETag"]), True
    if request.method in {"GET", "HEAD"} and answer.is_unmodified(request):
        return {"statusCode": HTTPStatus.NOT_MODIFIED.value, "headers": shared, "body": ""}
    response: Response = {
        "statusCode": HTTPStatus.OK.value,
        "headers": {**shared, "Content-Type": answer.content_type, "X-Content-Type-Options": "nosniff", **headers},
        "body": answer.body,
    }
    if is_compressed:
        response["headers"]["Content-Encoding"] = "gzip"
        response |= {"body": _compressed(answer.body), "isBase64Encoded": True}
    return response


@lru_cache(maxsize=16)  # the same document answers many requests
def _compressed(body: str) -> str:
    """Return a body in gzip's form (RFC 1952), in base64."""
    compressor = zlib.compressobj(wbits=_GZIP)
    return binascii.b2a_base64(compressor.compress(body.encode()) + compressor.flush(), newline=False).decode()


def _compressed_tag(tag: str) -> str:
    return f'{tag.removesuffix(chr(34))}-gzip"'


class ProblemError(Exception):
    """A request gets an error: `response`, with `detail` in its body."""

    def __init__(self, status: HTTPStatus, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.response: Response = {
            "statusCode": status.value,
            "headers": {"Content-Type": "application/json", "Cache-Control": "no-store", **headers},
            "body": json.dumps({"detail": detail}, separators=(",", ":")),
        }


def unavailable(detail: str, retry_after: timedelta) -> ProblemError:
    """Return the 503 for an unavailable dependency."""
    seconds = max(ceil(retry_after.total_seconds()), 1)  # the pause may have just ended
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, **{"Retry-After": str(seconds)})


def entity_tag(body: str) -> str:
    """Return the strong validator of a body (RFC 9110, section 8.8.3)."""
    return f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
