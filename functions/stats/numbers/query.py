"""The catalogue as one SQL statement, and its one row as the document; pure.

The statement has two shapes, which give the same numbers:

- By a scan, it groups the log's last 31 days by device, type, user and window, and counts the groups. It reads
  each row once, needs no index, and is never slow.
- By the indexes of infra/database/log_index.*.sql, it reads of each type of entry only what is counted, and of each
  device only its last entry. That is faster, and without the indexes slower by an order of magnitude.

The text is the same on every engine, except for how an instant is written and how the last entries are found.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Protocol, SupportsInt

from stats.numbers.catalogue import COUNTERS, SERVED, STATISTICS, Document, Statistic
from stats.numbers.shapes import Statistics, by_indexes, by_scan, over_log
from stats.numbers.windows import bounds

Indexes = Sequence[Sequence[str]]


class Engine(Protocol):
    """The differences between engines that affect the SQL."""

    @property
    def literal(self) -> Callable[[datetime], str]:
        """A function that returns the SQL literal of an instant, in UTC."""

    @property
    def recurses(self) -> bool:
        """Whether a recursive query finds each device's last entry faster than GROUP BY does."""


Statement = Callable[[Engine, Callable[[], Indexes]], str]

# The statement's second shape needs two indexes of switches_log that begin with these columns.
INDEXES = (("type", "timestamp", "action", "user_id", "switch_id"), ("switch_id", "timestamp"))


def missing_indexes(indexes: Indexes) -> list[tuple[str, ...]]:
    """Return the column lists of INDEXES for which switches_log has no index."""
    return [needed for needed in INDEXES if not any(tuple(each[: len(needed)]) == needed for each in indexes)]


def statement(
    now: datetime, zone: tzinfo, statistics: Statistics = STATISTICS, *, in_the_past: bool = False
) -> Statement:
    """Return a writer of the SELECT, whose one row has the statistics at the instant `now`, in order.

    It takes an engine, and a function that returns the columns of each index of switches_log. Nothing but instants is
    interpolated. `in_the_past`: no window reaches beyond `now`.
    """

    def write(engine: Engine, indexes: Callable[[], Indexes]) -> str:
        windows = bounds(now, zone)
        literals = {name: engine.literal(instant) for name, instant in windows._asdict().items()}
        latest = engine.literal(min(windows.last_hour, windows.today))
        until = f"timestamp <= {engine.literal(now)} AND " if in_the_past else ""
        scan = not over_log(statistics) or missing_indexes(indexes())
        text = by_scan(statistics) if scan else by_indexes(statistics, engine.recurses)
        return text.format(latest=latest, until=until, **literals)

    return write


def document(row: Sequence[SupportsInt], statistics: Statistics = STATISTICS) -> Document:
    """Return `{section: {key: {"label": str, "value": int}}}` with the statement's row; no section is missing."""
    sections: Document = {statistic.section: {} for statistic in STATISTICS}
    for statistic, value in zip(statistics, row, strict=True):
        sections[statistic.section][statistic.key] = {"label": statistic.label, "value": int(value)}
    return sections


def is_whole(document: Document) -> bool:
    """Return whether a document has exactly the catalogue's statistics, in order.

    The snapshots of former versions have no counters, and need none to be served.
    """
    return _entries(document) == [_entry(each) for each in (STATISTICS if COUNTERS in document else SERVED)]


def is_known(document: Document) -> bool:
    """Return whether a document has only statistics of the catalogue, in order."""
    found = _entries(document)
    return found == [entry for entry in map(_entry, STATISTICS) if entry in found]


def _entries(document: Document) -> list[tuple[str, str, str]]:
    return [(section, key, str(entry["label"])) for section, keys in document.items() for key, entry in keys.items()]


def _entry(statistic: Statistic) -> tuple[str, str, str]:
    return statistic.section, statistic.key, statistic.label
