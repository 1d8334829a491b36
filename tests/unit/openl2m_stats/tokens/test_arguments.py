"""What the arguments of `openl2m-stats tokens` may be."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from openl2m_stats.tokens import arguments


@pytest.mark.parametrize(("text", "hours"), [("24h", 24), ("1h", 1), ("90d", 90 * 24), ("99999d", 99999 * 24)])
def test_durations(text: str, hours: int) -> None:
    assert arguments.duration(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "24", "24H", "0d", "-1d", "1.5d", "1w", "100000h", "24h\n", "٣d"])
def test_other_durations_are_refused_without_repeating_them(text: str) -> None:
    with pytest.raises(ValueError, match=r"^it takes hours or days, such as 24h or 90d$"):
        arguments.duration(text)


def test_a_token_expires_a_duration_from_now() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    expires = arguments.expiry("90d")
    after = datetime.now(UTC)
    assert expires is not None
    assert expires.endswith("Z")
    assert before <= datetime.fromisoformat(expires) - timedelta(days=90) <= after


def test_a_date_is_its_start_in_utc() -> None:
    new_year = arguments.next_new_year()
    assert arguments.expiry(new_year.isoformat()) == f"{new_year.year}-01-01T00:00:00Z"


def test_never() -> None:
    assert arguments.expiry("never") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("2000-01-01", "that is in the past; a date means the start of that day in UTC"),
        ("Never", "it takes 90d, 12h, a date such as "),
        ("2999-02-30", "it takes 90d, 12h, a date such as "),
        ("0d", "it takes hours or days"),
    ],
)
def test_other_expiries_are_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        arguments.expiry(text)


def test_today_is_in_the_past() -> None:
    with pytest.raises(ValueError, match="in the past"):
        arguments.expiry(datetime.now(UTC).date().isoformat())


def test_networks_lose_their_host_bits() -> None:
    listed = arguments.networks("10.1.2.3/8,2001:db8::1,::ffff:192.0.2.0/120")
    assert listed == ["10.0.0.0/8", "2001:db8::1/128", "192.0.2.0/24"]


def test_an_address_is_a_network_and_a_name_is_not() -> None:
    assert arguments.is_network("10.0.0.1")
    assert not arguments.is_network("grafana")


def test_addresses() -> None:
    assert arguments.address("::ffff:10.1.2.3") == ip_address("10.1.2.3")


def test_a_name_stays_as_it_is() -> None:
    assert arguments.name("Zürich 交换机") == "Zürich 交换机"


@pytest.mark.parametrize(
    ("read", "text", "problem"),
    [
        (arguments.networks, "10.0.0.0/8,secret", "it takes networks"),
        (arguments.networks, "", "it takes networks"),
        (arguments.address, "10.0.0.0/8", "it takes an IP address"),
        (arguments.name, "", "it takes printable characters"),
        (arguments.name, " secret", "it takes printable characters"),
        (arguments.name, "secret\x1b[2J", "it takes printable characters"),
    ],
)
def test_what_is_refused_is_not_repeated(read: Callable[[str], Any], text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refused:
        read(text)
    assert "secret" not in str(refused.value)
