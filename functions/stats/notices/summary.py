"""A week in numbers, from the history, beside the week before."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from stats.notices.facts import Facts
from stats.numbers.catalogue import STATISTICS, Counter, Distinct, LogRows, Rows, Statistic
from stats.numbers.windows import Window

_DAY = timedelta(days=1)
_Numbers = Mapping[str, int | None]


@dataclass(frozen=True)
class Line:
    """A number of a week, and the difference from the week before; None if that is unknown."""

    label: str
    value: int
    difference: int | None


@dataclass(frozen=True)
class Week:
    """A week from Monday to Sunday: what happened in it, what was in use, and what was in the database at its end.

    `missing` are its days without a snapshot. `compared` says whether the history covers both weeks in full.
    """

    monday: date
    happened: tuple[Line, ...]
    used: tuple[Line, ...]
    stored: tuple[Line, ...]
    missing: tuple[date, ...]
    compared: bool

    @property
    def sunday(self) -> date:
        """The last day."""
        return self.monday + 6 * _DAY


def week_of(monday: date, facts: Facts) -> Week:
    """Return the week that begins on a day. Raise StorageError."""
    days = [monday + number * _DAY for number in range(7)]
    found = {day: numbers for day in days if (numbers := facts.day(day)) is not None}
    missing = tuple(day for day in days if day not in found)
    if not found:
        return Week(monday, (), (), (), missing, compared=False)
    # A total grows from one Sunday's last snapshot to the next Sunday's.
    start, before = facts.day(monday - _DAY), facts.day(monday - 8 * _DAY)
    end = found[max(found)]
    is_whole = start is not None and days[-1] in found
    grown = _difference(end, found[min(found)] if start is None else start)
    grown_before = _difference(start, before) if is_whole else lambda _: None
    former = start if is_whole and start is not None else {}
    happened = (
        Line(each.label.removeprefix("Total "), value, _less(value, grown_before(each)))
        for each in STATISTICS
        if isinstance(each.measure, Counter) and (value := grown(each)) is not None
    )
    return Week(
        monday,
        tuple(line for line in happened if line.value or line.difference),
        tuple(_levels(end, former, _is_used)),
        tuple(_levels(end, former, lambda each: isinstance(each.measure, Rows | Distinct))),
        missing,
        compared=is_whole and before is not None,
    )


def _is_used(statistic: Statistic) -> bool:
    # For changes and commands, the totals show the week's growth more exactly.
    has_total = isinstance(statistic.measure, LogRows) and statistic.measure.action is None
    return statistic.window is Window.LAST_7_DAYS and not has_total


def _levels(end: _Numbers, former: _Numbers, matters: Callable[[Statistic], bool]) -> Iterator[Line]:
    for each in filter(matters, STATISTICS):
        value = end.get(each.key)
        if value is not None:
            yield Line(each.label, value, _less(value, former.get(each.key)))


def _difference(end: _Numbers | None, start: _Numbers | None) -> Callable[[Statistic], int | None]:
    """Return by how much a total grew; None if that is unknown, or if it was reset."""

    def grown(statistic: Statistic) -> int | None:
        last, first = (numbers.get(statistic.key) if numbers else None for numbers in (end, start))
        return last - first if last is not None and first is not None and last >= first else None

    return grown


def _less(value: int, other: int | None) -> int | None:
    return None if other is None else value - other
