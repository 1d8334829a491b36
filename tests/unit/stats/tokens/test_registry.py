"""What the entries of a registry say, and what is wrong with the malformed ones."""

from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest

from stats.tokens.registry import Token, parse_registry, parse_token

SHA256 = "0123456789abcdef" * 4


def entry(**fields: Any) -> dict[str, Any]:
    return {"name": "grafana", "sha256": SHA256, **fields}


def test_an_entry_with_no_more_than_it_needs() -> None:
    token = Token("grafana", SHA256, expires=None, allowed_ips=None, active=True)
    assert parse_token(entry()) == token
    assert parse_token(entry(sha256=SHA256.upper())) == token
    assert parse_token(entry(allowed_ips=[])) == token


def test_a_whole_entry() -> None:
    whole = entry(expires="2027-01-01T00:00:00Z", allowed_ips=["10.0.0.0/8", "", "2001:db8::1"], active=False)
    networks = (ip_network("10.0.0.0/8"), ip_network("2001:db8::1"))
    assert parse_token(whole) == Token("grafana", SHA256, datetime(2027, 1, 1, tzinfo=UTC), networks, active=False)


@pytest.mark.parametrize(
    ("malformed", "problem"),
    [
        ([], "not an object"),
        (entry(name=""), "no name"),
        (entry(name=7), "no name"),
        ({"sha256": SHA256}, "no name"),
        (entry(sha256=SHA256[1:]), "sha256 is not 64 hex digits"),
        (entry(sha256=SHA256 + "0"), "sha256 is not 64 hex digits"),
        (entry(sha256=int("1" * 64)), "sha256 is not 64 hex digits"),
        ({"name": "grafana"}, "sha256 is not 64 hex digits"),
        (entry(active=0), "active is neither true nor false"),
        (entry(expires="soon"), "expires is not an ISO 8601 time with an offset from UTC"),
        (entry(expires=0), "expires is not an ISO 8601 time with an offset from UTC"),
        (entry(expires="2027-01-01T00:00:00"), "expires is not an ISO 8601 time with an offset from UTC"),
        (entry(allowed_ips="10.0.0.0/8"), "allowed_ips is not a list"),
    ],
    ids=repr,
)
def test_a_malformed_entry(malformed: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        parse_token(malformed)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not JSON"),
        (b"\xff", "not JSON"),
        ("[" * 60_000, "not JSON"),
        ("[]", 'no list "tokens"'),
        ("{}", 'no list "tokens"'),
        ('{"tokens": {}}', 'no list "tokens"'),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_registry(text: str | bytes, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{problem}$"):
        parse_registry(text)
