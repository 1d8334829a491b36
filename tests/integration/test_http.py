"""Every row of the decision table and every header, in both payload formats."""

import json
import os
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from dev.servers.databases import Database
from dev.servers.processes import free_port
from stats.numbers.catalogue import SERVED
from tests.integration.conftest import AWS, NOW, Response, Travel, token_record
from tests.support import leaks
from tests.support.events import EVERY_ANSWER, FORMATS, PATH, vary
from tests.support.outages import hide_tables, show_tables

LAST_MODIFIED = "Mon, 23 Nov 2026 12:00:00 GMT"
ALLOW = "GET, HEAD, OPTIONS"


@pytest.fixture
def key(aws: AWS, sqlite_db: Database) -> str:
    aws.put_database(sqlite_db.secret())
    return aws.new_token()


def assert_problem(answer: Response, status: int, **headers: str) -> None:
    assert answer.status == status
    expected = {**EVERY_ANSWER, "Content-Type": "application/json", "Cache-Control": "no-store"}
    assert answer.headers == expected | {name.replace("_", "-"): value for name, value in headers.items()}
    assert list(answer.json) == ["detail"]
    assert isinstance(answer.json["detail"], str)
    assert ": " not in answer.body.partition('":')[0]


def assert_unauthorized(answer: Response) -> None:
    assert_problem(answer, 401, WWW_Authenticate="Token")


NOT_API_GATEWAY: list[Any] = [
    None,
    "GET /api/stats/",
    [],
    {},
    {"version": "2.0"},
    {"version": "2.0", "requestContext": None, "rawPath": PATH},
    {"version": "2.0", "requestContext": {"http": None}, "rawPath": PATH},
    {"version": "2.0", "requestContext": {"http": {"method": "GET"}}, "rawPath": None},
    {"version": "2.0", "requestContext": {"http": {"method": None}}, "rawPath": PATH},
    {"httpMethod": "GET", "path": PATH},
    {"httpMethod": "GET", "requestContext": {}},
    {"httpMethod": 1, "path": PATH, "requestContext": {}},
    {"version": "2.0", "httpMethod": "GET", "path": PATH, "requestContext": {}},
    {  # of an Application Load Balancer, which names no caller
        "requestContext": {
            "elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/x"}
        },
        "httpMethod": "GET",
        "path": PATH,
        "queryStringParameters": {},
        "headers": {"host": "stats.example.com", "x-forwarded-for": "203.0.113.7"},
        "body": "",
        "isBase64Encoded": False,
    },
    {"version": "0", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}},
    {"Records": [{"eventSource": "aws:s3"}]},
]


@pytest.mark.parametrize("event", NOT_API_GATEWAY, ids=json.dumps)
def test_what_is_no_api_gateway_event(event: Any, key: str, new_container: Any) -> None:
    assert_problem(new_container().invoke(event), 400)


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/page",
        "/index.html",
        "/favicon.ico",
        "/api/stats/x",
        "/api/stats//",
        "/api//stats/",
        "/API/STATS/",
        "",
        "x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "PUT"])
def test_other_paths(path: str, method: str, build: Any, key: str, new_container: Any) -> None:
    container = new_container()
    assert_problem(container.get(key, method=method, path=path, build=build), 404)
    assert_problem(container.get(method=method, path=path, build=build), 404)


@pytest.mark.parametrize("path", ["/api/stats", "/api/stats/", "/api/%73tats/", "/prod/api/stats/", "/prod/api/stats"])
def test_the_path_with_or_without_slash_and_stage(path: str, key: str, new_container: Any) -> None:
    assert new_container().get(key, path=path, build=FORMATS["1.0"]).status == 200


