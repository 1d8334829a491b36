"""API Gateway in, API Gateway out: HTTP and nothing else."""

import gc

gc.disable()  # what imports make stays: looking for garbage in it takes an eighth of the start

import random
import re
import time
import traceback
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import ceil
from typing import Any

from stats import settings
from stats.database import Database
from stats.gateway import Request, parse
from stats.secret_store import SecretStore
from stats.service import Service, Source, Statistics, UnavailableError
from stats.snapshots import open_snapshots
from stats.telemetry import logger, metrics
from stats.tokens import RefusedError, RegistryUnavailableError, Tokens

Response = dict[str, Any]

_PATHS = frozenset({"/api/stats", "/api/stats/"})
_ALLOW = {"Allow": "GET, HEAD, OPTIONS"}
# OpenL2M documents a POST: an alias, which Allow does not advertise.
_METHODS = frozenset({"GET", "HEAD", "POST"})
_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')

_settings = settings.load()
_secrets = SecretStore()
_tokens = Tokens(_settings, _secrets)
_database = Database(_settings, _secrets)


def _prepare(pool: Executor) -> None:
    """Begin what the first request would wait for; whatever fails of it is left to the requests."""
    pool.submit(_tokens.refresh, datetime.now(UTC))
    pool.submit(_database.prepare)


def _after_restore() -> None:
    """Begin anew in a copy of this process that SnapStart has made: its random numbers are the other copies' too."""
    random.seed()
    with ThreadPoolExecutor() as pool:
        _prepare(pool)


with ThreadPoolExecutor() as pool:
    if settings.starts_from_snapshot():
        from snapshot_restore_py import register_after_restore  # of Lambda's runtime

        # Nothing has been read or connected to yet: what is stored, and copied, holds no secret and no connection.
        register_after_restore(_after_restore)
    else:
        _prepare(pool)
    # Takes as long as reading the secrets does.
    _service = Service(_settings, _database, open_snapshots(_settings, attempts=1))
gc.freeze()
gc.enable()


def handler(event: Any, context: Any) -> Response:
    """Answer an API Gateway event of payload format 1.0 or 2.0; whatever happens, with a response."""
    request = None
    try:
        request = parse(event)
        logger.append_keys(
            function_request_id=getattr(context, "aws_request_id", None),
            correlation_id=request and request.request_id,
        )
        response = _respond(request, datetime.now(UTC))
    except Exception as error:  # noqa: BLE001 the caller is owed an answer, and the operator a trace
        # The text of an unforeseen error may quote a header or a secret; its class and place do not.
        logger.error("unforeseen", error=type(error).__name__, trace=traceback.format_tb(error.__traceback__))
        _count("Failure")
        response = _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong; the log says more.")
    if request is not None and request.method == "HEAD":
        response["body"] = ""
    if metrics.metric_set:
        metrics.flush_metrics()
    return response


def _respond(request: Request | None, now: datetime) -> Response:
    deadline = time.monotonic() + _settings.request_timeout_seconds
    if request is None:
        return _problem(HTTPStatus.BAD_REQUEST, "This is not an API Gateway event of payload format 1.0 or 2.0.")
    if request.path not in _PATHS:
        return _problem(HTTPStatus.NOT_FOUND, "There is nothing here; try /api/stats/.")
    if not _settings.api_enabled:
        return _unauthorized("The API is switched off.")
    if request.method == "OPTIONS":
        return {"statusCode": HTTPStatus.NO_CONTENT.value, "headers": dict(_ALLOW), "body": ""}
    try:
        _tokens.authenticate(request.headers.get("authorization", []), request.client_address, now)
    except RefusedError as refusal:
        logger.info("refused", reason=str(refusal), client_address=str(request.client_address))
        _count("Refused")
        return _unauthorized("A valid token is required: send the header Authorization: Token <key>.")
    except RegistryUnavailableError as error:
        return _unavailable("Tokens cannot be checked at the moment.", error.retry_after)
    if request.method not in _METHODS:
        return _problem(HTTPStatus.METHOD_NOT_ALLOWED, "This method is not allowed here.", **_ALLOW)
    try:
        statistics, source = _service.statistics(now, deadline)
    except UnavailableError as error:
        return _unavailable("The statistics cannot be read at the moment.", error.retry_after)
    headers = _validators(statistics, source, now)
    if request.method != "POST" and _not_modified(request, statistics):
        return {"statusCode": HTTPStatus.NOT_MODIFIED.value, "headers": headers, "body": ""}
    headers |= {"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", **_ALLOW}
    return {"statusCode": HTTPStatus.OK.value, "headers": headers, "body": statistics.body}


def _validators(statistics: Statistics, source: Source, now: datetime) -> dict[str, str]:
    """Return the validators and caching headers (RFC 9110, 9111 and 9211) that a 200 and its 304 share."""
    age = int((now - statistics.taken_at).total_seconds())
    ttl = _settings.cache_ttl_seconds
    match source:
        case Source.DATABASE:
            cache_status = "fwd=miss"
        case Source.MEMORY:
            cache_status = f"hit; ttl={ttl - age}; detail=memory"
        case Source.SNAPSHOT:
            cache_status = f"hit; ttl={ttl - age}; detail=snapshot"
        case Source.STALE:
            cache_status = f"hit; ttl={ttl - age}; detail=stale"
    return {
        "ETag": statistics.etag,
        "Last-Modified": statistics.last_modified,
        "Cache-Control": f"private, max-age={ttl}",
        "Age": str(age),
        "Cache-Status": f"openl2m-stats; {cache_status}",
        "Vary": "Authorization, Accept",
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


def _count(name: str) -> None:
    metrics.add_metric(name=name, unit="Count", value=1)
