"""The kinds of panels that the dashboard over Prometheus has."""

from typing import Any

from dev.dashboards import queries
from dev.dashboards.panels import NUMBER, Panel, Step, graph, override, stat, table, thresholds
from dev.dashboards.queries import metric, over_time
from stats.endpoints.metrics import families

READ_AT = metric("openl2m_stats_timestamp_seconds")
SNAPSHOT_AT = metric("openl2m_stats_snapshot_timestamp_seconds")
HELP = {family.name: family.help for family in families()}

_PLAIN: tuple[Step, ...] = ((None, "text"),)
FEW: tuple[Step, ...] = ((None, "text"), (20, "yellow"), (100, "red"))
_CHANGED: tuple[Step, ...] = ((None, "orange"), (0, "text"), (1, "blue"))
# The last step is the limit of the alert.
READ: tuple[Step, ...] = ((None, "green"), (300, "yellow"), (600, "red"))
SNAPSHOT: tuple[Step, ...] = ((None, "green"), (1800, "yellow"), (3600, "red"))

_GONE = {
    str(queries.NOT_SCRAPED): {"text": "not scraped", "color": "red", "index": 0},
    str(queries.MISSING): {"text": "missing", "color": "orange", "index": 1},
}
_UNKNOWN = {"match": "null+nan", "result": {"text": "not known", "color": "text", "index": 2}}
_MAPPINGS = [{"type": "value", "options": _GONE}, {"type": "special", "options": _UNKNOWN}]
_NOW = {"noValue": "not scraped", "mappings": _MAPPINGS}


def columns(*hidden: str, **names: str) -> list[dict[str, Any]]:
    """Return transformations that merge queries into a table with these columns. Column `A` is the query A."""
    renamed = {f"Value #{name}" if len(name) == 1 else name: title for name, title in names.items()}
    options = {
        "excludeByName": dict.fromkeys(("Time", *hidden), True),
        "includeByName": {},
        "indexByName": {name: number for number, name in enumerate(renamed)},
        "renameByName": renamed,
    }
    return [{"id": "merge", "options": {}}, {"id": "organize", "options": options}]


def number(title: str, series: str, description: str, steps: tuple[Step, ...] = _PLAIN, width: int = 4) -> Panel:
    """Return a panel with the current value of a number, for each target."""
    return stat(title, description, [queries.now(series)], {**NUMBER, **_NOW, "thresholds": thresholds(*steps)}, width)


def age(title: str, instant: str, description: str, steps: tuple[Step, ...]) -> Panel:
    """Return a panel with the time since an instant."""
    defaults = {"unit": "s", "decimals": 0, **_NOW, "thresholds": thresholds(*steps)}
    return stat(title, description, [queries.now(f"(time() - {instant})")], defaults)


def difference(title: str, series: str) -> Panel:
    """Return a panel with how much a number has changed in a week."""
    described = "Now, less what it was at this time a week ago. Not known: Prometheus lacks one of the two."
    defaults = {**NUMBER, **_NOW, "mappings": _MAPPINGS[1:], "thresholds": thresholds(*_CHANGED)}
    return stat(title, described, [queries.since_a_week_ago(series)], defaults)


def windows(title: str, name: str) -> Panel:
    """Return a panel with all windows of a metric."""
    return graph(title, HELP[name], [over_time(metric(name), "{{window}}")], {**NUMBER, "min": 0})


def today(title: str, name: str) -> Panel:
    """Return a panel with the window `today` of a metric, beside that of a week ago."""
    series = metric(name, "today")
    dashed = {"custom__lineStyle": {"fill": "dash", "dash": [8, 8]}, "custom__fillOpacity": 0}
    return graph(
        title,
        f"{describe(series)} Dashed: the same time a week ago.",
        [over_time(series, "today"), over_time(f"{series} offset 1w", "a week ago")],
        {**NUMBER, "min": 0},
        overrides=[override("byRegexp", "/a week ago$/", **dashed)],
    )


def rises(title: str, **counters: str) -> Panel:
    """Return a panel with how counters rose, as `legend=metric`."""
    return graph(
        title,
        "How far OpenL2M's counters rose within the rate interval, which is 8 minutes or longer.",
        [
            over_time(queries.rise(name, "$__rate_interval"), legend.replace("_", " "), interval=queries.MIN_STEP)
            for legend, name in counters.items()
        ],
        {**NUMBER, "min": 0},
    )


def gauges(title: str, description: str, names: list[str]) -> Panel:
    """Return a panel with metrics, named without their prefix."""
    return graph(title, description, [over_time(metric(f"openl2m_{name}"), name.replace("_", " ")) for name in names])


def describe(series: str) -> str:
    """Return the description of a metric or its series."""
    return HELP[series.partition("{")[0].removesuffix("_total")]


def targets() -> Panel:
    """Return the table of what Prometheus scrapes."""
    info = f"max by (job, stack, instance, version, deployment) ({metric('openl2m_stats_info')})"
    ages = (f"time() - {READ_AT}", f"time() - {SNAPSHOT_AT}")
    words = {
        "0": {"text": "not scraped", "color": "red", "index": 0},
        "1": {"text": "yes", "color": "green", "index": 1},
    }
    colored = {"custom__cellOptions": {"type": "color-text"}}
    return table(
        "Targets",
        "What Prometheus scrapes. dashboards/alerts.yaml has alerts, and docs/operate.md says what to do about each.",
        [
            *(queries.in_table(f"max by (job, stack, instance) ({each})") for each in (queries.UP, *ages)),
            queries.in_table(info),
        ],
        columns(
            "Value #D",
            job="Job",
            stack="Stack",
            instance="Instance",
            A="Scraped",
            B="Age of the numbers",
            C="Age of the newest snapshot",
            version="Version",
            deployment="Deployment",
        ),
        overrides=[
            override("byName", "Scraped", **colored, mappings=[{"type": "value", "options": words}]),
            override("byName", "Age of the numbers", **colored, unit="s", thresholds=thresholds(*READ)),
            override("byName", "Age of the newest snapshot", **colored, unit="s", thresholds=thresholds(*SNAPSHOT)),
        ],
        height=6,
    )
