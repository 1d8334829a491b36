"""How long something takes, asked often enough."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles

_LEAST = 3
_MOST = 1000


@dataclass(frozen=True)
class Timing:
    """Milliseconds or a ratio: the median, the 5th and the 95th percentile (of fewer than 20 samples, the extremes)."""

    median: float
    low: float
    high: float
    samples: int

    def as_json(self) -> dict[str, float | int]:
        """Return the fields, in microseconds' precision."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


def sample(calls: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, list[int]]:
    """Return nanoseconds of each of some calls by their names, after a round that is not counted.

    They are made in turn, so that whatever else the machine does slows all of them: three rounds, or as many as
    fit into so many seconds for each call.
    """
    for call in calls.values():
        call()
    taken: dict[str, list[int]] = {name: [] for name in calls}
    until = time.monotonic() + seconds * len(calls)
    for number in range(_MOST):
        if number >= _LEAST and time.monotonic() >= until:
            break
        for name, call in calls.items():
            taken[name].append(measure(call))
    return taken


def measure(call: Callable[[], object]) -> int:
    """Return how many nanoseconds a call takes."""
    started = time.perf_counter_ns()
    call()
    return time.perf_counter_ns() - started


def summarize(nanoseconds: Sequence[int]) -> Timing:
    """Return what the samples say."""
    return _timing(value / 1e6 for value in nanoseconds)


def pairs(ours: Sequence[int], theirs: Sequence[int]) -> Timing:
    """Return how many times as long one takes as the other, pair by pair of samples that were taken in turn.

    What slows the machine for a while slows both of a pair.
    """
    return _timing(our / their for our, their in zip(ours, theirs, strict=True))


def _timing(values: Iterable[float]) -> Timing:
    taken = sorted(values)
    low, high = taken[0], taken[-1]
    if len(taken) >= 20:
        twentieths = quantiles(taken, n=20, method="inclusive")
        low, high = twentieths[0], twentieths[-1]
    return Timing(median(taken), low, high, len(taken))


def spread(timing: Timing) -> str:
    """Return the median, and how far the samples lie from it."""
    return f"{number(timing.median)} ({number(timing.low)} to {number(timing.high)}, n={timing.samples})"


def ratio(slow: Timing, fast: Timing) -> str:
    """Return how many times as long one takes as the other."""
    return number(slow.median / fast.median)


def times_as_long(ratio: Timing) -> str:
    """Return a ratio that is taken pair by pair, and how far the pairs lie from it."""
    return f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def number(value: float) -> str:
    """Return a number with two or three digits that count."""
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"
