"""What people read. docs/notices.md has every kind of text, which tests/history_checker/month.py writes."""

from datetime import UTC, date, datetime

import pytest

from stats.base.zones import time_zone
from stats.notices.summary import Line, Week
from stats.notices.texts import Fall, Writer

WRITER = Writer("Campus", "https://stats.example.com/", time_zone("America/Los_Angeles"))
NOW = datetime(2026, 3, 5, 3, 7, tzinfo=UTC)
SWITCHES = Fall("switches", "Switches", NOW, 1246, 800, 800)
VLANS = Fall("vlans", "Vlans", NOW, 30, 25, 25)
WEEK = Week(date(2025, 12, 29), (Line("Changes", 1212, -40),), (), (Line("Vlans", 9, 0),), (), compared=True)


def test_a_drop() -> None:
    subject, text = WRITER.drop([SWITCHES])
    assert subject == "OpenL2M Campus: Switches fell from 1,246 to 800"
    assert text.startswith("On Wednesday, 4 March at 19:07 (America/Los_Angeles), these numbers were at least")
    assert "\n\nSwitches: 800, yesterday 1,246 (-446, -36 %)\n\n" in text
    assert "\nThe page: https://stats.example.com/#database.switches\n" in text
    assert text.endswith("or choose which ones are sent: see docs/notices.md.\n")
    subject, text = WRITER.drop([SWITCHES, VLANS])
    assert subject == "OpenL2M Campus: Switches fell from 1,246 to 800, and 1 more"
    assert "\nVlans: 25, yesterday 30 (-5, -17 %)\n" in text


def test_without_a_label_and_a_page() -> None:
    subject, text = Writer(None, None, time_zone("UTC")).recovery([SWITCHES])
    assert subject == "OpenL2M: Switches back at 800"
    assert "The page" not in text
    assert "\n\n\n" not in text


def test_a_week() -> None:
    subject, text = WRITER.summary(WEEK)
    assert subject == "OpenL2M Campus: last week: Changes 1,212 (-40)"
    assert text.startswith("The week from Monday, 29 December to Sunday, 4 January 2026. In brackets: differences")
    assert "\nWhat happened\nChanges: 1,212 (-40)\n\nAt the end of the week\nVlans: 9\n" in text


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ((), "2026. The history does not cover this week"),
        ((date(2026, 1, 1),), "2026. There is no snapshot of Thursday. The"),
        ((date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)), "snapshot of Thursday, Friday and Saturday. The"),
    ],
)
def test_a_week_that_is_not_known_in_full_says_so(missing: tuple[date, ...], words: str) -> None:
    week = Week(WEEK.monday, (), (Line("Users last 7 days", 9, None),), WEEK.stored, missing, compared=False)
    subject, text = WRITER.summary(week)
    assert subject == "OpenL2M Campus: the week to Sunday, 4 January"
    assert words in text
    assert "What happened" not in text


def test_a_week_without_numbers() -> None:
    subject, text = WRITER.summary(Week(WEEK.monday, (), (), (), (), compared=False))
    assert subject == "OpenL2M Campus: no numbers from Monday, 29 December to Sunday, 4 January"
    assert "nothing can be summarized" in text


def test_silence_and_its_end() -> None:
    subject, text = WRITER.silence({"Total Changes": 1234})
    assert subject == "OpenL2M Campus: no activity for 24 hours"
    assert "\nTotal Changes: 1,234\n" in text
    subject, text = WRITER.activity(NOW, {"Total Changes": (1234, 1235)})
    assert subject == "OpenL2M Campus: active again"
    assert text.startswith("There had been no activity since Wednesday, 4 March at 19:07 (America/Los_Angeles).")
    assert "\nTotal Changes: 1,235, was 1,234\n" in text
