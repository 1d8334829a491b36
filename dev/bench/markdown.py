"""Timings in tables, and tables in a page."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from dev.bench.timing import Timing


def spread(timing: Timing) -> str:
    """Return the median, and how far the samples lie from it."""
    return f"{number(timing.median)} ({number(timing.low)} to {number(timing.high)}, n={timing.samples})"


def ratio(slow: Timing, fast: Timing) -> str:
    """Return how many times as long one takes as the other."""
    return number(slow.median / fast.median)


def number(value: float) -> str:
    """Return a number with two or three digits that count."""
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def put_into_page(path: Path, command: str, text: str) -> None:
    """Replace what a file has between the two markers of a command, but for a line break after the first."""
    begin, end = f"<!-- {command}: begin -->", f"<!-- {command}: end -->"
    before, _, rest = path.read_text().partition(begin)
    old, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{path.name} has no place for the table: {begin} and {end}")
    line = "\n" if old.startswith("\n") else ""
    path.write_text(f"{before}{begin}{line}{text}{end}{after}")
