"""What was measured, as Markdown."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dev.bench.timing import Timing, number, ratio, spread
from dev.bench.warm import Timings
from dev.markdown import table

ENGINES = ("PostgreSQL", "MariaDB", "MySQL", "SQLite")  # in the order of the tables
_FRESH = {
    "fresh": "a fresh answer",
    "statement": "… its statement alone",
    "select_1": "… `SELECT 1` on such a connection",
}
_HELD = {
    "cached": "an answer from memory",
    "head": "… to `HEAD`",
    "not_modified": "… `304`",
    "refused": "a refusal, `401`",
}


@dataclass(frozen=True)
class Shape:
    """The function on one database: OpenL2M's own schema, or the one with the indexes added.

    `faster` is how many times as long OpenL2M's statements take as a fresh answer, round by round; `before` how
    many times as long another revision of the function takes.
    """

    timings: Timings
    faster: Timing
    before: Timing | None = None


@dataclass(frozen=True)
class Measured:
    """One engine with so many log entries: OpenL2M's statements, and the function without and with the indexes."""

    date: str
    engine: str
    settings: str
    log_mib: int
    pages_read: int
    entries: int
    openl2m: Timing
    stock: Shape
    indexed: Shape | None = None

    @property
    def key(self) -> tuple[str, int]:
        """What a later measurement replaces: the same engine, of whatever version, with as many entries."""
        return self.engine.split()[0], self.entries

    def as_json(self) -> dict[str, Any]:
        """Return the fields; times are in milliseconds."""
        as_text = json.dumps(asdict(self))
        rounded: dict[str, Any] = json.loads(as_text, parse_float=lambda text: round(float(text), 3))
        return rounded


def from_json(content: dict[str, Any]) -> Measured:
    """Return what as_json() gave."""

    def timing(fields: dict[str, Any] | None) -> Any:
        return fields and Timing(**fields)

    def shape(fields: dict[str, Any] | None) -> Any:
        return fields and Shape(
            {name: timing(each) for name, each in fields["timings"].items()},
            timing(fields["faster"]),
            timing(fields["before"]),
        )

    made = {"openl2m": timing(content["openl2m"])} | {name: shape(content[name]) for name in ("stock", "indexed")}
    return Measured(**{**content, **made})


# What is compared across sizes.
LINES: dict[str, Callable[[Measured], Timing | None]] = {
    "OpenL2M's statements": lambda one: one.openl2m,
    "a fresh answer": lambda one: one.stock.timings["fresh"],
    "… with the indexes": lambda one: one.indexed.timings["fresh"] if one.indexed else None,
    "an answer from memory": lambda one: one.stock.timings["cached"],
}


def details(measured: Measured) -> str:
    """Return everything that was measured of one engine and size."""
    heads = ["milliseconds", "stock schema", "times faster", "with the indexes", "times faster"]
    rows = [["one statement per statistic, as OpenL2M asks", spread(measured.openl2m), "1", "", ""]]
    shapes = (measured.stock, measured.indexed)
    for name, text in {**_FRESH, **_HELD}.items():
        row = [text]
        for shape in shapes:
            if shape is None:
                row += ["", ""]
            else:
                timing = shape.timings[name]
                compared = spread(shape.faster) if name == "fresh" else ratio(measured.openl2m, timing)
                row += [spread(timing), compared]
        rows.append(row)
    before = [spread(shape.before) if shape and shape.before else "" for shape in shapes]
    if any(before):
        rows.append(["a fresh answer of the revision compared with: times as long", before[0], "", before[1], ""])
    return f"#### {measured.engine}, {measured.entries:,} log entries\n\n{cache(measured)}.\n\n{table(heads, rows)}"


def cache(measured: Measured) -> str:
    """Return what is known of the database's cache."""
    if measured.settings == "defaults":
        return f"the file has {measured.log_mib:,} MiB"
    read = f"{measured.pages_read:,} pages were read into the server's cache meanwhile"
    return f"{measured.settings}; the log has {measured.log_mib:,} MiB with its indexes; {read}"


def caches(found: Sequence[Measured]) -> str:
    """Return a list of what is known of the caches, each engine with its most entries."""
    last = {one.engine: one for one in sorted(found, key=lambda one: one.entries)}
    lines = [f"- {one.engine}, {one.entries:,} log entries: {cache(one)}.\n" for one in last.values()]
    return "".join(lines)


def gain(found: Sequence[Measured], entries: int) -> str:
    """Return how much faster fresh answers are with so many log entries, in words; empty if that was not measured.

    It is PostgreSQL's: OpenL2M as it comes runs on nothing else.
    """
    there = [one for one in found if one.key == (ENGINES[0], entries)]
    if not there:
        return ""
    [one] = there
    text = f"{one.stock.faster.median:.0f} times faster than OpenL2M's own statements"
    indexed = f" ({one.indexed.faster.median:.0f} times with two indexes)" if one.indexed else ""
    cached = max(one.stock.timings["cached"].median, 0.1)
    return f"[{text}](docs/performance.md) on PostgreSQL{indexed}, or in {cached:.1f} ms from memory"


def summary(found: Sequence[Measured]) -> str:
    """Return the medians of all engines and sizes, for docs/performance.md."""
    engines, sizes = _engines(found), _sizes(found)
    rows = []
    for entries in sizes:
        at = {one.engine: one for one in found if one.entries == entries}
        for line, name in enumerate(LINES):
            cells = [_median(at[engine], name) if engine in at else "" for engine in engines]
            rows.append([f"{entries:,}" if line == 0 else "", name, *cells])
    return table(["log entries", "milliseconds", *engines], rows)


def growth(found: Sequence[Measured]) -> str:
    """Return how much longer everything takes with the most entries that all engines had than with the fewest."""
    engines = _engines(found)
    sizes = [size for size in _sizes(found) if len([one for one in found if one.entries == size]) == len(engines)]
    if len(sizes) < 2:
        return ""
    least, most = ({one.engine: one for one in found if one.entries == size} for size in (sizes[0], sizes[-1]))
    rows = []
    for name, pick in LINES.items():
        pairs = [(pick(most[engine]), pick(least[engine])) for engine in engines]
        rows.append([name, *(ratio(slow, fast) if slow and fast else "" for slow, fast in pairs)])
    return table([f"{sizes[-1]:,} entries take so many times as long as {sizes[0]:,}", *engines], rows)


def _engines(found: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(one.engine for one in found))


def _sizes(found: Sequence[Measured]) -> list[int]:
    return sorted({one.entries for one in found})


def _median(one: Measured, name: str) -> str:
    timing = LINES[name](one)
    if timing is None:
        return ""
    shape = {"a fresh answer": one.stock, "… with the indexes": one.indexed}.get(name)
    return f"{number(timing.median)} ({faster(shape.faster)})" if shape else number(timing.median)


def faster(compared: Timing) -> str:
    """Return how many times faster something is, with the spread."""
    return f"{number(compared.median)} times faster, {number(compared.low)} to {number(compared.high)}"
