"""Which instants `/api/stats/at/` accepts, and what it says of the snapshot that it finds."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dev.servers.databases import Database as File
from stats.app import App
from stats.endpoints.at import answer
from stats.http.request import Request, parse
from stats.http.response import Answer, ProblemError
from stats.numbers import query
from stats.numbers.catalogue import STATISTICS
from stats.snapshots.store import Snapshot
from tests.support.events import http_api
from tests.support.memory_s3 import MemoryBucket
from tests.support.sqlite_app import deadline_at, new_app

NOON = datetime(2025, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def bucket() -> MemoryBucket:
    return MemoryBucket()


@pytest.fixture
def app(file: File, bucket: MemoryBucket) -> Iterator[App]:
    with new_app(file, bucket) as app:
        yield app


def store(app: App, bucket: MemoryBucket, **changes: Any) -> Snapshot:
    """Store the snapshot of noon, in which every number is 7."""
    document = query.document([7] * len(STATISTICS))
    origin = {"zone": app.settings.time_zone, "read_from": None, **changes}
    snapshot = Snapshot(document, NOON + timedelta(seconds=1), NOON, **origin)
    bucket.s3.objects[f"p/{snapshot.key}"] = snapshot.line
    return snapshot


def request(query: str) -> Request:
    found = parse(http_api(path="/api/stats/at/", query=query))
    assert found
    return found


def found(app: App, query: str = "time=2025-11-23T12:30:00Z") -> Answer:
    return answer(app, request(query), deadline_at(NOON + timedelta(days=9)))


def refused(app: App, query: str = "time=2025-11-23T12:30:00Z") -> tuple[int, str]:
    with pytest.raises(ProblemError) as failure:
        found(app, query)
    response = failure.value.response
    return response["statusCode"], json.loads(response["body"])["detail"]


@pytest.mark.parametrize("time", ["2025-11-23T12:30:00Z", "2025-11-23T13:30:00+01:00", "2025-11-23T13:30:00%2B01:00"])
def test_the_document_is_the_snapshots_without_the_counters(app: App, bucket: MemoryBucket, time: str) -> None:
    snapshot = store(app, bucket)
    result = found(app, f"time={time}")
    document = json.loads(result.body)
    assert list(document) == ["database", "usage"]
    assert document["database"]["vlans"] == {"label": "Vlans", "value": 7}
    assert result.modified_at == snapshot.taken_at
    assert result.headers["Last-Modified"] == "Sun, 23 Nov 2025 12:00:01 GMT"
    assert result.headers["Cache-Control"] == "private, max-age=86400"
    assert result.headers["Vary"] == "Authorization"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "takes an instant with an offset"),
        ("time=", "takes an instant with an offset"),
        ("time=yesterday", "takes an instant with an offset"),
        ("time=2025-11-23T12:30:00", "takes an instant with an offset"),
        ("time=0001-01-01T00:00:00%2B14:00", "takes an instant with an offset"),
        ("time=2025-11-23T12:30:00Z&time=2025-11-23T12:30:00Z", "given more than once"),
        ("time=2025-12-02T12:00:01Z", "in the future"),
    ],
)
def test_other_times_are_refused(app: App, query: str, text: str) -> None:
    status, detail = refused(app, query)
    assert status == 400
    assert text in detail


def test_now_is_not_in_the_future(app: App) -> None:
    assert refused(app, "time=2025-12-02T12:00:00Z")[0] == 404


def test_a_time_without_a_snapshot_and_a_function_without_a_bucket(app: App, file: File) -> None:
    assert refused(app) == (404, "No snapshot was read at this time or within a day before it.")
    with new_app(file) as other:
        assert refused(other) == (404, "There are no snapshots: no bucket for them is configured.")


def test_a_snapshot_of_another_database_is_not_served(app: App, file: File, bucket: MemoryBucket) -> None:
    app.reader.read(deadline_at(NOON))
    store(app, bucket, read_from={"engine": "mysql"})
    assert refused(app)[0] == 404
    assert app.reader.server
    store(app, bucket, read_from=app.reader.server.place)
    assert found(app)
