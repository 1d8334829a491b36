"""API Gateway's two payload formats -> one Request; pure.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from stats.http.accept import preference


@dataclass(frozen=True)
class Request:
    """One HTTP request. Header names are in lower case; a header or parameter sent twice may have two values.

    `takes_gzip`: whether the caller does; None for a REST API, which compresses by itself.
    """

    method: str
    path: str
    stage: str
    query: dict[str, list[str]]
    client_address: object
    request_id: object
    headers: dict[str, list[str]]
    takes_gzip: bool | None


def parse(event: Any) -> Request | None:
    """Return the request in an event of payload format 2.0 or 1.0; None for other events, such as a load balancer's.

    The path is decoded. Some events have the stage in it, before all else. The client address is the one that
    API Gateway saw, whatever X-Forwarded-For claims. It and the request id are whatever the event has there.
    """
    if not isinstance(event, dict):
        return None
    context = event.get("requestContext")
    # An Application Load Balancer's events are like format 1.0, but do not name the caller.
    if not isinstance(context, dict) or "elb" in context:
        return None
    is_http_api = event.get("version") == "2.0"
    if is_http_api:
        caller = http = _object(context.get("http"))
        method, path = http.get("method"), event.get("rawPath")
    else:
        caller = _object(context.get("identity"))
        method, path = event.get("httpMethod"), event.get("path")
    if not isinstance(method, str) or not isinstance(path, str):
        return None
    stage, headers = context.get("stage"), _headers(event)
    return Request(
        method=method,
        path=unquote(path),
        stage=stage if isinstance(stage, str) else "",
        query=_query(event),
        client_address=caller.get("sourceIp"),
        request_id=context.get("requestId"),
        headers=headers,
        takes_gzip=preference(headers.get("accept-encoding", []), ("gzip", "*"))[0] > 0 if is_http_api else None,
    )


def _object(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _headers(event: dict[Any, Any]) -> dict[str, list[str]]:
    """Return the headers; in format 1.0, only `multiValueHeaders` has all values of a repeated one."""
    headers: dict[str, list[str]] = {}
    for name, value in _object(event.get("headers")).items():
        if isinstance(name, str) and isinstance(value, str):
            headers.setdefault(name.lower(), []).append(value)
    return headers | _lists(event.get("multiValueHeaders"), str.lower)


def _query(event: dict[Any, Any]) -> dict[str, list[str]]:
    """Return the decoded query parameters; in format 1.0, only `multiValue…` has all values of a repeated one."""
    raw = event.get("rawQueryString")
    if isinstance(raw, str):
        return parse_qs(raw, keep_blank_values=True) if raw else {}
    single = {name: [value] for name, value in _object(event.get("queryStringParameters")).items()}
    return _lists(single, str) | _lists(event.get("multiValueQueryStringParameters"), str)


def _lists(values: Any, key: Callable[[str], str]) -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for name, texts in _object(values).items():
        if isinstance(name, str) and isinstance(texts, list):
            lists.setdefault(key(name), []).extend(text for text in texts if isinstance(text, str))
    return lists
