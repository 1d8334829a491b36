"""The pinned time zones, which the tests use as well."""

import zoneinfo
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from stats.base.zones import time_zone


def test_a_zone_is_of_the_package_and_the_same_object_each_time() -> None:
    zone = time_zone("Asia/Kathmandu")
    assert zone is time_zone("Asia/Kathmandu")
    assert zone.key == "Asia/Kathmandu"
    assert f"{datetime(2026, 11, 23, tzinfo=UTC).astimezone(zone):%H:%M}" == "05:45"


@pytest.mark.parametrize("key", ["", "Mars", "../zones", "asia/tokyo", "Asia/Tokyo\n"])
def test_what_is_no_zone(key: str) -> None:
    with pytest.raises(ValueError, match="not a time zone"):
        time_zone(key)


def test_the_tests_take_their_zones_from_the_package_too() -> None:
    assert zoneinfo.TZPATH == ()
    names = (files("tzdata") / "zones").read_text().split()
    assert zoneinfo.available_timezones() == set(names)
