"""The statement's two shapes, as templates; pure.

In braces: an instant of windows.Bounds as a literal; `{latest}`, the earlier of the last hour's and today's beginning;
`{until}`, an upper bound of the log's instants, if any.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

from stats.numbers.catalogue import Counter, Distinct, LogDevices, LogRows, LogUsers, Rows, Statistic
from stats.numbers.windows import Window

LogMeasure = LogRows | LogDevices | LogUsers
Statistics = tuple[Statistic, ...]

# The conditions for rows in each window.
_BEGINS = {window: f"timestamp >= {{{window.value}}}" for window in Window}
_ENDS = {Window.TODAY: "timestamp < {tomorrow}"}
# `w` classifies a row of the last 31 days: 0 before the 7 days, else 1, plus 2 when it is of today,
# plus 4 when it is of the last hour. The 7 days always reach back further than both.
_CLASS = f"""CASE WHEN timestamp < {{last_7_days}} THEN 0 WHEN timestamp < {{latest}} THEN 1
ELSE 1 + CASE WHEN {_BEGINS[Window.TODAY]} AND {_ENDS[Window.TODAY]} THEN 2 ELSE 0 END
+ CASE WHEN {_BEGINS[Window.LAST_HOUR]} THEN 4 ELSE 0 END END"""
_IN_CLASS = {Window.LAST_HOUR: "w > 3", Window.TODAY: "w IN (3, 7)", Window.LAST_7_DAYS: "w > 0"}


def _types(measure: LogMeasure) -> tuple[int, ...] | None:
    return measure.types if isinstance(measure, LogDevices) else (measure.type,)


def _in(column: str, values: Sequence[int] | None) -> str | None:
    return None if values is None else f"{column} IN ({', '.join(map(str, values))})"


def _when(value: str, *conditions: str | None) -> str:
    given = [condition for condition in conditions if condition]
    return f"CASE WHEN {' AND '.join(given)} THEN {value} END" if given else value


def _aggregate(measure: LogMeasure, value: str) -> str:
    return f"COALESCE(SUM({value}), 0)" if isinstance(measure, LogRows) else f"COUNT(DISTINCT {value})"


def _select(statistics: Statistics, log: Callable[[str, LogMeasure], str]) -> str:
    """Return the statement's SELECT, in which `log` writes the statistics over the log."""

    def expression(statistic: Statistic) -> str:
        match statistic.measure:
            case Rows(table):
                return f"(SELECT COUNT(*) FROM {table})"
            case Distinct(table, column):
                return f"(SELECT COUNT(DISTINCT {column}) FROM {table})"
            case Counter(name):
                return f"COALESCE((SELECT value FROM counters_counter WHERE name = '{name}'), 0)"
            case measure:
                return log(statistic.key, measure)

    return "SELECT " + ",\n".join(map(expression, statistics))


def over_log(statistics: Statistics) -> list[tuple[str, LogMeasure]]:
    """Return the keys and measures of the statistics over the log's windows."""
    return [(each.key, each.measure) for each in statistics if isinstance(each.measure, LogMeasure)]


@lru_cache(2)
def by_scan(statistics: Statistics) -> str:
    """Return the SELECT that groups the log's last 31 days and counts the groups."""
    measures = [measure for _, measure in over_log(statistics)]
    actions = sorted({m.action for m in measures if isinstance(m, LogRows) and m.action is not None})
    user_types = sorted({m.type for m in measures if isinstance(m, LogUsers)})

    def expression(_key: str, measure: LogMeasure) -> str:
        match measure:
            case LogRows():
                value = "n" if measure.action is None else f"n{measure.action}"
            case LogDevices():
                value = "s"
            case LogUsers():
                value = "u"
        return _aggregate(measure, _when(value, _in("t", _types(measure)), _IN_CLASS.get(measure.window)))

    select = _select(statistics, expression)
    if not measures:
        return select
    # The database user may be unable to read columns that the statistics do not need.
    groups = {"s": "switch_id"} if any(isinstance(m, LogDevices) for m in measures) else {}
    groups |= {"t": "type"} if any(map(_types, measures)) else {}
    groups |= {"u": _when("COALESCE(user_id, -1)", _in("type", user_types))} if user_types else {}
    groups |= {"w": _CLASS}
    columns = ", ".join(f"{column} AS {name}" for name, column in groups.items())
    counts = "".join(f", COUNT(CASE WHEN action = {action} THEN 1 END) AS n{action}" for action in actions)
    return f"""{select}
FROM (SELECT {columns}, COUNT(*) AS n{counts}
FROM switches_log WHERE {{until}}{_BEGINS[Window.LAST_31_DAYS]}
GROUP BY {", ".join(groups)}) g"""


