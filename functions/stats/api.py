"""API Gateway in, API Gateway out: HTTP and nothing else."""

import re
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import ceil
from typing import Any

from stats import settings, start
from stats.authorization import RefusedError, RegistryUnavailableError
from stats.container import Container
from stats.deadline import Deadline
from stats.gateway import Request, parse
from stats.service import Origin, Statistics, UnavailableError
from stats.telemetry import count, logger, metrics

Response = dict[str, Any]

_PATHS = frozenset({"/api/stats", "/api/stats/"})
_ALLOW = {"Allow": "GET, HEAD, OPTIONS"}
# OpenL2M documents a POST: an alias, which Allow does not advertise.
_METHODS = frozenset({"GET", "HEAD", "POST"})
_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')

# Where there are no settings, this module can be imported all the same.
_container = start.begin() if settings.given() else None


def handler(event: Any, context: Any) -> Response:
    """Answer an API Gateway event of payload format 1.0 or 2.0; whatever happens, with a response."""
    return respond(_container or start.begin(), event, context)


def respond(container: Container, event: Any, context: Any) -> Response:
    """Answer an event with the parts of a container."""
    request = None
    try:
        deadline = Deadline.of_invocation(container.settings.request_timeout_seconds, context)
        request = parse(event)
        logger.append_keys(
            function_request_id=getattr(context, "aws_request_id", None),
            correlation_id=request and request.request_id,
        )
        response = _respond(container, request, deadline)
    except Exception as error:  # noqa: BLE001 the caller is owed an answer, and the operator a trace
        _log_unforeseen(error)
        response = _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong; the log says more.")
    if request is not None and request.method == "HEAD":
        response["body"] = ""
    try:
        if metrics.metric_set:
            metrics.flush_metrics()
    except Exception as error:  # noqa: BLE001 an answer is worth more than its metrics
        _log_unforeseen(error)
    return response


def _respond(container: Container, request: Request | None, deadline: Deadline) -> Response:
    if request is None:
        return _problem(HTTPStatus.BAD_REQUEST, "This is not an API Gateway event of payload format 1.0 or 2.0.")
    if request.path not in _PATHS:
        return _problem(HTTPStatus.NOT_FOUND, "There is nothing here; try /api/stats/.")
    if not container.settings.api_enabled:
        return _unauthorized("The API is switched off.")
    if request.method == "OPTIONS":
        return {"statusCode": HTTPStatus.NO_CONTENT.value, "headers": dict(_ALLOW), "body": ""}
    try:
        authorizations = request.headers.get("authorization", [])
        container.tokens.authenticate(authorizations, request.client_address, deadline)
    except RefusedError as refusal:
        logger.info("refused", reason=str(refusal), client_address=str(request.client_address))
        count("Refused")
        return _unauthorized("A valid token is required: send the header Authorization: Token <key>.")
    except RegistryUnavailableError as error:
        return _unavailable("Tokens cannot be checked at the moment.", error.retry_after)
    if request.method not in _METHODS:
        return _problem(HTTPStatus.METHOD_NOT_ALLOWED, "This method is not allowed here.", **_ALLOW)
    try:
        statistics, origin = container.service.statistics(deadline)
    except UnavailableError as error:
        return _unavailable("The statistics cannot be read at the moment.", error.retry_after)
    headers = _validators(statistics, origin, container.settings.cache_ttl_seconds, deadline.now)
    if request.method != "POST" and _not_modified(request, statistics):
        return {"statusCode": HTTPStatus.NOT_MODIFIED.value, "headers": headers, "body": ""}
    headers |= {"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", **_ALLOW}
    return {"statusCode": HTTPStatus.OK.value, "headers": headers, "body": statistics.body}


def _validators(statistics: Statistics, origin: Origin, ttl: int, now: datetime) -> dict[str, str]:
    """Return the validators and caching headers (RFC 9110, 9111 and 9211) that a 200 and its 304 share."""
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
    return {
        "ETag": statistics.etag,
        "Last-Modified": statistics.last_modified,
        "Cache-Control": f"private, max-age={ttl}",
        "Age": str(age),
        "Cache-Status": f"openl2m-stats; {cache_status}",
        "Vary": "Authorization",
    }


def _not_modified(request: Request, statistics: Statistics) -> bool:
    """Tell whether the caller holds these statistics already (RFC 9110, section 13)."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        listed = ", ".join(tags)
        return listed.strip() == "*" or statistics.etag in _ENTITY_TAG.findall(listed)
    dates = request.headers.get("if-modified-since", [])
    if len(dates) != 1:
        return False
    try:
        date = parsedate_to_datetime(dates[0])
    except (IndexError, OverflowError, TypeError, ValueError):
        return False  # not an HTTP date, which is to be ignored
    # The oldest of the three forms of an HTTP date names no zone: it is UTC too.
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return date >= statistics.taken_at.replace(microsecond=0)


def _unauthorized(detail: str) -> Response:
    return _problem(HTTPStatus.UNAUTHORIZED, detail, **{"WWW-Authenticate": "Token"})


def _unavailable(detail: str, retry_after: timedelta) -> Response:
    seconds = ceil(retry_after.total_seconds())  # never 0: a wait that is over is none
    return _problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, **{"Retry-After": str(seconds)})


def _problem(status: HTTPStatus, detail: str, **headers: str) -> Response:
    # The details are our own plain words: nothing in them needs escaping.
    return {
        "statusCode": status.value,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store", **headers},
        "body": f'{{"detail":"{detail}"}}',
    }


def _log_unforeseen(error: Exception) -> None:
    # The text of an unforeseen error may quote a header or a secret; its class and place do not.
    logger.error("unforeseen", error=type(error).__name__, trace=traceback.format_tb(error.__traceback__))
    count("Failure")
