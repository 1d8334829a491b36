import os
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest
import tzdata

from stats.base.settings import OPTIONS, Settings, SettingsError, load

ROOT = Path(__file__).parents[4]
REQUIRED = {"DATABASE_SECRET_ID": "database", "TOKENS_SECRET_ID": "tokens"}


TOPIC = "arn:aws:sns:us-east-1:123456789012:network"


def test_every_field_is_an_option_and_the_other_way_round() -> None:
    assert set(Settings._fields) == {name.lower() for name in OPTIONS}


def test_defaults() -> None:
    settings = load(REQUIRED)
    assert settings.time_zone.key == "UTC"
    assert settings == Settings(
        database_secret_id="database",
        tokens_secret_id="tokens",
        database_engine=None,
        database_host=None,
        database_port=None,
        database_name=None,
        database_ca_file="/opt/python/rds-global-bundle.pem",
        database_tls="verify",
        time_zone=settings.time_zone,
        cache_ttl_seconds=60,
        max_stale_seconds=3600,
        tokens_ttl_seconds=60,
        tokens_max_stale_seconds=600,
        tokens_refresh_seconds=10,
        request_timeout_seconds=10,
        client_ip_denied=(),
        client_ip_allowed=(),
        api_enabled=True,
        page_enabled=True,
        base_path="",
        stack_label=None,
        public_url=None,
        notify_topic_arn=None,
        snapshot_bucket=None,
        snapshot_prefix="snapshots/",
    )


def test_an_empty_variable_counts_as_absent() -> None:
    assert load(REQUIRED | dict.fromkeys(set(OPTIONS) - set(REQUIRED), " ")) == load(REQUIRED)
    with pytest.raises(SettingsError, match="TOKENS_SECRET_ID is not set"):
        load({"DATABASE_SECRET_ID": "database", "TOKENS_SECRET_ID": ""})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("CACHE_TTL_SECONDS", "0", 0),
        ("CACHE_TTL_SECONDS", " 300 ", 300),
        ("DATABASE_PORT", "3307", 3307),
        ("DATABASE_TLS", "OFF", "off"),
        ("API_ENABLED", "False", False),
        ("API_ENABLED", "on", True),
        ("PAGE_ENABLED", "off", False),
        ("STACK_LABEL", "Campus Zürich", "Campus Zürich"),
        ("PUBLIC_URL", "https://stats.example.com/openl2m/", "https://stats.example.com/openl2m/"),
        ("NOTIFY_TOPIC_ARN", TOPIC, TOPIC),
        ("NOTIFY_TOPIC_ARN", TOPIC.replace("aws", "aws-us-gov"), TOPIC.replace("aws", "aws-us-gov")),
        (
            "CLIENT_IP_DENIED",
            " 10.1.2.3/8 , 2001:DB8::/32,192.0.2.1,, ::ffff:198.51.100.0/120, 127.0.0.1/255.0.0.0",
            tuple(
                map(ip_network, ("10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32", "198.51.100.0/24", "127.0.0.0/8")),
            ),
        ),
    ],
)
def test_good_values(name: str, text: str, value: object) -> None:
    assert getattr(load(REQUIRED | {name: text}), name.lower()) == value


def test_every_zone_of_the_pinned_data_is_taken() -> None:
    zones = (Path(tzdata.__file__).parent / "zones").read_text().split()
    assert {"UTC", "America/Los_Angeles", "Asia/Calcutta"} <= set(zones)
    assert [load(REQUIRED | {"TIME_ZONE": zone}).time_zone.key for zone in zones] == zones


@pytest.mark.parametrize("cached", [False, True])
def test_zones_are_those_of_the_pinned_data_whatever_the_system_has(cached: bool, tmp_path: Path) -> None:
    (tmp_path / "America").mkdir()
    data = Path(tzdata.__file__).parent / "zoneinfo"
    (tmp_path / "America/Havana").write_bytes((data / "Asia/Tokyo").read_bytes())
    program = f"""
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo
noon = datetime(2026, 1, 15, 12)
if {cached}:
    zone = ZoneInfo("America/Havana")
    assert zone.utcoffset(noon) == timedelta(hours=9)
from stats.base.settings import load
print(load().time_zone.utcoffset(noon) / timedelta(hours=1))
"""
    environment = {**os.environ, **REQUIRED, "TIME_ZONE": "America/Havana", "PYTHONTZPATH": str(tmp_path)}
    environment["PYTHONPATH"] = "functions"
    finished = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (finished.stdout, finished.stderr) == ("-5.0\n", "")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TIME_ZONE", "Mars/Olympus"),
        ("TIME_ZONE", "../etc/passwd"),
        ("TIME_ZONE", "America"),
        ("TIME_ZONE", "/usr/share/zoneinfo/UTC"),
        ("TIME_ZONE", "zone.tab"),
        ("CACHE_TTL_SECONDS", "-1"),
        ("CACHE_TTL_SECONDS", "1.5"),
        ("CACHE_TTL_SECONDS", "1e3"),
        ("CACHE_TTL_SECONDS", "٣"),
        ("CACHE_TTL_SECONDS", "86401"),
        ("REQUEST_TIMEOUT_SECONDS", "0"),
        ("REQUEST_TIMEOUT_SECONDS", "26"),
        ("DATABASE_PORT", "65536"),
        ("DATABASE_TLS", "no"),
        ("DATABASE_CA_FILE", "/nowhere/ca.pem"),
        ("CLIENT_IP_ALLOWED", "10.0.0.0/33"),
        ("CLIENT_IP_ALLOWED", "10.0.0.0/8;192.0.2.1"),
        ("CLIENT_IP_DENIED", "127"),
        ("API_ENABLED", "maybe"),
        ("PAGE_ENABLED", "maybe"),
        ("PUBLIC_URL", "stats.example.com"),
        ("PUBLIC_URL", "https://stats.example.com"),
        ("PUBLIC_URL", "https://stats.example.com/ a/"),
        ("NOTIFY_TOPIC_ARN", "network"),
        ("NOTIFY_TOPIC_ARN", f"{TOPIC}.fifo"),
    ],
)
def test_bad_values_are_named_with_what_they_take(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(REQUIRED | {name: text})
    assert str(caught.value) == f"{name} is wrong: it takes {OPTIONS[name].takes}"


def test_one_message_names_every_wrong_variable() -> None:
    with pytest.raises(SettingsError) as caught:
        load({"TIME_ZONE": "Mars", "CACHE_TTL_SECONDS": "soon", "API_ENABLED": "true"})
    for name in ("DATABASE_SECRET_ID", "TOKENS_SECRET_ID", "TIME_ZONE", "CACHE_TTL_SECONDS"):
        assert name in str(caught.value)
    assert "API_ENABLED" not in str(caught.value)
    assert "\n" not in str(caught.value)
