"""dashboards/grafana.json: the dashboard over Prometheus, whose job is the one of docs/api.md."""

from typing import Any

from dev.dashboards import queries
from dev.dashboards.panels import NUMBER, Panel, Row, dashboard, graph, query_variable, table, thresholds
from dev.dashboards.prometheus_panels import (
    FEW,
    READ,
    READ_AT,
    SNAPSHOT,
    SNAPSHOT_AT,
    age,
    columns,
    describe,
    difference,
    gauges,
    number,
    rises,
    targets,
    today,
    windows,
)
from dev.dashboards.queries import metric, over_time

_OVERVIEW = {
    "Switches": metric("openl2m_switches"),
    "Active users today": metric("openl2m_active_users", "today"),
    "Active devices today": metric("openl2m_active_devices", "today"),
    "Changes today": metric("openl2m_recent_changes", "today"),
    "Commands today": metric("openl2m_recent_commands", "today"),
}


def text() -> str:
    """Return the file."""
    return dashboard(
        "prometheus",
        [
            _variable("job", "Job", ""),
            # Where targets have no such label, `.*` finds them all the same.
            _variable("stack", "Stack", '{job=~"$job"}', allValue=".*"),
            _variable("instance", "Instance", '{job=~"$job", stack=~"$stack"}', allValue=".*"),
        ],
        _rows(),
        uid="openl2m-stats",
        title="OpenL2M statistics",
        description="What is in OpenL2M's database, and how much it is used.",
        refresh="1m",
        time={"from": "now-7d", "to": "now"},
    )


def _variable(name: str, label: str, selector: str, **settings: Any) -> dict[str, Any]:
    definition = f"label_values(openl2m_stats_info{selector}, {name})"
    query = {"qryType": 1, "query": definition, "refId": "PrometheusVariableQueryEditor-VariableQuery"}
    return query_variable(name, label, query, definition, **settings)


def _rows() -> list[Row]:
    return [
        Row("Overview", _overview()),
        Row(
            "Today and a week ago",
            (
                today("Active devices today", "openl2m_active_devices"),
                today("Active users today", "openl2m_active_users"),
                today("Changes today", "openl2m_recent_changes"),
                today("Commands today", "openl2m_recent_commands"),
            ),
        ),
        Row(
            "Usage by window",
            (
                windows("Active devices", "openl2m_active_devices"),
                windows("Active users", "openl2m_active_users"),
                windows("Changes", "openl2m_recent_changes"),
                windows("API calls", "openl2m_recent_api_calls"),
                windows("Commands", "openl2m_recent_commands"),
                rises(
                    "Changes and commands over time",
                    changes="openl2m_changes_total",
                    commands="openl2m_executed_commands_total",
                ),
            ),
        ),
        Row("Logins, errors and views", _counters()),
        Row("Inventory", _inventory()),
        Row("Freshness", _freshness()),
    ]


def _overview() -> tuple[Panel, ...]:
    return (
        *(number(title, series, describe(series)) for title, series in _OVERVIEW.items()),
        age("Age of the numbers", READ_AT, "Time since the numbers were read from the database.", READ),
        *(difference(f"{title}, since a week ago", series) for title, series in _OVERVIEW.items()),
        age(
            "Age of the newest snapshot",
            SNAPSHOT_AT,
            "Time since the newest snapshot was taken. Missing: the stack has no bucket, or no snapshot yet.",
            SNAPSHOT,
        ),
    )


def _counters() -> tuple[Panel, ...]:
    days = {
        "Failed logins": "openl2m_failed_logins_total",
        "Access denied": "openl2m_access_denied_total",
        "Errors": "openl2m_errors_total",
        "Warnings": "openl2m_warnings_total",
    }
    return (
        *(
            number(f"{title} in 24 hours", queries.rise(name, "1d"), describe(name), FEW, width=6)
            for title, name in days.items()
        ),
        rises(
            "Logins over time",
            logins="openl2m_logins_total",
            failed_logins="openl2m_failed_logins_total",
            access_denied="openl2m_access_denied_total",
        ),
        rises("Errors and warnings over time", errors="openl2m_errors_total", warnings="openl2m_warnings_total"),
        rises(
            "Views over time",
            views="openl2m_views_total",
            detail_views="openl2m_detail_views_total",
            hardware_views="openl2m_hardware_views_total",
        ),
        rises("Bulk edits over time", bulk_edits="openl2m_bulk_edits_total"),
    )


def _inventory() -> tuple[Panel, ...]:
    compared = [queries.every_number(), queries.every_number(" offset 1w")]
    return (
        gauges("Switches", "Switches and switch groups.", ["switches", "switch_groups"]),
        gauges("VLANs", "VLANs and VLAN groups.", ["vlans", "vlan_groups"]),
        gauges(
            "Profiles, commands and tokens",
            "What else is configured in OpenL2M.",
            ["snmp_profiles", "credentials_profiles", "commands", "command_lists", "api_tokens"],
        ),
        gauges("Log entries", describe("openl2m_log_entries"), ["log_entries"]),
        table(
            "All numbers",
            "Every number, including those that later versions add, beside what it was at this time a week ago.",
            [queries.in_table(each) for each in (*compared, " - ".join(compared))],
            columns(
                "job",
                stack="Stack",
                instance="Instance",
                metric="Metric",
                window="Window",
                A="Now",
                B="A week ago",
                C="Difference",
            ),
        ),
    )


def _freshness() -> tuple[Panel, ...]:
    return (
        targets(),
        graph(
            "Age of the numbers",
            "Time since the numbers were read from the database. If it rises, they cannot be read. If it stays low, a "
            "number that does not change has not changed.",
            [over_time(f"time() - {READ_AT}")],
            {"unit": "s", "min": 0, "thresholds": thresholds(*READ), "custom": {"thresholdsStyle": {"mode": "line"}}},
        ),
        graph(
            "Scrapes",
            "1: the scrape brought numbers. 0: it failed.",
            [over_time(queries.UP)],
            {**NUMBER, "min": 0, "max": 1},
            width=6,
        ),
        graph(
            "Time of a scrape",
            "How long Prometheus waited for the answer.",
            [over_time(metric("scrape_duration_seconds"))],
            {"unit": "s", "min": 0},
            width=6,
        ),
    )
