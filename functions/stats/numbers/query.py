"""The catalogue as one SQL statement, and its one row as the document; pure.

The statement has two shapes, which give the same numbers:

- By a scan, it groups the log's last 31 days by device, type, user and window, and counts the groups. It reads
  each row once, needs no index, and is never slow.
- By the indexes of infra/database/log_index.*.sql, it reads of each type of entry only what is counted, and of each
  switch only its last entry. That is faster, and without the indexes slower by an order of magnitude.

The text is the same on every engine, but for how an instant is written.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import SupportsInt

from stats.numbers.catalogue import (
    COUNTERS,
    SERVED,
    STATISTICS,
    Counter,
    Distinct,
    Document,
    LogDevices,
    LogRows,
    LogUsers,
    Rows,
    Statistic,
)
from stats.numbers.windows import Window, bounds

Literal = Callable[[datetime], str]
Indexes = Sequence[Sequence[str]]
Statement = Callable[[Literal, Callable[[], Indexes]], str]
LogMeasure = LogRows | LogDevices | LogUsers

# What the shape by the indexes needs: two indexes of switches_log that begin with these columns.
INDEXES = (("type", "timestamp", "action", "user_id", "switch_id"), ("switch_id", "timestamp"))

# Where a window begins and, if anywhere, ends. In braces: an instant of windows.Bounds, as a literal.
_BEGINS = {window: f"timestamp >= {{{window.value}}}" for window in Window}
_ENDS = {Window.TODAY: "timestamp < {tomorrow}"}
# `w` classifies a row of the last 31 days: 0 before the 7 days, else 1, plus 2 when it is of today,
# plus 4 when it is of the last hour. The 7 days always reach back further than both.
_CLASS = f"""CASE WHEN timestamp < {{last_7_days}} THEN 0 WHEN timestamp < {{latest}} THEN 1
ELSE 1 + CASE WHEN {_BEGINS[Window.TODAY]} AND {_ENDS[Window.TODAY]} THEN 2 ELSE 0 END
+ CASE WHEN {_BEGINS[Window.LAST_HOUR]} THEN 4 ELSE 0 END END"""
_IN_CLASS = {Window.LAST_HOUR: "w > 3", Window.TODAY: "w IN (3, 7)", Window.LAST_7_DAYS: "w > 0"}

_LOG = [(statistic.key, statistic.measure) for statistic in STATISTICS if isinstance(statistic.measure, LogMeasure)]


def _types(measure: LogMeasure) -> tuple[int, ...] | None:
    return measure.types if isinstance(measure, LogDevices) else (measure.type,)


def _in(column: str, values: Sequence[int] | None) -> str | None:
    return None if values is None else f"{column} IN ({', '.join(map(str, values))})"


def _when(value: str, *conditions: str | None) -> str:
    given = [condition for condition in conditions if condition]
    return f"CASE WHEN {' AND '.join(given)} THEN {value} END" if given else value


def _aggregate(measure: LogMeasure, value: str) -> str:
    return f"COALESCE(SUM({value}), 0)" if isinstance(measure, LogRows) else f"COUNT(DISTINCT {value})"


def _select(log: Callable[[str, LogMeasure], str]) -> str:
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

    return "SELECT " + ",\n".join(map(expression, STATISTICS))


def _by_scan() -> str:
    actions = sorted({m.action for _, m in _LOG if isinstance(m, LogRows) and m.action is not None})
    user_types = sorted({m.type for _, m in _LOG if isinstance(m, LogUsers)})

    def expression(_key: str, measure: LogMeasure) -> str:
        match measure:
            case LogRows():
                value = "n" if measure.action is None else f"n{measure.action}"
            case LogDevices():
                value = "s"
            case LogUsers():
                value = "u"
        return _aggregate(measure, _when(value, _in("t", _types(measure)), _IN_CLASS.get(measure.window)))

    counts = "".join(f", COUNT(CASE WHEN action = {action} THEN 1 END) AS n{action}" for action in actions)
    return f"""{_select(expression)}
