"""A week in numbers."""

from datetime import date, timedelta

from stats.notices.summary import Line, Week, week_of
from tests.support.past import Past

MONDAY = date(2026, 2, 23)


def day(number: int) -> date:
    """Return a day of the week, counted from 0; negative ones are before it."""
    return MONDAY + timedelta(days=number)


def filled(*numbers: int) -> Past:
    """Return a past with these days; each has ten more changes than the day before, and one more switch."""
    past = Past()
    for number in numbers:
        past.put_day(
            day(number), changes_total=1000 + 10 * number, switches=100 + number, users_last_7_days=5, logins=7
        )
    return past


def week(past: Past) -> Week:
    return week_of(MONDAY, past.facts())


def test_two_weeks() -> None:
    past = filled(*range(-8, 7))
    past.put_day(day(-8), changes_total=900, switches=90, users_last_7_days=3, logins=7)
    assert week(past) == Week(
        MONDAY,
        happened=(Line("Changes", 70, 70 - (990 - 900)),),
        used=(Line("Users last 7 days", 5, 0),),
        stored=(Line("Switches", 106, 7),),
        missing=(),
        compared=True,
    )


def test_sundays_suffice_and_gaps_are_named() -> None:
    found = week(filled(-8, -1, 0, 6))
    assert found.compared
    assert found.happened == (Line("Changes", 70, 0),)
    assert found.missing == tuple(day(number) for number in range(1, 6))


def test_without_the_week_before_there_is_no_difference_of_what_happened() -> None:
    found = week(filled(*range(-1, 7)))
    assert not found.compared
    assert found.happened == (Line("Changes", 70, None),)
    assert found.stored == (Line("Switches", 106, 7),)


def test_a_young_history_has_what_there_is() -> None:
    found = week(filled(2, 3, 4, 5, 6))
    assert not found.compared
    assert found.happened == (Line("Changes", 40, None),)
    assert found.stored == (Line("Switches", 106, None),)
    assert found.missing == (day(0), day(1))


def test_a_week_without_its_end_is_not_compared() -> None:
    found = week(filled(*range(-8, 5)))
    assert not found.compared
    assert found.happened == (Line("Changes", 50, None),)
    assert found.stored == (Line("Switches", 104, None),)


def test_a_week_without_snapshots() -> None:
    assert week(filled(-1)) == Week(MONDAY, (), (), (), tuple(map(day, range(7))), compared=False)


def test_a_total_that_was_reset_and_a_number_that_is_not_known_are_left_out() -> None:
    past = filled(*range(-8, 6))
    past.put_day(day(6), changes_total=3, switches=None)
    found = week(past)
    assert (found.happened, found.used, found.stored) == ((), (), ())