def test_a_named_stage_of_an_http_api(key: str, new_container: Any) -> None:
    event = FORMATS["2.0"](path="/prod/api/stats/", headers=[("Authorization", f"Token {key}")])
    container = new_container()
    assert container.invoke(event).status == 404
    event["requestContext"]["stage"] = "prod"
    assert container.invoke(event).status == 200


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_a_stage_that_is_called_api(prefix: str, key: str, new_container: Any) -> None:
    event = FORMATS["2.0"](path=f"{prefix}/api/stats/", headers=[("Authorization", f"Token {key}")])
    event["requestContext"]["stage"] = "api"
    assert new_container().invoke(event).status == 200


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "POST", "PUT", "TRACE"])
def test_the_api_switched_off(method: str, build: Any, key: str, new_container: Any) -> None:
    container = new_container(API_ENABLED="false")
    assert_unauthorized(container.get(key, method=method, build=build))
    assert_problem(container.get(key, method=method, path="/x", build=build), 404)


def test_options(build: Any, key: str, new_container: Any) -> None:
    for token in (None, key, leaks.new_key()):
        answer = new_container().get(token, method="OPTIONS", build=build)
        assert answer == Response(204, {**EVERY_ANSWER, "Allow": ALLOW}, "")


BAD_AUTHORIZATIONS: dict[str, list[str]] = {
    "none": [],
    "empty": [""],
    "the scheme alone": ["Token"],
    "the scheme and a space": ["Token "],
    "another scheme": ["Bearer {key}"],
    "no scheme": ["{key}"],
    "no space": ["Token{key}"],
    "a colon": ["Token: {key}"],
    "quotes": ['Token "{key}"'],
    "a comma": ["Token {key},"],
    "a word more": ["Token {key} x"],
    "a space inside": ["Token {key:.20} {key:.20}"],
    "a line feed at the end": ["Token {key}\n"],
    "a line feed between": ["Token\n{key}"],
    "a NUL": ["Token {key}\0"],
    "a no-break space": ["Token\u00a0{key}"],
    "a Kelvin sign": ["To\u212aen {key}"],
    "a lone surrogate": ["Token {key}\udcff"],
    "full-width digits": ["Token " + "\uff11" * 40],
    "one digit less": ["Token {key:.39}"],
    "one digit more": ["Token {key}0"],
    "twice": ["Token {key}", "Token {key}"],
    "a bad one first": ["Token x", "Token {key}"],
    "a bad one last": ["Token {key}", "Token x"],
}


@pytest.mark.parametrize("values", BAD_AUTHORIZATIONS.values(), ids=BAD_AUTHORIZATIONS)
def test_unusable_authorizations(values: list[str], build: Any, key: str, new_container: Any) -> None:
    headers = [("Authorization", value.format(key=key)) for value in values]
    container = new_container()
    assert_unauthorized(container.get(None, *headers, build=build))
    assert_unauthorized(container.get(None, *headers, build=build, method="PUT"))


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
@pytest.mark.parametrize("value", ["Token {key}", "token {key}", "TOKEN {key}", "tOkEn  \t {key}", " Token\t{key} "])
def test_usable_authorizations(name: str, value: str, build: Any, key: str, new_container: Any) -> None:
    assert new_container().get(None, (name, value.format(key=key)), build=build).status == 200


def test_an_upper_case_key_is_another_key(build: Any, aws: AWS, key: str, new_container: Any) -> None:
    assert_unauthorized(new_container().get(key.upper(), build=build))


def test_an_unknown_key(build: Any, key: str, new_container: Any) -> None:
    assert_unauthorized(new_container().get(leaks.new_key(), build=build))


def test_two_spellings_of_the_header_are_two_headers(key: str, new_container: Any) -> None:
    event = FORMATS["1.0"]()
    event["headers"] = {"Authorization": f"Token {key}", "authorization": f"Token {key}"}
    assert_unauthorized(new_container().invoke(event))


def test_headers_without_their_multiple_values(key: str, new_container: Any) -> None:
    event = FORMATS["1.0"]()
    event["headers"] = {"Authorization": f"Token {key}"}
    assert new_container().invoke(event).status == 200


