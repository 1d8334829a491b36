"""Which metrics the catalogue makes; what they look like is tested through the handler."""

import re

import pytest

from stats.endpoints.metrics import Family, families
from stats.numbers.catalogue import STATISTICS, Counter, LogDevices, LogRows, Rows, Statistic
from stats.numbers.windows import Window

DEVICES = [
    Statistic("usage", "a", "A", "devices", LogDevices(Window.TODAY, (0,)), "Devices that someone viewed."),
    Statistic("usage", "b", "B", "devices", LogDevices(Window.LAST_7_DAYS), "Devices."),
    Statistic("usage", "c", "C", "devices", LogDevices(Window.LAST_31_DAYS), "Devices."),
]
CHANGES = [
    Statistic("usage", "d", "D", "changes", LogRows(1, Window.TODAY), "Changes."),
    Statistic("usage", "e", "E", "changes", LogRows(1, Window.LAST_HOUR), "Changes."),
]


def test_statistics_of_one_family_are_one_metric_wherever_they_stand() -> None:
    switches = Statistic("database", "f", "F", "switches", Rows("switches_switch"), "Switches.")
    assert families([CHANGES[0], switches, CHANGES[1]]) == [
        Family("openl2m_changes", tuple(CHANGES)),
        Family("openl2m_switches", (switches,)),
    ]


def test_help_is_true_for_every_window() -> None:
    assert Family("openl2m_changes", tuple(CHANGES)).help == "Changes."
    assert Family("openl2m_devices", tuple(DEVICES)).help == (
        "today: Devices that someone viewed. last_7_days, last_31_days: Devices."
    )


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
def test_what_the_catalogue_calls_one_family_can_be_one_metric(family: Family) -> None:
    """Otherwise Prometheus would refuse the answer: two series of one name, or of two kinds."""
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", family.name)
    assert not family.name.endswith(("_total", "_count", "_sum", "_bucket", "_info"))
    windows = [statistic.window for statistic in family.statistics]
    assert len(set(windows)) == len(windows)
    assert (None not in windows) or len(windows) == 1
    assert {isinstance(statistic.measure, Counter) for statistic in family.statistics} == {family.is_counter}


def test_the_names_that_are_promised() -> None:
    names = {family.name + ("_total" if family.is_counter else "") for family in families(STATISTICS)}
    counted = ["switches", "switch_groups", "vlans", "vlan_groups", "snmp_profiles", "credentials_profiles"]
    counted += ["commands", "command_lists", "api_tokens", "log_entries", "active_devices", "active_users"]
    counted += ["recent_changes", "recent_api_calls", "recent_commands", "changes_total", "executed_commands_total"]
    assert names >= {f"openl2m_{name}" for name in counted}
