"""CloudWatch's alarms: which state one is in, by the rules that AWS documents.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import functools
import itertools
import json
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tests.support.stack import Decider, load, parameters

Values = Sequence[float | None]
OK, ALARM, NO_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
}


class Point(NamedTuple):
    """A data point of a metric: its time in seconds since 1970, and the dimensions in any order."""

    at: float
    namespace: str
    metric: str
    dimensions: Mapping[str, Any]
    value: float


def of_template(**given: Any) -> dict[str, dict[str, Any]]:
    """Return the alarms of a stack with these parameters, by their logical ids."""
    template = load()
    decider = Decider(template, parameters(template, given))
    return {
        name: decider.resolve(resource["Properties"])
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


def emitted(lines: Iterable[Mapping[str, Any]]) -> Iterator[Point]:
    """Yield the data points that CloudWatch takes from log lines in its embedded metric format.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    for line in lines:
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", []):
            for names, metric in itertools.product(directive["Dimensions"], directive["Metrics"]):
                values = line[metric["Name"]]
                for value in values if isinstance(values, list) else [values]:
                    dimensions = {name: line[name] for name in names}
                    at = line["_aws"]["Timestamp"] / 1000
                    yield Point(at, directive["Namespace"], metric["Name"], dimensions, value)


def period(alarm: Mapping[str, Any]) -> int:
    """Return the length of an alarm's periods, in seconds."""
    [found] = {int(entry["Period"]) for entry in _watched(alarm)}
    return found


def series(alarm: Mapping[str, Any], points: Iterable[Point], begin: float, end: float) -> dict[str, Values]:
    """Return what an alarm's metrics are in each period between two times: its statistic, or None without a point."""
    listed, length = list(points), period(alarm)
    found: dict[str, Values] = {}
    for entry in _watched(alarm):
        metric = entry.get("Metric", entry)
        dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
        values: list[list[float]] = [[] for _ in range(int(begin // length), int(end // length) + 1)]
        for point in listed:
            named = (point.namespace, point.metric) == (metric["Namespace"], metric["MetricName"])
            if named and _same(point.dimensions, dimensions):
                values[int(point.at // length - begin // length)].append(point.value)
        statistic = _STATISTICS[entry.get("Stat") or entry["Statistic"]]
        found[metric["MetricName"]] = [statistic(each) if each else None for each in values]
    return found


_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {"Sum": sum, "Maximum": max}


def _watched(alarm: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each["MetricStat"] for each in alarm.get("Metrics", []) if "MetricStat" in each] or [alarm]


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two metrics have the same dimensions. A value may be a reference to a resource."""
    as_text = functools.partial(json.dumps, sort_keys=True)
    return as_text(one) == as_text(other)


def metrics(alarm: Mapping[str, Any]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the metrics that an alarm watches, by namespace and name, with their dimensions."""
    entries = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each] or [alarm]
    return {(entry["Namespace"], entry["MetricName"]): entry["Dimensions"] for entry in entries}


def states(alarm: Mapping[str, Any], series: Mapping[str, Values], *, fills_nothing: bool = True) -> list[str]:
    """Return the state at the end of each period, given each metric's sum of it, or None without a data point.

    AWS does not document what FILL makes of a metric without any data point in sight: nothing, or what it fills with.
    """
    periods = max(map(len, series.values()))
    found, state = [], NO_DATA
    for end in range(1, periods + 1):
        window = {name: _window(values, end, alarm["EvaluationPeriods"]) for name, values in series.items()}
        state = _next(alarm, _evaluated(alarm, window, fills_nothing), state)
        found.append(state)
    return found


def _window(values: Values, end: int, length: int) -> list[float | None]:
    return [values[each] if 0 <= each < len(values) else None for each in range(end - length, end)]


def _next(alarm: Mapping[str, Any], values: Values, state: str) -> str:
    breaches = _COMPARISONS[alarm["ComparisonOperator"]]
    found = [breaches(value, alarm["Threshold"]) for value in values if value is not None]
    if alarm["TreatMissingData"] == "ignore":
        if not found:
            return state
        assert len(found) == len(values), "what is missing in part is not modelled"
    else:
        assert alarm["TreatMissingData"] == "notBreaching"
    return ALARM if sum(found) >= alarm.get("DatapointsToAlarm", alarm["EvaluationPeriods"]) else OK


def _evaluated(alarm: Mapping[str, Any], window: Mapping[str, Values], fills_nothing: bool) -> Values:
    if "Metrics" not in alarm:
        return window[alarm["MetricName"]]
    names: dict[str, Any] = {"FILL": lambda values, number: values.filled(number, fills_nothing)}
    period = 0
    for entry in alarm["Metrics"]:
        if "MetricStat" in entry:
            names[entry["Id"]] = _Series(window[entry["MetricStat"]["Metric"]["MetricName"]])
            period = int(entry["MetricStat"]["Period"])
    names |= {"PERIOD": lambda _values: period, "RUNNING_SUM": lambda values: values.running_sum(), "IF": _if}
    [expression] = [entry["Expression"] for entry in alarm["Metrics"] if "Expression" in entry]
    result: _Series = eval(expression, {"__builtins__": {}}, names)
    return result.values


class _Series:
    """A time series, in the arithmetic of metric math: where a point is missing, so is the result's."""

    def __init__(self, values: Values) -> None:
        self.values = values

    def filled(self, number: float, fills_nothing: bool) -> "_Series":
        if fills_nothing and all(value is None for value in self.values):
            return self
        return _Series([number if value is None else value for value in self.values])

    def running_sum(self) -> "_Series":
        sums = list(itertools.accumulate(value or 0 for value in self.values))
        return _Series([None if value is None else total for value, total in zip(self.values, sums, strict=True)])

    def _with(self, other: Any, function: Callable[[float, float], float]) -> "_Series":
        others = other.values if isinstance(other, _Series) else [other] * len(self.values)
        pairs = zip(self.values, others, strict=True)
        return _Series([None if one is None or two is None else function(one, two) for one, two in pairs])

    def __sub__(self, other: Any) -> "_Series":
        return self._with(other, operator.sub)

    def __rmul__(self, other: Any) -> "_Series":
        return self._with(other, operator.mul)

    def __truediv__(self, other: Any) -> "_Series":
        return self._with(other, operator.truediv)

    def __gt__(self, other: Any) -> "_Series":
        return self._with(other, operator.gt)


def _if(condition: _Series, yes: _Series, no: float) -> _Series:
    chosen = zip(condition.values, yes.values, strict=True)
    return _Series([None if either is None else value if either else no for either, value in chosen])
