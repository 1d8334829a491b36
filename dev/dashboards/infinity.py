"""dashboards/grafana-infinity.json: a dashboard without Prometheus, over the JSON and the history's CSV of the API.

Its data source is Grafana's Infinity, with the API's address as its base URL and the token in a header.
https://grafana.com/docs/plugins/yesoreyeram-infinity-datasource/latest/
"""

from typing import Any

from dev.dashboards.panels import NUMBER, Panel, Row, dashboard, graph, stat, thresholds
from stats.numbers.catalogue import SERVED, STATISTICS, Statistic
from stats.numbers.windows import Window

PLUGIN = "yesoreyeram-infinity-datasource"

_BY_KEY = {statistic.key: statistic for statistic in STATISTICS}
_PLAIN = {"thresholds": thresholds((None, "text"))}
_ROSE = {"thresholds": thresholds((None, "text"), (20, "yellow"), (100, "red"))}


def text() -> str:
    """Return the file."""
    return dashboard(
        PLUGIN,
        [],
        [
            Row("Now", (_now("Inventory", _of("database")), _now("Today", _windows(Window.TODAY)))),
            Row("Usage by day", tuple(_by_day(title, keys) for title, keys in _USAGE.items())),
            Row(
                "Logins and errors",
                (
                    *(_rise(key) for key in ("failed_logins", "access_denied", "errors", "warnings")),
                    _by_day("Logins", ["logins", "failed_logins"]),
                    _by_day("Errors and denied access", ["errors", "warnings", "access_denied"]),
                ),
            ),
            Row("Inventory", tuple(_by_day(title, keys) for title, keys in _INVENTORY.items())),
        ],
        uid="openl2m-stats-history",
        title="OpenL2M statistics by day",
        description="What is in OpenL2M's database, and how much it is used, from the API and its history.",
        refresh="5m",
        time={"from": "now-90d", "to": "now"},
        timezone="utc",  # so that a day is drawn where it is called so
    )


def _of(section: str) -> list[Statistic]:
    return [statistic for statistic in SERVED if statistic.section == section]


def _windows(window: Window) -> list[Statistic]:
    return [statistic for statistic in SERVED if statistic.window == window]


_USAGE = {
    "Devices": [s.key for s in SERVED if s.family == "active_devices"][1:],
    "Users": [s.key for s in SERVED if s.family == "active_users"][1:],
    "Changes": [s.key for s in SERVED if s.family == "recent_changes"][1:],
    "API calls": [s.key for s in SERVED if s.family == "recent_api_calls"],
    "Commands": [s.key for s in SERVED if s.family == "recent_commands"],
    "Totals": ["changes_total", "commands_total"],
}
_INVENTORY = {
    "Switches": ["switches", "switchgroups"],
    "VLANs": ["vlans", "vlan_groups"],
    "Profiles, commands and tokens": [
        *("snmp_profiles", "credentials_profiles", "commands", "command_lists", "api_tokens"),
    ],
    "Log entries": ["log_entries"],
}


def _now(title: str, statistics: list[Statistic]) -> Panel:
    columns = [(f"{s.section}.{s.key}.value", s.label, "number") for s in statistics]
    target = _query("json", "/api/stats/", columns, root_selector="", format="table")
    panel = stat(title, "The numbers now. No data: the API does not answer.", [target], {**NUMBER, **_PLAIN}, width=12)
    panel["options"]["reduceOptions"]["fields"] = "/.*/"
    return panel


def _by_day(title: str, keys: list[str]) -> Panel:
    described = "The numbers of each day's last snapshot, and of today so far. A day without a snapshot is a gap."
    return graph(title, described, [_history(keys)], NUMBER)


def _rise(key: str) -> Panel:
    label = _BY_KEY[key].label
    described = f"{_BY_KEY[key].counts} The last value of the range, less the first."
    panel = stat(f"{label} in this range", described, [_history([key])], {**NUMBER, **_ROSE}, width=6)
    panel["options"]["reduceOptions"]["calcs"] = ["diff"]
    return panel


def _history(keys: list[str]) -> dict[str, Any]:
    columns = [("day", "Day", "timestamp"), *((key, _BY_KEY[key].label, "number") for key in keys)]
    target = _query("csv", "/api/stats/history/", columns, format="timeseries")
    target["url_options"] |= {
        "params": [
            {"key": "from", "value": "${__from:date:YYYY-MM-DD}"},
            {"key": "to", "value": "${__to:date:YYYY-MM-DD}"},
        ],
        "headers": [{"key": "Accept", "value": "text/csv"}],
    }
    return target


def _query(kind: str, url: str, columns: list[tuple[str, str, str]], **settings: str) -> dict[str, Any]:
    return {
        "type": kind,
        "parser": "backend",
        "source": "url",
        "url": url,
        "url_options": {"method": "GET", "data": ""},
        "columns": [{"selector": selector, "text": text, "type": type_} for selector, text, type_ in columns],
        "filters": [],
        **settings,
    }
