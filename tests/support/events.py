"""API Gateway events of both payload formats, as API Gateway builds them, from one description of a request."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

Headers = Iterable[tuple[str, str]]

PATH = "/api/stats/"
CLIENT = "203.0.113.7"
# The headers that every answer has, errors included.
EVERY_ANSWER: dict[str, str] = {}


def vary(headers: Mapping[str, str], names: str) -> str:
    """Return the expected `Vary`: test_compression.py shows which answers also vary by Accept-Encoding."""
    compressible = f"{names}, Accept-Encoding"
    return compressible if headers["Vary"] == compressible else names


def http_api(
    method: str = "GET", path: str = PATH, headers: Headers = (), client: str = CLIENT, query: str = ""
) -> dict[str, Any]:
    """Return an event of format 2.0: a header sent twice is joined with a comma."""
    joined: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        joined[key] = f"{joined[key]},{value}" if key in joined else value
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": joined,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdefghij",
            "domainName": "abcdefghij.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abcdefghij",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": client, "userAgent": "test"},
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "23/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1795435200000,
        },
        "isBase64Encoded": False,
    }


def rest_api(
    method: str = "GET", path: str = PATH, headers: Headers = (), client: str = CLIENT, query: str = ""
) -> dict[str, Any]:
    """Return an event of format 1.0: `headers` holds a repeated header's last value, `multiValueHeaders` all."""
    parameters = parse_qs(query, keep_blank_values=True)
    multiple: dict[str, list[str]] = {}
    for name, value in headers:
        multiple.setdefault(name, []).append(value)
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in multiple.items()} or None,
        "multiValueHeaders": multiple or None,
        "queryStringParameters": {name: values[-1] for name, values in parameters.items()} or None,
        "multiValueQueryStringParameters": parameters or None,
        "pathParameters": {"proxy": path.strip("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdefghij",
            "httpMethod": method,
            "identity": {"sourceIp": client, "userAgent": "test", "apiKey": None},
            "path": f"/prod{path}",
            "protocol": "HTTP/1.1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTime": "23/Nov/2026:12:00:00 +0000",
            "requestTimeEpoch": 1795435200000,
            "resourcePath": "/{proxy+}",
            "stage": "prod",
        },
        "body": None,
        "isBase64Encoded": False,
    }


FORMATS = {"2.0": http_api, "1.0": rest_api}