def test_every_refusal_reads_the_same(build: Any, aws: AWS, key: str, new_container: Any) -> None:
    expired, inactive, elsewhere = leaks.new_key(), leaks.new_key(), leaks.new_key()
    aws.put_tokens(
        token_record(expired, name="expired", expires="2020-01-01T00:00:00Z"),
        token_record(inactive, name="inactive", active=False),
        token_record(elsewhere, name="elsewhere", allowed_ips=["10.0.0.0/8"]),
    )
    container = new_container()
    answers = [container.get(each, build=build) for each in (None, leaks.new_key(), expired, inactive, elsewhere)]
    assert_unauthorized(answers[0])
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "get", "", "FOO"])
def test_other_methods(method: str, build: Any, key: str, new_container: Any) -> None:
    container = new_container()
    assert_problem(container.get(key, method=method, build=build), 405, Allow=ALLOW)
    assert_unauthorized(container.get(method=method, build=build))


def test_no_registry(build: Any, key: str, monkeypatch: pytest.MonkeyPatch, new_container: Any) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    container = new_container()
    for method in ("GET", "HEAD", "PUT"):
        answer = container.get(key, method=method, build=build)
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "1"
    assert_problem(container.get(key, build=build), 503, Retry_After="1")
    assert_unauthorized(container.get("x", build=build))


def test_no_statistics(build: Any, aws: AWS, key: str, travel: Travel, new_container: Any) -> None:
    aws.put_database({"engine": "sqlite", "dbname": "/nowhere/openl2m.sqlite3"})
    container = new_container()
    assert_problem(container.get(key, build=build), 503, Retry_After="1")
    travel(0.5)
    assert_problem(container.get(key, method="POST", build=build), 503, Retry_After="1")
    travel(1.5)
    assert_problem(container.get(key, build=build), 503, Retry_After="2")
    travel(1.9)
    assert_problem(container.get(key, build=build), 503, Retry_After="2")
    travel(2.9)
    assert_problem(container.get(key, build=build), 503, Retry_After="1")


def test_a_row_that_is_no_numbers(
    build: Any, key: str, sqlite_db: Database, travel: Travel, new_container: Any
) -> None:
    sqlite_db.insert("counters_counter", [{"name": "changes", "value": leaks.new_password()}])
    container = new_container()
    assert_problem(container.get(key, build=build), 503, Retry_After="1")
    sqlite_db.execute("UPDATE counters_counter SET value = 7")
    travel(2)
    assert container.get(key, build=build).json["usage"]["changes_total"]["value"] == 7


def document_headers(answer: Response, *, age: int, cache_status: str, ttl: int = 60) -> dict[str, str]:
    return {
        **EVERY_ANSWER,
        "Content-Type": "application/json",
        "Allow": ALLOW,
        "ETag": answer.headers["ETag"],
        "Last-Modified": LAST_MODIFIED,
        "Cache-Control": f"private, max-age={ttl}",
        "Age": str(age),
        "Cache-Status": f"openl2m-stats; {cache_status}",
        "Vary": vary(answer.headers, "Authorization"),
        "X-Content-Type-Options": "nosniff",
    }


def test_the_document(build: Any, key: str, sqlite_db: Database, travel: Travel, new_container: Any) -> None:
    answer = new_container().get(key, build=build)
    assert answer.status == 200
    assert answer.headers == document_headers(answer, age=0, cache_status="fwd=miss")
    assert answer.headers["ETag"][0] == answer.headers["ETag"][-1] == '"'
    assert answer.body == json.dumps(answer.json, separators=(",", ":"))
    assert list(answer.json) == ["database", "usage"]
    expected = [(statistic.section, statistic.key) for statistic in SERVED]
    assert [(section, key) for section, keys in answer.json.items() for key in keys] == expected
    assert answer.body.startswith('{"database":{"switches":{"label":"Switches","value":0},"switchgroups":{')
    assert answer.body.endswith('"commands_total":{"label":"Total Commands","value":0}}}')


def test_an_answer_tells_its_age(build: Any, key: str, travel: Travel, new_container: Any) -> None:
    container = new_container()
    first = container.get(key, build=build)
    for seconds, age in ((0, 0), (0.9, 0), (17, 17), (59.9, 59)):
        travel(seconds)
        answer = container.get(key, build=build)
        assert answer.headers == document_headers(answer, age=age, cache_status=f"hit; ttl={60 - age}; detail=memory")
        assert answer.body == first.body
    travel(60)
    assert container.get(key, build=build).headers["Cache-Status"] == "openl2m-stats; fwd=miss"


