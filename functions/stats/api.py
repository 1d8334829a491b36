"""API Gateway in, API Gateway out: HTTP and nothing else."""

import traceback
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from stats import cold_start
from stats.app import Container
from stats.base import settings
from stats.base.deadline import Deadline
from stats.base.telemetry import count, logger, metrics
from stats.http.request import Request, parse
from stats.http.response import Answer, ProblemError, Response, of_statistics, unavailable
from stats.service import UnavailableError
from stats.tokens.authorization import RefusedError, RegistryUnavailableError

Resource = Callable[[Container, Request, Deadline], Answer]

_ALLOW = {"Allow": "GET, HEAD, OPTIONS"}


def _statistics(container: Container, _request: Request, deadline: Deadline) -> Answer:
    statistics, origin = container.service.statistics(deadline)
    return of_statistics(statistics, origin, container.settings.cache_ttl_seconds, deadline.now)


def _page(_container: Container, _request: Request, _deadline: Deadline) -> Answer:
    from stats.endpoints import page  # most containers are never asked for it

    return page.answer()


def _history(container: Container, request: Request, deadline: Deadline) -> Answer:
    from stats.endpoints.history import answer  # only for whom it concerns: the start is to stay short

    return answer(container.history, request, container.settings.cache_ttl_seconds, deadline)


def _metrics(container: Container, request: Request, deadline: Deadline) -> Answer:
    from stats.endpoints.metrics import as_metrics  # and, with it, prometheus_client

    statistics, origin = container.service.statistics(deadline)
    answer = of_statistics(statistics, origin, container.settings.cache_ttl_seconds, deadline.now)
    accept = request.headers.get("accept", [])
    return as_metrics(
        answer, statistics, container.service.snapshot_taken_at, container.settings.stack_label, accept=accept
    )


# By path, without the slash at its end. A resource raises ProblemError or UnavailableError when it has no answer.
_RESOURCES: dict[str, Resource] = {
    "/api/stats": _statistics,
    "/api/stats/history": _history,
    "/metrics": _metrics,
}

# Where there are no settings, this module can be imported all the same.
_container = cold_start.begin() if settings.given() else None


def handler(event: Any, context: Any) -> Response:
    """Answer an API Gateway event of payload format 1.0 or 2.0; whatever happens, with a response."""
    return respond(_container or cold_start.begin(), event, context)


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
    except ProblemError as found:
        response = found.response
    except Exception as error:  # noqa: BLE001 the caller is owed an answer, and the operator a trace
        _log_unforeseen(error)
        detail = "Something went wrong; the log says more."
        response = ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, detail).response
    if request is not None and request.method == "HEAD":
        response["body"] = ""
    try:
        if metrics.metric_set:
            metrics.flush_metrics()
    except Exception as error:  # noqa: BLE001 an answer is worth more than its metrics
        _log_unforeseen(error)
    return response


def _respond(container: Container, request: Request | None, deadline: Deadline) -> Response:
    """Answer by the first of these decisions that applies. Raise ProblemError."""
    if request is None:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "This is not an API Gateway event of payload format 1.0 or 2.0.")
    resource = _resource(request)
    has_page = container.settings.page_enabled and container.settings.api_enabled
    if resource is None or (resource is _page and not has_page):
        raise ProblemError(HTTPStatus.NOT_FOUND, "There is nothing here; try /api/stats/.")
    if not container.settings.api_enabled:
        raise _unauthorized("The API is switched off.")
    if request.method == "OPTIONS":
        return {"statusCode": HTTPStatus.NO_CONTENT.value, "headers": dict(_ALLOW), "body": ""}
    if resource is not _page:  # which holds no numbers
        _authenticate(container, request, deadline)
    # OpenL2M documents a POST to /api/stats/: an alias, which Allow does not advertise.
    is_alias = request.method == "POST" and resource is _statistics
    if request.method not in {"GET", "HEAD"} and not is_alias:
        raise ProblemError(HTTPStatus.METHOD_NOT_ALLOWED, "This method is not allowed here.", **_ALLOW)
    try:
        answer = resource(container, request, deadline)
    except UnavailableError as error:
        raise unavailable("The statistics cannot be read at the moment.", error.retry_after) from None
    if not is_alias and answer.is_held(request):
        return {"statusCode": HTTPStatus.NOT_MODIFIED.value, "headers": answer.headers, "body": ""}
    headers = {**answer.headers, "Content-Type": answer.content_type, "X-Content-Type-Options": "nosniff", **_ALLOW}
    return {"statusCode": HTTPStatus.OK.value, "headers": headers, "body": answer.body}


def _authenticate(container: Container, request: Request, deadline: Deadline) -> None:
    try:
        authorizations = request.headers.get("authorization", [])
        container.tokens.authenticate(authorizations, request.client_address, deadline)
    except RefusedError as refusal:
        logger.info("refused", reason=str(refusal), client_address=str(request.client_address))
        count("Refused")
        raise _unauthorized("A valid token is required: send the header Authorization: Token <key>.") from None
    except RegistryUnavailableError as error:
        raise unavailable("Tokens cannot be checked at the moment.", error.retry_after) from None


def _resource(request: Request) -> Resource | None:
    """Return what is at the request's path, with or without the stage before it and a slash at its end."""
    stage = f"/{request.stage}"
    if request.path in {"/", stage, f"{stage}/"}:
        return _page
    # A stage may be called "api": first the path as it is.
    for path in (request.path, request.path.removeprefix(stage)):
        resource = _RESOURCES.get(path.removesuffix("/"))
        if resource:
            return resource
    return None


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.UNAUTHORIZED, detail, **{"WWW-Authenticate": "Token"})


def _log_unforeseen(error: Exception) -> None:
    # The text of an unforeseen error may quote a header or a secret; its class and place do not.
    logger.error("unforeseen", error=type(error).__name__, trace=traceback.format_tb(error.__traceback__))
    count("Failure")
