"""`/api/stats/at/`: the statistics of the past, from the single snapshots in S3."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

import pytest

from stats.numbers import query
from stats.numbers.catalogue import COUNTERS, STATISTICS, Document
from tests.integration.conftest import AWS, NOW, Container, Response, Travel
from tests.integration.test_http import assert_problem
from tests.support.s3 import S3

PATH = "/api/stats/at/"
Ask = Callable[..., Response]


def document(value: int) -> Document:
    return query.document([value] * len(STATISTICS))


def stored(s3: S3, taken_at: datetime, value: int, late: timedelta = timedelta(seconds=2), **fields: Any) -> str:
    """Store a snapshot that was read at an instant, `late` after it was scheduled for; return its key."""
    scheduled = taken_at - late
    key = f"snapshots/dt={scheduled:%Y-%m-%d/%Y-%m-%dT%H-%M-%S}Z.json"
    times = {name: f"{at:%Y-%m-%dT%H:%M:%S}Z" for name, at in (("taken_at", taken_at), ("scheduled_for", scheduled))}
    s3.objects = {**s3.objects, key: json.dumps({**document(value), **times, **fields}).encode()}
    return key


@pytest.fixture
def key(aws: AWS, s3: S3, travel: Travel) -> str:
    """A token; there is no database, and none is needed."""
    aws.put_database({"engine": "mysql", "host": "127.0.0.1", "port": 1, "username": "u", "password": "p"})
    return aws.new_token()


@pytest.fixture
def container(key: str, new_container: Callable[..., Container]) -> Container:
    return new_container()


@pytest.fixture
def ask(key: str, container: Container) -> Ask:
    def ask(time: datetime | str, *headers: tuple[str, str], **request: Any) -> Response:
        text = time if isinstance(time, str) else f"time={time:%Y-%m-%dT%H:%M:%SZ}"
        return container.get(key, *headers, path=PATH, query=text, **request)

    return ask


def value_of(answer: Response) -> int:
    assert answer.status == 200, answer
    return int(json.loads(answer.body)["database"]["switches"]["value"])


def calls(s3: S3) -> list[str]:
    found = [call.method for call in s3.calls]
    s3.calls.clear()
    return found


AT = NOW - timedelta(days=1)


def test_the_document_as_it_was_with_its_instant(ask: Ask, s3: S3) -> None:
    stored(s3, AT, 7)
    answer = ask(AT)
    sent = {section: entries for section, entries in document(7).items() if section != COUNTERS}
    assert answer.body == json.dumps(sent, separators=(",", ":"))
    assert answer.headers["Last-Modified"] == format_datetime(AT, usegmt=True)
    assert answer.headers["Cache-Control"] == "private, max-age=86400"
    assert answer.headers["Vary"] == "Authorization, Accept-Encoding"
    assert not {"Age", "Cache-Status"} & answer.headers.keys()
    assert ask(AT, ("If-None-Match", answer.headers["ETag"])).status == 304
    assert ask(AT, ("If-Modified-Since", answer.headers["Last-Modified"])).status == 304
    assert ask(AT, method="HEAD").headers == answer.headers
    assert ask(AT, method="POST").status == 405


def test_the_newest_that_was_read_by_then(ask: Ask, s3: S3) -> None:
    for minutes in range(0, 60, 5):
        stored(s3, AT - timedelta(minutes=minutes), minutes)
    assert [value_of(ask(AT - timedelta(minutes=minutes))) for minutes in (0, 1, 5, 6, 54)] == [0, 5, 5, 10, 55]
    assert ask(AT - timedelta(minutes=55, seconds=1)).status == 404


def test_one_list_and_one_read(ask: Ask, s3: S3) -> None:
    for minutes in range(0, 300, 5):
        stored(s3, AT - timedelta(minutes=minutes), minutes)
    ask(AT)  # the token's
    calls(s3)
    assert value_of(ask(AT - timedelta(minutes=20))) == 20
    assert len(calls(s3)) == 2


def test_a_run_that_was_late_costs_one_read_more(ask: Ask, s3: S3) -> None:
    stored(s3, AT - timedelta(minutes=10), 1)
    stored(s3, AT + timedelta(minutes=30), 2, late=timedelta(minutes=35))
    calls(s3)
    assert value_of(ask(AT - timedelta(minutes=1))) == 1
    assert len(calls(s3)) == 3
    assert value_of(ask(AT + timedelta(minutes=30))) == 2


@pytest.mark.parametrize(("before", "status"), [(timedelta(days=1), 200), (timedelta(days=1, seconds=1), 404)])
def test_it_reaches_back_a_day(before: timedelta, status: int, ask: Ask, s3: S3) -> None:
    stored(s3, AT - before, 1)
    assert ask(AT).status == status


def test_a_day_of_snapshots_a_minute_apart(ask: Ask, s3: S3) -> None:
    s3.objects = {
        f"snapshots/dt={at:%Y-%m-%d/%Y-%m-%dT%H-%M-%S}Z.json": json.dumps(
            {**document(number), "taken_at": f"{at:%Y-%m-%dT%H:%M:%S}Z", "scheduled_for": f"{at:%Y-%m-%dT%H:%M:%S}Z"}
        ).encode()
        for number in range(1440)
        for at in [AT - timedelta(minutes=number)]
    }
    assert [value_of(ask(AT - timedelta(minutes=minutes))) for minutes in (0, 1, 700, 1439)] == [0, 1, 700, 1439]


def test_what_is_damaged_or_of_another_zone_is_passed_over(ask: Ask, s3: S3) -> None:
    stored(s3, AT - timedelta(minutes=10), 1)
    stored(s3, AT - timedelta(minutes=5), 2, time_zone="Asia/Tokyo")
    s3.objects = {**s3.objects, stored(s3, AT, 3): b"{"}
    assert value_of(ask(AT)) == 1


@pytest.mark.parametrize("offset", ["Z", "+00:00", " 00:00", "+05:45", "-08:00", " 0545"])
def test_any_offset_and_a_plus_sign_that_came_as_a_space(offset: str, ask: Ask, s3: S3) -> None:
    stored(s3, AT - timedelta(hours=9), 5)
    text = f"2026-11-22T12:00:00{offset}"
    assert value_of(ask(f"time={quote(text)}")) == 5
    assert value_of(ask(f"time={text.replace(' ', '+')}")) == 5


@pytest.mark.parametrize(
    "query",
    ["", "time=", "time=yesterday", "time=2026-11-22T12:00:00", "time=2026-11-22", "time=0001-01-01T00:00:00%2B23:00",
     "time=2026-11-22T12:00:00Z&time=2026-11-22T12:00:00Z", "time=1795435200"],
)  # fmt: skip
def test_an_unusable_time(query: str, ask: Ask) -> None:
    answer = ask(query)
    assert_problem(answer, 400)
    assert "time" in json.loads(answer.body)["detail"]


def test_the_future(ask: Ask) -> None:
    assert_problem(ask(NOW + timedelta(seconds=1)), 400)
    assert_problem(ask(NOW), 404)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"])
def test_long_ago(time: str, ask: Ask, s3: S3) -> None:
    assert_problem(ask(f"time={time}"), 404)


def test_without_a_bucket(key: str, new_container: Callable[..., Container]) -> None:
    answer = new_container(SNAPSHOT_BUCKET="").get(key, path=PATH, query=f"time={AT:%Y-%m-%dT%H:%M:%SZ}")
    assert_problem(answer, 404)
    assert "bucket" in json.loads(answer.body)["detail"]


@pytest.mark.parametrize("fault", [403, 503, "broken"])
@pytest.mark.parametrize("method", ["LIST", "GET"])
def test_a_bucket_that_fails_is_left_alone_for_a_while(
    method: str, fault: int | str, ask: Ask, s3: S3, travel: Travel
) -> None:
    key = stored(s3, AT, 1).removeprefix("snapshots/")
    is_list = method == "LIST"
    s3.fault = lambda call, _: fault if (call.key.endswith(key)) != is_list else None
    assert_problem(ask(AT), 503, Retry_After="1")
    s3.recover()
    assert ask(AT).status == 503
    travel(2)
    assert ask(AT).status == 200


def test_a_token_is_needed(container: Container) -> None:
    assert container.get("0" * 40, path=PATH, query="time=x").status == 401