def test_a_stale_answer_tells_its_age(
    build: Any, aws: AWS, key: str, sqlite_db: Database, travel: Travel, new_container: Any
) -> None:
    container = new_container(MAX_STALE_SECONDS=300)
    first = container.get(key, build=build)
    hide_tables(sqlite_db)
    for seconds, status in ((60, "hit; ttl=0; detail=stale"), (300, "hit; ttl=-240; detail=stale")):
        travel(seconds)
        answer = container.get(key, build=build)
        assert answer.status == 200
        assert answer.headers == document_headers(answer, age=seconds, cache_status=status)
        assert answer.body == first.body
    travel(300.5)
    assert_problem(container.get(key, build=build), 503, Retry_After="2")
    show_tables(sqlite_db)
    travel(303)
    assert container.get(key, build=build).headers["Cache-Status"] == "openl2m-stats; fwd=miss"


def test_numbers_from_the_future_are_not_served(build: Any, key: str, travel: Travel, new_container: Any) -> None:
    container = new_container()
    container.get(key, build=build)
    travel(-3600)
    answer = container.get(key, build=build)
    assert answer.headers["Age"] == "0"
    assert answer.headers["Cache-Status"] == "openl2m-stats; fwd=miss"


def test_a_ttl_of_zero_asks_every_time(
    build: Any, key: str, sqlite_db: Database, travel: Travel, new_container: Any
) -> None:
    container = new_container(CACHE_TTL_SECONDS=0)
    answer = container.get(key, build=build)
    assert answer.headers == document_headers(answer, age=0, cache_status="fwd=miss", ttl=0)
    sqlite_db.insert("switches_vlan", [{}])
    answer = container.get(key, build=build)
    assert answer.headers["Cache-Status"] == "openl2m-stats; fwd=miss"
    assert answer.json["database"]["vlans"]["value"] == 1


def test_head(build: Any, key: str, travel: Travel, new_container: Any) -> None:
    container = new_container()
    container.get(key, build=build)
    get = container.get(key, build=build)
    assert container.get(key, method="HEAD", build=build) == Response(200, get.headers, "")
    refused = container.get(method="HEAD", build=build)
    assert (refused.status, refused.body) == (401, "")


@pytest.mark.parametrize("body", [None, "", "a=1", "{malformed", "AAEC"])
def test_post_is_an_alias(body: Any, build: Any, key: str, travel: Travel, new_container: Any) -> None:
    container = new_container()
    container.get(key, build=build)
    get = container.get(key, build=build)
    event = build("POST", headers=[("Authorization", f"Token {key}"), ("If-None-Match", "*")])
    event |= {"body": body, "isBase64Encoded": body == "AAEC"}
    assert container.invoke(event) == get


