"""PromQL for Grafana: every query is about the job, stacks and instances that are chosen at the top."""

from typing import Any

CHOSEN = 'job=~"$job", stack=~"$stack", instance=~"$instance"'
UP = f"up{{{CHOSEN}}}"
# What `now()` gives for a target without a value: its scrapes fail, or its answers lack this number.
NOT_SCRAPED, MISSING = -2, -1
# `$__rate_interval` is at least four times this, so that it holds several scrapes of the documented interval, 1m.
MIN_STEP = "2m"


def metric(name: str, window: str = "") -> str:
    """Return the series of a metric, or of one of its windows."""
    labels = f'{CHOSEN}, window="{window}"' if window else CHOSEN
    return f"{name}{{{labels}}}"


def now(expression: str) -> dict[str, Any]:
    """Return a query of current values. A target without one is NOT_SCRAPED or MISSING."""
    return _instant(f"{expression} or ignoring(window) ({UP} - 2)")


def since_a_week_ago(series: str) -> dict[str, Any]:
    """Return a query of the change of a number in a week. It is NaN if one of the two values is missing."""
    return _instant(f"{series} - {series} offset 1w or ignoring(window) ({UP} * NaN)")


def over_time(expression: str, legend: str = "", **settings: Any) -> dict[str, Any]:
    """Return a query of a range. Each series is called by its target, and the legend."""
    return {"expr": _with_target(expression), "legendFormat": f"{{{{target}}}} {legend}".strip(), **settings}


def in_table(expression: str) -> dict[str, Any]:
    """Return a query of current values, for a table."""
    return {"expr": expression, "format": "table", "instant": True, "range": False}


def rise(counter: str, window: str) -> str:
    """Return how far a counter has risen within a window."""
    # Not increase(): it takes an older number from another container's memory for a reset of the counter.
    return f"({metric(counter)} - min_over_time({metric(counter)}[{window}]))"


def every_number(offset: str = "") -> str:
    """Return all numbers, with the name of each in the label `metric`, so that an operator can match them."""
    series = f'{{__name__=~"openl2m_.+", __name__!~"openl2m_stats_.+", {CHOSEN}}}{offset}'
    return (
        f'sum by (metric, window, job, stack, instance) (label_replace({series}, "metric", "$1", "__name__", "(.+)"))'
    )


def _instant(expression: str) -> dict[str, Any]:
    return {"expr": _with_target(expression), "legendFormat": "{{target}}", "instant": True, "range": False}


def _with_target(expression: str) -> str:
    """Add the label `target`: the stack's name, or without one the instance."""
    by_instance = f'label_replace({expression}, "target", "$1", "instance", "(.*)")'
    return f'label_replace({by_instance}, "target", "$1", "stack", "(.+)")'
