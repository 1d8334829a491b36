"""The table of tokens."""

import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest

from openl2m_stats.tokens import report

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def entry(name: str, *networks: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "sha256": "0" * 64, "allowed_ips": list(networks), **fields}


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
    told = report.record(entry("a", *networks), NOW)
    assert (told["state"], told["problem"]) == (state, problem)
    assert (f"a: {problem}" in "\n".join(report.table([entry("a", *networks)], NOW))) == (problem is not None)


def test_an_ended_token_stays_ended() -> None:
    assert report.record(entry("a", "nonsense", active=False), NOW)["state"] == "revoked"
