"""When which notice is due."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stats.base.zones import time_zone
from stats.notices import due
from stats.notices.said import Notice, State
from stats.notices.texts import Writer
from tests.support.past import Past

DAY, HOUR, WEEK = timedelta(days=1), timedelta(hours=1), timedelta(weeks=1)
SUMMED_UP = {"summary": {"monday": "2026-03-02"}}
DROP = {"since": "2026-03-04T12:00:00Z", "from": 100, "to": 50}


def notices(past: Past, entries: Mapping[str, Any] = SUMMED_UP, /, **numbers: Any) -> list[Notice]:
    state = State({**SUMMED_UP, **entries})
    writer = Writer(None, None, past.zone)
    found = due.all_due(state, past.facts(**numbers), writer)
    assert due.due(state, past.facts(**numbers), writer) == (found[0] if found else None)
    return found


@pytest.mark.parametrize(
    ("before", "now", "falls"),
    [
        *((100, 90, True), (100, 91, False), (100, 0, True), (100, 110, False), (50, 45, True), (49, 45, False)),
        *((10, 5, True), (10, 6, False), (5, 0, True), (4, 0, False), (0, 0, False), (1005, 905, False)),
    ],
)
def test_a_drop_begins_at_a_tenth_and_five(before: int, now: int, falls: bool) -> None:
    past = Past()
    past.put(DAY, switches=before)
    found = notices(past, switches=now)
    assert [each.kind for each in found] == ["drop"] * falls
    if falls:
        entry = {"since": "2026-03-04T12:00:00Z", "from": before, "to": now}
        assert found[0].changes == {"drop switches": entry}
        # It neither begins again nor ends at once.
        assert notices(past, found[0].changes, switches=now) == []


def test_several_drops_are_one_notice() -> None:
    past = Past()
    past.put(DAY, switches=100, vlans=100, commands=100)
    [found] = notices(past, {"drop commands": DROP}, switches=50, vlans=60, commands=50)
    assert found.changes.keys() == {"drop switches", "drop vlans"}


def test_entries_of_the_log_and_tokens_are_no_drop() -> None:
    past = Past()
    past.put(DAY, log_entries=100_000, api_tokens=50, changes_total=100)
    assert notices(past, log_entries=10, api_tokens=0, changes_total=0) == []


@pytest.mark.parametrize(("before", "now"), [({}, {"switches": 0}), ({"switches": 100}, {})])
def test_what_could_not_be_read_is_no_drop(before: dict[str, Any], now: dict[str, Any]) -> None:
    past = Past()
    past.put(DAY, **before, vlans=1)
    assert notices(past, vlans=1, **now) == []


def test_without_a_snapshot_of_yesterday_there_is_no_drop() -> None:
    past = Past()
    past.put(2 * DAY, switches=100)
    assert notices(past, switches=0) == []


@pytest.mark.parametrize(
    ("now", "days", "ends"),
    [(90, 0, False), (91, 0, True), (200, 0, True), (50, 6.9, False), (50, 7, True), (90, 7, True), (0, 8, True)],
)
def test_a_drop_ends_above_nine_tenths_or_after_seven_days(now: int, days: float, ends: bool) -> None:
    past = Past()
    since = past.now - days * DAY
    found = notices(past, {"drop switches": {**DROP, "since": since.isoformat()}}, switches=now)
    assert [each.changes for each in found] == [{"drop switches": None}] * ends
    if ends:
        assert ("back" in found[0].subject) == (now > 90)


def test_a_drop_of_what_cannot_be_read_goes_on() -> None:
    since = datetime(2026, 2, 1, tzinfo=UTC).isoformat()
    assert notices(Past(), {"drop switches": {**DROP, "since": since}}, vlans=1) == []


TOTALS: dict[str, Any] = {"changes_total": 100, "commands_total": 100, "logins": 100}


def grown_weeks(past: Past, *weeks: int, until: timedelta = 3 * HOUR) -> None:
    """Put weeks in which somebody logged in on the same day, by some time before this one."""
    for week in (1, 2, 3, 4):
        grown = 1 if week in weeks else 0
        past.put(week * WEEK + DAY, **{**TOTALS, "logins": 50})
        past.put(week * WEEK + until, **{**TOTALS, "logins": 50 + grown})
        past.put(week * WEEK, **{**TOTALS, "logins": 51})


def test_silence_begins_when_every_week_was_loud() -> None:
    past = Past()
    grown_weeks(past, 1, 2, 3, 4)
    past.put(DAY, **TOTALS)
    [found] = notices(past, **TOTALS)
    assert found.changes == {"silence": {"since": "2026-03-03T12:00:00Z", "totals": TOTALS}}
    assert notices(past, found.changes, **TOTALS) == []


@pytest.mark.parametrize("quiet", [1, 2, 3, 4])
def test_a_quiet_week_before_makes_silence_usual(quiet: int) -> None:
    """As on weekends, or where the first user came after this time of the day."""
    past = Past()
    grown_weeks(past, *{1, 2, 3, 4} - {quiet})
    past.put(DAY, **TOTALS)
    assert notices(past, **TOTALS) == []


@pytest.mark.parametrize("key", TOTALS)
def test_any_total_that_grows_is_no_silence(key: str) -> None:
    past = Past()
    grown_weeks(past, 1, 2, 3, 4)
    past.put(DAY, **TOTALS)
    assert notices(past, **{**TOTALS, key: 101}) == []


@pytest.mark.parametrize("key", TOTALS)
def test_a_total_that_is_not_known_or_was_reset_is_no_silence(key: str) -> None:
    past = Past()
    grown_weeks(past, 1, 2, 3, 4)
    past.put(DAY, **TOTALS)
    assert notices(past, **{name: total for name, total in TOTALS.items() if name != key}) == []
    assert notices(past, **{**TOTALS, key: 99}) == []


def test_a_gap_in_one_of_the_weeks_is_no_silence() -> None:
    past = Past()
    grown_weeks(past, 1, 2, 3, 4)
    past.put(DAY, **TOTALS)
    del past.bucket.s3.objects["p/dt=2026-02-17/2026-02-17T12-00-00Z.json"]
    assert notices(past, **TOTALS) == []


@pytest.mark.parametrize(("total", "ends"), [(100, False), (101, True), (3, True)])
def test_silence_ends_when_a_total_is_another(total: int, ends: bool) -> None:
    silence = {"silence": {"since": "2026-03-03T12:00:00Z", "totals": TOTALS}}
    found = notices(Past(), silence, **{**TOTALS, "logins": total})
    assert [each.changes for each in found] == [{"silence": None}] * ends
    assert notices(Past(), silence, vlans=1) == []


def test_a_total_that_is_not_in_the_record_does_not_end_silence() -> None:
    silence = {"silence": {"since": "2026-03-03T12:00:00Z", "totals": {"logins": 100}}}
    assert notices(Past(), silence, **{**TOTALS, "changes_total": 101}) == []
    assert notices(Past(), silence, **{**TOTALS, "logins": 101})


@pytest.mark.parametrize(
    ("zone", "now", "last", "monday"),
    [
        ("UTC", "2026-03-02T07:59:59+00:00", "2026-02-23", None),
        ("UTC", "2026-03-02T08:00:00+00:00", "2026-02-23", "2026-03-02"),
        ("UTC", "2026-03-02T08:00:00+00:00", "2026-03-02", None),
        ("UTC", "2026-03-08T23:00:00+00:00", "2026-02-23", "2026-03-02"),
        ("UTC", "2026-03-02T07:00:00+00:00", "2026-02-16", "2026-02-23"),
        ("UTC", "2026-03-04T12:00:00+00:00", None, "2026-03-02"),
        ("America/Los_Angeles", "2026-03-02T15:59:00+00:00", "2026-02-23", None),
        ("America/Los_Angeles", "2026-03-02T16:00:00+00:00", "2026-02-23", "2026-03-02"),
        ("Asia/Tokyo", "2026-03-01T23:00:00+00:00", "2026-02-23", "2026-03-02"),
    ],
)
def test_the_summary_comes_with_the_first_run_from_monday_at_eight(
    zone: str, now: str, last: str | None, monday: str | None
) -> None:
    past = Past(zone, datetime.fromisoformat(now))
    entries = {"summary": {"monday": last}} if last else {}
    found = due.all_due(State(entries), past.facts(vlans=1), Writer(None, None, time_zone(zone)))
    assert [each.changes for each in found] == ([{"summary": {"monday": monday}}] if monday else [])
