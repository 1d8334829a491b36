"""A month of simulated days with notices: what is said, when, and how often. docs/notices.md shows it."""

import logging
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dev.markdown import table
from stats.aws.topic import TopicError
from stats.base.zones import time_zone
from stats.notices.sending import send
from stats.numbers.catalogue import STATISTICS
from stats.numbers.query import document
from stats.snapshots.store import Snapshot, Snapshots
from tests.history_checker.bucket import FakeBucket
from tests.history_checker.topic import FakeTopic
from tests.support.sqlite_app import deadline_at, new_settings

ZONE = time_zone("Europe/Berlin")
_HOUR, _WEEKS = timedelta(hours=1), timedelta(weeks=4)
_BEFORE, _FIRST, _END = (
    datetime(2026, month, day, hour, tzinfo=ZONE) for month, day, hour in ((2, 2, 0), (3, 2, 9), (4, 1, 0))
)


def _at(day: int, hour: int) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=ZONE)


@dataclass(frozen=True)
class Span:
    """Something that happens from one hour to another."""

    begin: datetime
    end: datetime
    words: str

    def __contains__(self, now: datetime) -> bool:
        return self.begin <= now < self.end


IMPORT = Span(_at(4, 10), _at(4, 15), "an import loses switches, VLANs and VLAN groups; in the afternoon they are back")
TOPIC = Span(_at(5, 9), _at(5, 13), "SNS refuses all messages")
DELETED = Span(_at(5, 10), _END, "half of the commands are deleted, on purpose")
GAP = Span(_at(9, 20), _at(11, 14), "there are no snapshots")
UNSEEN = Span(_at(10, 12), _at(14, 12), "SNMP profiles are deleted and, on Saturday, restored: nothing to compare with")
LATE = Span(_at(16, 8), _at(16, 10), "the first user of the week comes two hours later than on other Mondays")
TWICE = Span(_at(20, 0), _at(21, 0), "every run is started twice at the same time")
GROUPS = Span(_at(20, 11), _at(20, 16), "switch groups are deleted and, later, restored")
SILENCE = Span(_at(26, 15), _at(30, 9), "nobody can log in, from Thursday afternoon on")
KINDS = ("fell", "back", "still", "no activity", "active again", "last week")
HAPPENS = (IMPORT, TOPIC, DELETED, GAP, UNSEEN, LATE, TWICE, GROUPS, SILENCE)


class Month:
    """Four weeks of snapshots and then a month of runs, one an hour, each with a chance for notices."""

    def __init__(self) -> None:
        self._chance = random.Random(1)
        self.bucket = FakeBucket(self._chance, 0)
        self.topic = FakeTopic(self.bucket, self._chance, 0)
        self._snapshots = Snapshots(self.bucket, ZONE)
        self._settings = new_settings(STACK_LABEL="Campus", PUBLIC_URL="https://stats.example.com/", TIME_ZONE=ZONE.key)
        self._totals = dict.fromkeys(("changes_total", "commands_total", "logins", "failed_logins", "views"), 10_000)
        self.refused = 0

    def run(self) -> "Month":
        """Let the month pass."""
        for now in _hours():
            self._happen(now)
            if now in GAP:
                continue
            snapshot = self._snapshot(now.astimezone(UTC))
            if now < _FIRST:
                self._snapshots.write(snapshot, deadline_at(snapshot.taken_at))
            else:
                self.topic.refuses = now in TOPIC
                self.bucket.interleave(*[lambda each=snapshot: self._run(each)] * (2 if now in TWICE else 1))
        return self

    def _run(self, snapshot: Snapshot) -> None:
        deadline = deadline_at(snapshot.taken_at, 60)
        self._snapshots.write(snapshot, deadline)
        try:
            send(self._settings, self._snapshots, snapshot, self.topic, deadline)
        except TopicError as error:
            self.refused += error.refused

    def _happen(self, now: datetime) -> None:
        """Let people work, on weekdays from 8 to 17."""
        if now.weekday() < 5 and 8 <= now.hour < 17 and now not in LATE and now not in SILENCE:
            for key, most in (
                ("changes_total", 9),
                ("commands_total", 5),
                ("logins", 4),
                ("failed_logins", 1),
                ("views", 20),
            ):
                self._totals[key] += self._chance.randint(0, most)
            self._totals["logins"] += now.hour in {8, 10}

    def _snapshot(self, now: datetime) -> Snapshot:
        levels = {"switches": 1246, "switchgroups": 40, "vlans": 310, "vlan_groups": 24, "snmp_profiles": 12}
        levels |= {
            "credentials_profiles": 6,
            "commands": 30,
            "command_lists": 4,
            "api_tokens": 9,
            "log_entries": 50_000,
        }
        levels["switches"] += (now - _BEFORE) // timedelta(days=5)
        for span, lower in (
            (IMPORT, {"switches": 1001, "vlans": 205, "vlan_groups": 18}),
            (DELETED, {"commands": 15}),
            (UNSEEN, {"snmp_profiles": 6}),
            (GROUPS, {"switchgroups": 20}),
        ):
            levels |= lower if now in span else {}
        used = {"users_last_7_days": 9, "devices_last_7_days": 140, "api_calls_last_7_days": 40_000}
        numbers = {**levels, **used, **self._totals}
        content: Any = document([numbers.get(each.key, 0) for each in STATISTICS])
        return Snapshot(content, now + timedelta(seconds=3), now, ZONE, {"host": "database"})


def _hours() -> Iterator[datetime]:
    now = _BEFORE.astimezone(UTC)
    while now < _END:
        yield now.astimezone(ZONE)
        now += _HOUR


def page() -> str:
    """Return the month as docs/notices.md shows it: what happened, what was received, and one text of each kind."""
    logging.disable(logging.INFO)  # the functions log to where `make docs` prints
    month = Month().run()
    logging.disable(logging.NOTSET)
    times = Counter(month.topic.received)
    happens = ((_span(each), each.words) for each in HAPPENS)
    said = ((_time(each.at), each.subject, f"{times[each]}") for each in dict.fromkeys(month.topic.received))
    shown = [next(each for each in month.topic.received if word in each.subject) for word in KINDS]
    return "\n".join(
        [
            table(["When", "What happens"], happens),
            table(["Received", "Subject", "Times"], said),
            *(f"{each.subject}:\n\n```text\n{each.text}```\n" for each in shown),
        ]
    )


def _span(span: Span) -> str:
    return f"{_time(span.begin)} to {_time(span.end)}" if span.end < _END else f"from {_time(span.begin)} on"


def _time(instant: datetime) -> str:
    local = instant.astimezone(ZONE)
    return f"{local:%a} {local.day} {local:%B %H:%M}"
