"""The text of the notices: a subject, and plain text that also reads well on a phone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from stats.notices.summary import Line, Week

_STOP = (
    "To stop these messages, use the link that AWS adds at the end of each email. The operator of openl2m-stats can "
    "stop them for everyone, or choose which ones are sent: see docs/notices.md."
)

Text = tuple[str, str]


@dataclass(frozen=True)
class Fall:
    """A number that fell at `since` from `before` to `after`, and its value now."""

    key: str
    label: str
    since: datetime
    before: int
    after: int
    now: int


@dataclass(frozen=True)
class Writer:
    """Writes a deployment's notices, with its label and links to its page. All methods return a subject and a text."""

    label: str | None
    url: str | None
    zone: ZoneInfo

    def drop(self, falls: Sequence[Fall]) -> Text:
        """Write that numbers have fallen."""
        first = falls[0]
        return self._letter(
            f"{first.label} fell from {first.before:,} to {first.after:,}{_more(falls)}",
            f"On {self._time(first.since)}, these numbers were at least 10 % lower than a day earlier.",
            _lines(f"{each.label}: {each.now:,}, yesterday {each.before:,} ({_change(each)})" for each in falls),
            "If this is intended, there is nothing to do. If not, find out what was deleted. The next message comes "
            "when the numbers are back, or after 7 days.",
            at=first.key,
        )

    def recovery(self, falls: Sequence[Fall]) -> Text:
        """Write that numbers are back, at more than nine tenths of what they were."""
        first = falls[0]
        return self._letter(
            f"{first.label} back at {first.now:,}{_more(falls)}",
            "These numbers had fallen, and are back.",
            _lines(map(self._course, falls)),
            at=first.key,
        )

    def new_level(self, falls: Sequence[Fall]) -> Text:
        """Write that numbers have stayed low, and count as normal from now on."""
        first = falls[0]
        return self._letter(
            f"{first.label} still at {first.now:,} after 7 days{_more(falls)}",
            "These numbers fell 7 days ago, and have not come back. From now on, they count as normal.",
            _lines(map(self._course, falls)),
            at=first.key,
        )

    def silence(self, totals: Mapping[str, int]) -> Text:
        """Write that no total has grown for a day; `totals` are by label."""
        return self._letter(
            "no activity for 24 hours",
            "For 24 hours, nobody has logged in, changed a device or run a command. In each of the last 4 weeks, "
            "somebody had done so by this time.",
            _lines(f"{label}: {total:,}" for label, total in totals.items()),
            "On a holiday, this is nothing to worry about. Otherwise, see whether people can reach OpenL2M and log in. "
            "The next message comes when somebody does.",
        )

    def activity(self, since: datetime, totals: Mapping[str, tuple[int, int]]) -> Text:
        """Write that there is activity again; `totals` are before and now, by label."""
        return self._letter(
            "active again",
            f"There had been no activity since {self._time(since)}. Now there is.",
            _lines(f"{label}: {now:,}, was {before:,}" for label, (before, now) in totals.items()),
        )

    def summary(self, week: Week) -> Text:
        """Write about a week."""
        first, last = _day(week.monday), _day(week.sunday)
        span = f"{first} to {last} {week.sunday.year}"
        if not (week.happened or week.used or week.stored):
            return self._letter(
                f"no numbers from {first} to {last}",
                f"There is no snapshot from {span}, so nothing can be summarized. The next summary comes on Monday.",
            )
        return self._letter(
            f"last week: {_entry(week.happened[0], '')}" if week.happened else f"the week to {last}",
            f"The week from {span}. {_known(week)}",
            _lines(("What happened", *map(_entry, week.happened))) if week.happened else "",
            _lines(("At the end of the week", *map(_entry, (*week.used, *week.stored)))),
        )

    def _course(self, fall: Fall) -> str:
        since = self._time(fall.since)
        return f"{fall.label}: {fall.now:,}, after a fall from {fall.before:,} to {fall.after:,} on {since}"

    def _letter(self, subject: str, *paragraphs: str, at: str | None = None) -> Text:
        page = f"The page: {self.url}{f'#database.{at}' if at else ''}" if self.url else ""
        text = "\n\n".join(filter(None, (*paragraphs, page, _STOP)))
        return f"OpenL2M{f' {self.label}' if self.label else ''}: {subject}", f"{text}\n"

    def _time(self, instant: datetime) -> str:
        local = instant.astimezone(self.zone)
        return f"{_day(local.date())} at {local:%H:%M} ({self.zone.key})"


def _known(week: Week) -> str:
    missing = f"There is no snapshot of {_and([f'{day:%A}' for day in week.missing])}. " if week.missing else ""
    if week.compared:
        return f"{missing}In brackets: differences from the week before."
    return f"{missing}The history does not cover this week and the one before in full, so not all numbers are compared."


def _entry(line: Line, colon: str = ":") -> str:
    difference = f" ({line.difference:+,})" if line.difference else ""
    return f"{line.label}{colon} {line.value:,}{difference}"


def _change(fall: Fall) -> str:
    return f"{fall.now - fall.before:+,}, {(fall.now - fall.before) * 100 / fall.before:+.0f} %"


def _more(falls: Sequence[Fall]) -> str:
    return f", and {len(falls) - 1} more" if len(falls) > 1 else ""


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(lines)


def _and(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]


def _day(day: date) -> str:
    return f"{day:%A}, {day.day} {day:%B}"