@lru_cache(2)
def by_indexes(statistics: Statistics, recurses: bool) -> str:
    """Return the SELECT that uses the indexes; `recurses` is the engine's (see query.Engine)."""
    # Grouped by the rows' types; for rows of any type, by the end of the windows.
    groups: dict[tuple[tuple[int, ...] | None, str | None], list[tuple[str, LogMeasure]]] = {}
    for key, measure in over_log(statistics):
        types = _types(measure)
        groups.setdefault((types, None if types else _ENDS.get(measure.window)), []).append((key, measure))
    tables = [
        f"({_range(types, group) if types else _last_entries(group, end, recurses)}) r{number}"
        for number, ((types, end), group) in enumerate(groups.items())
    ]
    return f"{_select(statistics, lambda key, _: key)}\nFROM " + ",\n".join(tables)


def _range(types: Sequence[int], group: Sequence[tuple[str, LogMeasure]]) -> str:
    """Return the SELECT of the statistics over rows of some types."""

    def column(key: str, measure: LogMeasure) -> str:
        action = None
        match measure:
            case LogRows():
                value, action = "1", None if measure.action is None else f"action = {measure.action}"
            case LogDevices():
                value = "switch_id"
            case LogUsers():
                value = "COALESCE(user_id, -1)"
        window = (_BEGINS[measure.window], _ENDS.get(measure.window))
        return f"{_aggregate(measure, _when(value, action, *window))} AS {key}"

    windows = {measure.window for _, measure in group}
    widest = next((_BEGINS[w] for w in (Window.LAST_31_DAYS, Window.LAST_7_DAYS) if w in windows), None)
    return f"""SELECT {", ".join(column(*each) for each in group)}
FROM switches_log WHERE {{until}}{_in("type", types)} AND {widest or "timestamp >= {latest}"}"""


def _last_entries(group: Sequence[tuple[str, LogMeasure]], end: str | None, recurses: bool) -> str:
    """Return the SELECT of the statistics over the devices' last entries before `end`, of whatever type.

    A device is in a window when its last entry before the window's end is. The devices are those in the log: some may
    be in switches_switch no longer.
    """
    if recurses:
        # PostgreSQL's GROUP BY would read every entry. This reads one for each device: its last one.
        recursion = f"""WITH RECURSIVE l (s, last) AS ((SELECT switch_id, timestamp FROM switches_log
WHERE {{until}}switch_id IS NOT NULL AND {end or "timestamp IS NOT NULL"}
ORDER BY switch_id DESC, timestamp DESC LIMIT 1)
UNION ALL SELECT n.switch_id, n.timestamp FROM l CROSS JOIN LATERAL (SELECT switch_id, timestamp FROM switches_log
WHERE {{until}}switch_id < l.s AND {end or "timestamp IS NOT NULL"}
ORDER BY switch_id DESC, timestamp DESC LIMIT 1) n)
"""
        entries = "l"
    else:
        # MySQL and MariaDB limit recursion. For MAX(), they skip from one device to the next on their own.
        recursion = ""
        entries = f"""(SELECT switch_id AS s, MAX(timestamp) AS last
FROM switches_log WHERE {{until}}{end or "switch_id IS NOT NULL"} GROUP BY switch_id) l"""

    def column(key: str, measure: LogMeasure) -> str:
        # Entries without a device do not count.
        return f"COUNT({_when('s', _BEGINS[measure.window].replace('timestamp', 'last'))}) AS {key}"

    return f"{recursion}SELECT {', '.join(column(*each) for each in group)}\nFROM {entries}"
