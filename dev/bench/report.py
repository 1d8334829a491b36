"""The results as JSON and Markdown."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dev.bench.timing import Timing, number, times_as_long
from dev.markdown import table

ENGINES = ("PostgreSQL", "MariaDB", "MySQL", "SQLite")  # in the order of the tables
UNIT = "milliseconds or times as long; low and high: 5th and 95th percentile, of fewer than 20 samples the extremes"
# The rows for each size of the log, and their names in Measured.times.
LINES = {
    "OpenL2M's statements": "openl2m",
    "a fresh answer": "fresh",
    "… with the indexes": "indexed",
    "an answer from memory": "memory",
}


@dataclass(frozen=True)
class Measured:
    """One engine with a log of so many entries.

    `times` has the milliseconds of `openl2m` (its statements), of answers `fresh`, `indexed` (fresh, from a database
    with the indexes; not of SQLite) and from `memory`; and ratios of times of one round, such as `openl2m/fresh`. In
    `before/fresh`, the answers before the slash are those of the functions of another revision.
    """

    date: str
    engine: str
    settings: str
    log_mib: int
    entries: int
    times: dict[str, Timing]

    @property
    def key(self) -> tuple[str, int]:
        """The engine, whatever its version, and the number of entries: a later result with this key replaces it."""
        return self.engine.split()[0], self.entries

    def as_json(self) -> dict[str, Any]:
        """Return the fields, with times rounded to three digits."""
        as_text = json.dumps(asdict(self))
        rounded: dict[str, Any] = json.loads(as_text, parse_float=lambda text: round(float(text), 3))
        return rounded


def from_json(content: dict[str, Any]) -> Measured:
    """Return the result that as_json() made `content` of."""
    return Measured(**{**content, "times": {name: Timing(**timing) for name, timing in content["times"].items()}})


def summary(found: Sequence[Measured]) -> str:
    """Return a table of the medians: a column an engine, four rows a size."""
    rows = []
    for entries in sorted({one.entries for one in found}):
        at = {one.engine: one.times for one in found if one.entries == entries}
        for line, name in LINES.items():
            cells = (_median(at.get(engine, {}), name) for engine in _engines(found))
            rows.append([f"{entries:,}" if name == "openl2m" else "", line, *cells])
    return table(["log entries", "milliseconds", *_engines(found)], rows)


def _median(times: dict[str, Timing], name: str) -> str:
    if name not in times:
        return ""
    median, faster = number(times[name].median), times.get(f"openl2m/{name}")
    if not faster:
        return median
    return f"{median} ({number(faster.median)} times faster, {number(faster.low)} to {number(faster.high)})"


def growth(found: Sequence[Measured]) -> str:
    """Return a table of the slowdown from the smallest to the largest log that all engines had; empty if just one."""
    sizes, engines = [one.entries for one in found], _engines(found)
    common = sorted(size for size in set(sizes) if sizes.count(size) == len(engines))
    if len(common) < 2:
        return ""
    small, large = ({one.engine: one.times for one in found if one.entries == size} for size in (common[0], common[-1]))
    rows = []
    for line, name in LINES.items():
        both = [(large[engine].get(name), small[engine].get(name)) for engine in engines]
        rows.append([line, *(number(slow.median / fast.median) if slow and fast else "" for slow, fast in both)])
    return table([f"slowdown from {common[0]:,} to {common[-1]:,} entries", *engines], rows)


def before(found: Sequence[Measured]) -> str:
    """Return a table of how many times as long fresh answers of another revision take; empty if none was measured."""
    names = ("before/fresh", "before/indexed")
    compared = [one for one in found if names[0] in one.times]
    rows = [
        [one.engine, f"{one.entries:,}", *(times_as_long(one.times.get(each)) for each in names)] for one in compared
    ]
    return table(["the other revision takes", "log entries", "× this one", "× with the indexes"], rows) if rows else ""


def caches(found: Sequence[Measured]) -> str:
    """Return a list of the cache settings and the log's size, for the largest log of each engine."""
    last = {one.engine: one for one in sorted(found, key=lambda one: one.entries)}
    return "".join(
        f"- {one.engine}, {one.entries:,} log entries: {one.settings}; log and indexes have {one.log_mib:,} MiB.\n"
        for one in last.values()
    )


def gain(found: Sequence[Measured], entries: int) -> str:
    """Return in words how much faster fresh answers are with a log of this size; empty if it was not measured.

    The figures are PostgreSQL's, the database of OpenL2M's own installation.
    """
    for one in found:
        if one.key == (ENGINES[0], entries):
            times, indexed = one.times, one.times.get("openl2m/indexed")
            text = f"{times['openl2m/fresh'].median:.0f} times faster than OpenL2M's own statements"
            more = f" ({indexed.median:.0f} times with two indexes)" if indexed else ""
            memory = max(times["memory"].median, 0.1)
            return f"[{text}](docs/performance.md) on PostgreSQL{more}, or in {memory:.1f} ms from memory"
    return ""


def _engines(found: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(one.engine for one in found))
