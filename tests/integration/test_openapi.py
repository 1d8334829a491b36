"""The API, as `make run` serves it, against docs/openapi.yaml, and the examples of docs/api.md."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings

from openl2m_stats import demo
from tests.integration.test_run import environment, running
from tests.support.databases import ROOT

schema = schemathesis.openapi.from_path(ROOT / "docs/openapi.yaml")
# Values that no HTTP server lets pass are not the handler's to judge; the token is the test's own.
schema.config.generation.update(modes=[schemathesis.GenerationMode.POSITIVE], with_security_parameters=False)
EXAMPLES = re.findall(r"```(sh|python)\n(.*?)```", (ROOT / "docs/api.md").read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running() as (_, printed):
        found = re.search(r"http://127\.0\.0\.1:\d+", printed)
        assert found
        yield found[0]


# `Allow` leaves POST out on purpose: it is an alias.
NOT_CHECKED = [schemathesis.checks.allow_header_conformance]


@schema.parametrize()
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_answers_are_as_documented(case: Any, url: str) -> None:
    headers = {"Authorization": f"Token {demo.TOKEN}"}
    answer = case.call_and_validate(base_url=url, headers=headers, excluded_checks=NOT_CHECKED)
    assert answer.status_code in {200, 204, 304}


@schema.parametrize()
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_answers_without_a_token_are_as_documented(case: Any, url: str) -> None:
    answer = case.call_and_validate(base_url=url, excluded_checks=NOT_CHECKED)
    assert answer.status_code == (204 if case.method == "OPTIONS" else 401)


def test_the_schema_knows_every_statistic_and_no_other(url: str) -> None:
    document = requests.get(f"{url}/api/stats/", headers={"Authorization": f"Token {demo.TOKEN}"}, timeout=30).json()
    properties = schema.raw_schema["components"]["schemas"]["Document"]["properties"]
    assert {name: list(section["properties"]) for name, section in properties.items()} == {
        name: list(section) for name, section in document.items()
    }


def test_there_are_examples() -> None:
    assert [language for language, _ in EXAMPLES] == ["sh", "sh", "python"]


@pytest.mark.parametrize(("language", "example"), EXAMPLES)
def test_examples_work(language: str, example: str, url: str) -> None:
    text = example.replace("https://stats.example.com", url).replace("<key>", demo.TOKEN)
    command = ["sh", "-c", text] if language == "sh" else [sys.executable, "-c", text]
    run = subprocess.run(
        command, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert ('"value":1246' in run.stdout.replace(" ", "")) or ("Switches: 1246\n" in run.stdout)
