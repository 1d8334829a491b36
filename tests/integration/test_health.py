"""`/health`: for probes that send no token."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS, Container, Response, Travel
from tests.integration.test_http import assert_problem
from tests.support.events import FORMATS


@pytest.fixture
def start(aws: AWS, sqlite_db: Database, travel: Travel, new_container: Callable[..., Container]) -> Any:
    aws.put_database(sqlite_db.secret())
    return new_container


def ask(container: Container, method: str = "GET", path: str = "/health", form: str = "2.0") -> Response:
    return container.invoke(FORMATS[form](method, path))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("path", ["/health", "/health/"])
def test_all_is_well(form: str, path: str, start: Any) -> None:
    answer = ask(start(), path=path, form=form)
    assert (answer.status, answer.body) == (200, '{"status":"ok"}')
    assert answer.headers == {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Allow": "GET, HEAD, OPTIONS",
    }


def test_methods(start: Any) -> None:
    container = start()
    assert (ask(container, "HEAD").status, ask(container, "HEAD").body) == (200, "")
    assert ask(container, "OPTIONS").status == 204
    for method in ("POST", "PUT", "DELETE"):
        assert ask(container, method).status == 405


def test_validators_change_nothing(start: Any) -> None:
    container = start()
    for header in (("If-None-Match", "*"), ("If-Modified-Since", "Mon, 23 Nov 2026 12:00:00 GMT")):
        assert container.invoke(FORMATS["2.0"]("GET", "/health", headers=[header])).status == 200


def test_with_the_api_switched_off_there_is_none(start: Any) -> None:
    assert ask(start(API_ENABLED="false")).status == 404


def test_it_tries_the_database_once_in_a_time_to_live_whoever_asks(
    aws: AWS, start: Any, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = start(CACHE_TTL_SECONDS=60)
    tries: list[int] = []
    connect = container.api._app.database._connect

    def counted(deadline: Any) -> Any:
        tries.append(1)
        return connect(deadline)

    monkeypatch.setattr(container.api._app.database, "_connect", counted)
    aws.put_database({"engine": "mysql", "host": "127.0.0.1", "port": 1, "username": "u", "password": "p"})
    container.api._app.database._secret._secret.refresh_now(container.api.Deadline.after(5))
    answer = ask(container)
    assert_problem(answer, 503, Retry_After=answer.headers["Retry-After"])
    assert json.loads(answer.body) == {"detail": "The statistics cannot be read at the moment."}
    tried = len(tries)
    for seconds in (1, 20, 30):
        travel(seconds)
        answer = ask(container)
        assert answer.status == 503
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert len(tries) == tried
    travel(61)
    assert ask(container).status == 503
    assert len(tries) > tried


def test_stale_numbers_are_good_enough(
    aws: AWS, sqlite_db: Database, travel: Travel, new_container: Callable[..., Container]
) -> None:
    aws.put_database(sqlite_db.secret())
    container = new_container(CACHE_TTL_SECONDS=60, MAX_STALE_SECONDS=300)
    assert ask(container).status == 200
    container.close()
    Path(str(sqlite_db.secret()["dbname"])).unlink()
    travel(300)
    assert ask(container).status == 200
    travel(301)
    assert ask(container).status == 503
