"""The table of tokens."""

import hashlib
import unicodedata
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest

from openl2m_stats.tokens import report

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "0123456789abcdef" * 2 + "01234567"
SHA256 = hashlib.sha256(KEY.encode()).hexdigest()


def entry(name: str, *networks: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "sha256": "0" * 64, "allowed_ips": list(networks)} | fields


def width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else not unicodedata.combining(each) for each in text)


LONG = [
    entry("q" * 70, "2001:db8:1234:5678:9abc:def0:1234:5678/128", expires="2026-11-20T12:00:00Z", source="openl2m"),
    entry(
        "交换机统计" * 6, "10.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12", active=False, created="2026-11-01T10:00:00Z"
    ),
    entry("grafana", expires="2026-11-23T12:00:00"),
    entry("e\u0301" * 40, expires="2099-11-23T12:00:00Z"),
]


@pytest.mark.parametrize("count", range(1, 5))
def test_the_table_fits_80_columns(count: int) -> None:
    assert max(map(width, report.table(LONG[:count], NOW))) <= 80


def test_nothing_is_cut_off() -> None:
    text = "".join("".join(report.table(LONG, NOW)).split())
    for each in LONG[1]["allowed_ips"]:
        assert each in text
    assert sum(line.count("q") for line in report.table(LONG[:1], NOW)) == 70


def test_wide_characters_do_not_shift_columns() -> None:
    head, *lines = report.table([entry("交换机"), entry("a"), entry("e\u0301")], NOW)
    for line in lines:
        assert width(line[: line.index("-")]) == head.index("CREATED")


def test_networks_have_a_line_each() -> None:
    lines = [" ".join(line.split()) for line in report.table([entry("nagios", "10.0.0.0/8", "::1"), entry("b")], NOW)]
    assert lines == [
        "NAME CREATED EXPIRES NETWORKS STATE SOURCE",
        "nagios - never 10.0.0.0/8, active -",
        "::1",
        "b - never any active -",
    ]


@pytest.mark.parametrize(
    ("networks", "state", "problem"),
    [
        (["nonsense"], "unusable", "none of its networks is usable, so no address may use it"),
        (["10.0.0.0/8", "nonsense"], "active", "1 of its 2 networks is not usable"),
        ([], "active", None),
    ],
)
def test_networks_that_are_not_usable(networks: list[str], state: str, problem: str | None) -> None:
    shown = report.record(entry("a", *networks), NOW)
    assert (shown["state"], shown["problem"]) == (state, problem)
    assert (f"a: {problem}" in "\n".join(report.table([entry("a", *networks)], NOW))) == (problem is not None)


def test_an_ended_token_stays_ended() -> None:
    assert report.record(entry("a", "nonsense", active=False), NOW)["state"] == "revoked"


@pytest.mark.parametrize(
    ("fields", "address", "accepted", "why"),
    [
        ({}, None, True, "token 'a', never expires, from any address"),
        ({"expires": "2026-11-25T12:00:00Z"}, None, True, "token 'a', expires in 2 days, from any address"),
        ({"allowed_ips": ["10.0.0.0/8"]}, None, True, "token 'a', never expires, from 10.0.0.0/8"),
        ({"allowed_ips": ["10.0.0.0/8"]}, "192.0.2.1", False, "token 'a' is not permitted from the client address"),
        ({"expires": "2026-11-23T12:00:00Z"}, None, False, "token 'a' has expired"),
        ({"active": 1}, None, False, "the entry of token 'a' is unusable: active is neither true nor false"),
        ({"sha256": "0" * 64}, None, False, "unknown token"),
    ],
)
def test_verdicts(fields: dict[str, Any], address: str | None, accepted: bool, why: str) -> None:
    entries = [entry("a") | {"sha256": SHA256} | fields]
    assert report.verdict(entries, KEY, ip_address(address) if address else None, NOW) == (accepted, why)


def test_a_verdict_on_what_is_not_a_key() -> None:
    assert report.verdict([], KEY.upper(), None, NOW) == (False, "it is not 40 lowercase hex digits")


def test_a_record_has_six_digits_of_the_hash() -> None:
    shown = report.record(entry("a", sha256="0" * 58 + "abcdef"), NOW)
    assert shown["sha256_ends"] == "abcdef"
    assert "0000" not in str(shown)


@pytest.mark.parametrize(
    ("expires", "words"),
    [
        (None, "never"),
        ("2026-11-24T12:00:00Z", "in 1 day"),
        ("2026-11-23T14:59:00Z", "in 2 hours"),
        ("2027-02-21T11:59:50Z", "in 90 days"),  # what was to be 90 days a moment ago
        ("2026-11-23T12:00:20Z", "in less than a minute"),
        ("2026-11-23T11:58:00Z", "expired 2 minutes ago"),
    ],
)
def test_expiry_in_words(expires: str | None, words: str) -> None:
    assert report.expiry(expires, NOW) == words


def test_the_report_of_an_import() -> None:
    changes = [("unchanged", "a"), ("revoked", "b\x1b: gone"), ("added", "c"), ("unchanged", "d")]
    assert report.report(changes) == [
        "added    c",
        "'revoked  b\\x1b: gone'",
        "1 added, 0 changed, 1 revoked, 0 kept, 2 unchanged",
    ]
