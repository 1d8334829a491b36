"""API Gateway in, API Gateway out: decides which answer a request gets."""

from collections.abc import Callable
from http import HTTPStatus
from importlib import import_module
from typing import Any, NamedTuple

from stats import cold_start
from stats.app import DOCTOR_EVENT, App
from stats.base import settings
from stats.base.deadline import Deadline
from stats.base.remote import UnavailableError
from stats.base.settings import Settings, SettingsError
from stats.base.telemetry import count, logger, metrics, report, report_unforeseen
from stats.endpoints import statistics
from stats.http.request import Request, parse
from stats.http.response import Answer, ProblemError, Response, success, unavailable
from stats.tokens.authorization import RefusedError

_ALLOW = {"Allow": "GET, HEAD, OPTIONS"}
_READ = ("GET", "HEAD")
_FAILED = ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong; the log says more.")


# Returns the answer to a request. Raises ProblemError or UnavailableError.
Endpoint = Callable[[App, Request, Deadline], Answer]


class Route(NamedTuple):
    """A resource: a path without a trailing slash, and its endpoint. OPTIONS is allowed everywhere."""

    path: str
    endpoint: Endpoint
    methods: tuple[str, ...] = _READ
    needs_token: bool = True
    exists: Callable[[Settings], bool] = lambda _: True


def _on_demand(name: str) -> Endpoint:
    """Return the endpoint of a module, which is imported for the first request to it."""

    def answer(app: App, request: Request, deadline: Deadline) -> Answer:
        found: Answer = import_module(f"stats.endpoints.{name}").answer(app, request, deadline)
        return found

    return answer


ROUTES = (
    # OpenL2M documents a POST: an alias, which Allow does not advertise.
    Route("/api/stats", statistics.answer, (*_READ, "POST")),
    Route("/api/stats/history", _on_demand("history")),
    Route("/api/stats/at", _on_demand("at")),
    Route("/metrics", _on_demand("metrics")),
    # These hold no numbers.
    Route("/health", _on_demand("health"), needs_token=False, exists=lambda settings: settings.api_enabled),
    Route(
        "",
        _on_demand("page"),
        needs_token=False,
        exists=lambda settings: settings.page_enabled and settings.api_enabled,
    ),
)
_ROUTES = {route.path: route for route in ROUTES}

# Without settings, this module can still be imported.
_app = cold_start.begin() if settings.given() else None


def handler(event: Any, context: Any) -> Response:
    """Return the response to an API Gateway event of payload format 1.0 or 2.0. Raise nothing.

    To the event of `openl2m-stats doctor`, which is no HTTP request, return the function's own findings.
    """
    request = None
    try:
        app = _app or cold_start.begin()
        deadline = Deadline.of_invocation(app.settings.request_timeout_seconds, context)
        request = parse(event)
        logger.append_keys(
            function_request_id=getattr(context, "aws_request_id", None),
            correlation_id=request and request.request_id,
        )
        if event == DOCTOR_EVENT:
            return _examine(app, deadline)
        response = _respond(app, request, deadline)
    except ProblemError as problem:
        response = problem.response
    except SettingsError as error:
        report("settings wrong", "Failure", error)
        response = dict(_FAILED.response)
    except Exception as error:  # noqa: BLE001 the caller gets an answer, the operator a log line
        report_unforeseen(error, "Failure")
        response = dict(_FAILED.response)
    if request is not None and request.method == "HEAD":
        response["body"] = ""
        response.pop("isBase64Encoded", None)
    try:
        if metrics.metric_set:
            metrics.flush_metrics()
    except Exception as error:  # noqa: BLE001 a failure of the metrics must not cost the answer
        report_unforeseen(error, "Failure")
    return response


def _examine(app: App, deadline: Deadline) -> Response:
    from stats.doctor.examination import examine_api

    return examine_api(app, deadline)


def _respond(app: App, request: Request | None, deadline: Deadline) -> Response:
    """Answer with the first of these decisions that applies. Raise ProblemError."""
    if request is None:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "This is not an API Gateway event of payload format 1.0 or 2.0.")
    route = _route(request, app.settings.base_path)
    if route is None or not route.exists(app.settings):
        raise ProblemError(HTTPStatus.NOT_FOUND, "There is nothing here; try /api/stats/.")
    if not app.settings.api_enabled:
        raise _unauthorized("The API is switched off.")
    if request.method == "OPTIONS":
        return {"statusCode": HTTPStatus.NO_CONTENT.value, "headers": dict(_ALLOW), "body": ""}
    try:
        if route.needs_token:
            _authenticate(app, request, deadline)
        if request.method not in route.methods:
            raise ProblemError(HTTPStatus.METHOD_NOT_ALLOWED, "This method is not allowed here.", **_ALLOW)
        answer = route.endpoint(app, request, deadline)
    except UnavailableError as error:
        raise unavailable(error.detail, error.retry_after) from None
    return success(answer, request, **_ALLOW)


def _authenticate(app: App, request: Request, deadline: Deadline) -> None:
    try:
        authorizations = request.headers.get("authorization", [])
        app.tokens.authenticate(authorizations, request.client_address, deadline)
    except RefusedError as refusal:
        logger.info("refused", reason=str(refusal), client_address=str(request.client_address))
        count("Refused")
        raise _unauthorized("A valid token is required: send the header Authorization: Token <key>.") from None


def _route(request: Request, base_path: str) -> Route | None:
    """Return the resource at the request's path, which may begin with a stage or with a custom domain's base path."""
    # A stage or a base path may be called "metrics": try the unchanged path first.
    below = _below(request.path, base_path)
    for path in (request.path or None, _below(request.path, request.stage), below, _below(below, request.stage)):
        if path is not None and (route := _ROUTES.get(path.removesuffix("/"))):
            return route
    return None


def _below(path: str | None, prefix: str) -> str | None:
    """Return the rest of a path after its first segments; None if it begins otherwise."""
    if not path or not prefix or not f"{path}/".startswith(f"/{prefix}/"):
        return None
    return path.removeprefix(f"/{prefix}")


def _unauthorized(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.UNAUTHORIZED, detail, **{"WWW-Authenticate": "Token"})