FROM (SELECT switch_id AS s, type AS t, {_when("COALESCE(user_id, -1)", _in("type", user_types))} AS u,
{_CLASS} AS w, COUNT(*) AS n{counts}
FROM switches_log WHERE {{until}}{_BEGINS[Window.LAST_31_DAYS]}
GROUP BY s, t, u, w) g"""


def _by_indexes() -> str:
    columns: dict[tuple[int, ...] | None, list[tuple[str, LogMeasure]]] = {}
    for key, measure in _LOG:
        columns.setdefault(_types(measure), []).append((key, measure))
    tables = [
        f"({_last_entries(group) if types is None else _range(types, group)}) r{number}"
        for number, (types, group) in enumerate(columns.items())
    ]
    return f"{_select(lambda key, _: key)}\nFROM " + ",\n".join(tables)


def _range(types: Sequence[int], group: Sequence[tuple[str, LogMeasure]]) -> str:
    """Return the SELECT of the statistics over some types' rows."""

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


def _last_entries(group: Sequence[tuple[str, LogMeasure]]) -> str:
    """Return the SELECT of the statistics over the switches' last entries, of whatever type.

    A switch is in a window when its last entry before the window's end is. The foreign key sees to it that
    there is no entry of a switch that is not in switches_switch.
    """
    ends = sorted({_ENDS.get(measure.window, "timestamp IS NOT NULL") for _, measure in group})
    # A derived table without LIMIT is merged into the query, which then looks for the last entry once a column.
    all_switches = f"switches_switch LIMIT {2**63 - 1}"
    # Not MAX(): MariaDB and MySQL then read all of a switch's entries. With both columns in ORDER BY they read one.
    last = ", ".join(
        f"""(SELECT timestamp FROM switches_log WHERE {{until}}switch_id = switches_switch.id AND {end}
ORDER BY switch_id DESC, timestamp DESC LIMIT 1) AS last{number}"""
        for number, end in enumerate(ends)
    )

    def column(key: str, measure: LogMeasure) -> str:
        number = ends.index(_ENDS.get(measure.window, "timestamp IS NOT NULL"))
        begins = _BEGINS[measure.window].replace("timestamp", f"last{number}")
        return f"COUNT({_when('1', begins)}) AS {key}"

    return f"SELECT {', '.join(column(*each) for each in group)}\nFROM (SELECT {last} FROM {all_switches}) l"


_BY_SCAN, _BY_INDEXES = _by_scan(), _by_indexes()


def missing_indexes(indexes: Indexes) -> list[tuple[str, ...]]:
    """Return the columns of those INDEXES that are not among the indexes of switches_log."""
    return [needed for needed in INDEXES if not any(tuple(each[: len(needed)]) == needed for each in indexes)]


def statement(now: datetime, zone: tzinfo, *, in_the_past: bool = False) -> Statement:
    """Return what writes the SELECT that yields one row, all numbers at the instant `now` in catalogue order.

    It takes a function that writes an instant in UTC as the engine's SQL literal, and one that returns the columns of
    each index of switches_log. Nothing but instants is interpolated. `in_the_past`: no window reaches beyond `now`.
    """

    def write(literal: Literal, indexes: Callable[[], Indexes]) -> str:
        windows = bounds(now, zone)
        literals = {name: literal(instant) for name, instant in windows._asdict().items()}
        latest = literal(min(windows.last_hour, windows.today))
        until = f"timestamp <= {literal(now)} AND " if in_the_past else ""
        return (_BY_SCAN if missing_indexes(indexes()) else _BY_INDEXES).format(latest=latest, until=until, **literals)

    return write


def document(row: Sequence[SupportsInt]) -> Document:
    """Return `{section: {key: {"label": str, "value": int}}}` from the statement's row, in catalogue order."""
    sections: Document = {}
    for statistic, value in zip(STATISTICS, row, strict=True):
        section = sections.setdefault(statistic.section, {})
        section[statistic.key] = {"label": statistic.label, "value": int(value)}
    return sections


def is_whole(document: Document) -> bool:
    """Tell whether a document has the catalogue's statistics, no more and no fewer, in its order.

    The snapshots of former versions have no counters, and need none to be served.
    """
    expected = STATISTICS if COUNTERS in document else SERVED
    return [
        (section, key, entry["label"]) for section, entries in document.items() for key, entry in entries.items()
    ] == [(statistic.section, statistic.key, statistic.label) for statistic in expected]
