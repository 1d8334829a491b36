"""`openl2m-stats tokens list` and `check`."""

import json

import pytest

from tests.integration.conftest import AWS, Travel, token_record
from tests.support import leaks
from tests.support.tokens_command import Run, run

__all__ = ["run"]  # a fixture


def test_listing(aws: AWS, travel: Travel, run: Run) -> None:
    hashes = {"sha256": "0" * 58 + "abcdef"}
    aws.put_tokens(
        {"name": "grafana", **hashes, "created": "2026-11-01T10:00:00Z", "source": "cli"},
        {"name": "nagios", **hashes, "expires": "2026-12-05T13:00:00Z", "allowed_ips": ["10.0.0.0/8", "::1"]},
        {"name": "old", **hashes, "expires": "2026-11-20T12:00:00Z", "allowed_ips": ["nonsense"]},
        {"name": "off", **hashes, "active": False, "source": "openl2m"},
        {"name": "bad", **hashes, "expires": "2026-12-05T13:00:00"},
        {"name": "e\x1b[2Jvil\n", "sha256": 7},
        "text",
    )
    assert [" ".join(line.split()) for line in run("list").out.splitlines()] == [
        "NAME CREATED EXPIRES NETWORKS STATE SOURCE",
        "grafana 2026-11-01 never any active cli",
        "nagios - in 12 days 10.0.0.0/8, active -",
        "::1",
        "old - 3 days ago nonsense expired -",
        "off - never any revoked openl2m",
        "bad - - any unusable -",
        r"'e\x1b[2Jvil\n' - - any unusable -",
        "- - - any unusable -",
        "",
        "old: none of its networks is usable, so no address may use it",
        "bad: expires is not an ISO 8601 time with an offset from UTC",
        r"'e\x1b[2Jvil\n': sha256 is not 64 hex digits",
        "-: not an object",
    ]
    told = json.loads(run("list", "--json").out)
    assert [record["state"] for record in told] == ["active", "active", "expired", "revoked", *["unusable"] * 3]
    assert told[1] == {
        "name": "nagios",
        "created": None,
        "expires": "2026-12-05T13:00:00Z",
        "allowed_ips": ["10.0.0.0/8", "::1"],
        "description": None,
        "source": None,
        "revoked": None,
        "state": "active",
        "problem": None,
        "sha256_ends": "abcdef",
    }


def test_listing_nothing(run: Run) -> None:
    result = run("list")
    assert (result.code, result.out, result.err) == (
        0,
        "",
        "There are no tokens. `openl2m-stats tokens create` creates one.\n",
    )
    assert run("list", "--json").out == "[]\n"


@pytest.mark.parametrize("given", ["", "x", "Ü" * 40, "A" * 40])
def test_checking_what_is_no_key(given: str, run: Run) -> None:
    result = run("check", stdin=given)
    assert (result.code, result.out) == (1, "refused: it is not 40 lowercase hex digits\n")


def test_checking_a_key_of_two_entries(aws: AWS, run: Run) -> None:
    key = leaks.new_key()
    aws.put_tokens(token_record(key, name="old", active=False), token_record(key, name="new"))
    assert run("check", stdin=key).out == "accepted: token 'new', never expires, from any address\n"
