"""What was measured, as Markdown."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dev.bench.markdown import number, ratio, spread, table
from dev.bench.timing import Timing
from dev.bench.warm import Timings

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
class Measured:
    """One engine with so many log entries: OpenL2M's statements, and the function without and with the index."""

    engine: str
    settings: str
    entries: int
    openl2m: Timing
    stock: Timings
    indexed: Timings = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the fields; times are in milliseconds."""
        return asdict(self) | {
            "openl2m": self.openl2m.as_json(),
            "stock": {name: timing.as_json() for name, timing in self.stock.items()},
            "indexed": {name: timing.as_json() for name, timing in self.indexed.items()},
        }


# What is compared across sizes.
LINES: dict[str, Callable[[Measured], Timing | None]] = {
    "OpenL2M's statements": lambda one: one.openl2m,
    "a fresh answer": lambda one: one.stock["fresh"],
    "… with the index": lambda one: one.indexed.get("fresh"),
    "an answer from memory": lambda one: one.stock["cached"],
}


def details(measured: Measured) -> str:
    """Return everything that was measured of one engine and size."""
    heads = ["milliseconds", "stock schema", "times faster", "with the index", "times faster"]
    rows = [["one statement per statistic, as OpenL2M asks", spread(measured.openl2m), "1", "", ""]]
    for name, text in {**_FRESH, **_HELD}.items():
        row = [text]
        for timing in (measured.stock[name], measured.indexed.get(name)):
            row += [spread(timing), ratio(measured.openl2m, timing)] if timing else ["", ""]
        rows.append(row)
    return f"#### {measured.engine}, {measured.entries:,} log entries\n\n{table(heads, rows)}"


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
    """Return how much longer everything takes with the most entries than with the fewest; empty for one size."""
    engines, sizes = _engines(found), _sizes(found)
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
    compared = f" ({ratio(one.openl2m, timing)} times faster)" if "fresh" in name or "index" in name else ""
    return f"{number(timing.median)}{compared}"
