"""`openl2m-stats tokens create` and `rotate`: what is written, and what is printed."""

import hashlib
import sys

import pytest

from tests.integration.conftest import AWS, Travel, token_record
from tests.support import leaks
from tests.support.tokens_command import Run, entries, run

__all__ = ["run"]  # a fixture


def test_what_is_written(aws: AWS, travel: Travel, run: Run) -> None:
    key = run("create", "a b", "--expires", "90d", "--allowed-ips", "10.1.2.3/8", "--description", "the wall").keys[
        "a b"
    ]
    assert entries(aws) == [
        {
            "name": "a b",
            "sha256": hashlib.sha256(key.encode()).hexdigest(),
            "created": "2026-11-23T12:00:00.250000Z",
            "expires": "2027-02-21T12:00:00Z",
            "allowed_ips": ["10.0.0.0/8"],
            "active": True,
            "description": "the wall",
            "source": "cli",
        }
    ]


@pytest.mark.parametrize(
    ("expires", "written", "told"),
    [
        ("90d", "2027-02-21T12:00:00Z", "in 90 days"),
        ("36h", "2026-11-25T00:00:00Z", "in 1 day"),
        ("2h", "2026-11-23T14:00:00Z", "in 2 hours"),
        ("2026-11-24", "2026-11-24T00:00:00Z", "in 12 hours"),
        ("2027-01-01", "2027-01-01T00:00:00Z", "in 38 days"),
        ("never", None, "never"),
    ],
)
def test_expiry(expires: str, written: str | None, told: str, aws: AWS, travel: Travel, run: Run) -> None:
    made = run("create", "grafana", "--expires", expires)
    assert entries(aws)[0]["expires"] == written
    assert f"Expires: {told}.\n" in made.err
    assert f"  {told}  " in run("list").out


def test_names_are_free_again(aws: AWS, travel: Travel, run: Run) -> None:
    aws.put_tokens(
        token_record(leaks.new_key(), name="expired", expires="2026-11-23T12:00:00.250Z"),
        token_record(leaks.new_key(), name="off", active=False),
        token_record(leaks.new_key(), name="broken", expires="soon"),
        token_record(leaks.new_key(), name="revoked"),
    )
    assert run("revoke", "revoked").code == 0
    assert run("create", "expired", "off", "broken", "revoked").code == 0
    assert [entry["name"] for entry in entries(aws)] == ["expired", "off", "broken", "revoked"] * 2


def test_rotating_keeps_the_rest(aws: AWS, travel: Travel, run: Run) -> None:
    rest = {"allowed_ips": ["10.0.0.0/8"], "description": "the wall", "team": 7, "expires": "2026-12-23T12:00:00Z"}
    old = token_record(leaks.new_key(), name="grafana", **rest)
    aws.put_tokens(old)
    rotated = run("rotate", "grafana")
    key = rotated.keys["grafana"]
    instant = "2026-11-23T12:00:00.250000Z"
    assert entries(aws) == [
        old | {"active": False, "revoked": instant},
        token_record(key, name="grafana", **rest) | {"created": instant, "source": "cli"},
    ]
    assert "Expires: in 30 days." in rotated.err
    again = run("rotate", "grafana", "--expires", "never")
    assert entries(aws)[-1] == token_record(again.keys["grafana"], name="grafana", **rest) | {
        "created": instant,
        "source": "cli",
        "expires": None,
    }
    assert [entry.get("active") for entry in entries(aws)] == [False, False, None]


def test_rotating_when_only_the_old_key_works(aws: AWS, travel: Travel, run: Run) -> None:
    aws.new_token(name="grafana")
    run("rotate", "grafana", "--keep-old", "24h", "--expires", "1h")
    travel(7200)
    assert run("rotate", "grafana").code == 0
    assert "revoked" not in entries(aws)[-1]


def test_keys_on_a_terminal_are_in_columns(aws: AWS, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    first, second = run("create", "grafana", "交换机").out.splitlines()
    assert (first[:9], second[:5]) == ("grafana  ", "交换机  ")
    assert [len(leaks.remember(line.split()[1])) for line in (first, second)] == [40, 40]


def test_every_name_gets_a_key_of_its_own_that_only_stdout_shows(aws: AWS, run: Run) -> None:
    made = run("create", "a", "b")
    hashes = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in made.keys.items()}
    assert {entry["name"]: entry["sha256"] for entry in entries(aws)} == hashes
    assert len(set(hashes.values())) == 2
    assert not leaks.found_in(made.err)
    assert made.err.startswith("A key is shown only once, and not stored.")


def test_the_old_key_stays_for_a_while(aws: AWS, travel: Travel, run: Run) -> None:
    old = aws.new_token(name="grafana")
    run("rotate", "grafana", "--keep-old", "24h")
    assert entries(aws)[0]["expires"] == "2026-11-24T12:00:00.250000Z"
    assert run("check", stdin=old).code == 0
