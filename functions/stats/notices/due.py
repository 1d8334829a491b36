"""Finds the notices that are due: what begins, what ends, and the weekly summary. Missing numbers cause none."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from stats.aws.bucket import StorageError
from stats.base.instants import parse_instant, timestamp
from stats.notices import texts
from stats.notices.facts import Facts
from stats.notices.said import KEY, Notice, State
from stats.notices.summary import week_of
from stats.numbers.catalogue import STATISTICS
from stats.snapshots.months import MALFORMED

Entries = Mapping[str, Mapping[str, Any]]

DROP, SILENCE, SUMMARY = "drop", "silence", "summary"
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
# The log only grows until it is pruned; people and programs create and delete tokens every day.
_VOLATILE = {"log_entries", "api_tokens"}
LEVELS = tuple(each for each in STATISTICS if each.section == "database" and each.key not in _VOLATILE)
ACTIVITY = tuple(each for each in STATISTICS if each.key in {"changes_total", "commands_total", "logins"})
_DROPS = {f"{DROP} {each.key}" for each in LEVELS}
_LEAST_FALL = 5
_LONGEST_DROP = timedelta(days=7)
_WEEKS = 4
# On the first day after a weekend, the first user may come a little later than in the weeks before.
_GRACE = timedelta(hours=3)
_SUMMARY_AFTER = timedelta(hours=8)  # Monday's


def due(state: State, facts: Facts, writer: texts.Writer) -> Notice | None:
    """Return the first notice that is due in a state; None if none is. Raise StorageError."""
    return next(_due(state.entries, facts, writer), None)


def all_due(state: State, facts: Facts, writer: texts.Writer) -> list[Notice]:
    """Return all notices that are due in a state. Raise StorageError."""
    return list(_due(state.entries, facts, writer))


def _due(entries: Entries, facts: Facts, writer: texts.Writer) -> Iterator[Notice]:
    for name, entry in entries.items():
        _check(name, entry)
    for part in (_drops_ended, _drops_begun, _silence_ended, _silence_begun, _summary):
        yield from part(entries, facts, writer)


def _check(name: str, entry: Mapping[str, Any]) -> None:
    """Raise StorageError unless an entry of ours has its form. Another version, or an editor, may have written it."""
    try:
        if name in _DROPS:
            _ = parse_instant(entry["since"]), entry["from"] + 0, entry["to"] + 0
        elif name == SILENCE:
            _ = parse_instant(entry["since"]), [total + 0 for total in entry["totals"].values()]
        elif name == SUMMARY:
            date.fromisoformat(entry["monday"])
    except MALFORMED:
        raise StorageError(f"{KEY}: {name!r} has another form") from None


def _drops_begun(entries: Entries, facts: Facts, writer: texts.Writer) -> Iterator[Notice]:
    before, now = facts.earlier(_DAY) or {}, facts.numbers
    falls = [
        texts.Fall(each.key, each.label, facts.now, before[each.key], now[each.key], now[each.key])
        for each in LEVELS
        if _entry_of(each.key) not in entries and _has_fallen(before.get(each.key), now.get(each.key))
    ]
    if falls:
        changes = {
            _entry_of(fall.key): {"since": timestamp(fall.since), "from": fall.before, "to": fall.after}
            for fall in falls
        }
        yield Notice(DROP, *writer.drop(falls), changes)


def _has_fallen(before: int | None, now: int | None) -> bool:
    return before is not None and now is not None and before - now >= _LEAST_FALL and now * 10 <= before * 9


def _drops_ended(entries: Entries, facts: Facts, writer: texts.Writer) -> Iterator[Notice]:
    # Whether a number that cannot be read now is back is unknown.
    falls = [
        texts.Fall(each.key, each.label, parse_instant(entry["since"]), entry["from"], entry["to"], now)
        for each in LEVELS
        if (entry := entries.get(_entry_of(each.key))) and (now := facts.numbers.get(each.key)) is not None
    ]
    # Above nine tenths, not at them: a fall by exactly a tenth would end as it begins.
    back = [fall for fall in falls if fall.now * 10 > fall.before * 9]
    stayed = [fall for fall in falls if fall not in back and facts.now - fall.since >= _LONGEST_DROP]
    for ended, write in ((back, writer.recovery), (stayed, writer.new_level)):
        if ended:
            yield Notice(DROP, *write(ended), dict.fromkeys(_entry_of(fall.key) for fall in ended))


def _entry_of(key: str) -> str:
    return f"{DROP} {key}"


def _silence_begun(entries: Entries, facts: Facts, writer: texts.Writer) -> Iterator[Notice]:
    if SILENCE in entries or _growth(facts, timedelta(), _DAY) is not False:
        return
    if all(_growth(facts, week * _WEEK + _GRACE, week * _WEEK + _DAY) for week in range(1, _WEEKS + 1)):
        totals = {each.key: facts.numbers[each.key] for each in ACTIVITY}
        changes = {SILENCE: {"since": timestamp(facts.now - _DAY), "totals": totals}}
        yield Notice(SILENCE, *writer.silence({each.label: totals[each.key] for each in ACTIVITY}), changes)


def _growth(facts: Facts, until: timedelta, since: timedelta) -> bool | None:
    """Return whether any total grew from `since` ago to `until` ago; None if that is unknown."""
    first, last = facts.earlier(since), facts.earlier(until) if until else facts.numbers
    if first is None or last is None:
        return None
    both = [(first[each.key], last[each.key]) for each in ACTIVITY if each.key in first and each.key in last]
    if any(before < after for before, after in both):
        return True
    # A total that has fallen was reset, and shows nothing.
    return False if len(both) == len(ACTIVITY) and all(before == after for before, after in both) else None


def _silence_ended(entries: Entries, facts: Facts, writer: texts.Writer) -> Iterator[Notice]:
    silence = entries.get(SILENCE)
    if not silence:
        return
    before, now = silence["totals"], facts.numbers
    totals = {
        each.label: (before[each.key], now[each.key]) for each in ACTIVITY if each.key in now and each.key in before
    }
    if any(first != last for first, last in totals.values()):
        yield Notice(SILENCE, *writer.activity(parse_instant(silence["since"]), totals), {SILENCE: None})


def _summary(entries: Entries, facts: Facts, writer: texts.Writer) -> Iterator[Notice]:
    local = facts.now.astimezone(facts.zone).replace(tzinfo=None)
    today = (local - _SUMMARY_AFTER).date()
    monday = today - timedelta(days=today.weekday())
    last = entries.get(SUMMARY)
    if last is None or date.fromisoformat(last["monday"]) < monday:
        week = week_of(monday - _WEEK, facts)
        yield Notice(SUMMARY, *writer.summary(week), {SUMMARY: {"monday": monday.isoformat()}})
