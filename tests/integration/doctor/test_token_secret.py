"""`openl2m-stats doctor`: the tokens."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from dev.servers.databases import Database
from openl2m_stats.cli import main
from tests.integration.conftest import AWS, token_record
from tests.integration.doctor.conftest import Examine, check
from tests.support import leaks


def record(*, days: int | None = None, length: int = 0, **fields: Any) -> dict[str, Any]:
    """Return a token's record, with the days until it expires and the length of its description."""
    expires = {} if days is None else {"expires": (datetime.now(UTC) + timedelta(days=days)).isoformat()}
    return token_record(leaks.new_key(), description="x" * length, **expires, **fields)


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([], "it holds no token: every caller gets 401. Create a token."),
        ([{"name": "a", "days": 13}], "1 usable; 1 expiring within 14 days: a; "),
        ([{"name": "a", "days": -1}, {}], "1 usable; 1 expired: a; "),
        ([{"name": "a", "days": -1}], "0 usable; 1 expired: a; "),
        ([{"active": False}], "0 usable; 1 switched off; "),
        ([{"active": False}], "Every caller gets 401"),
        ([{}, {"name": "a", "expires": "soon"}], "1 usable; 1 malformed: a (expires is not an ISO 8601 time"),
        ([{}, {"name": ""}], "1 malformed: number 2 (no name)"),
        (
            [{}, {"name": "a", "allowed_ips": ["nonsense"]}],
            "1 usable; 1 malformed: a (none of its networks is usable)",
        ),
        ([{}, *({"name": f"t{n}", "sha256": "x"} for n in range(7))], "7 malformed: t0 (sha256"),
        ([{}, *({"name": f"t{n}", "sha256": "x"} for n in range(7))], "and 2 more"),
        ([{"length": 58_000}], "Secrets Manager accepts no larger value"),
    ],
)
def test_tokens(tokens: list[dict[str, Any]], words: str, sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_tokens(*(record(**token) for token in tokens))
    check(examine(), "token secret", "warn", words)


@pytest.mark.parametrize("token", [{"days": 15}, {"expires": None}, {"length": 50_000}], ids=str)
def test_tokens_that_are_well(token: dict[str, Any], sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_tokens(record(**token), record(active=False))
    report = examine()
    assert report.wrong == {}
    assert report["token secret"]["seen"].startswith("1 usable; 1 switched off; ")


@pytest.mark.parametrize("days", [1, 2, 100])
def test_a_rotated_token_is_well(days: int, sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_tokens(record(name="grafana"))
    with time_machine.travel(datetime.now(UTC) - timedelta(days=days, hours=-1)):
        assert main(["tokens", "rotate", "grafana", "--keep-old", "24h"]) == 0
    report = examine()
    assert report.wrong == {}
    assert report["token secret"]["seen"].startswith("2 usable; " if days == 1 else "1 usable; ")


def test_a_token_that_was_rotated_and_ends_nevertheless(sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_tokens(record(name="grafana", days=10))
    assert main(["tokens", "rotate", "grafana", "--keep-old", "24h"]) == 0
    check(examine(), "token secret", "warn", "2 usable; 1 expiring within 14 days: grafana; ")


@pytest.mark.parametrize(("text", "words"), [("{", "not JSON"), ('{"tokens": {}}', 'no list "tokens"')])
def test_what_is_no_registry(text: str, words: str, sqlite_healthy: Database, aws: AWS, examine: Examine) -> None:
    aws.put_registry(text)
    check(examine(), "token secret", "FAIL", words, '{"tokens": [')
