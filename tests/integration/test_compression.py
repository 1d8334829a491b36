"""Answers in gzip's form: for HTTP APIs and function URLs, which compress nothing themselves."""

import gzip
import json
from base64 import b64decode
from typing import Any

import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS
from tests.support.events import http_api, rest_api

PATHS = ["/api/stats/", "/api/stats/history/", "/metrics", "/"]


@pytest.fixture
def ask(aws: AWS, sqlite_db: Database, s3: Any, new_container: Any) -> Any:
    aws.put_database(sqlite_db.secret())
    key, container = aws.new_token(), new_container()

    def ask(path: str, *headers: tuple[str, str], method: str = "GET", build: Any = http_api) -> dict[str, Any]:
        event = build(method, path, headers=[("Authorization", f"Token {key}"), *headers])
        answer: dict[str, Any] = container.api.handler(event, None)
        return answer

    return ask


GZIP = ("Accept-Encoding", "gzip, deflate, br")


@pytest.mark.parametrize("path", PATHS)
def test_a_large_answer_is_compressed_for_who_accepts_it(path: str, ask: Any) -> None:
    plain, compressed = ask(path), ask(path, GZIP)
    assert compressed["isBase64Encoded"] is True
    body = b64decode(compressed["body"])
    assert gzip.decompress(body).decode() == plain["body"]
    assert len(body) < len(plain["body"]) / 2
    assert "isBase64Encoded" not in plain
    one, other = plain["headers"], compressed["headers"]
    assert other.pop("Content-Encoding") == "gzip"
    assert "Accept-Encoding" in one["Vary"]
    assert other.pop("ETag") == f'{one.pop("ETag")[:-1]}-gzip"'
    for headers in (one, other):
        for name in ("Age", "Cache-Status"):
            headers.pop(name, None)
    assert one == other


@pytest.mark.parametrize("headers", [[], [("Accept-Encoding", "gzip;q=0")], [("Accept-Encoding", "br")]])
def test_it_is_not_for_who_does_not(headers: list[tuple[str, str]], ask: Any) -> None:
    answer = ask("/api/stats/", *headers)
    assert "Content-Encoding" not in answer["headers"]
    assert json.loads(answer["body"])["database"]


def test_a_rest_api_compresses_by_itself(ask: Any) -> None:
    answer = ask("/api/stats/", GZIP, build=rest_api)
    assert json.loads(answer["body"])["database"]
    assert "Accept-Encoding" not in answer["headers"]["Vary"]
    assert not {"Content-Encoding", "isBase64Encoded"} & {*answer, *answer["headers"]}


@pytest.mark.parametrize("path", ["/health", "/api/stats/history/?from=x", "/nowhere"])
def test_a_small_answer_is_not_compressed(path: str, ask: Any) -> None:
    answer = ask(path, GZIP)
    assert json.loads(answer["body"])
    assert "Content-Encoding" not in answer["headers"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("accepts", [(), (GZIP,)])
def test_both_tags_are_known(path: str, accepts: tuple[tuple[str, str], ...], ask: Any) -> None:
    tags = [ask(path)["headers"]["ETag"], ask(path, GZIP)["headers"]["ETag"]]
    assert tags[0] != tags[1]
    for tag in tags:
        answer = ask(path, ("If-None-Match", f"W/{tag}"), *accepts)
        assert (answer["statusCode"], answer["body"]) == (304, "")
        assert answer["headers"]["ETag"] == tags[bool(accepts)]
        assert "Content-Encoding" not in answer["headers"]
    assert ask(path, ("If-None-Match", f'{tags[0][:-1]}-br"'), *accepts)["statusCode"] == 200


def test_head_has_the_headers_of_get_and_no_body(ask: Any) -> None:
    got, head = ask("/api/stats/", GZIP), ask("/api/stats/", GZIP, method="HEAD")
    assert (head["body"], "isBase64Encoded" in head) == ("", False)
    assert head["headers"]["ETag"] == got["headers"]["ETag"]
    assert head["headers"]["Content-Encoding"] == "gzip"
