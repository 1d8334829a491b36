"""A month of simulated days: what is said, and how often. docs/notices.md shows the texts."""

from collections import Counter
from datetime import timedelta
from unittest.mock import patch

import pytest

from stats.notices import due
from tests.history_checker.month import ZONE, Month


@pytest.fixture(scope="module")
def month() -> Month:
    return Month().run()


def subjects(month: Month) -> list[tuple[str, str]]:
    """Return when each message was received, and its subject without the deployment."""
    return [
        (f"{each.at.astimezone(ZONE):%a %d %H:%M}", each.subject.removeprefix("OpenL2M Campus: "))
        for each in month.topic.received
    ]


def test_everything_is_said_once(month: Month) -> None:
    assert set(Counter(month.topic.received).values()) == {1}
    said = [(time, subject.partition(" (")[0]) for time, subject in subjects(month)]
    assert [each for each in said if not each[1].startswith("last week")] == [
        ("Wed 04 10:00", "Switches fell from 1,251 to 1,001, and 2 more"),
        ("Wed 04 15:00", "Switches back at 1,252, and 2 more"),
        ("Thu 05 13:00", "Commands fell from 30 to 15"),  # the topic had refused it since 10:00
        ("Thu 12 13:00", "Commands still at 15 after 7 days"),
        ("Fri 20 11:00", "Switch Groups fell from 40 to 20"),  # by two runs at once
        ("Fri 20 16:00", "Switch Groups back at 40"),
        ("Fri 27 14:00", "no activity for 24 hours"),
        ("Mon 30 09:00", "active again"),
    ]
    assert [time for time, subject in said if subject.startswith("last week")] == [
        *("Mon 02 09:00", "Mon 09 08:00", "Mon 16 08:00", "Mon 23 08:00", "Mon 30 08:00")
    ]
    assert month.refused == 3  # once an hour from 10:00 on


def test_what_fell_in_a_gap_is_not_said(month: Month) -> None:
    assert not [each for each in month.topic.received if "SNMP" in each.subject]
    [summary] = [each for each in month.topic.received if "9 March to Sunday, 15 March" in each.text]
    assert "no snapshot of Tuesday" in summary.text


def test_without_grace_a_late_monday_would_be_silence() -> None:
    with patch.object(due, "_GRACE", timedelta()):
        times = [time for time, subject in subjects(Month().run()) if subject.startswith("no activity")]
    assert times[0].startswith("Mon 16")
