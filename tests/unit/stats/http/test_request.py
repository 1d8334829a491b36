"""What API Gateway's events say, in both formats, and what is no request."""

from typing import Any

import pytest

from stats.http.request import Request, parse
from tests.support.events import CLIENT, FORMATS, http_api, rest_api


def parsed(event: Any) -> Request:
    request = parse(event)
    assert request
    return request


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
def test_both_formats_say_the_same(make: Any) -> None:
    headers = [("X-Token", "one"), ("Accept", "text/csv")]
    request = parsed(make("HEAD", "/caf%C3%A9/a%2Fb/", headers, query="a=1&b=&c=x%20y"))
    assert (request.method, request.path, request.client_address) == ("HEAD", "/café/a/b/", CLIENT)
    assert request.headers == {"x-token": ["one"], "accept": ["text/csv"]}
    assert request.query == {"a": ["1"], "b": [""], "c": ["x y"]}


def test_a_stage_and_a_request_id_are_the_contexts() -> None:
    assert [parsed(make()).stage for make in FORMATS.values()] == ["$default", "prod"]
    assert parsed(http_api()).request_id == "JKJaXmPLvHcESHA="
    event = http_api()
    event["requestContext"]["stage"] = 7
    assert parsed(event).stage == ""


def test_a_repeated_header_or_parameter_has_all_its_values() -> None:
    repeated = [("Accept", "text/csv"), ("accept", "*/*"), ("ACCEPT", "a/b")]
    request = parsed(rest_api(headers=repeated, query="a=1&a=2"))
    assert (request.headers["accept"], request.query) == (["text/csv", "*/*", "a/b"], {"a": ["1", "2"]})
    assert parsed(http_api(headers=repeated)).headers["accept"] == ["text/csv,*/*,a/b"]
    assert parsed(http_api(query="a=1&a=")).query == {"a": ["1", ""]}


def test_single_values_count_where_an_event_has_no_multiple_ones() -> None:
    event = rest_api(headers=[("Accept", "text/csv")], query="a=1%2B")
    event["multiValueHeaders"] = event["multiValueQueryStringParameters"] = None
    assert (parsed(event).headers, parsed(event).query) == ({"accept": ["text/csv"]}, {"a": ["1+"]})


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [(None, False), ("gzip", True), ("br", False), ("*", True), ("gzip;q=0, *", False), ("br, gzip;q=0.1", True)],
)
def test_gzip_is_left_to_a_rest_api_and_negotiated_by_us_for_an_http_api(accepted: str | None, takes: bool) -> None:
    headers = [("Accept-Encoding", accepted)] if accepted else []
    assert parsed(http_api(headers=headers)).takes_gzip is takes
    assert parsed(rest_api(headers=headers)).takes_gzip is None


def test_what_is_not_text_is_left_out() -> None:
    event = rest_api()
    event["headers"] = {"a": 1, 2: "b", "c": "d"}
    event["multiValueHeaders"] = {"e": ["f", None], "g": "h", 3: ["i"]}
    event["multiValueQueryStringParameters"], event["queryStringParameters"] = ["x"], {"y": None, "z": "1"}
    request = parsed(event)
    assert request.headers == {"c": ["d"], "e": ["f"]}
    assert request.query == {"y": [], "z": ["1"]}


def changed(event: dict[str, Any], **entries: Any) -> dict[str, Any]:
    return {**event, **entries}


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "event",
        {},
        changed(rest_api(), requestContext=None),
        changed(rest_api(), requestContext={"elb": {"targetGroupArn": "arn"}}),
        changed(rest_api(), httpMethod=None),
        changed(rest_api(), path=["/"]),
        changed(http_api(), rawPath=None),
        changed(http_api(), requestContext={"http": None}),
        changed(http_api(), version="1.0"),
    ],
)
def test_what_is_no_request(event: Any) -> None:
    assert parse(event) is None


def test_a_request_without_a_client_address_names_none() -> None:
    assert parsed(changed(rest_api(), requestContext={"identity": "someone"})).client_address is None
