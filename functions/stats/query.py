"""The catalogue as one SQL statement, and its one row as the document; pure.

The statement groups the log's last 31 days by device, type, user and window first and counts the
groups, so that it reads the log's rows once and needs no index to be fast. It is the same text on
every engine, but for how an instant is written.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import SupportsInt

from stats.catalogue import (
    STATISTICS,
    Bounds,
    Counter,
    Distinct,
    Document,
    LogDevices,
    LogRows,
    LogUsers,
    Measure,
    Rows,
    Window,
    bounds,
)

Literal = Callable[[datetime], str]

# `w` classifies a row of the last 31 days: 0 before the 7 days, else 1, plus 2 when it is of today,
# plus 4 when it is of the last hour. The 7 days always reach back further than both.
_IN_WINDOW = {
    Window.LAST_HOUR: "w > 3",
    Window.TODAY: "w IN (3, 7)",
    Window.LAST_7_DAYS: "w > 0",
    Window.LAST_31_DAYS: None,
}
_ACTIONS = sorted({s.measure.action for s in STATISTICS if isinstance(s.measure, LogRows) and s.measure.action})
_USER_TYPES = sorted({s.measure.type for s in STATISTICS if isinstance(s.measure, LogUsers)})


def _in(column: str, values: Sequence[int]) -> str:
    return f"{column} IN ({', '.join(map(str, values))})"


def _when(value: str, *conditions: str | None) -> str:
    given = [condition for condition in conditions if condition]
    return f"CASE WHEN {' AND '.join(given)} THEN {value} END" if given else value


def _expression(measure: Measure) -> str:
    match measure:
        case Rows(table):
            return f"(SELECT COUNT(*) FROM {table})"
        case Distinct(table, column):
            return f"(SELECT COUNT(DISTINCT {column}) FROM {table})"
        case Counter(name):
            return f"COALESCE((SELECT value FROM counters_counter WHERE name = '{name}'), 0)"
        case LogRows(type_, window, action):
            rows = f"n{action}" if action else "n"
            return f"COALESCE(SUM({_when(rows, f't = {type_}', _IN_WINDOW[window])}), 0)"
        case LogDevices(window, types):
            return f"COUNT(DISTINCT {_when('s', _in('t', types) if types else None, _IN_WINDOW[window])})"
        case LogUsers(type_, window):
            return f"COUNT(DISTINCT {_when('u', f't = {type_}', _IN_WINDOW[window])})"


_SELECT = "SELECT " + ",\n".join(_expression(statistic.measure) for statistic in STATISTICS)
_COUNT_ACTIONS = "".join(f", COUNT(CASE WHEN action = {action} THEN 1 END) AS n{action}" for action in _ACTIONS)


def statement(now: datetime, zone: tzinfo, literal: Literal) -> str:
    """Return the SELECT that yields one row, the 30 numbers at the instant `now` in catalogue order.

    `literal` writes an instant in UTC as the engine's SQL literal. Nothing else is interpolated.
    """
    windows: Bounds = bounds(now, zone)
    hour, today, tomorrow = literal(windows.hour), literal(windows.today), literal(windows.tomorrow)
    latest = literal(min(windows.hour, windows.today))
    return f"""{_SELECT}
FROM (SELECT switch_id AS s, type AS t, CASE WHEN {_in("type", _USER_TYPES)} THEN COALESCE(user_id, -1) END AS u,
CASE WHEN timestamp < {literal(windows.last_7_days)} THEN 0 WHEN timestamp < {latest} THEN 1
ELSE 1 + CASE WHEN timestamp >= {today} AND timestamp < {tomorrow} THEN 2 ELSE 0 END
+ CASE WHEN timestamp >= {hour} THEN 4 ELSE 0 END END AS w,
COUNT(*) AS n{_COUNT_ACTIONS}
FROM switches_log WHERE timestamp >= {literal(windows.last_31_days)}
GROUP BY s, t, u, w) g"""


def document(row: Sequence[SupportsInt]) -> Document:
    """Return `{section: {key: {"label": str, "value": int}}}` from the statement's row, in catalogue order."""
    sections: Document = {}
    for statistic, value in zip(STATISTICS, row, strict=True):
        section = sections.setdefault(statistic.section, {})
        section[statistic.key] = {"label": statistic.label, "value": int(value)}
    return sections


def is_whole(document: Document) -> bool:
    """Tell whether a document has the catalogue's statistics, no more and no fewer, in its order."""
    return [
        (section, key, entry["label"]) for section, entries in document.items() for key, entry in entries.items()
    ] == [(statistic.section, statistic.key, statistic.label) for statistic in STATISTICS]
