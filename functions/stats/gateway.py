"""API Gateway's two payload formats -> one Request; pure.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote


@dataclass(frozen=True)
class Request:
    """One HTTP request. Header names are in lower case; a header sent twice may have two values."""

    method: str
    path: str
    client_address: object
    request_id: object
    headers: dict[str, list[str]]


def parse(event: Any) -> Request | None:
    """Return the request of an event of payload format 2.0 or 1.0; None when it is neither, or a load balancer's.

    The path is decoded and without the stage. The client address is the one that API Gateway saw,
    whatever X-Forwarded-For claims. It and the request id are whatever the event has there.
    """
    if not isinstance(event, dict):
        return None
    context = event.get("requestContext")
    # An Application Load Balancer's events are like format 1.0, but do not name the caller.
    if not isinstance(context, dict) or "elb" in context:
        return None
    if event.get("version") == "2.0":
        caller = http = _object(context.get("http"))
        method, path = http.get("method"), event.get("rawPath")
    else:
        caller = _object(context.get("identity"))
        method, path = event.get("httpMethod"), event.get("path")
    if not isinstance(method, str) or not isinstance(path, str):
        return None
    return Request(
        method=method,
        path=_without_stage(unquote(path), context.get("stage")),
        client_address=caller.get("sourceIp"),
        request_id=context.get("requestId"),
        headers=_headers(event),
    )


def _object(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _without_stage(path: str, stage: Any) -> str:
    # Some events carry the stage in their path and some do not, and a stage may be called "api".
    if not isinstance(stage, str) or path.startswith("/api/stats"):
        return path
    return "/" + path.removeprefix(f"/{stage}/") if path.startswith(f"/{stage}/") else path


def _headers(event: dict[Any, Any]) -> dict[str, list[str]]:
    """Return the headers; format 1.0 shows a repeated one in full only in `multiValueHeaders`."""
    headers: dict[str, list[str]] = {}
    for name, value in _object(event.get("headers")).items():
        if isinstance(name, str) and isinstance(value, str):
            headers.setdefault(name.lower(), []).append(value)
    repeated: dict[str, list[str]] = {}
    for name, values in _object(event.get("multiValueHeaders")).items():
        if isinstance(name, str) and isinstance(values, list):
            repeated.setdefault(name.lower(), []).extend(value for value in values if isinstance(value, str))
    return headers | repeated
