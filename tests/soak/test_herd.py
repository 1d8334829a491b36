"""Many containers that start at once, and a database that has not room for them all."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from dev.servers.databases import Server
from tests.integration.conftest import AWS
from tests.soak import FULL
from tests.support.databases import server_database
from tests.support.events import http_api
from tests.support.s3 import S3
from tests.support.workers import workers

PROCESSES, CONNECTIONS = (40, 20) if FULL else (12, 8)
RESERVED = 3  # for superusers
ROUNDS = 5


@pytest.mark.slow
@pytest.mark.parametrize("own_postgresql", [[f"max_connections={CONNECTIONS}"]], indirect=True)
def test_every_cold_container_answers(
    own_postgresql: Server, aws: AWS, s3: S3, monkeypatch: pytest.MonkeyPatch, report: Callable[[str], None]
) -> None:
    monkeypatch.setenv("CACHE_TTL_SECONDS", "1")
    event = http_api(headers=[("Authorization", f"Token {aws.new_token()}")])
    with server_database(own_postgresql) as database:
        aws.put_database(database.secret())
        with workers(1, "stats.schedule") as [schedule]:
            # Older than CACHE_TTL_SECONDS: every container asks the database.
            schedule.hand([({}, datetime.now(UTC) - timedelta(minutes=5))])
            schedule.collect()
        with workers(PROCESSES, "stats.api") as containers:
            answers = []
            for _ in range(ROUNDS):
                for container in containers:
                    container.hand([(event, None)])
                answers.append([answer for container in containers for answer in container.collect()])
    seen = [Counter(_source(answer) for answer in answered) for answered in answers]
    report(f"{PROCESSES} containers, {CONNECTIONS} connections, {ROUNDS} requests each: {seen}")
    assert {answer["statusCode"] for answered in answers for answer in answered} == {200}
    fresh = seen[0]["openl2m-stats; fwd=miss"]
    assert 0 < fresh <= CONNECTIONS - RESERVED
    assert sum(seen[0].values()) == PROCESSES


def _source(answer: dict[str, object]) -> str:
    headers = answer["headers"]
    assert isinstance(headers, dict)
    return str(headers.get("Cache-Status", answer["statusCode"])).partition("; ttl")[0]