MATCHING = ["{etag}", "W/{etag}", '"a", {etag}', '"a",W/"b" , W/{etag}', "*", " * ", '"a, b", {etag}', '"",{etag}']
NOT_MATCHING = ['"a"', 'W/"a"', "", "a", "{bare}", '"{bare}', '"a", "b"', '"*"', "W/*"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("value", MATCHING)
def test_not_modified(value: str, method: str, build: Any, key: str, travel: Travel, new_container: Any) -> None:
    container = new_container()
    etag = container.get(key, build=build).headers["ETag"]
    travel(5)
    answer = container.get(key, ("If-None-Match", value.format(etag=etag)), method=method, build=build)
    assert answer.status == 304
    assert answer.body == ""
    assert answer.headers == {
        **EVERY_ANSWER,
        "ETag": etag,
        "Last-Modified": LAST_MODIFIED,
        "Cache-Control": "private, max-age=60",
        "Age": "5",
        "Cache-Status": "openl2m-stats; hit; ttl=55; detail=memory",
        "Vary": vary(answer.headers, "Authorization"),
    }


@pytest.mark.parametrize("value", NOT_MATCHING)
def test_modified(value: str, build: Any, key: str, travel: Travel, new_container: Any) -> None:
    container = new_container()
    etag = container.get(key, build=build).headers["ETag"]
    # A date that would match: it counts only without If-None-Match.
    headers = [("If-None-Match", value.format(bare=etag.strip('"'))), ("If-Modified-Since", LAST_MODIFIED)]
    assert container.get(key, *headers, build=build).status == 200


def test_a_repeated_if_none_match(build: Any, key: str, travel: Travel, new_container: Any) -> None:
    container = new_container()
    etag = container.get(key, build=build).headers["ETag"]
    assert container.get(key, ("If-None-Match", '"a"'), ("If-None-Match", etag), build=build).status == 304


@pytest.mark.parametrize(
    ("date", "status"),
    [
        (LAST_MODIFIED, 304),
        ("Mon, 23 Nov 2026 12:00:01 GMT", 304),
        ("Mon, 23 Nov 2026 11:59:59 GMT", 200),
        ("Monday, 23-Nov-26 12:00:00 GMT", 304),
        ("Mon Nov 23 12:00:00 2026", 304),
        ("Mon Nov 23 11:59:59 2026", 200),
        ("yesterday", 200),
        ("", 200),
        ("Mon, 99 Nov 2026 12:00:00 GMT", 200),
    ],
)
def test_if_modified_since(date: str, status: int, build: Any, key: str, travel: Travel, new_container: Any) -> None:
    container = new_container()
    assert container.get(key, ("If-Modified-Since", date), build=build).status == status
    assert container.get(key, ("If-Modified-Since", date), method="HEAD", build=build).status == status
    assert container.get(key, ("If-Modified-Since", date), method="POST", build=build).status == 200


def test_the_etag_follows_the_numbers(
    build: Any, key: str, sqlite_db: Database, travel: Travel, new_container: Any
) -> None:
    container = new_container()
    first = container.get(key, build=build)
    travel(60)
    same = container.get(key, ("If-None-Match", first.headers["ETag"]), build=build)
    assert same.status == 304
    assert same.headers["Last-Modified"] == format_datetime(NOW + timedelta(seconds=60), usegmt=True)
    sqlite_db.insert("switches_vlan", [{}])
    travel(120)
    assert container.get(key, ("If-None-Match", first.headers["ETag"]), build=build).status == 200


def test_query_parameters_are_ignored(key: str, new_container: Any) -> None:
    event = FORMATS["2.0"](headers=[("Authorization", f"Token {key}")])
    event |= {"rawQueryString": "format=xml", "queryStringParameters": {"format": "xml"}}
    assert new_container().invoke(event).status == 200


def test_the_unforeseen(
    build: Any,
    aws: AWS,
    key: str,
    new_container: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    container = new_container()
    container.get(key, build=build)
    # No input is known that gets here: something is broken on purpose, and its text holds a secret.
    monkeypatch.setattr("stats.endpoints.statistics.caching_headers", lambda *_: os.environ[key])
    answer = container.get(key, build=build)
    assert_problem(answer, 500)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (logged,) = [line for line in lines if line.get("message") == "unforeseen"]
    assert logged["function_request_id"] == "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    assert logged["error"] == "KeyError"
    assert "test_http.py" in str(logged["trace"])


def test_without_a_context(build: Any, key: str, new_container: Any) -> None:
    event = build(headers=[("Authorization", f"Token {key}")])
    assert new_container().invoke(event, None).status == 200


def test_a_bad_setting_stops_the_function_at_start(key: str, new_container: Any) -> None:
    with pytest.raises(Exception, match=r"^TIME_ZONE is wrong: .*; CACHE_TTL_SECONDS is wrong: ") as caught:
        new_container(CACHE_TTL_SECONDS="soon", TIME_ZONE="Mars")
    assert type(caught.value).__name__ == "SettingsError"


def test_the_client_address_is_the_one_that_api_gateway_saw(build: Any, key: str, new_container: Any) -> None:
    container = new_container(CLIENT_IP_ALLOWED="10.0.0.0/8")
    spoofed = [("X-Forwarded-For", "10.1.1.1"), ("X-Real-IP", "10.1.1.1"), ("Forwarded", "for=10.1.1.1")]
    assert_unauthorized(container.get(key, *spoofed, build=build))
    assert container.get(key, ("X-Forwarded-For", "192.0.2.1"), client="10.1.1.1", build=build).status == 200
