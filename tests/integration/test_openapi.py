"""The API, as `make run` serves it, against docs/openapi.yaml, and the examples of docs/api.md."""

import contextlib
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings

from openl2m_stats.local import demo
from stats.numbers import catalogue
from tests.integration.test_run import environment, running
from tests.support import leaks
from tests.support.databases import ROOT

schema = schemathesis.openapi.from_path(ROOT / "docs/openapi.yaml")
# Values that no HTTP server lets pass are not the handler's to judge; the token is the test's own.
schema.config.generation.update(modes=[schemathesis.GenerationMode.POSITIVE], with_security_parameters=False)
EXAMPLES = re.findall(r"```(sh|python)\n(.*?)```", (ROOT / "docs/api.md").read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    logged: list[str] = []
    with running() as (process, printed):
        found = re.search(r"http://127\.0\.0\.1:\d+", printed)
        assert found
        assert process.stdout
        # So many requests fill the pipe, which would stop the server.
        reader = threading.Thread(target=logged.extend, args=(process.stdout,))
        reader.start()
        yield found[0]
        process.kill()
        reader.join()
    assert not leaks.found_in("".join(logged))


# `Allow` leaves POST out on purpose: it is an alias. Two dates, each of them good, may be no range.
NOT_CHECKED = [schemathesis.checks.allow_header_conformance, schemathesis.checks.positive_data_acceptance]


@schema.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_answers_are_as_documented(case: Any, url: str) -> None:
    headers = {"Authorization": f"Token {demo.TOKEN}"}
    answer = case.call_and_validate(base_url=url, headers=headers, excluded_checks=NOT_CHECKED)
    possible = {400, 404} if case.path == "/api/stats/at/" else {400} if case.query else set()
    assert answer.status_code in {200, 204, 304} | possible


@pytest.mark.parametrize("media_type", ["application/json", "text/csv"])
def test_a_range_of_the_history_is_as_documented(media_type: str, url: str) -> None:
    case = schema["/api/stats/history/"]["GET"].Case(query={"from": "2024-02-28", "to": "2024-03-01"})
    headers = {"Authorization": f"Token {demo.TOKEN}", "Accept": media_type}
    answer = case.call_and_validate(base_url=url, headers=headers, excluded_checks=NOT_CHECKED)
    assert answer.status_code == 200
    assert answer.headers["content-type"][0].partition(";")[0] == media_type


@schema.parametrize()
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_answers_without_a_token_are_as_documented(case: Any, url: str) -> None:
    answer = case.call_and_validate(base_url=url, excluded_checks=NOT_CHECKED)
    if case.path in {"/", "/health"}:
        assert answer.status_code in {200, 204, 304}
    else:
        assert answer.status_code == (204 if case.method == "OPTIONS" else 401)


@pytest.fixture(scope="module")
def url_without_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a database that loses its tables as soon as the server is ready, and keep no answer."""
    path = tmp_path_factory.mktemp("openapi") / "openl2m.sqlite3"
    demo.create_database(path)
    with running(DATABASE_URL=f"sqlite:///{path}", CACHE_TTL_SECONDS=0, MAX_STALE_SECONDS=0) as (_, printed):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            for table in catalogue.columns():
                connection.execute(f"DROP TABLE {table}")
        found = re.search(r"http://127\.0\.0\.1:\d+", printed)
        assert found
        yield found[0]


@schema.include(path="/api/stats/").parametrize()
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_answers_without_a_database_are_as_documented(case: Any, url_without_database: str) -> None:
    headers = {"Authorization": f"Token {demo.TOKEN}"}
    excluded = [*NOT_CHECKED, schemathesis.checks.not_a_server_error]
    answer = case.call_and_validate(base_url=url_without_database, headers=headers, excluded_checks=excluded)
    assert answer.status_code == (204 if case.method == "OPTIONS" else 503)


def test_the_schema_knows_every_statistic_and_no_other(url: str) -> None:
    document = requests.get(f"{url}/api/stats/", headers={"Authorization": f"Token {demo.TOKEN}"}, timeout=30).json()
    properties = schema.raw_schema["components"]["schemas"]["Document"]["properties"]
    assert {name: list(section["properties"]) for name, section in properties.items()} == {
        name: list(section) for name, section in document.items()
    }


def test_there_are_examples() -> None:
    assert [language for language, _ in EXAMPLES] == ["sh", "sh", "python", "sh", "sh", "python"]


@pytest.mark.parametrize(("language", "example"), EXAMPLES)
def test_examples_work(language: str, example: str, url: str) -> None:
    text = example.replace("https://stats.example.com", url).replace("<key>", demo.TOKEN)
    command = ["sh", "-c", text] if language == "sh" else [sys.executable, "-c", text]
    run = subprocess.run(
        command, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert re.search(r"\b1246\b", run.stdout)
