"""Medians of times and of ratios, with their spread."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Timing:
    """Milliseconds or a ratio: the median, the 5th and the 95th percentile (of fewer than 20 samples, the extremes)."""

    median: float
    low: float
    high: float
    samples: int


def measure(call: Callable[[], object]) -> int:
    """Return how many nanoseconds a call takes."""
    started = time.perf_counter_ns()
    call()
    return time.perf_counter_ns() - started


def summarize(nanoseconds: Iterable[int]) -> Timing:
    """Return the timing of some samples."""
    return _timing(value / 1e6 for value in nanoseconds)


def pairs(slow: Iterable[int], fast: Iterable[int]) -> Timing:
    """Return how many times as long one takes as the other, pair by pair of samples that were measured in turn.

    A machine that slows down for a while slows both samples of a pair.
    """
    return _timing(each / other for each, other in zip(slow, fast, strict=True))


def _timing(values: Iterable[float]) -> Timing:
    ordered = sorted(values)
    low, high = ordered[0], ordered[-1]
    if len(ordered) >= 20:
        twentieths = quantiles(ordered, n=20, method="inclusive")
        low, high = twentieths[0], twentieths[-1]
    return Timing(median(ordered), low, high, len(ordered))


def spread(timing: Timing) -> str:
    """Return times as text: the median, and the range of the samples."""
    return f"{number(timing.median)} ({number(timing.low)} to {number(timing.high)}, n={timing.samples})"


def times_as_long(ratio: Timing | None) -> str:
    """Return a ratio from pairs() as text: the median, and the range of the pairs; empty if there is none."""
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})" if ratio else ""


def number(value: float) -> str:
    """Return a number with two or three significant digits."""
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"
