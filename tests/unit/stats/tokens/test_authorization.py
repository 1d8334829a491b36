"""How long a request waits for the token registry, and how often it is read for one."""

from datetime import UTC, datetime, timedelta

import pytest

from stats.base.deadline import Deadline
from stats.base.remote import UnavailableError
from stats.base.settings import load
from stats.tokens.authorization import RefusedError, Tokens, is_key
from tests.support.secret import Secret

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def secret() -> Secret:
    secret = Secret()
    secret.texts["AWSCURRENT"] = '{"tokens": []}'
    return secret


def tokens(secret: Secret, **variables: str) -> Tokens:
    return Tokens(load({"DATABASE_SECRET_ID": "database", "TOKENS_SECRET_ID": "tokens", **variables}), secret)


def ask(tokens: Tokens, seconds: float) -> None:
    """Send a request so many seconds after NOW, with a token that the registry does not hold."""
    started = Deadline.after(10)
    deadline = Deadline(NOW + timedelta(seconds=seconds), started.began, started.ends)
    tokens.authenticate([f"Token {KEY}"], "203.0.113.7", deadline)


def test_reading_the_registry_leaves_half_of_the_time_for_the_statistics(secret: Secret) -> None:
    read = tokens(secret)
    for seconds in (0, 10):  # nothing is held; what is held does not know the token
        with pytest.raises(RefusedError, match=r"^unknown token$"):
            ask(read, seconds)
    assert secret.seconds == pytest.approx([5, 5], abs=0.5)
    assert secret.asked == [("tokens", "AWSCURRENT")] * 2


def test_a_request_reads_the_registry_at_most_once(secret: Secret) -> None:
    read = tokens(secret, TOKENS_TTL_SECONDS="0", TOKENS_REFRESH_SECONDS="0")
    for number in (1, 2):
        with pytest.raises(RefusedError):
            ask(read, 0)
        assert len(secret.asked) == number


def test_without_a_registry_the_caller_is_told_when_to_come_back(secret: Secret) -> None:
    secret.reachable = False
    with pytest.raises(UnavailableError, match=r"^Tokens cannot be checked at the moment\.$") as caught:
        ask(tokens(secret), 0)
    assert caught.value.retry_after.total_seconds() == pytest.approx(1, abs=0.5)


@pytest.mark.parametrize(("text", "answer"), [(KEY, True), (KEY.upper(), False), (KEY + "0", False), ("", False)])
def test_the_form_of_a_key(text: str, answer: bool) -> None:
    assert is_key(text) is answer
