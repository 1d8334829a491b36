"""The check of the token secret."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from openl2m_stats.cli import main
from openl2m_stats.doctor.token_secret import check_token_secret
from tests.integration.conftest import AWS, Travel, token_record
from tests.support import leaks
from tests.unit.openl2m_stats.doctor.conftest import Knowing, check

pytestmark = pytest.mark.usefixtures("travel")


def record(*, days: float | None = None, length: int = 0, **fields: Any) -> dict[str, Any]:
    """Return a token's record, with the days until it expires and the length of its description."""
    expires = {} if days is None else {"expires": (datetime.now(UTC) + timedelta(days=days)).isoformat()}
    return token_record(leaks.new_key(), description="x" * length, **expires, **fields)


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([], "it has no tokens: every caller gets 401. Create a token."),
        ([{"name": "a", "days": 14}], "1 usable; 1 expiring within 14 days: a; "),
        ([{"name": "a", "days": 0}, {}], "1 usable; 1 expired: a; "),
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
def test_tokens(tokens: list[dict[str, Any]], words: str, aws: AWS, knowing: Knowing) -> None:
    aws.put_tokens(*(record(**token) for token in tokens))
    check(check_token_secret(knowing()), "warn", words)


@pytest.mark.parametrize("token", [{"days": 14.001}, {"expires": None}, {"length": 50_000}], ids=str)
def test_tokens_that_are_well(token: dict[str, Any], aws: AWS, knowing: Knowing) -> None:
    aws.put_tokens(record(**token), record(active=False))
    check(check_token_secret(knowing()), "ok", "1 usable; 1 switched off; ", " of 65,536 bytes")


@pytest.mark.parametrize(("hours", "usable"), [(23, "2 usable; "), (24, "1 usable; "), (2400, "1 usable; ")])
def test_a_rotated_token_is_well(hours: int, usable: str, aws: AWS, travel: Travel, knowing: Knowing) -> None:
    aws.put_tokens(record(name="grafana"))
    assert main(["tokens", "rotate", "grafana", "--keep-old", "24h"]) == 0
    travel(hours * 3600)
    check(check_token_secret(knowing()), "ok", usable)


def test_a_token_that_was_rotated_and_ends_nevertheless(aws: AWS, knowing: Knowing) -> None:
    aws.put_tokens(record(name="grafana", days=10))
    assert main(["tokens", "rotate", "grafana", "--keep-old", "24h"]) == 0
    check(check_token_secret(knowing()), "warn", "2 usable; 1 expiring within 14 days: grafana; ", "Renew")


@pytest.mark.parametrize(("text", "words"), [("{", "not JSON"), ('{"tokens": {}}', 'no list "tokens"')])
def test_what_is_not_a_registry(text: str, words: str, aws: AWS, knowing: Knowing) -> None:
    aws.put_registry(text)
    check(check_token_secret(knowing()), "FAIL", words, '{"tokens": [')


def test_no_such_secret_and_none_with_a_value(aws: AWS, knowing: Knowing) -> None:
    check(check_token_secret(knowing()), "warn", f"{aws.tokens_secret} has no value: every caller gets 401")
    seen = "elsewhere cannot be read: ResourceNotFoundException"
    advice = "It does not exist in us-east-1: look at TOKENS_SECRET_ID"
    check(check_token_secret(knowing(TOKENS_SECRET_ID="elsewhere")), "FAIL", seen, advice)
