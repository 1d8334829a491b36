"""CloudWatch's alarms: which state one is in, by the rules that AWS documents.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Values = Sequence[float | None]
OK, ALARM, NO_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
}


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
