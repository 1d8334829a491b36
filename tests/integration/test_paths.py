"""Where the paths are: below a stage, below the base path of a custom domain, with and without a slash at the end."""

from typing import Any

import pytest

from dev.servers.databases import Database
from tests.integration.conftest import AWS
from tests.support.events import http_api, rest_api

# Which of the paths each answer's content type stands for.
STATISTICS, PAGE, METRICS = "application/json", "text/html; charset=utf-8", "text/plain; version=0.0.4; charset=utf-8"


@pytest.fixture
def key(aws: AWS, sqlite_db: Database) -> str:
    aws.put_database(sqlite_db.secret())
    return aws.new_token()


@pytest.fixture
def ask(key: str, new_container: Any) -> Any:
    def ask(path: str, stage: str, base_path: str = "", build: Any = http_api) -> Any:
        event = build(path=path, headers=[("Authorization", f"Token {key}")])
        event["requestContext"]["stage"] = stage
        answer = new_container(BASE_PATH=base_path).invoke(event)
        return answer.headers["Content-Type"] if answer.status == 200 else answer.status

    return ask


@pytest.mark.parametrize(
    ("path", "stage", "base_path", "expected"),
    [
        ("/api/stats/", "$default", "", STATISTICS),
        ("/api/stats", "$default", "", STATISTICS),
        ("/prod/api/stats/", "prod", "", STATISTICS),
        ("/openl2m/api/stats/", "$default", "openl2m", STATISTICS),
        ("/openl2m/api/stats", "$default", "openl2m", STATISTICS),
        ("/network/openl2m/api/stats/", "$default", "network/openl2m", STATISTICS),
        ("/openl2m/prod/api/stats/", "prod", "openl2m", STATISTICS),
        ("/api/stats/", "$default", "openl2m", STATISTICS),  # the address of the API itself goes on working
        ("/openl2m/metrics", "$default", "openl2m", METRICS),
        ("/openl2m", "$default", "openl2m", PAGE),
        ("/openl2m/", "$default", "openl2m", PAGE),
        ("/openl2m/prod", "prod", "openl2m", PAGE),
        ("/", "$default", "openl2m", PAGE),
        ("/prod", "prod", "", PAGE),
        ("/prod/", "prod", "", PAGE),
        # A stage and a base path may have the name of a path.
        ("/metrics", "metrics", "", METRICS),
        ("/metrics/metrics", "metrics", "", METRICS),
        ("/metrics/metrics", "$default", "metrics", METRICS),
        ("/api/api/stats", "api", "", STATISTICS),
        ("//", "", "", 404),
        ("//", "prod", "", 404),
        ("/prod//", "prod", "", 404),
        ("/openl2m//", "$default", "openl2m", 404),
        ("/openl2m/openl2m/api/stats/", "$default", "openl2m", 404),
        ("/prod/openl2m/api/stats/", "prod", "openl2m", 404),
        ("/production/api/stats/", "prod", "", 404),
        ("/openl2mx/api/stats/", "$default", "openl2m", 404),
        ("/other/api/stats/", "$default", "openl2m", 404),
        ("/network/api/stats/", "$default", "network/openl2m", 404),
    ],
)
def test_a_path(path: str, stage: str, base_path: str, expected: str | int, ask: Any) -> None:
    for build in (http_api, rest_api):
        assert ask(path, stage, base_path, build) == expected
