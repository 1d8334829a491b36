"""Events of any shape get a documented status, never an exception."""

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.events import http_api, rest_api
from tests.integration.conftest import AWS, Container, token_record
from tools.databases import Database

DOCUMENTED = {200, 204, 304, 400, 401, 404, 405, 503}

texts = st.text(max_size=30) | st.text(alphabet=st.characters(min_codepoint=0, max_codepoint=0x10FFFF), max_size=10)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
KEY = "0123456789abcdef0123456789abcdef01234567"
methods = st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "get"]) | texts
paths = st.sampled_from(["/api/stats/", "/api/stats", "/prod/api/stats/", "/%61pi/stats/", "/"]) | texts
header_values = texts | st.sampled_from(
    [f"Token {KEY}", f"Token\t{KEY}", "Token x", "*", '"a", W/"b"', "Mon, 23 Nov 2026 12:00:00 GMT", "Mon, 23"]
)
headers = st.lists(
    st.tuples(
        st.sampled_from(["Authorization", "authorization", "If-None-Match", "If-Modified-Since", "Accept"]) | texts,
        header_values,
    ),
    max_size=5,
)
events = st.builds(lambda build, *parts: build(*parts), st.sampled_from([http_api, rest_api]), methods, paths, headers)


@st.composite
def damaged_events(draw: st.DrawFn) -> Any:
    """Return an event some of whose values, at any depth, are replaced or gone."""
    event = draw(events)
    for _ in range(draw(st.integers(1, 3))):
        place = event
        while True:
            key = draw(st.sampled_from(sorted(place)))
            if isinstance(place[key], dict) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            break
        if draw(st.booleans()):
            del place[key]
        else:
            place[key] = draw(json_values)
        if not event:
            break
    return event


@pytest.fixture(scope="module", autouse=True)
def _thawed() -> Iterator[None]:
    """Undo conftest.py's gc.freeze(): Hypothesis warns when it cannot find what refers to its random generator."""
    gc.unfreeze()
    yield
    gc.freeze()


@pytest.fixture
def container(aws: AWS, sqlite_db: Database, new_container: Any) -> Container:
    aws.put_database(sqlite_db.secret())
    aws.put_tokens(token_record(KEY))
    started: Container = new_container()
    return started


def check(container: Container, event: Any) -> None:
    answer = container.invoke(event)
    assert answer.status in DOCUMENTED
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in answer.headers.items())
    if answer.body:
        assert json.loads(answer.body)


any_event = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@any_event
@given(event=json_values)
def test_any_json(container: Container, event: Any) -> None:
    check(container, event)


@any_event
@given(event=events)
def test_any_request(container: Container, event: Any) -> None:
    check(container, event)


@any_event
@given(event=damaged_events())
def test_any_damage(container: Container, event: Any) -> None:
    check(container, event)
